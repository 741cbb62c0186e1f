"""Share of rows beyond a percentage error."""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimates, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.error_grid import LADDER
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 1.0), worse=Worse.UP, tasks=(TaskKind.REGRESSION,))
def share_beyond(rows: LabelledView) -> Estimates:
    """Share of the rows whose error is more than so many per cent of the label: 'limit=0.1' is more than 10 %.

    In [0, 1], over the labels that are not 0; exact, limits being edges of the ledger's cells. task.error_limits says
    which: 0.1, 0.2 and 0.5 unless told otherwise. Unlike mape no single row can rule it. The interval (Wilson 1927,
    Clopper and Pearson 1934 for few) assumes independent rows. n: rows whose label is not 0. Undefined if every label
    is 0. TooFew without labels.
    """
    rows.need(1)
    count = rows.percentage_errors
    if not (n := int(count.sum())):
        raise Undefined("every label is 0")
    found = {}
    for limit in rows.task.error_limits:
        inside = int(count[LADDER.index(-limit) : LADDER.index(limit)].sum())
        found[f"limit={limit}"] = interval.share_of(n - inside, n)
    return found
