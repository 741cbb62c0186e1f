"""Which columns are quantiles of a forecast, and of which level? Names propose, data decide. Facts → guesses, pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np

from airflow_ml_monitor.onboarding.facts import Facts
from airflow_ml_monitor.onboarding.guess import MISSING, ColumnGuess, Guess, Outcome, Sureness, hints, words
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.task import TaskKind

_NUMBERED: Final = re.compile(
    r"^(.*?)_?(p|q|pct|percentile|quantile|pred|prediction|forecast|yhat)[_-]?(0?\.\d+|\d{1,3})$"
)
_SIDE: Final = re.compile(r"^(.*?)[_-]?(lower|upper|low|high|lo|hi)(?:[_-]?(?:bound|limit|ci))?[_-]?(\d\d)?$")
_LOW: Final = ("lower", "low", "lo")
_CUSTOM: Final = (0.5, 0.8, 0.9, 0.95, 0.99)
"""What intervals are usually meant to hold."""
_OFF: Final = 0.2
"""By so much the share of labels below a quantile may miss its level: a bad forecast is one as well."""
_CROSSED: Final = 0.05
"""Of the rows, in which a quantile may be above the next one, or the prediction beyond the outermost."""
_GOES_WITH: Final = 0.5
"""Correlation of the quantiles' middle with the prediction, which is of the same thing."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class _Named:
    """A column that its name calls a quantile. level: None for a side of an interval that does not say which."""

    name: str
    stem: str
    level: float | None
    is_low: bool


def level_of(name: str) -> float | None:
    """The level of a quantile by the name of its column; None where it names none.

    >>> [level_of(name) for name in ("p10", "q05", "q975", "pred_0.9", "sales_p50", "lo_80", "hi_95", "q4", "p_sport")]
    [0.1, 0.05, 0.975, 0.9, 0.5, 0.1, 0.975, None, None]
    """
    named = _named(name)
    return named.level if named else None


def _named(name: str) -> _Named | None:
    small = name.lower()
    if match := _NUMBERED.match(small):
        stem, word, number = match.groups()
        level = float(number) if "." in number else int(number) / 10 ** max(2, len(number) if number[0] in "09" else 2)
        # q1 to q4 are quarters, and pred_2 is a second model.
        is_level = "." in number or (len(number) > 1 and word not in ("pred", "prediction", "forecast", "yhat"))
        return _Named(name, stem, round(level, 6), level < 0.5) if is_level and 0 < level < 1 else None
    if match := _SIDE.match(small):
        stem, side, inside = match.groups()
        tail = (1 - int(inside) / 100) / 2 if inside else None
        if tail is not None and not 0 < tail < 0.5:
            return None
        is_low = side in _LOW
        return _Named(name, stem, None if tail is None else round(tail if is_low else 1 - tail, 6), is_low)
    return None


def with_quantiles(plain: Outcome, facts: Facts, structure: frozenset[str]) -> Outcome:
    """A regression's outcome with the quantiles among its columns; as it is where there are none."""
    if plain.model.kind.value is not TaskKind.REGRESSION or plain.label is None or not plain.columns:
        return plain
    prediction, truth = plain.columns[0], plain.label_in_reference
    found = [q for name, c in facts.lasting.items() if c.is_number and name not in structure and (q := _named(name))]
    found = [q for q in found if _is_of(q, prediction.name, str(plain.label.value)) and q.name != plain.label.value]
    levels = {q.name: q.level for q in found if q.level is not None}
    sides = [q for q in found if q.level is None and q.name != prediction.name]
    if not levels and [q.is_low for q in sorted(sides, key=lambda q: not q.is_low)] == [True, False]:
        return _sides(plain, facts, sides, str(truth.value) if truth else "")
    ordered = sorted(levels, key=lambda name: levels[name] or 0.0)
    if len(levels) < 2 or len({*levels.values()}) < len(levels):
        return plain
    told = _told(facts, (ordered, levels), prediction.name, str(truth.value) if truth else "")
    return _joined(plain, ordered, levels, told) if told else plain


def _is_of(q: _Named, prediction: str, label: str) -> bool:
    """Whether a name speaks of the prediction: of nothing else, and not of what was."""
    stem = words(q.stem)
    if any(hints(word, "past") for word in (*stem, *words(q.name))):
        return False
    theirs = {*words(label), *words(prediction)} if q.level is not None else set()
    return all(hints(word, "prediction") or word in theirs for word in stem)


