"""Labels of nothing by the day: what is other traffic's, and what of one's own was not logged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics.fault.predictions_not_logged import predictions_not_logged
from airflow_ml_monitor.profile.label_feed_view import LabelFeedView
from airflow_ml_monitor.profile.label_source import LabelSource

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
LABELS = LabelSource("labels", "labels.parquet", key=("id",), label="y", label_time="at", horizon=10 * DAY)
DAYS = 80


def named(own: np.ndarray, other: np.ndarray) -> Estimates:
    """What is said of the last day. own, other: labels a day, of predictions that are logged here, and of others."""
    days = (Window(START + i * DAY, START + (i + 1) * DAY) for i in range(len(own)))
    counts = zip((own + other).tolist(), other.tolist(), strict=True)
    arrived = dict(zip(days, counts, strict=True))
    return predictions_not_logged(LabelFeedView(LABELS, list(arrived)[-1], START, arrived))


@pytest.mark.parametrize("seed", range(5))
def test_a_holiday_of_ones_own_traffic_beside_that_of_others_is_no_loss(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own, other = rng.poisson(500, DAYS), rng.poisson(100, DAYS)
    own[-1] //= 5
    assert named(own, other) == {}


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_on_such_a_holiday_is_named(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own, other = rng.poisson(500, DAYS), rng.poisson(100, DAYS)
    lost = own[-1] // 4
    own[-1] = own[-1] // 2 - lost
    other[-1] += lost
    assert named(own, other)[""].value == pytest.approx(0.5, abs=0.15)
