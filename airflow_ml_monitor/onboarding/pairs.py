"""What two columns, or two tables, have to do with each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from airflow_ml_monitor.onboarding.facts import ColumnFacts, Delays, Join, Labelled
from airflow_ml_monitor.profile.engines.embedded.sample import Sample
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER

_MOST_NUMBERS: Final = 60
"""Pairs of more numbers than these are not tried."""
_MOST_KEYS: Final = 6
_SHARED: Final = 5
"""So many columns that both tables have tell whether a join puts the same rows together."""
_DAY: Final = 86_400.0

Array = np.ndarray[Any, Any]
Columns = Mapping[str, ColumnFacts]
Key = tuple[str, ...]


def rankings(
    rows: pd.DataFrame, shares: Iterable[ColumnFacts], classes: Iterable[ColumnFacts]
) -> dict[tuple[str, str], float]:
    """ROC AUC of every share for every two-valued column; the greater value counts as 1. Mann and Whitney 1947."""
    scores = {c.name: _floats(rows[c.name]) for c in shares}
    labels = {c.name: rows[c.name] for c in classes} if scores else {}
    found = {}
    for label, values in labels.items():
        positive = (values == values.dropna().max()).to_numpy(bool, na_value=False)
        for share, score in scores.items():
            there = np.isfinite(score) & values.notna().to_numpy()
            if (area := _area(score[there], positive[there])) is not None:
                found[share, label] = area
    return found


def _area(score: Array, positive: Array) -> float | None:
    """ROC AUC; None without both classes."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    wins = rankdata(score)[positive].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def likeness(rows: pd.DataFrame, numbers: Sequence[ColumnFacts]) -> dict[tuple[str, str], float]:
    """R² of every number taken, as it is, for every other; only what is better than the mean is kept."""
    if len(numbers) > _MOST_NUMBERS:
        return {}
    values = {c.name: _floats(rows[c.name]) for c in numbers}
    found = {}
    for a, x in values.items():
        for b, y in values.items():
            both = np.isfinite(x) & np.isfinite(y)
            if a == b or both.sum() < 2 or not (spread := float(np.var(y[both]))):
                continue
            explained = 1 - float(np.mean((x[both] - y[both]) ** 2)) / spread
            if explained > 0:
                found[a, b] = explained
    return found


def _floats(column: pd.Series[Any]) -> Array:
    return column.to_numpy(float, na_value=np.nan)


def seconds(moments: pd.Series[Any]) -> Array:
    """Seconds since 1970; NaN where there is no time."""
    return np.where(moments.isna(), np.nan, moments.astype("int64") / 1e6)


def composite(rows: pd.DataFrame, columns: Columns) -> Key:
    """The fewest columns that name a row together, where none does alone: texts, whole numbers, times; else none."""
    if any(c.names_rows for c in columns.values()):
        return ()
    fitting = [c for c in columns.values() if not c.nulls and (c.is_text or c.is_integer or c.is_time)]
    names = [c.name for c in sorted(fitting, key=lambda c: c.distinct) if c.distinct > 1]
    if not names or rows.duplicated(names).any():
        return ()
    for name in list(names):  # the poorest first: what can be done without, is
        rest = [other for other in names if other != name]
        if rest and not rows.duplicated(rest).any():
            names = rest
    return tuple(n for n in columns if n in names) if len(names) <= _MOST_KEYS else ()


def joins(opened: tuple[Sample, Sample], columns: tuple[Columns, Columns]) -> tuple[Join, ...]:
    """Ways from predictions to labels, the best first: those that match, and put the same rows together."""
    found = [_join(opened, columns, mine, theirs) for mine, theirs in _candidates(opened, columns)]
    kept = [join for join in found if join.matched > 0 or join.mine == join.theirs]
    return tuple(sorted(kept, key=lambda join: (-round(join.worth, 2), len(join.mine), join.mine != join.theirs)))


def _candidates(opened: tuple[Sample, Sample], columns: tuple[Columns, Columns]) -> list[tuple[Key, Key]]:
    mine, theirs = columns
    single = [c for c in mine.values() if c.names_rows]
    nearly = [c for c in theirs.values() if (c.is_text or c.is_whole) and c.distinct > 0.5 * c.rows]
    found: list[tuple[Key, Key]] = [((c.name,), (c.name,)) for c in single if c.name in theirs]
    found += [
        ((a.name,), (b.name,)) for a in single[:5] for b in nearly[:5] if a.name != b.name and a.is_text == b.is_text
    ]
    shared = {name: c for name, c in mine.items() if name in theirs}
    if not single and (several := composite(opened[0].frame, shared)):
        found.append((several, several))
    if opened[1].numbered:
        whole = (c for c in single if c.is_whole and c.low is not None and c.high is not None)
        found += [((c.name,), (ROW_NUMBER,)) for c in whole if (c.low or 0) >= 0 and (c.high or 0) < opened[1].rows]
    return found


def _join(opened: tuple[Sample, Sample], columns: tuple[Columns, Columns], mine: Key, theirs: Key) -> Join:
    predictions, labels = opened
    of_both = (n for n, c in columns[0].items() if n not in (*mine, *theirs) and c.distinct > 1)
    shared = [n for n in of_both if predictions.types[n] == labels.types.get(n)][:_SHARED]
    dates = [[c.name for c in of.values() if c.is_time] for of in columns]
    times = [(a, b) for a in dates[0] for b in dates[1]]
    few = [c.name for c in columns[1].values() if c.values]
    named = list(dict.fromkeys([*shared, *few, *dates[1]]))
    found = predictions.partners(labels, mine, theirs, named)
    matched = found.index.nunique() / len(predictions.frame)
    place = found.index.to_numpy()
    rows, found = predictions.frame.iloc[place].reset_index(drop=True), found.reset_index(drop=True)
    same = [(rows[n] == found[n]) | (rows[n].isna() & found[n].isna()) for n in shared]
    agreed = float(np.logical_and.reduce(same).mean()) if same and len(found) else None
    asked, told = ({n: seconds(frame[n]) for n in names} for frame, names in ((rows, dates[0]), (found, dates[1])))
    late = {(a, b): (told[b] - asked[a]) / _DAY for a, b in times}
    known = {pair: delay[np.isfinite(delay)] for pair, delay in late.items()}
    delays = {pair: _delays(delay) for pair, delay in known.items() if delay.size}
    values = {name: found[name].to_numpy() for name in few}
    return Join(mine, theirs, matched, agreed, delays, Labelled(place, asked, told, values))


def _delays(days: Array) -> Delays:
    return Delays(float(np.median(days)), float(np.quantile(days, 0.99)), float(np.mean(days < 0)), labelled=len(days))
