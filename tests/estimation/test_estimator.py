from __future__ import annotations

from datetime import UTC, datetime
from types import ModuleType

import numpy as np
import pytest

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.estimation.estimator import Need, Part, Question, estimator_named, estimators
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.parts import by_slice, by_stratum
from airflow_ml_monitor.estimation.predictions import Predictions, scores
from airflow_ml_monitor.estimation.values import value_of
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.layout import SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.ledger import PREDICTED, UNSCORED, Entries, micros
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind

TASK = Task(TaskKind.BINARY)
NEW, OLD = (("kind", "new"),), (("kind", "old"),)


def entries(*found: tuple[int, int, int, int, int]) -> Entries:
    """From (group, label, prediction, bucket, count); groups: strata a and b of the whole, then slices."""
    groups = ((WHOLE, "a", "1"), (WHOLE, "b", "1"), (NEW, "a", "1"), (OLD, "b", "1"), (WHOLE, "a", "2"))
    group, label, prediction, bucket, count = (np.array(column, np.int64) for column in zip(*found, strict=True))
    known = np.full(len(group), micros(datetime(2026, 1, 1, tzinfo=UTC)))
    sums = np.repeat(count[:, None] * 0.5, len(SUMS[TaskKind.BINARY]), axis=1)
    return Entries(groups, known, group, label, prediction, bucket, count, sums)


