"""How far apart the window's rows lie from the reference's."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.sampled import DRAWS, Sampled
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.views import DatasetPair


@metric(Family.DRIFT, Subject.DATASET_PAIR, range=(0.0, float("inf")), worse=Worse.UP)
def energy_distance(pair: DatasetPair) -> Estimate:
    """How much farther rows of the window and of the reference lie apart than rows of one of them do.

    At least 0: the root of 2 E|x - y| - E|x - x'| - E|y - y'|, which is 0 only where all columns have the same
    distribution together. Of the features of sampled rows (`sample_rows`): numbers as u = d / (scale + |d|), d the
    distance from the reference's median, in deviations of both sides' rows; categories, and missing values, as 0 and 1.
    It is broad and sees most what moves whole rows; a change of one column of many, or of correlations alone, is seen
    earlier by that column's shift, by correlation_change and by domain_auc.
    noise, p_value: rows dealt anew to both sides 499 times, so p is at least 0.002; of independent rows of any
    distribution it is exact. Undefined where no rows were kept. TooFew of fewer than 50 rows on either side.
    Székely and Rizzo 2004.
    """
    rows = Sampled.of(pair)
    apart = _distances(np.concatenate([rows.numbers, rows.marks], axis=1))
    dealt = np.random.default_rng(2004).permuted(np.repeat(rows.is_current[:, None], DRAWS, axis=1), axis=0)
    found = _energy(apart, np.column_stack([rows.is_current, dealt]))
    p_value = float((1 + np.sum(found[1:] >= found[0] * (1 - 1e-9))) / (1 + DRAWS))
    return Estimate(float(found[0]), rows.m, p_value=p_value, noise=float(found[1:].mean()))


def _distances(x: Floats) -> Floats:
    """Between all rows."""
    squares = (x * x).sum(axis=1)
    apart: Floats = np.sqrt(np.maximum(squares[:, None] + squares - 2 * (x @ x.T), 0.0))
    np.fill_diagonal(apart, 0.0)
    return apart


def _energy(apart: Floats, is_current: Floats) -> Floats:
    """Of each column of is_current, which says of every row whether it is the window's."""
    m = is_current.sum(axis=0)
    n = len(apart) - m
    # In half the digits: it takes half the time, and chance is far larger.
    of_current = apart.astype(np.float32) @ is_current.astype(np.float32)
    within = np.einsum("ij,ij->j", is_current, of_current.astype(np.float64))
    between = apart.sum(axis=0) @ is_current - within
    rest = apart.sum() - 2 * between - within
    found: Floats = np.sqrt(np.maximum(2 * between / (n * m) - rest / n**2 - within / m**2, 0.0))
    return found
