"""Entries of several classes, asked whether the prediction is right, are those rows."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.layout import SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.ledger import PREDICTED, SCORELESS, UNSCORED, Entries, score_within
from airflow_ml_monitor.profile.right_or_wrong import as_binary, right_or_wrong
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind

TASK = Task(TaskKind.MULTICLASS, classes=("a", "b", "c"))
NAMES = SUMS[TaskKind.MULTICLASS]
LARGE = (("size", "large"),)


def entries(rows: list[tuple[int, int, int, int, int, int]], *groups: tuple[tuple[str, str], ...]) -> Entries:
    """rows: (known, group, label, prediction, bucket, count); the score's sum is that of the bucket's own."""
    known, group, label, prediction, bucket, count = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    sums = np.zeros((len(rows), len(NAMES)))
    sums[:, 0] = count * score_within(bucket * SLICE_SCORE_JOIN)
    return Entries(
        tuple((slice, "", "") for slice in groups or (WHOLE,)),
        known,
        group,
        label,
        prediction,
        bucket,
        count,
        sums,
        NAMES,
    )


def test_what_several_classes_scores_say_of_being_right_is_what_the_view_says() -> None:
    rng = np.random.default_rng(5)
    rows = [
        (i, 0, int(rng.integers(0, 4)), int(rng.integers(0, 4)), int(rng.integers(80, 250)), int(rng.integers(1, 5)))
        for i in range(300)
    ]
    given = entries(rows)
    expected = given.view(TASK).scored
    found = right_or_wrong(given, TASK).view(as_binary(TASK)).scored
    np.testing.assert_array_equal(found.positives, expected.positives)
    np.testing.assert_array_equal(found.negatives, expected.negatives)
    np.testing.assert_array_equal(found.bucket // SLICE_SCORE_JOIN, expected.bucket)
    np.testing.assert_allclose(found.score, expected.score)
    assert set(found.prediction) == {1}


def test_whole_and_slices_share_their_scores() -> None:
    rows = [(0, group, PREDICTED, 2, 170, 3) for group in (0, 1)] + [(0, group, 2, 2, 170, 1) for group in (0, 1)]
    found = right_or_wrong(entries(rows, WHOLE, LARGE), TASK)
    whole, part = (Predictions.of(found, slice) for slice in (WHOLE, LARGE))
    assert (whole.n, part.n) == (3, 3)
    assert whole.score == pytest.approx(part.score, abs=2e-4)
    assert part.bucket.tolist() == [170]


def test_a_wrong_label_put_right_by_another_wrong_one_leaves_nothing_behind() -> None:
    # First labelled 1, on the next day put right: 2. Both say that the prediction, 0, is wrong.
    rows = [(1, 0, 1, 0, 200, 1), (2, 0, 1, 0, 200, -1), (2, 0, 2, 0, 200, 1)]
    found = right_or_wrong(entries(rows), TASK)
    assert (found.known.tolist(), found.label.tolist(), found.count.tolist()) == ([1], [0], [1])


def test_an_undeclared_class_is_never_right_and_a_row_without_a_score_stays_apart() -> None:
    undeclared = len(TASK.classes)
    rows = [(0, 0, undeclared, undeclared, 90, 4), (0, 0, 1, 1, UNSCORED, 2)]
    found = right_or_wrong(entries(rows), TASK)
    by_bucket = dict(zip(found.bucket.tolist(), found.label.tolist(), strict=True))
    assert by_bucket == {UNSCORED: 1, 90 * SLICE_SCORE_JOIN + SLICE_SCORE_JOIN // 2: 0}


def test_without_scores_all_rows_are_in_one_bucket_in_the_middle() -> None:
    rows = [(0, 0, PREDICTED, 0, SCORELESS, 5), (0, 0, PREDICTED, 1, SCORELESS, 2), (1, 0, 1, 1, SCORELESS, 1)]
    found = right_or_wrong(entries(rows), TASK)
    predicted = Predictions.of(found)
    assert predicted.count.tolist() == [7]
    assert predicted.score == pytest.approx([0.5], abs=0.01)
    assert predicted.known(found.view(as_binary(TASK)))[0].tolist() == [1]


def test_other_tasks_are_left_alone() -> None:
    given = entries([(0, 0, 1, 0, 200, 1)])
    for kind in (TaskKind.BINARY, TaskKind.REGRESSION):
        assert right_or_wrong(given, Task(kind)) is given
        assert as_binary(Task(kind)) == Task(kind)
    assert right_or_wrong(Entries.empty(NAMES), TASK).size == 0
