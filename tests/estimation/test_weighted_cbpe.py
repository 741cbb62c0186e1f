from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.cbpe import cbpe
from airflow_ml_monitor.estimation.estimator import Part, Question
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.estimation.values import value_of
from airflow_ml_monitor.estimation.weighted_cbpe import check, weighted_cbpe
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.task import Task, TaskKind

Ints, Reals = NDArray[np.int64], NDArray[np.float64]
Rows = tuple[Ints, Reals, Ints]
"""(label, score, part)."""


def drawn(random: np.random.Generator, n: int, share: float) -> Rows:
    """In part 1, a share of the rows, a score is worth less than in part 0."""
    score, part = random.beta(1.2, 1.8, n), (random.random(n) < share).astype(np.int64)
    chance = np.where(part == 1, 0.3 + 0.2 * score, score)
    return (random.random(n) < chance).astype(np.int64), score, part


def asked(rows: ModuleType, reference: Rows, window: Rows, at_hand: int = 0) -> Question:
    def predicted(score: Reals) -> Predictions:
        return Predictions.counted(rows.score_bucket(score), (score >= 0.5).astype(np.int64), np.ones(len(score)))

    parts = []
    for number in (0, 1):
        of = [[column[rows_of[2] == number] for column in rows_of] for rows_of in (reference, window)]
        known = [column[:at_hand][window[2][:at_hand] == number] for column in window]
        parts.append(
            Part(str(number), rows.labelled(*of[0][:2]), predicted(of[1][1]), rows.labelled(known[0], known[1]))
        )
    labels = rows.labelled(window[0][:at_hand], window[1][:at_hand])
    task = Task(TaskKind.BINARY)
    return Question(task, rows.labelled(*reference[:2]), predicted(window[1]), labels, tuple(parts))


def test_a_part_that_became_more_frequent_is_seen_which_scores_alone_do_not_show(rows: ModuleType) -> None:
    random = np.random.default_rng(1)
    reference, window = drawn(random, 8000, 0.2), drawn(random, 4000, 0.8)
    question = asked(rows, reference, window)
    truth = float(np.mean((window[1] >= 0.5) == window[0]))
    weighted, plain = (value_of(f(question), metric_named("accuracy")) for f in (weighted_cbpe, cbpe))
    assert abs(weighted.value - truth) < 0.02
    assert weighted.final[0] <= truth <= weighted.final[1]
    assert abs(plain.value - truth) > 0.05


def test_parts_that_stayed_as_frequent_leave_it_as_it_is_without_weights(rows: ModuleType) -> None:
    random = np.random.default_rng(2)
    reference = drawn(random, 4000, 0.3)
    question = asked(rows, reference, reference)
    weighted, plain = (value_of(f(question), metric_named("accuracy")).value for f in (weighted_cbpe, cbpe))
    assert weighted == pytest.approx(plain, abs=0.002)


def test_a_part_that_the_reference_does_not_have_is_said(rows: ModuleType) -> None:
    random = np.random.default_rng(3)
    window = drawn(random, 1000, 0.5)
    found = check(asked(rows, drawn(random, 2000, 0.0), window))
    assert found.holds is False
    assert f"{window[2].mean():.0%}" in found.reason


def test_labels_at_hand_confirm_the_weights_and_contradict_their_absence(rows: ModuleType) -> None:
    random = np.random.default_rng(4)
    reference, window = drawn(random, 8000, 0.2), drawn(random, 2000, 0.8)
    assert check(asked(rows, reference, window, at_hand=500)).holds is True
    turned = (1 - window[0], window[1], window[2])
    assert check(asked(rows, reference, turned, at_hand=500)).holds is False


def test_without_labels_in_the_reference_or_rows_in_the_window_it_is_too_few(rows: ModuleType) -> None:
    random = np.random.default_rng(5)
    with pytest.raises(TooFew, match="no part of the reference has a labelled row"):
        weighted_cbpe(asked(rows, drawn(random, 0, 0.5), drawn(random, 10, 0.5)))
    with pytest.raises(TooFew, match="no part of the window has a prediction"):
        weighted_cbpe(asked(rows, drawn(random, 10, 0.5), drawn(random, 0, 0.5)))
