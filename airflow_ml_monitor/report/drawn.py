"""Which of the many values of performance are drawn: those that rules look at first, exactly as they look at them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.measurement import NAIVE, Status, base_of, is_beside
from airflow_ml_monitor.policy.points import better_of
from airflow_ml_monitor.policy.rule import Bounds, Condition, Improvement
from airflow_ml_monitor.report.wording import where
from airflow_ml_monitor.store.records import Recorded

PICTURES: Final = 4
"""Drawn at least, where so many were measured."""
OF_A_RULE: Final = 3
"""Drawn of one rule that names no parameters, or looks at slices: those nearest to its bound, or furthest beyond it."""
OF_RULES: Final = 9
"""Drawn of all rules."""
_FIRST: Final = (
    *("roc_auc", "mae", "ndcg", "expected_calibration_error", "rmse", "average_precision", "bias", "precision"),
    *("recall", "f1", "mean_average_precision", "accuracy"),
)
"""Which metrics are drawn where rules name too few, in this order."""
_PREFERRED: Final = ("", "average=macro")
"""Which parameters stand for a metric that no rule names; else the last: the most first places, the highest level."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One value of performance over windows. bounds: of the rules that look at it.

    left: other values that its rule looks at as well, and are not drawn.
    """

    metric: str
    parameters: str = ""
    slice: Slice = WHOLE
    bounds: tuple[Bounds, ...] = ()
    left: int = 0

    @property
    def title(self) -> str:
        """As decisions name it: 'ndcg [at=3]', 'recall [class=a], lead = 7'."""
        of = f" [{self.parameters}]" if self.parameters else ""
        return self.metric + of + (f", {where(self.slice)}" if self.slice else "")

    def is_of(self, r: Recorded, metric: str = "") -> bool:
        """True if a row has its value; metric: the same on another basis, such as 'naive.…'."""
        m = r.measurement
        return (metric or self.metric, self.parameters, self.slice) == (m.metric, m.parameters, m.slice)

    def limits(self, reference: float | None) -> tuple[float, ...]:
        """Where the rules' bounds lie, ascending."""
        found = {limit for bounds in self.bounds for limit in bounds.limits(reference)}
        return tuple(sorted(limit for limit in found if limit is not None))


References = Mapping[tuple[str, str, str, Slice], float]
"""(reference, metric, parameters, slice) → the reference's own value."""


def reference_of(references: References, r: Recorded) -> float | None:
    """What a measurement's reference has instead."""
    m = r.measurement
    return references.get((r.head.reference, base_of(m.metric), m.parameters, m.slice))


_Key = tuple[str, str, Slice]
"""(metric, parameters, slice)"""


def drawn_of(rules: Iterable[Mapping[str, Any]], rows: Sequence[Recorded], references: References) -> tuple[Drawn, ...]:
    """What rules look at, in their order, then what stands for the task's other metrics; none that has no value."""
    newest = _newest(rows)
    found: dict[_Key, Drawn] = {}
    for condition in (condition for rule in rules for condition in conditions_of(rule)):
        bounds = _bounds(condition)
        room = {key: _room(bounds, r, references) for key, r in newest.items() if _is_looked_at(condition, key)}
        wanted = sorted(room, key=lambda key: (room[key], natural(key[1]), key[2]))
        for key in wanted[:OF_A_RULE]:
            before = found.get(key, Drawn(*key)).bounds
            found[key] = Drawn(*key, (*before, bounds), len(wanted) - len(wanted[:OF_A_RULE]))
    drawn = list(found.values())[:OF_RULES]
    plain = {metric for metric, _, slice in newest if slice == WHOLE and not is_beside(metric)}
    plain -= {one.metric for one in drawn}
    for metric in (name for name in (*_FIRST, *sorted(plain - {*_FIRST})) if name in plain):
        if len(drawn) < PICTURES:
            drawn.append(Drawn(metric, _standing([key[1] for key in newest if key[::2] == (metric, WHOLE)])))
    return tuple(drawn)


def conditions_of(rule: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What a rule's document looks at: its conditions, or itself."""
    return rule.get("all") or rule.get("any") or [rule]


def title_of(rule: Mapping[str, Any]) -> str:
    """What decisions call the rule of a document."""
    joint = " or " if rule.get("any") else " and "
    return str(rule["name"]) or joint.join(condition["metric"] for condition in conditions_of(rule))


def _bounds(condition: Mapping[str, Any]) -> Bounds:
    """What is a limit of it; standard deviations are none that stands still."""
    bounds = Bounds(**condition["bounds"])
    improvement = Improvement(condition.get("improvement", Improvement.IGNORE))
    return bounds.without(better_of(Condition(condition["metric"], bounds, improvement=improvement)))


def _newest(rows: Sequence[Recorded]) -> dict[_Key, Recorded]:
    """The newest value of each, those that are judged before those that are not."""
    found: dict[_Key, Recorded] = {}
    for r in sorted(rows, key=lambda r: (is_judged(r), r.head.window, r.head.model_version)):
        m = r.measurement
        if m.estimate is not None:
            found[m.metric, m.parameters, m.slice] = r
            if m.metric == f"{NAIVE}.{base_of(m.metric)}":
                found.setdefault((base_of(m.metric), m.parameters, m.slice), r)
    return found


def is_judged(r: Recorded) -> bool:
    """True if a value is performance itself, and rules may look at it."""
    return r.measurement.status is Status.OK and not is_beside(r.measurement.metric)


def _is_looked_at(condition: Mapping[str, Any], key: _Key) -> bool:
    metric, parameters, slice = key
    slices = condition.get("slices")
    is_there = slice == WHOLE or slices is True or all(column in (slices or ()) for column, _ in slice)
    return is_there and metric == condition["metric"] and condition.get("parameters") in (None, parameters)


def _room(bounds: Bounds, r: Recorded, references: References) -> float:
    """How far a value is from its bounds, below 0 beyond them: the smallest is to be seen first."""
    value = r.measurement.estimate.value  # type: ignore[union-attr]  # has one
    low, high = bounds.limits(reference_of(references, r))
    return min(float("inf") if low is None else value - low, float("inf") if high is None else high - value)


def _standing(parameters: Sequence[str]) -> str:
    """Which parameters stand for a metric."""
    return next((p for p in _PREFERRED if p in parameters), max(parameters, key=natural))


def natural(text: str) -> list[tuple[str, float]]:
    """Orders numbers in a text by their size.

    >>> sorted(["at=10", "at=5", "at=1"], key=natural)
    ['at=1', 'at=5', 'at=10']
    """
    return [(word, float(digits or 0)) for word, digits in re.findall(r"(\D+)(\d*)", text)]
