"""Brier skill score."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.performance import brier, label_rate
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.metrics.skill import class_counts, skill
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """1 - Brier score / (rate (1 - rate))."""
    rate = label_rate.formula(cells)
    return 1 - quotient(brier.formula(cells), rate * (1 - rate))


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    formula=formula,
)
def brier_skill(rows: LabelledView) -> Estimate:
    """One less the Brier score over that of scores which are always the window's own base rate.

    At most 1, without a unit; 0 is as good as knowing nothing but how frequent each class is, below 0 is worse. Unlike
    the Brier score itself it may be compared between windows, and models, whose base rates differ. The interval is t on
    the log scale of the ratio, from the losses of each class; its degrees of freedom are those of the rarest class. It
    assumes independent rows. None where no row has a loss. Undefined if the labels are all of one class, or without
    scores. TooFew without labels. Of several classes likewise, undeclared labels being a class of their own.
    Brier 1950; Murphy 1973.
    """
    counts = class_counts(rows)
    if rows.task.kind is TaskKind.BINARY:
        rate = counts[1] / rows.n
        return skill(rows, "brier", (rate**2, (1 - rate) ** 2), max(brier.worst(rows).values()))
    rows.need_scores()
    rates = [count / rows.n for count in counts]
    squares = sum(rate**2 for rate in rates)
    return skill(rows, "brier", [squares - 2 * rate + 1 for rate in rates])
