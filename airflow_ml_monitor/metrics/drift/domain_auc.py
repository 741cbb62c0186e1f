"""How well a classifier tells the window's rows from the reference's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.interval import Z
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.sampled import DRAWS, Sampled
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.views import DatasetPair

FOLDS: Final = 5
PRODUCT: Final = 0.5
"""How much a product of two columns weighs beside a column. Of 1,000 and 1,000 rows of 8 columns a correlation of 0.3
that became 0.6 is found in 95 % (weight 0.3: 80, none: 5), a mean that moved by 0.2 deviations in 82 % (1: 62, none:
95), a spread of 1.2 times in 57 % (none: 12), at 5 %."""
RIDGE: Final = 1.0
"""Penalty of a coefficient, in mean variances of what it multiplies."""


@metric(Family.DRIFT, Subject.DATASET_PAIR, range=(0.0, 1.0), worse=Worse.UP)
def domain_auc(pair: DatasetPair) -> Estimate:
    """ROC AUC of a classifier that tells the window's rows from the reference's; 0.5 where it cannot.

    In [0, 1]; by chance below 0.5 as often as above. A regression with a ridge on the features of sampled rows
    (`sample_rows`), their squares and products, so that it sees what moves, spreads or hangs together otherwise; each
    row is judged by a fit to four fifths of the others. Features as in energy_distance.
    low, high: 95 %, of how rows are ranked by these fits (DeLong, DeLong and Clarke-Pearson 1988), or of the draws
    where they vary more. noise, p_value: of the whole procedure with rows dealt anew to both sides 499 times, so p is
    at least 0.002; one-sided, and exact for independent rows of any distribution. Undefined where no rows were kept.
    TooFew of fewer than 50 rows on either side.
    Lopez-Paz and Oquab 2017.
    """
    rows = Sampled.of(pair)
    rng = np.random.default_rng(2017)
    folds = _folds(rows, rng)
    is_current = np.repeat(rows.is_current[:, None], 1 + DRAWS, axis=1)
    for fold in folds:
        # Within folds, so that each has as many rows of either side in every draw.
        is_current[fold, 1:] = rng.permuted(is_current[fold, 1:], axis=0)
    judged = [
        _ranked(scores, is_current[fold]) for fold, scores in zip(folds, _scores(rows, is_current, folds), strict=True)
    ]
    found = np.mean([one.auc for one in judged], axis=0)
    # Where there is little to tell the fits themselves vary more than what they rank, as they do in the draws.
    half = Z * max(math.sqrt(sum(one.variance for one in judged)) / FOLDS, float(found[1:].std()))
    value = float(found[0])
    p_value = float((1 + np.sum(found[1:] >= value - 1e-12)) / (1 + DRAWS))
    interval = (max(value - half, 0.0), min(value + half, 1.0))
    return Estimate(value, rows.m, *interval, p_value, float(found[1:].mean()))


@dataclass(frozen=True, slots=True)
class _Judged:
    """Of one fold: the AUC of every draw, and the variance of the first."""

    auc: Floats
    variance: float


def _folds(rows: Sampled, rng: np.random.Generator) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The rows of each, with an even part of both sides."""
    place = np.concatenate([rng.permutation(size) for size in (rows.n, rows.m)])
    return [np.flatnonzero(place % FOLDS == i) for i in range(FOLDS)]


def _scores(rows: Sampled, is_current: Floats, folds: list[np.ndarray[tuple[int], np.dtype[np.int64]]]) -> list[Floats]:
    """Of each fold's rows, in every draw, by a fit to the others."""
    x = _features(rows)
    found, total, towards = [], x.T @ x, x.T @ is_current
    for fold in folds:
        mine = x[fold]
        matrix = total - mine.T @ mine
        matrix[np.diag_indices_from(matrix)] += RIDGE * matrix.trace() / len(matrix)
        # What all rows have in common, how many there are of either side, ranks none of them before another.
        share = (is_current.sum(axis=0) - is_current[fold].sum(axis=0)) / (len(x) - len(fold))
        aim = towards - mine.T @ is_current[fold] - np.outer(x.sum(axis=0) - mine.sum(axis=0), share)
        found.append(mine @ np.linalg.solve(matrix, aim))
    return found


def _features(rows: Sampled) -> Floats:
    """Each in deviations: columns and marks, then squares and products of columns, which weigh less."""
    i, j = np.triu_indices(rows.main.shape[1])
    main = _standard(rows.main)
    plain = np.concatenate([rows.numbers, rows.marks], axis=1)
    return np.concatenate([_standard(plain), PRODUCT * _standard(main[:, i] * main[:, j])], axis=1)


def _standard(x: Floats) -> Floats:
    deviation = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(deviation > 1e-9, deviation, np.inf))


def _ranked(scores: Floats, is_current: Floats) -> _Judged:
    """scores, is_current: (rows, draws)."""
    rank = _ranks(scores)
    m = is_current.sum(axis=0)
    n = len(scores) - m
    auc = ((rank * is_current).sum(axis=0) - m * (m + 1) / 2) / (n * m)
    mine = is_current[:, 0] > 0
    # Of each row the part of the other side's that it is ranked rightly against.
    own = np.empty(len(scores))
    for side in (mine, ~mine):
        own[side] = _ranks(scores[side, :1])[:, 0]
    placed = np.where(mine, (rank[:, 0] - own) / n[0], 1 - (rank[:, 0] - own) / m[0])
    variance = placed[mine].var(ddof=1) / m[0] + placed[~mine].var(ddof=1) / n[0]
    return _Judged(auc, float(variance))


def _ranks(scores: Floats) -> Floats:
    """From 1, down each column; of equal scores their mean."""
    order = np.argsort(scores, axis=0)
    ordered = np.take_along_axis(scores, order, axis=0)
    # Equal rows may be judged otherwise in the last digits.
    begins = np.diff(ordered, axis=0) > 1e-9 * np.abs(ordered).max(axis=0)
    place, edge = np.arange(len(scores))[:, None], np.ones((1, scores.shape[1]), bool)
    first = np.maximum.accumulate(np.where(np.concatenate([edge, begins]), place, 0), axis=0)
    ends = np.where(np.concatenate([begins, edge]), place, len(scores))
    last = np.minimum.accumulate(ends[::-1], axis=0)[::-1]
    rank = np.empty(scores.shape)
    np.put_along_axis(rank, order, (first + last) / 2 + 1, axis=0)
    return rank