LEDGER = entries(
    (0, PREDICTED, 0, 100, 5),
    (1, PREDICTED, 0, 100, 3),
    (1, PREDICTED, 1, 3000, 4),
    (1, PREDICTED, 0, UNSCORED, 9),
    (4, PREDICTED, 1, 3000, 2),
    (0, 0, 0, 100, 2),
    (1, 1, 1, 3000, 1),
    (2, PREDICTED, 0, 100 // SLICE_SCORE_JOIN, 5),
    (3, PREDICTED, 0, 100 // SLICE_SCORE_JOIN, 3),
    (2, 0, 0, 100 // SLICE_SCORE_JOIN, 2),
)


def test_every_estimator_says_what_it_takes_for_granted_and_that_labels_alone_show_concept_drift() -> None:
    found = estimators()
    assert {"cbpe", "weighted_cbpe", "prediction_powered", "direct_loss"} <= set(found)
    for name, one in found.items():
        assert one.name == name
        assert one.summary.endswith(".")
        assert one.assumption.count(". ") == 0, "one sentence"
        assert one.assumption.endswith(".")
        if Need.LABELS_AT_HAND not in one.needs:
            assert "cannot see concept drift" in " ".join((one.function.__doc__ or "").split())


def test_an_estimator_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UnknownName, match="cbpe"):
        estimator_named("cpbe")


def test_what_a_question_lacks_is_said(rows: ModuleType) -> None:
    nothing = rows.labelled([], [])
    some = rows.labelled([1, 0], [0.8, 0.1])
    predictions = Predictions.of(LEDGER)
    bare = Question(TASK, nothing, predictions, nothing)
    assert estimator_named("weighted_cbpe").lacks(bare) == "reference labels, parts"
    assert estimator_named("prediction_powered").lacks(Question(TASK, some, predictions, nothing)) == "labels at hand"
    assert estimator_named("cbpe").lacks(Question(TASK, some, predictions, nothing)) == ""


def test_predictions_are_counted_by_score_and_class_without_those_that_have_no_score() -> None:
    found = Predictions.of(LEDGER)
    assert (found.bucket.tolist(), found.prediction.tolist()) == ([100, 3000], [0, 1])
    assert found.count.tolist() == [8, 6]
    assert found.n == 14
    assert Predictions.of(LEDGER, version="2").n == 2
    assert Predictions.of(LEDGER, stratum="b").count.tolist() == [3, 4]
    assert Predictions.of(LEDGER, NEW).count.tolist() == [5]
    assert Predictions.of(Entries.empty(SUMS[TaskKind.BINARY])).n == 0


def test_a_slices_bucket_holds_its_score(rows: ModuleType) -> None:
    bucket = np.arange(4096 // SLICE_SCORE_JOIN)
    assert (rows.score_bucket(scores(bucket, is_slice=True)) // SLICE_SCORE_JOIN).tolist() == bucket.tolist()


def test_predictions_that_were_taken_back_leave_no_cell() -> None:
    found = Predictions.counted(np.array([7, 7, 9]), np.array([0, 0, 1]), np.array([3, -3, 2]))
    assert found.bucket.tolist() == [9]


def test_labels_lie_beside_their_predictions(rows: ModuleType) -> None:
    score = np.array([0.2, 0.2, 0.7, 0.9])
    predictions = Predictions.counted(rows.score_bucket(score), (score >= 0.5).astype(np.int64), np.ones(4))
    positives, negatives = predictions.known(rows.labelled([1, 0, 1, 1], [0.2, 0.2, 0.9, 0.55]))
    # 0.55 was never predicted: its prediction was rewritten.
    assert positives.tolist() == [1, 0, 1]
    assert negatives.tolist() == [1, 0, 0]
    assert Predictions.of(Entries.empty(SUMS[TaskKind.BINARY])).known(rows.labelled([1], [0.5]))[0].tolist() == []


def test_strata_divide_all_rows() -> None:
    parts = by_stratum(TASK, LEDGER, LEDGER)
    assert [part.name for part in parts] == ["a", "b"]
    assert sum(part.predictions.n for part in parts) == Predictions.of(LEDGER).n
    assert [part.labels.n for part in parts] == [2, 1]
    assert [part.reference.n for part in parts] == [2, 1]
    assert [part.predictions.n for part in by_stratum(TASK, LEDGER, LEDGER, version="2")] == [2, 0]


def test_slices_of_a_column_are_parts() -> None:
    parts = by_slice(TASK, LEDGER, LEDGER, "kind")
    assert [(part.name, part.predictions.n, part.labels.n) for part in parts] == [("new", 5, 2), ("old", 3, 0)]
    assert by_slice(TASK, LEDGER, LEDGER, "other") == ()
    assert [(part.name, part.predictions.n) for part in by_stratum(TASK, LEDGER, LEDGER, NEW)] == [("a", 5)]
    assert by_stratum(TASK, Entries.empty(SUMS[TaskKind.BINARY]), Entries.empty(SUMS[TaskKind.BINARY])) == ()


def test_a_slice_is_answered_as_the_whole_of_the_same_rows(rows: ModuleType) -> None:
    random = np.random.default_rng(2)
    score = random.beta(1, 2, 3000)
    label = (random.random(3000) < score**1.5).astype(np.int64)
    fine, decided = rows.score_bucket(score), (score >= 0.5).astype(np.int64)
    found = []
    for slice, bucket in ((WHOLE, fine), (NEW, fine // SLICE_SCORE_JOIN)):
        count = np.ones(6000, np.int64)
        group = np.zeros(6000, np.int64)
        labels = np.concatenate([np.full(3000, PREDICTED), label])
        sums = np.zeros((6000, len(SUMS[TaskKind.BINARY])))
        sums[:, 0] = np.tile(score, 2)
        ledger = Entries(((slice, "", ""),), group, group, labels, np.tile(decided, 2), np.tile(bucket, 2), count, sums)
        view = ledger.view(TASK, slice)
        expected = estimator_named("cbpe").function(Question(TASK, view, Predictions.of(ledger, slice), view))
        assert isinstance(expected, Expected)
        found.append([value_of(expected, metric_named(name)).value for name in ("accuracy", "roc_auc", "brier")])
    assert found[0] == pytest.approx(found[1], abs=0.005)


def test_every_binary_estimator_answers_with_the_windows_rows(rows: ModuleType) -> None:
    random = np.random.default_rng(1)
    score = random.beta(1, 2, 500)
    label = (random.random(500) < score).astype(np.int64)
    view = rows.labelled(label, score)
    predictions = Predictions.counted(rows.score_bucket(score), (score >= 0.5).astype(np.int64), np.ones(500))
    halves = [
        Part(
            str(half),
            rows.labelled(label[half::2], score[half::2]),
            Predictions.counted(
                rows.score_bucket(score[half::2]), (score[half::2] >= 0.5).astype(np.int64), np.ones(250)
            ),
            rows.labelled(label[half:100:2], score[half:100:2]),
        )
        for half in (0, 1)
    ]
    asked = Question(TASK, view, predictions, rows.labelled(label[:100], score[:100]), tuple(halves))
    for one in estimators().values():
        if TaskKind.BINARY not in one.tasks:
            continue
        assert one.lacks(asked) == ""
        found = one.function(asked)
        assert isinstance(found, Expected)
        assert found.cells.rows.sum() == pytest.approx(500), one.name
        for cells in (found.cells, found.final, found.model):
            assert (cells.positives >= 0).all()
            assert (cells.negatives >= 0).all()
        assert one.check(asked).holds is True, one.name
