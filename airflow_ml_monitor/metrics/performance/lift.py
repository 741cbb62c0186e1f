"""Lift."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate, Family
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, Worse, metric
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import TaskKind

TOPS: Final = (0.05, 0.1, 0.2)


@metric(Family.PERFORMANCE, Subject.LABELLED, range=(0.0, 20.0), worse=Worse.DOWN, tasks=(TaskKind.BINARY,))
def lift(rows: LabelledView) -> dict[str, Estimate]:
    """Label rate among the best-scored 5, 10 and 20 % of the rows, over the label rate of all.

    At least 0, at most one over the share looked at; 1 is chance. Times that share it is the recall among the best. Of
    a bucket that lies across the limit the rows above it count as the bucket's average. The interval is t on the logit
    scale of the recall, its variance allowing for the limit's own; joined with Clopper and Pearson's (1934) where few
    positives, or few negatives above the limit, are behind it. It assumes independent rows. n: labelled rows.
    Undefined without positives. TooFew without labels, or where the share looked at is less than a row.
    Piatetsky-Shapiro and Masand 1999.
    """
    rows.need(1)
    positives, negatives = rows.scored.by_bucket
    if not positives.sum():
        raise Undefined("no label is positive")
    tops = [top for top in TOPS if top * rows.n >= 1]
    if not tops:
        raise TooFew(f"{rows.n} rows with a label, of which the best {max(TOPS):.0%} is not one")
    return {f"top={top}": _lift(positives[::-1], negatives[::-1], top) for top in tops}


def _lift(positives: Floats, negatives: Floats, top: float) -> Estimate:
    """From positives and negatives by descending score."""
    upto = np.concatenate([[0.0], np.cumsum(positives + negatives)])
    found = np.concatenate([[0.0], np.cumsum(positives)])
    n, total = int(upto[-1]), int(found[-1])

    def reached(share: float) -> float:
        return float(np.interp(share * n, upto, found))

    above = reached(top)
    recall, rate = above / total, total / n
    limits = None
    if 0 < recall < 1:
        # The label rate at the limit: rows that cross it when it moves.
        there = (reached(1.25 * top) - reached(0.75 * top)) / (0.5 * top * n)
        cells = (
            (rate * recall, 1 - recall - there * (1 - top)),
            (rate * (1 - recall), -recall + there * top),
            (top - rate * recall, -there * (1 - top)),
            (1 - top - rate * (1 - recall), there * top),
        )
        variance = max(sum(share * influence**2 for share, influence in cells), 0.0) / rate**2 / n
        limits = interval.on_logit(recall, variance, total - 1)
    fewest, most = interval.share(total, n)
    # As a share of the positives; and as a label rate over that of all, neither of which is known.
    for of, scales in ((total, (1.0, 1.0)), (round(top * n), (top / most, top / fewest))):
        if min(above, of - above) < interval.RARE_SHARE:
            low = interval.share(min(math.floor(above), of), of)[0]
            high = interval.share(min(math.ceil(above), of), of)[1]
            limits = interval.outer(limits, (low * scales[0], high * scales[1]))
    low, high = limits or (0.0, 1.0)
    return Estimate(recall / top, n, min(low, recall) / top, max(min(high, 1.0), recall) / top)
