"""Labels that mean the opposite."""

from __future__ import annotations

from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledPair, LabelledView
from airflow_ml_monitor.profile.task import TaskKind

BINS: Final = 16
FEWEST: Final = 100
"""Labels in the window."""
COVERAGE: Final = 0.5
"""Share of the predictions whose label is in: before, those of one class may come first."""
LEAST: Final = 0.6
"""The inverted share is at least that: a relation that became weaker looks like a smaller one."""
CLEAR: Final = 5.0
"""Standard errors by which the share of positives has moved."""
UNEXPLAINED: Final = 0.25
"""Of the change may be left when so many labels are turned round."""


@fault(Subject.LABELLED_PAIR, tasks=(TaskKind.BINARY,))
def labels_inverted(pair: LabelledPair) -> Estimates:
    """Positive and negative labels were exchanged: where the reference's label rate at a score is c, it is 1 - c.

    Value: share of inverted labels π, by weighted least squares of the label rate c + π (1 - 2c) over sixteen bins of
    the score, of equal share in the reference. Asked for: 100 labels, of half of the predictions; π surely above 60 %;
    that it leaves at most a quarter of the change unexplained; and as many positives as there were negatives. A model
    that a drift of the concept has made useless is not that: its label rate would be the same at every score; nor are
    scores turned round, with as many positives as before: where half of the labels are positive, no one can tell the
    two apart, and neither is named. Of binary tasks whose reference has labels. TooFew with fewer labels.
    """
    for view in (pair.reference, pair.current):
        view.need(FEWEST)
    if pair.current.coverage < COVERAGE:
        raise TooFew(f"labels of {pair.current.coverage:.0%} of the predictions, {COVERAGE:.0%} needed")
    usual, rate = (float(view.count[view.label == 1].sum() / view.n) for view in (pair.reference, pair.current))
    error = np.sqrt(usual * (1 - usual) * (1 / pair.reference.n + 1 / pair.current.n))
    if abs(rate - usual) < CLEAR * error or abs(rate - (1 - usual)) > abs(rate - usual) / 2:
        return {}
    edges = _edges(pair.reference)
    before, now = (_binned(view, edges) for view in (pair.reference, pair.current))
    kept = (before[0] > 0) & (now[0] > 0)
    (before_rows, before_positives), (rows, positives) = ((part[0][kept], part[1][kept]) for part in (before, now))
    expected, found = (before_positives + 0.5) / (before_rows + 1), positives / rows
    # The variance of the rate as it is seen now; half a label in each class keeps it above zero.
    smooth = (positives + 0.5) / (rows + 1)
    weight = 1 / (smooth * (1 - smooth) / rows + expected * (1 - expected) / before_rows)
    turn, gap = 1 - 2 * expected, found - expected
    information = float(weight @ turn**2)
    if information <= 0:
        return {}
    share = float(weight @ (gap * turn)) / information
    margin = interval.Z / np.sqrt(information)
    left, change = float(weight @ (gap - share * turn) ** 2), float(weight @ gap**2)
    if share - margin < LEAST or left > UNEXPLAINED * change:
        return {}
    low, value, high = (float(np.clip(x, 0.0, 1.0)) for x in (share - margin, share, share + margin))
    return {"": Estimate(value, pair.current.n, low, high)}


def _edges(view: LabelledView) -> Floats:
    """The last bucket of every bin but the last."""
    bucket, positives, negatives, _ = view.by_score
    upto = np.cumsum(positives + negatives)
    places = np.searchsorted(upto, upto[-1] * np.arange(1, BINS) / BINS)
    return np.unique(bucket[np.minimum(places, len(bucket) - 1)]).astype(np.float64)


def _binned(view: LabelledView, edges: Floats) -> tuple[Floats, Floats]:
    """(rows, positives) by bin."""
    bucket, positives, negatives, _ = view.by_score
    place = np.searchsorted(edges, bucket)
    rows, yes = (np.bincount(place, part, len(edges) + 1) for part in (positives + negatives, positives))
    return rows.astype(np.float64), yes.astype(np.float64)
