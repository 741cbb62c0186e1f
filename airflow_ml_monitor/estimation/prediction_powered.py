"""Prediction-powered inference: a few labels, drawn at random, and the predictions of all rows."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, expit, logit

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.agreement import DOUBT, LEAST
from airflow_ml_monitor.estimation.calibration import Calibration, Scored
from airflow_ml_monitor.estimation.drawing import DRAWS, expect_of_pending, generator
from airflow_ml_monitor.estimation.estimator import Check, Need, Question, estimator
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.logistic import Labels, fitted
from airflow_ml_monitor.profile.cells import Counts, Floats

PRIOR: Final = np.array([3.0, 1.5, 1.5])
"""Standard deviations, on the logit scale, of how far level, slope and decided class may be from the reference's: wide,
so that labels decide; without it labels of one class alone would send the chances to 0 or 1."""
GROUPS: Final = 10
"""Of about equal numbers of predictions by score, in which labels at hand are counted against chance."""


def check(question: Question) -> Check:
    """Are the labels at hand spread over the predictions as a random sample would be (or as their arrival says)?

    By score, and by part where there are any. What it cannot see is labels of one class that come sooner than others
    of the same score.
    """
    window, labels = question.predictions, question.labels
    if labels.n < LEAST:
        return Check(None, f"{labels.n} labels at hand are too few to tell whether they are a random sample")
    middle = np.cumsum(window.count) - window.count / 2
    group = np.minimum(GROUPS * middle / window.n, GROUPS - 1).astype(np.int64)
    if question.arrival is None:
        known = np.add(*window.known(labels))
        p_value = _evenness(*(np.bincount(group, part).astype(np.float64) for part in (window.count, known)))
        if len(question.parts) > 1:
            of_part = np.array([(part.predictions.n, part.labels.n) for part in question.parts], np.float64)
            p_value = min(2 * min(p_value, _evenness(*of_part.T)), 1.0)
    else:
        p_value = _arrived(question, group)
    if p_value < DOUBT:
        return Check(
            False, f"the labels at hand are not spread over the predictions as said (p = {p_value:.1g})", p_value
        )
    return Check(True, f"the labels at hand are spread over the predictions as said (p = {p_value:.2f})", p_value)


def _evenness(rows: Floats, seen: Floats) -> float:
    """P-value of labels drawn from rows without replacement, by group: Pearson's chi-square."""
    rows, seen = rows[rows > 0], seen[rows > 0]
    total, labels = rows.sum(), seen.sum()
    if len(rows) < 2 or labels in (0, total):
        return 1.0
    wanted = labels * rows / total
    statistic = ((seen - wanted) ** 2 / wanted).sum() * (total - 1) / (total - labels)
    return float(chdtrc(len(rows) - 1, statistic))


def _arrived(question: Question, group: Counts) -> float:
    """P-value of the labels at hand standing for as many rows as were predicted, by group."""
    window, labels = question.predictions, question.labels
    assert question.arrival is not None  # its only caller asks
    place, weight = window.place(labels), 1 / question.arrival
    there = place >= 0
    of_label = group[place[there]]
    count = np.maximum(labels.count, 0)[there]
    stands_for = np.bincount(of_label, (count * weight[there]), GROUPS)
    variance = np.bincount(of_label, (count * weight[there] * (weight[there] - 1)), GROUPS)
    rows = np.bincount(group, window.count, GROUPS)
    return float(chdtrc(GROUPS, ((stands_for - rows) ** 2 / np.maximum(variance, 1.0)).sum()))


@estimator(
    assumption="The labels at hand are a random sample of the window's predictions, or their arrival is known.",
    needs=(Need.REFERENCE_LABELS, Need.LABELS_AT_HAND),
    check=check,
)
def prediction_powered(question: Question) -> Expected:
    """Labels at hand, and for the other rows what these labels say the scores have come to mean.

    What a score came true at in the reference is corrected by the labels at hand: in level, in slope, and for the
    decided class, so that their mean error is nil in each class; where scores are of no use, labels alone are left. So
    nothing of the relation of score and label need have stayed: of concept drift it sees what so many labels can show.
    With `arrival` a label stands for as many rows as that says. TooFew without labels at hand.
    Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023 (prediction-powered inference), in the model-calibrated form
    of Wu and Sitter 2001: its slope does what the tuned weight of PPI++ (Angelopoulos, Duchi and Zrnic 2023) does, and
    no expected count falls below 0.
    """
    window, labels, random = question.predictions, question.labels, generator()
    place = window.place(labels)
    there = place >= 0
    if not there.any():
        raise TooFew("no label of the window's predictions is at hand")
    level, design = _design(question)
    count = np.maximum(labels.count[there], 0).astype(np.float64)
    weight = np.ones(len(count)) if question.arrival is None else 1 / question.arrival[there]
    is_positive = labels.label[there] == 1
    at_hand = Labels(
        level[place[there]],
        design[place[there]],
        count * is_positive,
        count * ~is_positive,
        # On average 1: labels are no more than they are, however many rows they stand for.
        weight * count.sum() / (weight @ count),
    )
    fit = fitted(at_hand, PRIOR)
    moved = random.multivariate_normal(fit.coefficients, fit.covariance, DRAWS, check_valid="ignore")
    line, drawn = level + design @ fit.coefficients, level + moved @ design.T
    late = _odds_of_being_late(count * weight, count, is_positive)
    every, pending = (expit(line), expit(drawn)), (expit(line + late), expit(drawn + late))
    return expect_of_pending(window, pending, every, random, window.known(labels))


def _design(question: Question) -> tuple[Floats, Floats]:
    """(logit of what each cell's score came true at in the reference, (C,); what may have changed since, (C, 3))."""
    window = question.predictions
    rate = Calibration.fitted(Scored.of(question.reference, window))(window.score)
    level = logit(np.clip(rate, 2e-3, 1 - 2e-3))
    share = window.count / window.n
    slope = level - share @ level
    slope = slope / max(float(np.sqrt(share @ slope**2)), 1e-9)
    return level, np.stack([np.ones(len(level)), slope, window.prediction - share @ window.prediction], axis=1)


def _odds_of_being_late(stands_for: Floats, count: Floats, is_positive: NDArray[np.bool_]) -> float:
    """Log of how much likelier a row of label 1 is to be awaited still than one of label 0."""
    late = []
    for mine in (is_positive, ~is_positive):
        rows = float(stands_for[mine].sum())
        late.append(1 - float(count[mine].sum()) / rows if rows > 0 else 1.0)
    if min(late) <= 0:
        return 0.0
    return float(np.log(late[0] / late[1]))
