"""What two columns, or two tables, have to do with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import rankdata

from airflow_ml_monitor.onboarding.reading import Table, quoted
from airflow_ml_monitor.profile.engines.scan import INTEGERS, NUMBERS, ROW_NUMBER, is_any

if TYPE_CHECKING:
    from airflow_ml_monitor.onboarding.facts import ColumnFacts

_MOST_NUMBERS: Final = 60
"""Pairs of more numbers than these are not tried."""
_MOST_KEYS: Final = 6
_SHARED: Final = 5
"""So many columns that both tables have tell whether a join puts the same rows together."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Delays:
    """From a prediction to its label's arrival, in days. early: share of labels known before their prediction."""

    median: float
    p99: float
    early: float
    labelled: int


@dataclass(frozen=True, slots=True)
class Join:
    """A way from predictions to labels.

    matched: share of the predictions looked at that find a label. agreed: share of matches in which the columns that
    both tables have are equal; None without such. delays: by a time column of
    each.
    """

    mine: tuple[str, ...]
    theirs: tuple[str, ...]
    matched: float
    agreed: float | None
    delays: Mapping[tuple[str, str], Delays]


def rankings(table: Table, shares: Sequence[str], classes: Sequence[str]) -> dict[tuple[str, str], float]:
    """ROC AUC of every share for every two-valued column; the greater value counts as 1. Mann and Whitney 1947."""
    scores = {share: _floats(table, share) for share in shares} if classes else {}
    labels = {label: _classes(table, label) for label in classes} if shares else {}
    return {
        (share, label): area
        for share, score in scores.items()
        for label, positive in labels.items()
        if (area := _area(score, positive)) is not None
    }


def _classes(table: Table, name: str) -> Array:
    """1 where a two-valued column has its greater value, 0 where the other, NaN where neither."""
    # Not by a window function, which need not leave the rows in their order.
    values = [y for (y,) in table.ask(f"SELECT {quoted(name)} FROM {table.sample}")]  # noqa: S608
    greater = max(y for y in values if not _is_missing(y))
    return np.array([np.nan if _is_missing(y) else y == greater for y in values], float)


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _area(score: Array, positive: Array) -> float | None:
    """ROC AUC on the rows that have both; None without both classes."""
    there = np.isfinite(score) & np.isfinite(positive)
    hits = positive[there] == 1
    positives, negatives = int(hits.sum()), int((~hits).sum())
    if not positives or not negatives:
        return None
    ranks = rankdata(score[there])[hits].sum()
    return float((ranks - positives * (positives + 1) / 2) / (positives * negatives))


def likeness(table: Table, numbers: Sequence[str]) -> dict[tuple[str, str], float]:
    """R² of every number taken, as it is, for every other; only what is better than the mean is kept."""
    if len(numbers) > _MOST_NUMBERS:
        return {}
    values = {name: _floats(table, name) for name in numbers}
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


def _floats(table: Table, name: str) -> Array:
    column = f"SELECT CAST({quoted(name)} AS DOUBLE) FROM {table.sample}"  # noqa: S608
    return np.array([np.nan if x is None else x for (x,) in table.ask(column)], float)


def composite(table: Table, columns: Mapping[str, ColumnFacts]) -> tuple[str, ...]:
    """The fewest columns that name a row together, where none does alone: texts, whole numbers, times; else none."""
    if any(c.names_rows for c in columns.values()):
        return ()
    fitting = [c for c in columns.values() if not c.nulls and (c.is_text or c.is_integer or c.is_time)]
    ordered = sorted(fitting, key=lambda c: c.distinct)
    names = [c.name for c in ordered if c.distinct > 1]
    if not names or not _is_key(table, names):
        return ()
    for name in list(names):  # the poorest first: what can be done without, is
        rest = [other for other in names if other != name]
        if rest and _is_key(table, rest):
            names = rest
    return tuple(n for n in columns if n in names) if len(names) <= _MOST_KEYS else ()


def _is_key(table: Table, names: Sequence[str]) -> bool:
    key = ", ".join(map(quoted, names))
    [(distinct,)] = table.ask(f"SELECT count(DISTINCT ({key})) FROM {table.sample}")  # noqa: S608
    return bool(distinct == table.looked)


def joins(
    opened: tuple[Table, Table], columns: tuple[Mapping[str, ColumnFacts], Mapping[str, ColumnFacts]]
) -> tuple[Join, ...]:
    """Ways from predictions to labels, the best first: those that match, and put the same rows together."""
    found = [_join(opened, columns, mine, theirs) for mine, theirs in _candidates(opened, columns)]
    kept = [join for join in found if join.matched > 0 or join.mine == join.theirs]

    def order(join: Join) -> tuple[Any, ...]:
        agreed = 1.0 if join.agreed is None else join.agreed
        return -round(join.matched * agreed, 2), len(join.mine), join.mine != join.theirs

    return tuple(sorted(kept, key=order))


