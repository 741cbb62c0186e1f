"""Calls per model version."""

from __future__ import annotations

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.views import DatasetView


@metric(Family.QUALITY, Subject.DATASET, range=(0.0, float("inf")), worse=Worse.BOTH, unit="rows")
def calls_per_version(data: DatasetView) -> dict[str, Estimate]:
    """Rows that each model version answered; parameters 'version=<v>'.

    At least 0. Undefined for slices, and where no column has the role `version`. TooFew without rows.
    """
    if data.slice != WHOLE:
        raise Undefined("versions are counted over all rows, not by slice")
    if not data.rows:
        raise TooFew("no rows")
    if not data.profile.versions:
        raise Undefined("no column has the role 'version'")
    return {
        f"version={version}": Estimate(float(rows), data.rows)
        for version, rows in sorted(data.profile.versions.items())
    }
