"""Logistic regression of few labels on what is known of them, with how sure its coefficients are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from airflow_ml_monitor.profile.cells import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels in K cells. offset: on the logit scale, (K,). design: (K, P). positives, negatives: rows, (K,).

    weight: how much a row of the cell counts for, (K,).
    """

    offset: Floats
    design: Floats
    positives: Floats
    negatives: Floats
    weight: Floats

    @property
    def rows(self) -> Floats:
        return self.positives + self.negatives


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """coefficients: (P,). covariance: over samples of labels, whether or not the regression is right, (P, P)."""

    coefficients: Floats
    covariance: Floats


def fitted(labels: Labels, prior: Floats) -> Fit:
    """The most likely coefficients under normal priors about 0 of given standard deviations, by Newton's method.

    The covariance is the sandwich (Huber 1967), each residual as it would be without its own row (HC3: MacKinnon and
    White 1985): of a hundred labels the plain one is too small.
    """
    design, precision = labels.design, np.diag(prior**-2.0)
    positives, negatives = labels.weight * labels.positives, labels.weight * labels.negatives
    rows = positives + negatives
    found, curvature = np.zeros(design.shape[1]), precision

    def loss(at: Floats) -> float:
        line = labels.offset + design @ at
        worth = positives @ np.logaddexp(0, -line) + negatives @ np.logaddexp(0, line)
        return float(worth + at @ precision @ at / 2)

    for _ in range(100):
        chance = expit(labels.offset + design @ found)
        curvature = (design.T * (rows * chance * (1 - chance))) @ design + precision
        step = np.linalg.solve(curvature, design.T @ (positives - rows * chance) - precision @ found)
        while loss(found + step) > loss(found) + 1e-10 and np.abs(step).max() > 1e-8:
            step = step / 2
        found = found + step
        if np.abs(step).max() < 1e-8:
            break
    inverse = np.asarray(np.linalg.inv(curvature), np.float64)
    return Fit(found, _covariance(labels, found, inverse))


def _covariance(labels: Labels, coefficients: Floats, inverse: Floats) -> Floats:
    chance = expit(labels.offset + labels.design @ coefficients)
    leverage = labels.weight * chance * (1 - chance) * ((labels.design @ inverse) * labels.design).sum(axis=1)
    squares = labels.positives * (1 - chance) ** 2 + labels.negatives * chance**2
    squares = squares * (labels.weight / (1 - np.minimum(leverage, 0.5))) ** 2
    found: Floats = inverse @ (labels.design.T * squares) @ labels.design @ inverse
    return found
