"""Bounds hold whatever the unknown labels are, and are reached by some."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from airflow_ml_monitor.estimation.bounds import SPLITS, bounds_of
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import Task, TaskKind

ORACLES = {"accuracy": accuracy_score, "precision": precision_score, "recall": recall_score, "f1": f1_score}


def window_of(buckets: list[int]) -> tuple[Predictions, np.ndarray]:
    bucket = np.sort(np.array(buckets, np.int64))
    prediction = (bucket >= 2048).astype(np.int64)
    return Predictions.counted(bucket, prediction, np.ones(len(bucket))), bucket


def labels_of(bucket: np.ndarray, label: np.ndarray) -> LabelledView:
    ones = np.ones(len(bucket), np.int64)
    sums = {name: np.zeros(len(bucket)) for name in ("score", "log_loss", "log_loss2", "brier", "brier2")}
    prediction = (bucket >= 2048).astype(np.int64)
    return LabelledView(Task(TaskKind.BINARY), label, prediction, bucket, ones, sums, len(bucket))


rows = st.lists(st.tuples(st.integers(0, 4095), st.sampled_from([0, 1, None])), min_size=3, max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows)
def test_no_labels_of_the_others_lie_outside_and_some_reach_the_bounds(drawn):
    drawn = sorted(drawn, key=lambda row: row[0])
    window, bucket = window_of([b for b, _ in drawn])
    label = np.array([-1 if y is None else y for _, y in drawn])
    known = label >= 0
    view = labels_of(bucket[known], label[known])
    guess = (bucket >= 2048).astype(int)
    for name in (*ORACLES, "roc_auc"):
        every = []
        for filled in product((0, 1), repeat=int((~known).sum())):
            full = label.copy()
            full[~known] = filled
            if name == "roc_auc" and len(set(full)) == 2:
                every.append(roc_auc_score(full, bucket))
            elif name == "precision" and guess.any():
                every.append(precision_score(full, guess))
            elif name == "recall" and full.any():
                every.append(recall_score(full, guess))
            elif name == "f1" and (full.any() or guess.any()):
                every.append(f1_score(full, guess))
            elif name == "accuracy":
                every.append(accuracy_score(full, guess))
        if not every:
            continue
        low, high = bounds_of(metric_named(name), window, view)
        slack = 2 / SPLITS if name == "roc_auc" else 1e-12
        assert low <= min(every) + slack
        assert high >= max(every) - slack
        if name != "roc_auc":  # half a row more of one class may carry an area a little further than whole rows do
            assert (low, high) == (pytest.approx(min(every)), pytest.approx(max(every)))


def test_without_unknown_rows_both_bounds_are_the_value():
    window, bucket = window_of([100, 900, 2500, 3000])
    label = np.array([0, 1, 0, 1])
    low, high = bounds_of(metric_named("roc_auc"), window, labels_of(bucket, label))
    assert low == high == pytest.approx(roc_auc_score(label, bucket))
