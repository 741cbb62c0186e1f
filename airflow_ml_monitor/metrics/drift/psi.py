"""Population stability index."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import no_change
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.views import PairView

BINS: Final = 10
HALF_ROW: Final = 0.5


def _distance(reference: Floats, current: Floats) -> Floats:
    # Half a row in every bin: an empty one would make PSI infinite.
    a, b = reference + HALF_ROW, current + HALF_ROW
    a, b = a / a.sum(axis=-1, keepdims=True), b / b.sum(axis=-1, keepdims=True)
    total: Floats = ((b - a) * np.log(b / a)).sum(axis=-1)
    return total


def _by_chance(value: float, unit: float, df: int) -> tuple[float, float]:
    return unit * df, no_change.chi_square_tail(value / unit, df)


@metric(
    Family.DRIFT,
    Subject.PAIR,
    range=(0.0, float("inf")),
    worse=Worse.UP,
    kinds=(Kind.NUMERIC, Kind.CATEGORICAL, Kind.BOOLEAN),
)
def psi(pair: PairView) -> Estimate:
    """Population stability index over ten bins of equal reference share, or over the values and categories.

    At least 0; grows without limit. NULL, NaN, ±inf and `other` are bins of their own, so a column that turns empty
    has drifted. Half a row is added to every bin. The bins are the reference's: for a numeric column the value changes
    when reference and current swap places, for categories it does not.
    noise, p_value: (1/n + 1/m) times chi-square, or the bins redrawn where one expects fewer than ten rows; both
    assume independent rows. TooFew without rows on either side.
    Siddiqi 2006; Yurdakul and Naranjo 2020.
    """
    return no_change.compared(pair, BINS, _distance, _by_chance)
