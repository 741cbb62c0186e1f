"""Log loss skill score."""

from __future__ import annotations

import math

from scipy.special import entr

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.performance import label_rate, log_loss
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.metrics.skill import class_counts, skill
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import TaskKind


def formula(cells: ScoredCells) -> Floats:
    """1 - log loss / entropy of the labels."""
    rate = label_rate.formula(cells)
    return 1 - quotient(log_loss.formula(cells), entr(rate) + entr(1 - rate))


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(-float("inf"), 1.0),
    worse=Worse.DOWN,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    formula=formula,
)
def log_loss_skill(rows: LabelledView) -> Estimate:
    """One less the log loss over that of scores which are always the window's own base rate.

    At most 1, without a unit; 0 is as good as knowing nothing but how frequent each class is, below 0 is worse: the
    share of the labels' entropy that the scores explain, McFadden's R² of a model that was fitted elsewhere. The
    interval is brier_skill's. Undefined if the labels are all of one class, or without scores. TooFew without labels.
    Of several classes likewise, undeclared labels being a class of their own.
    McFadden 1974; Roulston and Smith 2002.
    """
    counts = class_counts(rows)
    costs = [-math.log(count / rows.n) if count else 0.0 for count in counts]
    if rows.task.kind is TaskKind.BINARY:
        return skill(rows, "log_loss", costs, max(log_loss.worst(rows).values()))
    rows.need_scores()
    return skill(rows, "log_loss", costs)
