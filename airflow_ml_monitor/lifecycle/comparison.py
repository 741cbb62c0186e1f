"""Champion against challenger on the same labelled rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from airflow_ml_monitor.errors import SpecError, TooFew, Undefined

LEAST_OF_EACH_CLASS = 30
"""Below this many rows of either class the intervals are not trusted and nothing is compared."""
_CONFIDENCE = 0.95
# As scikit-learn: a score of exactly 0 or 1 costs a finite loss.
_CLIP = float(np.finfo(np.float64).eps)

_Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """One metric of both models on the same rows.

    difference: in the challenger's favour, so positive is better whatever the metric's direction. low, high: its 95 %
    interval.
    """

    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether the challenger is better, by how much, how surely.

    metric … high: the primary metric, log loss, as in PairedDifference. roc_auc: beside it, for the reader; it does
    not decide. is_better: the primary interval lies wholly above 0. reason: in words.
    """

    metric: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    n: int
    is_better: bool
    reason: str
    roc_auc: PairedDifference


def compare(labels: ArrayLike, champion_scores: ArrayLike, challenger_scores: ArrayLike) -> Comparison:
    """The challenger's gain over the champion on rows that neither was trained on, with paired 95 % intervals.

    labels: 0 or 1. Scores: probabilities of a 1, row by row for the same rows. Log loss decides, because it is a mean
    over rows, sees calibration as well as order, and a model cannot gain by it except by better probabilities; its
    interval is Student's t on the paired differences. ROC AUC's is DeLong's, paired. If the two models are equally
    good, is_better is wrong in 2.5 % of comparisons: a two-sided 95 % interval, one side of which promotes. That holds
    for one look; looking again every day on growing rows finds false winners far more often.
    Errors: SpecError for arrays that do not fit together, Undefined for one class only, TooFew below
    LEAST_OF_EACH_CLASS rows of a class.
    DeLong, DeLong and Clarke-Pearson 1988; midranks as in Sun and Xu 2014.
    """
    truth, champion, challenger = _checked(labels, champion_scores, challenger_scores)
    loss = _log_loss(truth, champion, challenger)
    is_better = loss.low > 0
    return Comparison(
        metric=loss.metric,
        champion=loss.champion,
        challenger=loss.challenger,
        difference=loss.difference,
        low=loss.low,
        high=loss.high,
        n=len(truth),
        is_better=is_better,
        reason=_reason(loss, len(truth)),
        roc_auc=_roc_auc(truth, champion, challenger),
    )


def _checked(labels: ArrayLike, *scores: ArrayLike) -> tuple[_Numbers, _Numbers, _Numbers]:
    truth, champion, challenger = (np.asarray(column, dtype=np.float64) for column in (labels, *scores))
    named = {"labels": truth, "champion_scores": champion, "challenger_scores": challenger}
    lengths = {name: column.shape for name, column in named.items()}
    if any(column.ndim != 1 or column.shape != truth.shape for column in named.values()):
        raise SpecError(f"shapes {lengths} do not fit; give one number per row, for the same rows in the same order")
    if not np.isin(truth, (0, 1)).all():
        raise SpecError("holds values other than 0 and 1; leave rows without a label out", field="labels")
    for name in ("champion_scores", "challenger_scores"):
        column = named[name]
        # Written so that NaN fails it too.
        if not ((column >= 0) & (column <= 1)).all():
            raise SpecError("holds values outside [0, 1]; give probabilities of the positive class", field=name)
    positives = int(truth.sum())
    fewer = min(positives, len(truth) - positives)
    if len(truth) and fewer == 0:
        raise Undefined("all labels are of one class, so the models cannot be compared; wait for rows of the other")
    if fewer < LEAST_OF_EACH_CLASS:
        raise TooFew(f"{fewer} rows of the rarer class; at least {LEAST_OF_EACH_CLASS} are needed: hold out more rows")
    return truth, champion, challenger


def _log_loss(truth: _Numbers, champion: _Numbers, challenger: _Numbers) -> PairedDifference:
    """Mean log loss in nats, its paired difference with Student's t interval."""
    losses = []
    for scores in (champion, challenger):
        clipped = np.clip(scores, _CLIP, 1 - _CLIP)
        losses.append(-np.where(truth == 1, np.log(clipped), np.log1p(-clipped)))
    gains = losses[0] - losses[1]
    n = len(gains)
    half = float(stats.t.ppf(0.5 + _CONFIDENCE / 2, n - 1) * gains.std(ddof=1) / math.sqrt(n))
    gain = float(gains.mean())
    return PairedDifference(
        "log_loss", float(losses[0].mean()), float(losses[1].mean()), gain, gain - half, gain + half
    )


def _roc_auc(truth: _Numbers, champion: _Numbers, challenger: _Numbers) -> PairedDifference:
    """ROC AUC and DeLong's interval of the paired difference.

    placements[i] is the share of the other class that row i is on the right side of; an AUC is their mean in
    either class, and its variance is the sum of the variances of the two means.
    """
    placements = [_placements(truth, scores) for scores in (champion, challenger)]
    areas = [float(positive.mean()) for positive, _ in placements]
    variance = 0.0
    for ours, theirs in zip(placements[1], placements[0], strict=True):
        variance += float((ours - theirs).var(ddof=1)) / len(ours)
    half = float(stats.norm.ppf(0.5 + _CONFIDENCE / 2)) * math.sqrt(variance)
    gain = areas[1] - areas[0]
    return PairedDifference("roc_auc", areas[0], areas[1], gain, gain - half, gain + half)


def _placements(truth: _Numbers, scores: _Numbers) -> tuple[_Numbers, _Numbers]:
    positive, negative = scores[truth == 1], scores[truth == 0]
    ranks = stats.rankdata(scores)
    above = (ranks[truth == 1] - stats.rankdata(positive)) / len(negative)
    below = 1 - (ranks[truth == 0] - stats.rankdata(negative)) / len(positive)
    return above, below


def _reason(loss: PairedDifference, n: int) -> str:
    facts = (
        f"log loss {loss.challenger:.4f} against the champion's {loss.champion:.4f} on {n} rows, "
        f"gain {loss.difference:+.4f} [{loss.low:+.4f}, {loss.high:+.4f}]"
    )
    if loss.low > 0:
        return f"the challenger is better: {facts}"
    return f"the challenger is {'worse' if loss.high < 0 else 'not shown to be better'}: {facts}"
