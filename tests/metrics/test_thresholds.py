"""Metrics had another threshold decided: the same as if the task had it."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_ml_monitor.errors import NoValue, Undefined
from airflow_ml_monitor.metrics.metric import metric_named, metrics
from airflow_ml_monitor.metrics.names import AT_THRESHOLD

METRICS = [name.removesuffix(AT_THRESHOLD) for name in metrics() if name.endswith(AT_THRESHOLD)]
scores = st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60)


def test_they_are_six() -> None:
    assert sorted(METRICS) == ["accuracy", "f1", "precision", "prediction_rate", "recall", "specificity"]


@pytest.mark.parametrize("metric", METRICS)
@settings(deadline=None, max_examples=60)
@given(drawn=scores)
def test_they_are_what_the_metric_is_if_that_threshold_decides(
    metric: str, rows: ModuleType, drawn: list[tuple[int, float]]
) -> None:
    label, score = zip(*drawn, strict=True)
    found = metric_named(metric + AT_THRESHOLD).function(rows.labelled(label, score, 0.9, thresholds=(0.25, 0.7)))
    for threshold in (0.25, 0.7):
        try:
            expected = metric_named(metric).function(rows.labelled(label, score, threshold))
        except NoValue:
            assert math.isnan(found[f"threshold={threshold}"].value)
            continue
        assert found[f"threshold={threshold}"] == expected


def test_scores_in_one_bucket_on_both_sides_of_a_threshold_are_told_apart(rows: ModuleType) -> None:
    score = np.array([np.nextafter(0.3, 0), 0.3, np.nextafter(0.3, 1)])
    view = rows.labelled([0, 1, 1], score, thresholds=(0.3,))
    assert len(np.unique(view.bucket)) == 1
    assert metric_named("accuracy_at_threshold").function(view)["threshold=0.3"].value == 1


def test_without_thresholds_or_their_counts_they_are_undefined(rows: ModuleType) -> None:
    with pytest.raises(Undefined, match=r"declare task\.thresholds"):
        metric_named("recall_at_threshold").function(rows.labelled([1], [0.4]))
    view = rows.labelled([1], [0.4], thresholds=(0.3,))
    del view.sums["score_at_least_0.3"]
    with pytest.raises(Undefined, match="stored before it was asked for"):
        metric_named("recall_at_threshold").function(view)
