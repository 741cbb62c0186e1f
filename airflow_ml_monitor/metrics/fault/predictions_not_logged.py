"""Predictions that were made and are not in the log: labels come, and there is nothing they are of."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import gammaincinv

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate, Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.label_feed_view import LOOKBACK, LabelFeedView
from airflow_ml_monitor.profile.label_source import LabelMode

SPANS: Final = (1, 7, 28)
"""Days that are looked at together: labels of one day's lost predictions come in over weeks."""
FEWEST: Final = 14
"""Days before, at least as many as are looked at: two of every weekday."""
LEAST_LABELS: Final = 30
LEAST: Final = 0.04
"""Labels without a prediction beyond the usual, of those of an ordinary day."""
CERTAIN: Final = 6.0
"""Deviations of chance beyond the usual share: a normal has 1e-9 there."""
APART: Final = 4.0
"""Deviations between days that a usual share is below, on the log odds: days in a row may be high together.

Measured: of 240 quiet years of 600 labels a day, twelve sources from no such label to 60 %, days' log odds spread by up
to 1, one year has a name (30 %, spread 0.5, each day 0.98 like the one before). Where none is usual, 10 % of one day's
predictions were found in each of 80 years, 0 to 12 days later with delays of a day to a month; where 2 % are, only a
loss that goes on is, after nine days."""
SURPRISE: Final = 3.0
"""So many such labels are one deviation at least: where none is usual, every one would be certain."""
MORE: Final = 1.2
"""Times the largest share of as many days before: what comes now and then is usual."""
LASTING: Final = 21
"""Days after which what was named is as usual as anything else."""


@fault(Subject.LABEL_FEED)
def predictions_not_logged(feed: LabelFeedView) -> Estimates:
    """Labels came for keys that no prediction has, more than usual: predictions of part of the traffic are not there.

    Value: share of the traffic whose prediction is not there, among labels that became known in the window: (now -
    usual) / (1 - usual); of which day the predictions were, their labels do not tell. `days=7`: in the seven days up to
    its end, as labels of one day's predictions come in over weeks. Asked for, beyond the share of the 56 days before:
    4 % of an ordinary day's labels; six deviations of chance beyond what days differ by; 1.2 times the largest share of
    as many days; by number, too, six deviations more than as many days have. What lasts longer than three weeks becomes
    usual.
    Labels of predictions that were made before the first day known here look the same: until the horizon after that day
    has passed, and two weeks more, nothing is said (TooFew). Where labels are events alone (mode implicit) the share is
    of events; of selective ones, of the rows that were let through. Undefined where labels are totals, are asked for of
    predictions that were logged (mode sampled), or do not say when they became known.
    What looks the same: a source of several models' labels when the others' grow, a model that gives up traffic, old
    labels that are uploaded at once. Let the source hold this model's labels alone, or overlook it. One odd day is told
    for up to four weeks, as of those days together.
    """
    _need_tellable(feed)
    count, lost = feed.counts
    if not feed.width or feed.window.start < feed.judged_from:
        told = f"predictions made before {feed.first:%Y-%m-%d}, the first day known here, are labelled until"
        raise TooFew(f"{told} {feed.judged_from:%Y-%m-%d}")
    if len(count) - feed.width < FEWEST:
        raise TooFew(f"{len(count) - feed.width} days before whose labels could all have a prediction, {FEWEST} needed")
    spans = sorted({max(span, feed.width) for span in SPANS})
    named = np.zeros(len(count), np.bool_)
    found: Estimates = {}
    for last in range(len(count)):
        found = _of_day(count[: last + 1], lost[: last + 1], named, spans)
        named[last] = bool(found)
    return {name if name != f"days={feed.width}" else "": estimate for name, estimate in found.items()}


def _need_tellable(feed: LabelFeedView) -> None:
    labels = feed.labels
    if labels.are_totals:
        raise Undefined("labels come as totals alone: which rows they are of is not known")
    if labels.mode is LabelMode.SAMPLED:
        raise Undefined("labels are asked for of predictions that were logged: none is of a lost one")
    if labels.label_time is None:
        raise Undefined("when a label became known is not known; declare label_time")


def _of_day(count: Floats, lost: Floats, named: np.ndarray, spans: list[int]) -> Estimates:
    """What is found in the shortest of the spans that end with the last day. named: the days before that were."""
    day = len(count) - 1
    for span in spans:
        first = day + 1 - span
        before = np.arange(max(first - LOOKBACK, 0), max(first, 0))
        before = before[~named[before] | (day - before > LASTING)]
        if len(before) < max(FEWEST, span):
            return {}
        estimate = _beyond(count, lost, before, span)
        if estimate is not None:
            return {f"days={span}": estimate}
    return {}


def _beyond(count: Floats, lost: Floats, before: Counts, span: int) -> Estimate | None:
    """The share of the last days' labels whose prediction should be there; None unless it is surely beyond usual."""
    n, gone, usual_n = (float(part.sum()) for part in (count[-span:], lost[-span:], count[before]))
    if min(n, usual_n) < LEAST_LABELS:
        return None
    usual, share = float(lost[before].sum()) / usual_n, gone / n
    if usual == 1 or gone - usual * n < LEAST * max(usual_n / len(before), n / span):
        return None
    rate = max(usual, 1 / usual_n)
    chance = math.sqrt(rate * (1 - rate) * (1 / n + 1 / usual_n))
    between = _between(count[before], lost[before], usual)
    highest = _raised(usual, APART * between)
    if share - highest < CERTAIN * math.hypot(chance, SURPRISE / n):
        return None
    if share <= MORE * _largest(count[before], lost[before], span):
        return None
    # By number too: where little is one's own, as on a holiday, the share of other traffic is high.
    expected = float(lost[before].sum()) / len(before) * span
    if gone - expected < CERTAIN * math.sqrt(expected):
        return None
    spread = between * usual * (1 - usual)
    half = interval.Z * math.sqrt(share * (1 - share) / n + rate * (1 - rate) / usual_n + spread**2)
    low, value, high = ((limit - usual) / (1 - usual) for limit in (share - half, share, share + half))
    return Estimate(value, int(n), max(low, 0.0), min(high, 1.0))


def _between(count: Floats, lost: Floats, usual: float) -> float:
    """The deviation of a day's log odds beyond chance, at most; the days of a stretch may all be high together.

    Were a day's odds lognormal, of the mean and variance that shares show: now and then some are many times the usual.
    """
    there = count > 0
    n, p = count[there], lost[there] / count[there]
    excess = float(n @ (p - usual) ** 2) - usual * (1 - usual) * len(n)
    if excess <= 0:
        return 0.0
    relative = math.sqrt(excess / float(n.sum())) / (usual * (1 - usual))
    free = max(len(n) - 1, 1)
    # Few days show a variance badly: the upper limit of its 95 % interval.
    surely = free / (2 * float(gammaincinv(free / 2, interval.TAIL)))
    return math.sqrt(math.log1p(relative**2) * surely)


def _raised(share: float, by: float) -> float:
    """A share whose log odds are higher by so much."""
    return share / (share + (1 - share) * math.exp(-by))


def _largest(count: Floats, lost: Floats, span: int) -> float:
    """The largest share of so many days in a row."""
    n, gone = (np.convolve(part, np.ones(span), "valid") for part in (count, lost))
    enough = n >= LEAST_LABELS
    return float((gone[enough] / n[enough]).max(initial=0.0))
