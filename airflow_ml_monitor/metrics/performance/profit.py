"""Profit."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.interval import Interval
from airflow_ml_monitor.metrics.metric import Formula, Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.payoff import Payoff, Worth
from airflow_ml_monitor.profile.task import Task, TaskKind


class _Part(NamedTuple):
    """The rows of one outcome: how many, and the sums of their worth and its powers."""

    rows: int
    first: float
    second: float
    third: float
    typical: float
    """what another such row may be worth: the worth of an amount of root mean square size"""


def formula_of(task: Task) -> Formula | None:
    """Mean worth; None where amounts decide, which rows that wait for their label do not tell."""
    payoff = task.payoff
    if payoff is None or payoff.has_rates:
        return None

    def formula(cells: ScoredCells) -> Floats:
        counts = dict(zip(((1, 1), (0, 1), (1, 0), (0, 0)), cells.confusion, strict=True))
        worth = sum(counts[outcome] * worth.per_row for outcome, worth in payoff.by_outcome.items())
        return quotient(np.asarray(worth, np.float64), cells.rows.sum(axis=-1))

    return formula


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-math.inf, math.inf),
    worse=Worse.DOWN,
    unit="money",
    tasks=(TaskKind.BINARY,),
    formula_of=formula_of,
)
def profit(rows: LabelledView) -> Estimate:
    """Mean worth of a labelled row's decision, as the task's payoff says; below 0 a loss.

    In the unit of the payoff, e.g. euros a row; times the window's predictions it is the window's total, once labels
    are in. Where amounts decide, rows without one are left out; n: the rows that are in.
    The interval is Student's t with Hall's (1992) correction for skewness; outcomes of fewer than ten rows are taken as
    rare events (Fay and Feuer 1997) whose next row may be worth the root mean square of all amounts; both are joined
    (Zou and Donner 2008). With lognormal amounts, whose logarithm deviates by 1, it covers 93-98 % (rare events: up to
    99 %); by 1.5, where a thousand rows hardly show the tail, 91 %. It assumes independent rows.
    Undefined without a payoff, or amounts. TooFew without labels.
    Elkan 2001.
    """
    rows.need(1)
    payoff = rows.task.payoff
    if payoff is None:
        raise Undefined("the task does not say what decisions are worth; declare task.payoff")
    parts = _parts(rows, payoff)
    n = sum(part.rows for part in parts)
    if not n:
        raise Undefined("no labelled row has an amount")
    return Estimate(math.fsum(part.first for part in parts) / n, n, *_limits(parts, n))


def _parts(rows: LabelledView, payoff: Payoff) -> list[_Part]:
    if not payoff.has_rates:
        counts = dict(zip(((1, 1), (0, 1), (1, 0), (0, 0)), rows.confusion(), strict=True))
        return [_part(worth, (float(counts[key]), 0.0, 0.0, 0.0), 0.0) for key, worth in payoff.by_outcome.items()]
    sums = np.stack([rows.part(name) for name in ("amount_rows", "amount", "amount2", "amount3")])
    n, _, squares, _ = sums.sum(axis=1)
    size = math.sqrt(max(squares, 0.0) / n) if n else 0.0
    found = []
    for (label, prediction), worth in payoff.by_outcome.items():
        mine = (rows.label == label) & (rows.prediction == prediction)
        count, first, second, third = sums[:, mine].sum(axis=1).tolist()
        found.append(_part(worth, (count, first, second, third), size))
    return found


def _part(worth: Worth, sums: tuple[float, float, float, float], size: float) -> _Part:
    """Powers of a + b·amount, summed from those of the amount."""
    a, b, (n, x, x2, x3) = worth.per_row, worth.of_amount, sums
    second = a * a * n + 2 * a * b * x + b * b * x2
    third = a**3 * n + 3 * a * a * b * x + 3 * a * b * b * x2 + b**3 * x3
    return _Part(round(n), a * n + b * x, max(second, 0.0), third, a + b * size)


def _limits(parts: list[_Part], n: int) -> Interval:
    """The frequent outcomes as a mean over all rows, each rare one as a sum of a few; joined."""
    frequent = [part for part in parts if part.rows >= interval.FEW]
    rare = [part for part in parts if part.rows < interval.FEW]
    joined = [_of_rare(part, n) for part in rare if part.typical or part.first]
    if frequent:
        first, second, third = (math.fsum(power) / n for power in list(zip(*frequent, strict=True))[1:4])
        joined.append((first, interval.moments_mean(first, second, third, n) or (first, first)))
    return interval.added(*joined)


def _of_rare(part: _Part, n: int) -> tuple[float, Interval]:
    total = part.first or part.typical
    low, high = (limit / n for limit in interval.rare_sum(abs(part.first), part.second, abs(part.typical)))
    return part.first / n, (low, high) if total > 0 else (-high, -low)
