"""How far what was predicted of rows lies from their label rate, where which row has which label is not known."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.profile.totals_view import TotalsView


def rate_gap(rows: TotalsView, predicted: float) -> Estimate:
    """predicted, a share of the rows, less the label rate; with the label rate's interval, predicted taken as given.

    That is wide enough: were each row's chance of a positive label known, labels would vary less than by one rate.
    """
    low, high = interval.share(rows.labels, rows.n)
    return Estimate(predicted - rows.mean_label, rows.n, predicted - high, predicted - low)
