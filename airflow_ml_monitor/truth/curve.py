"""The arrival curve: which share of a class's labels has come by an age, read off the newest calendar days.

A label that is still awaited has no class, so how long labels take cannot be counted forwards: late ones are missing.
Reverse time has no such gap: among the labels that came by age u, the share that came at exactly u is known for every
day of prediction that is u days old (Lagakos, Barraj and De Gruttola 1988; the chain ladder of insurers).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.truth.arrivals import Arrivals
from airflow_ml_monitor.truth.corrections import Corrections
from airflow_ml_monitor.truth.outage import Outages

Bools = NDArray[np.bool_]

PSEUDO_COUNTS = 10.0
"""Labels of all strata that a stratum's own hazard is shrunk by."""
LEAST_SHARE = 0.002
"""Below it an arrived share says nothing: its inverse would make one early label stand for a thousand."""
FEWEST_DIAGONALS, MOST_DIAGONALS = 120, 180
"""Fewer, and a season's customers pass for all; more, and a delay that has changed is averaged with the old one."""
MOST_OVERDISPERSION = 25.0
_MOST_NET = 1.25
DRAWS = 200
_FEWEST_FREEDOM = 30


@dataclass(frozen=True, slots=True)
class Maturity:
    """The share of all labels that have come by an age, and its 95 % interval; in [0, 1]."""

    age: int
    share: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.share:.0%} mature after {self.age} days ({100 * self.low:.0f}–{100 * self.high:.0f})"


