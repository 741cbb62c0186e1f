"""Do the labels at hand agree with the chances that an estimator gives them?"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import chdtrc

from airflow_ml_monitor.estimation.estimator import Check, Question
from airflow_ml_monitor.profile.cells import Floats

LEAST: Final = 30
"""Fewer labels could not contradict anything but the absurd."""
DOUBT: Final = 0.01
"""Below this p-value an assumption is said not to hold."""


def agreement(question: Question, chance: Floats, drawn: Floats) -> Check:
    """Score test of the labels at hand against chances by cell, (C,), whose own uncertainty is that of `drawn`, (D, C).

    Two degrees of freedom: positives are too many or too few, and the score separates too much or too little (Cox
    1958). Of agreeing labels it doubts 5 to 9 % at 5 %, 1 to 5 % at 1 % (references of 300 to 5,000 rows). It cannot
    tell a relation that changed from labels whose early ones are not like the late.
    """
    positives, negatives = question.predictions.known(question.labels)
    labels = positives + negatives
    n = int(labels.sum())
    if n < LEAST:
        return Check(None, f"{n} labels at hand are too few to contradict it; {LEAST} could")
    expected = float(labels @ chance)
    rank = np.cumsum(question.predictions.count) - question.predictions.count / 2
    # By rank: chances near 0 and 1, of which the reference knows least, would decide alone on a scale of odds.
    design = np.stack([np.ones(len(rank)), rank - labels @ rank / n])
    excess = design @ (positives - labels * chance)
    # A cell at 0 or 1 varies too: a chance is not known that well.
    spread = np.maximum(labels * chance * (1 - chance), labels * 1e-3)
    variance = (design * spread) @ design.T + np.cov((labels * (drawn - chance)) @ design.T, rowvar=False)
    p_value = float(chdtrc(2, max(float(excess @ np.linalg.pinv(variance) @ excess), 0.0)))
    seen = f"{positives.sum() / n:.1%} of {n} labels at hand are positive, {expected / n:.1%} were expected"
    if p_value < DOUBT:
        why = "the relation of score and label has changed, or labels that come early are not like the others"
        return Check(False, f"{seen} (p = {p_value:.1g}): {why}", p_value)
    return Check(True, f"{seen} (p = {p_value:.2f})", p_value)