def _candidates(
    opened: tuple[Table, Table], columns: tuple[Mapping[str, ColumnFacts], Mapping[str, ColumnFacts]]
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    predictions, labels = opened
    mine, theirs = columns
    single = [c for c in mine.values() if c.names_rows]
    nearly = [c for c in theirs.values() if (c.is_text or c.is_whole) and c.distinct > 0.5 * c.rows]
    found: list[tuple[tuple[str, ...], tuple[str, ...]]] = [((c.name,), (c.name,)) for c in single if c.name in theirs]
    found += [
        ((a.name,), (b.name,)) for a in single[:5] for b in nearly[:5] if a.name != b.name and a.is_text == b.is_text
    ]
    shared = {name: c for name, c in mine.items() if name in theirs}
    if not single and (several := composite(predictions, shared)):
        found.append((several, several))
    if labels.numbered:
        whole = (c for c in single if c.is_whole and c.low is not None and c.high is not None)
        found += [((c.name,), (ROW_NUMBER,)) for c in whole if (c.low or 0) >= 0 and (c.high or 0) < labels.rows]
    return found


def _join(
    opened: tuple[Table, Table],
    columns: tuple[Mapping[str, ColumnFacts], Mapping[str, ColumnFacts]],
    mine: tuple[str, ...],
    theirs: tuple[str, ...],
) -> Join:
    predictions, labels = opened
    pairs = [
        key_terms(f"p.{quoted(a)}", f"l.{quoted(b)}", *_types(opened, a, b)) for a, b in zip(mine, theirs, strict=True)
    ]
    on = " AND ".join(f"{a} = {b}" for a, b in pairs)
    shared = [n for n, c in columns[0].items() if n in columns[1] and n not in (*mine, *theirs) and c.distinct > 1]
    same = [f"(p.{quoted(n)} IS NOT DISTINCT FROM l.{quoted(n)})" for n in shared if _alike(opened, n)][:_SHARED]
    times = [(a.name, b.name) for a in columns[0].values() for b in columns[1].values() if a.is_time and b.is_time]
    asked = [f"avg(CAST({' AND '.join(same)} AS INTEGER))" if same else "NULL"]
    for a, b in times:
        delay = f"(epoch(l.{quoted(b)}) - epoch(p.{quoted(a)})) / 86400.0"
        asked += [
            f"median({delay})",
            f"quantile_cont({delay}, 0.99)",
            f"avg(CAST({delay} < 0 AS INTEGER))",
            f"count({delay})",
        ]
    among = f"FROM {predictions.sample} p JOIN {labels.name} l ON {on}"
    [(agreed, *rest)] = predictions.ask(f"SELECT {', '.join(asked)} {among}")
    exists = f"EXISTS (FROM {labels.name} l WHERE {on})"
    [(matched,)] = predictions.ask(f"SELECT avg(CAST({exists} AS INTEGER)) FROM {predictions.sample} p")  # noqa: S608
    delays = {pair: Delays(*rest[4 * i : 4 * i + 4]) for i, pair in enumerate(times) if rest[4 * i + 3]}
    return Join(mine, theirs, float(matched or 0), None if agreed is None else float(agreed), delays)


def _types(opened: tuple[Table, Table], mine: str, theirs: str) -> tuple[str, str]:
    return opened[0].types[mine], opened[1].types.get(theirs, "BIGINT")


def _alike(opened: tuple[Table, Table], name: str) -> bool:
    return opened[0].types[name] == opened[1].types[name]


def key_terms(mine: str, theirs: str, my_type: str, their_type: str) -> tuple[str, str]:
    """Two key expressions that can be compared: as they are, or as texts, whole floats like the integers they were.

    >>> key_terms("p.id", "l.id", "VARCHAR", "BIGINT")
    ('CAST(p.id AS VARCHAR)', 'CAST(l.id AS VARCHAR)')
    """
    if my_type == their_type or (is_any(my_type, NUMBERS) and is_any(their_type, NUMBERS)):
        return mine, theirs
    return _as_text(mine, my_type), _as_text(theirs, their_type)


def _as_text(term: str, kind: str) -> str:
    if is_any(kind, NUMBERS - INTEGERS):
        return f"CAST(CAST({term} AS BIGINT) AS VARCHAR)"
    return f"CAST({term} AS VARCHAR)"
