"""Label rate."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate, Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.quotient import quotient
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView, ScoredCells
from airflow_ml_monitor.profile.task import UNDECLARED, TaskKind
from airflow_ml_monitor.profile.totals_view import TotalsView


def formula(cells: ScoredCells) -> Floats:
    """Positives / rows."""
    return quotient(cells.positives.sum(axis=-1), cells.rows.sum(axis=-1))


def of_totals(rows: TotalsView) -> Estimate:
    """Positives / rows, as the totals say."""
    return Estimate(rows.mean_label, rows.n, *interval.share(rows.labels, rows.n))


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED,
    range=(0.0, 1.0),
    worse=Worse.BOTH,
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    formula=formula,
    of_totals=of_totals,
)
def label_rate(rows: LabelledView) -> Estimate | Estimates:
    """Share of the labelled rows whose label is positive: the base rate.

    In [0, 1]. prediction_rate is what was decided of them, calibration_in_the_large how far their scores are off it.
    The interval (Wilson 1927, Clopper and Pearson 1934 for few) assumes independent rows. TooFew without labels.
    Of several classes: class=a for each, class=undeclared for labels of any other; they add up to 1 unless
    a row may have several. Of totals it is the same.
    """
    rows.need(1)
    if rows.task.classes:
        counts = zip((*rows.margins.names, UNDECLARED), rows.margins.labels.tolist(), strict=True)
        return {f"class={name}": interval.share_of(k, rows.n) for name, k in counts}
    tp, _, fn, _ = rows.confusion()
    return Estimate(float(formula(rows.scored)), rows.n, *interval.share(tp + fn, rows.n))
