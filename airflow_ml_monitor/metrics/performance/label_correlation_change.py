"""Correlations of features with the label that are not what they were."""

from __future__ import annotations

import math

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics.correlation_pairs import CorrelationPairs
from airflow_ml_monitor.metrics.joint_moments import JointMoments
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.metrics.together import LEAST_ROWS
from airflow_ml_monitor.profile.labelled_view import LabelledPair, LabelledView
from airflow_ml_monitor.profile.task import TaskKind


@metric(
    Family.PERFORMANCE,
    Subject.LABELLED_FEATURES,
    range=(-math.inf, math.inf),
    worse=Worse.BOTH,
    tasks=(TaskKind.BINARY, TaskKind.REGRESSION, TaskKind.MULTICLASS),
)
def label_correlation_change(pair: LabelledPair) -> dict[str, Estimate]:
    """How features' correlations with the label moved against the reference: the largest change, and each one's.

    What a model has learnt of a feature no longer holds where it moved: concept drift, and in which feature. Asked for
    by `label_moments: true` of the dataset. In units of Fisher's z = artanh r, of any sign and size, as
    `correlation_change` has it of features: correlations are Pearson's of u = d / (scale + |d|), d the distance from
    the reference's median, a category is 1 where it is the first one. The label is 1 where it is the positive one, of
    several classes each class by itself; a regression's is bent as u is, about the median of the reference's
    predictions. Of the first 24 features, the model's scores not among them. Rows without a value are left out. Given
    once a window's labels are judged; before, those of one class may have come first.
    Parameters: '' the largest change of any feature, at least 0, with the largest to be expected without one, were they
    independent (noise), and a p_value that counts them (Šidák 1967); `a~label` each one's own (`a~label=class`), of the
    190 that are the strongest in the reference. n: of '' the labels, of a feature those with a value of it. low, high:
    95 %. p_value: two-sided, of independent rows. Standard errors are those of the rows' own distribution (Devlin,
    Gnanadesikan and Kettenring 1975), of both sides together. One that hardly varies, and a rare one of few rows of a
    rare label, are left out. A feature whose spread or location moved, and a class that is more frequent, move
    correlations too, with no relation changed: see its drift, `label_rate`. TooFew of fewer than 50 labels on either
    side, or if no feature has enough. Undefined where the reference was frozen without moments. Fisher 1921; Gama et
    al. 2014.
    """
    before, now = pair.reference, pair.current
    if not before.features:
        raise Undefined("the reference was frozen without label_moments, or without labels; freeze it again")
    if min(before.n, now.n) < LEAST_ROWS:
        raise TooFew(f"{before.n} labels in the reference and {now.n} in the window, {LEAST_ROWS} needed in both")
    columns = [name for name in before.features if name in now.features]
    if not columns:
        raise Undefined("no feature of the reference arrived as declared in rows with a label")
    old, new = (_moments(view, columns) for view in (before, now))
    m, n = old.rows, new.rows
    variance, kurtosis = (
        (m * a + n * b) / (m + n) for a, b in ((old.variance, new.variance), (old.kurtosis, new.kurtosis))
    )
    pairs = CorrelationPairs(_names(before, columns), old.correlation, new.correlation, m, n, variance, kurtosis)
    return pairs.changes(now.n)


def _moments(view: LabelledView, columns: list[str]) -> JointMoments:
    every = view.features
    features = [every[name] for name in columns]
    if view.task.kind is TaskKind.REGRESSION:
        return JointMoments.of_number(features)
    return JointMoments.together([JointMoments.of_class(features, label) for label in _labels(view)])


def _labels(view: LabelledView) -> list[int]:
    """The classes that features are held against."""
    return list(range(len(view.task.classes))) if view.task.classes else [1]


def _names(view: LabelledView, columns: list[str]) -> list[str]:
    if view.task.kind is not TaskKind.MULTICLASS:
        return [f"{column}~label" for column in columns]
    return [f"{column}~label={name}" for name in view.task.class_names for column in columns]