def _told(facts: Facts, placed: tuple[list[str], Mapping[str, float | None]], prediction: str, truth: str) -> str:
    """What the data say for quantiles, in words; empty where they say something against it, or nothing."""
    ordered, levels = placed
    x = {name: _column(facts, name) for name in ordered}
    if any(_share(x[a] > x[b] + 1e-9 * np.abs(x[b]), x[a] + x[b]) > _CROSSED for a, b in pairwise(ordered)):
        return ""
    if prediction not in (*ordered, MISSING) and not _goes_with(facts, prediction, x[ordered[0]], x[ordered[-1]]):
        return ""
    if not truth:
        return ""
    y = _column(facts, truth)
    below = {name: _share(y <= x[name], y + x[name]) for name in ordered}
    if any(abs(below[name] - (levels[name] or 0.0)) > _OFF for name in ordered) or not _spread(below, ordered):
        return ""
    return f"never above the next; {below[ordered[0]]:.0%} to {below[ordered[-1]]:.0%} of {truth} below them"


def _spread(below: Mapping[str, float], ordered: list[str]) -> bool:
    """Whether more of the truth lies below every next one."""
    return all(below[a] < below[b] for a, b in pairwise(ordered))


def _goes_with(facts: Facts, prediction: str, low: Array, high: Array) -> bool:
    """Whether the prediction lies between the outermost, and moves with their middle."""
    p = _column(facts, prediction)
    outside = _share((p < low) | (p > high), p + low + high)
    both = np.isfinite(p + low + high)
    middle = ((low + high) / 2)[both]
    if outside > _CROSSED or len(middle) < 3 or not np.std(middle) or not np.std(p[both]):
        return False
    return float(np.corrcoef(middle, p[both])[0, 1]) > _GOES_WITH


def _sides(plain: Outcome, facts: Facts, sides: list[_Named], truth: str) -> Outcome:
    """Lower and upper next to a prediction: the level is the customary one that their share of the truth is nearest."""
    low, high = sorted(sides, key=lambda q: not q.is_low)
    a, b, prediction = _column(facts, low.name), _column(facts, high.name), plain.columns[0].name
    if not truth or prediction == MISSING or not _goes_with(facts, prediction, a, b):
        return plain
    y = _column(facts, truth)
    inside = _share((y >= a) & (y <= b), y + a + b)
    near = min(_CUSTOM, key=lambda share: abs(share - inside))
    if abs(near - inside) > _OFF:
        return plain
    levels = {low.name: round((1 - near) / 2, 6), high.name: round((1 + near) / 2, 6)}
    told = f"around {prediction}; {inside:.0%} of {truth} lie between them"
    todo = f"which share is the interval meant to hold? Levels are for {near:.0%}"
    return _joined(plain, [low.name, high.name], levels, told, todo)


def _joined(
    plain: Outcome, ordered: list[str], levels: Mapping[str, float | None], told: str, todo: str = ""
) -> Outcome:
    """The quantiles beside the prediction; the median is the prediction where no other column is."""
    sure = Sureness.LOW if todo else Sureness.HIGH
    made = []
    prediction = plain.columns[0]
    by_level = {level: name for name, level in levels.items()}
    if prediction.name in (MISSING, *ordered) and 0.5 in by_level:
        median = by_level[0.5]
        why = Guess(median, Sureness.HIGH, f"the median is the prediction; {told}")
        prediction = ColumnGuess(median, Kind.NUMERIC, Role.PREDICTION, why, 0.5)
    elif prediction.name in ordered:
        prediction = replace(prediction, of=levels[prediction.name] or "")
    for name in ordered:
        if name != prediction.name:
            guess = Guess(name, sure, f"by its name; {told}", todo if name == ordered[0] else "")
            made.append(ColumnGuess(name, Kind.NUMERIC, Role.QUANTILE, guess, levels[name] or ""))
    return replace(plain, columns=(prediction, *plain.columns[1:], *made))


def _column(facts: Facts, name: str) -> Array:
    x: Array = facts.reference.sample[name].to_pandas().to_numpy(float, na_value=np.nan)
    return x


def _share(hits: Array, known: Array) -> float:
    """Of the rows in which nothing is missing."""
    finite = np.isfinite(known)
    return float(hits[finite].mean()) if finite.any() else 1.0
