"""How right each estimator was, by what became known later: what an estimate is believed by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import bdtr, ndtr

from airflow_ml_monitor.profile.cells import Floats

LEAST: Final = 5
"""Windows below which nothing is said about an estimator: of four, chance alone could be as bad."""
PROMISED: Final = 0.8
"""Coverage below which an interval is no use; 95 % is what it claims."""
SURE: Final = 0.05
"""The p-value below which an estimator is muted."""
EXACT: Final = 200
"""Windows up to which the ranks' distribution is counted out; of more it is normal."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What an estimator said of a metric in one past window, and what came out.

    low, high: the interval for the value that the window would finally show. realised: that value. reference: the
    metric in the reference, which is what one would have said without any estimator.
    """

    estimator: str
    metric: str
    value: float
    low: float
    high: float
    realised: float
    reference: float

    @property
    def error(self) -> float:
        return self.value - self.realised


@dataclass(frozen=True, slots=True)
class Score:
    """How right an estimator was on one metric over `windows` past windows; in the metric's unit.

    mean_error: above 0 it says too much. coverage: share of the windows whose value lay in its interval.
    reference_mean_absolute_error: of the reference's value in its place. muted: why it is not to be shown; '' if it is.
    """

    estimator: str
    metric: str
    windows: int
    mean_error: float
    mean_absolute_error: float
    rmse: float
    coverage: float
    reference_mean_absolute_error: float
    muted: str

    @property
    def is_muted(self) -> bool:
        return bool(self.muted)


def scoreboard(trials: Iterable[Trial]) -> list[Score]:
    """A score for each estimator and metric, in the order of their names; whatever the order of the trials.

    Windows count alike and as independent: of overlapping ones give every other. Muted is whose intervals hold too few
    realised values (binomial test), or who, where its interval left out the reference's value, was further off than
    that value. Of 1,000 simulated boards an estimator as right as the reference, with honest intervals, is muted on at
    most 4 %; one off by two of its standard deviations on 21 % of five windows, 49 % of eight, 84 % of twelve.
    """
    found: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        found.setdefault((trial.estimator, trial.metric), []).append(trial)
    return [_score(*name, of_one) for name, of_one in sorted(found.items())]


def _score(estimator: str, metric: str, trials: list[Trial]) -> Score:
    # In one order: sums of floats depend on it in their last digits.
    errors = np.sort([trial.error for trial in trials])
    instead = np.sort([abs(trial.reference - trial.realised) for trial in trials])
    covered = sum(trial.low <= trial.realised <= trial.high for trial in trials)
    return Score(
        estimator,
        metric,
        len(trials),
        float(errors.mean()),
        float(np.abs(errors).mean()),
        float(np.sqrt((errors**2).mean())),
        covered / len(trials),
        float(instead.mean()),
        _muted(trials, covered),
    )


def _muted(trials: list[Trial], covered: int) -> str:
    """Why an estimator is muted; '' while it is not, and of fewer than LEAST windows always."""
    n = len(trials)
    if n < LEAST:
        return ""
    if (chance := float(bdtr(covered, n, PROMISED))) < SURE:
        return (
            f"{covered} of {n} realised values lay in its 95 % intervals; if {PROMISED:.0%} did, so few would have a "
            f"chance of {chance:.2g}"
        )
    # Where the interval holds the reference's value nothing was claimed: few labels are no fault while nothing changes.
    claims = [trial for trial in trials if not trial.low <= trial.reference <= trial.high]
    excess = np.array([abs(trial.error) - abs(trial.reference - trial.realised) for trial in claims])
    if (chance := worse(excess)) < SURE:
        return (
            f"in {len(claims)} of {n} windows it said that performance was not the reference's, which then lay nearer "
            f"to the realised value (Wilcoxon, p = {chance:.2g})"
        )
    return ""


def worse(excess: Floats) -> float:
    """P-value of differences as much above 0 as these, were they as often below: Wilcoxon's signed ranks (1945).

    One-sided; exact up to EXACT differences, ties at their mean rank; differences of 0 are left out.
    """
    kept = excess[np.abs(excess) > 1e-12]
    n = len(kept)
    if not n:
        return 1.0
    _, place, count = np.unique(np.abs(kept).round(12), return_inverse=True, return_counts=True)
    # Twice the mean rank is a whole number.
    ranks = (2 * np.cumsum(count) - count + 1)[place]
    above = int(ranks[kept > 0].sum())
    if n > EXACT:
        return float(ndtr((ranks.sum() / 2 - above) / np.sqrt((ranks.astype(np.float64) ** 2).sum() / 4)))
    ways = np.ones(1)
    for rank in ranks:
        longer = np.concatenate([ways, np.zeros(rank)])
        longer[rank:] += ways
        ways = longer / 2
    return float(min(ways[above:].sum(), 1.0))