def diagonals_for(horizon: int) -> int:
    """How many of the newest calendar days the curve is read off: half the horizon, but 120 to 180."""
    return min(max(horizon // 2, FEWEST_DIAGONALS), MOST_DIAGONALS)


@dataclass(frozen=True, eq=False)
class ArrivalCurve:
    """Reverse-time hazards by label, stratum and age 0 … H (the last age), from the last calendar diagonals.

    events, exposed: labels that came at age u, and by age u, in those days, (2, S, H + 1); net of corrections, so that
    events may be negative. retracted: labels taken back at age u, as far as entries show it, same shape. rate: labels
    a prediction finally gets, by label and stratum, (2, S). overdispersion: how many times the binomial's the variance
    of arrivals is, 1 to 25: customers come in groups. reach: the greatest age that any day of prediction has today, at
    most the horizon: what comes later has never been seen. last_live: the newest day on which labels could come.
    """

    events: Floats
    exposed: Floats
    retracted: Floats
    rate: Floats
    overdispersion: float
    reach: int
    today: int
    last_live: int

    @classmethod
    def of(cls, arrivals: Arrivals, diagonals: int | None = None) -> ArrivalCurve:
        """Read off the last diagonals (by default as many as the horizon asks for)."""
        newest, outages = diagonals or diagonals_for(arrivals.horizon), Outages.of(arrivals)
        ages = arrivals.ages()
        read = _Read(arrivals, newest, outages.distorted, _last_age(arrivals))
        events, exposed, retracted = (part[0] for part in read.by(np.zeros(len(ages), np.int64)))
        used = ages[arrivals.predicted.any(axis=1)]
        reach = min(int(used.max(initial=0)), arrivals.horizon)
        about = (reach, arrivals.today, outages.last_live)
        curve = cls(events, exposed, retracted, np.ones(events.shape[:2]), 1.0, *about)
        spread = _overdispersion(read, curve.hazard)
        return cls(events, exposed, retracted, _rate(arrivals, curve), spread, *about)

    @property
    def last_age(self) -> int:
        """The horizon, or later where labels are put right after it."""
        return int(self.events.shape[2]) - 1

    @cached_property
    def hazard(self) -> Floats:
        """P(label comes at age u | comes by age u), (2, S, H + 1), shrunk to all strata's."""
        return _shrunk(self.events, self.exposed)

    @cached_property
    def net(self) -> Floats:
        """Labels shown at age u over those finally shown, (2, S, H + 1); above 1 where more is taken back later."""
        return _arrived_share(self.hazard)

    @property
    def share(self) -> Floats:
        """F: the share of a class's labels that has come by age u, (2, S, H + 1); in [0.002, 1]."""
        return np.asarray(np.clip(self.net, LEAST_SHARE, 1.0), np.float64)

    @property
    def odds(self) -> Floats:
        """Positive labels for each negative one, finally, (S,)."""
        return np.asarray((self.rate[1] + LEAST_SHARE) / (self.rate[0] + LEAST_SHARE), np.float64)

    @cached_property
    def corrections(self) -> Corrections | None:
        """Labels that are put right later; None where none was ever taken back."""
        if not self.retracted.any():
            return None
        return Corrections.of(_shrunk(self.retracted, self.exposed), self.net, self.odds)

    @cached_property
    def drawn(self) -> Floats:
        """Bootstrap draws of `net`, (200, 2, S, H + 1): what other labels from the same delays would have shown."""
        hazard, trials = self.hazard, (self.exposed + PSEUDO_COUNTS) / self.overdispersion
        varies = (hazard > 0) & (hazard < 1)
        drawn = np.repeat(hazard[None], DRAWS, axis=0)
        h, n = hazard[varies], trials[varies]
        drawn[:, varies] = np.random.default_rng(20881).beta(h * n, (1 - h) * n, (DRAWS, len(h)))
        return _arrived_share(drawn)

    def effective(self, ages: Counts) -> Counts:
        """Ages as far as labels could come: those on the newest day that was live; below 0 where none could come."""
        return ages - (self.today - self.last_live)

    def maturity(self, age: int, weights: Floats | None = None) -> Maturity:
        """How complete labels are at an age, over all classes and strata.

        weights: labels awaited in all by label and stratum, (2, S); by default the mix of the last diagonals.
        """
        at = min(max(age, 0), self.last_age)
        weigh = self._mix(weights)
        share = float((weigh * self.share[:, :, at]).sum())
        low, high = np.quantile((np.minimum(self.drawn[..., at], 1.0) * weigh).sum((1, 2)), [0.025, 0.975])
        return Maturity(age, share, min(float(low), share), max(float(high), share))

    def age_at(self, share: float, weights: Floats | None = None) -> int | None:
        """The age from which on at least a share of all labels has come; None if not by the horizon."""
        path = np.tensordot(self._mix(weights), self.share, axes=2)
        found = np.flatnonzero(path >= share - 1e-12)
        return int(found[0]) if len(found) else None

    def _mix(self, weights: Floats | None) -> Floats:
        weigh = self.exposed.max(axis=2) if weights is None else weights
        return weigh / max(float(weigh.sum()), 1e-9)


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """Arrivals on the newest diagonals, those of some calendar days left out."""

    arrivals: Arrivals
    newest: int
    distorted: Counts
    last_age: int

    def by(self, group: Counts) -> tuple[Floats, Floats, Floats]:
        """(events, exposed, retracted) by group of days, label, stratum and age, (N, 2, S, H + 1). group: (T,).

        A label of day t that came at age v is at risk on every diagonal t + u with u ≥ v: a run of ages, counted by its
        two ends.
        """
        known, horizon, today = self.arrivals, self.last_age, self.arrivals.today
        shape = (int(group.max(initial=0)) + 1, 2, known.cells.strata, horizon + 2)
        row = (group[known.day] * 2 + known.label) * shape[2] + known.cells.stratum[known.cell]

        def counted(pick: Bools, age: Counts, count: Floats) -> Floats:
            place = row[pick] * shape[3] + age[pick]
            found = np.bincount(place, weights=count[pick], minlength=int(np.prod(shape)))
            return np.asarray(found.reshape(shape), np.float64)

        first = np.maximum(known.age, today - self.newest + 1 - known.day)
        last = np.minimum(horizon, today - known.day)
        at_risk, on_time = first <= last, (first == known.age) & ~np.isin(known.day + known.age, self.distorted)
        exposed = counted(at_risk, first, known.count) - counted(at_risk, last + 1, known.count)
        exposed = np.cumsum(exposed, axis=3)
        for day in self.distorted:
            age = np.asarray(day - known.day, np.int64)
            exposed -= counted(at_risk & (first <= age) & (age <= last), age, known.count)
        on_time &= at_risk
        events = counted(on_time, known.age, known.count)
        retracted = counted(on_time, known.age, np.maximum(-known.count, 0.0))
        return events[..., :-1], np.maximum(exposed[..., :-1], 0.0), retracted[..., :-1]


def _last_age(arrivals: Arrivals) -> int:
    """The horizon; where labels are put right after it, the age by which nearly all of that is done."""
    late = (arrivals.count < 0) & (arrivals.age > arrivals.horizon)
    if not late.any():
        return arrivals.horizon
    return min(int(np.quantile(arrivals.age[late], 0.99)), 2 * arrivals.horizon)


def _shrunk(events: Floats, exposed: Floats) -> Floats:
    """Hazards by label, stratum and age (last three axes), each with ten pseudo-counts of all strata's."""
    pooled_events, pooled_exposed = (part.sum(axis=-2, keepdims=True) for part in (events, exposed))
    pooled = np.divide(pooled_events, pooled_exposed, out=np.zeros_like(pooled_events), where=pooled_exposed > 0)
    return np.asarray(np.clip((events + PSEUDO_COUNTS * pooled) / (exposed + PSEUDO_COUNTS), -0.5, 1.0), np.float64)


def _arrived_share(hazard: Floats) -> Floats:
    """F(u) = ∏ (1 - h(v)) over v > u; the last age has 1."""
    with np.errstate(divide="ignore"):
        stayed = np.log1p(-hazard[..., 1:])
    later = np.cumsum(stayed[..., ::-1], axis=-1)[..., ::-1]
    share = np.concatenate([np.exp(later), np.ones_like(hazard[..., :1])], axis=-1)
    return np.asarray(np.minimum(share, _MOST_NET), np.float64)


def _rate(arrivals: Arrivals, curve: ArrivalCurve) -> Floats:
    """Labels that a prediction finally gets, by label and stratum: those at hand over those that should be by now."""
    ages, share = np.clip(curve.effective(arrivals.ages()), 0, curve.last_age), curve.share
    of_stratum = np.eye(arrivals.cells.strata)[arrivals.cells.stratum]
    predicted = arrivals.predicted @ of_stratum
    arrived = arrivals.arrived().sum(axis=0) @ of_stratum
    due = np.einsum("ts,yst->ys", predicted, share[:, :, ages])
    return np.asarray(np.divide(arrived, due, out=np.zeros_like(arrived), where=due > 0), np.float64)


def _overdispersion(read: _Read, hazard: Floats) -> float:
    """Pearson's χ² over its degrees of freedom, 1 to 25: weeks of prediction × weeks of age, against the hazards."""
    # Weeks older than that stand on no diagonal.
    group = np.minimum(read.arrivals.ages() // 7, (read.newest + read.last_age) // 7 + 1)
    events, exposed, _ = read.by(group)
    # At age 0, and at an age at which all that is left comes at once, there is nothing that could vary.
    hazard = np.where((hazard >= 0.95) | (hazard < 0), 0.0, hazard)
    hazard[..., 0] = 0.0
    starts = np.concatenate([[0], np.arange(1, hazard.shape[2], 7)])
    seen, expected, variance = (
        np.add.reduceat(part, starts, axis=3)
        for part in (np.where(hazard > 0, events, 0.0), exposed * hazard, exposed * hazard * (1 - hazard))
    )
    enough = expected >= 5
    # A week of ages costs one degree of freedom for the hazards that were fitted to it.
    freedom = int(enough.sum()) - int(enough.any(axis=0).sum())
    if freedom < _FEWEST_FREEDOM:
        return 1.0
    chi2 = float(((seen - expected)[enough] ** 2 / variance[enough]).sum())
    return float(np.clip(chi2 / freedom, 1.0, MOST_OVERDISPERSION))
