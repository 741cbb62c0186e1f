"""The two-stage nowcast: labels that a window will finally have, from those that came and from what came before.

Stage 1 recalibrates the score on older predictions, whose labels are mostly in; stage 2 asks how far the window itself
departs from that: from the labels that it has so far, and from those that should have come by now and did not. It leans
on the score where the score holds, and on the labels where it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from airflow_ml_monitor.errors import Immature, TooFew
from airflow_ml_monitor.estimation import identify
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.pending import Finals, finals, settled
from airflow_ml_monitor.estimation.recalibration import Design, Relation, stage_one, stage_two
from airflow_ml_monitor.estimation.states import States
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.truth.arrivals import Arrivals
from airflow_ml_monitor.truth.curve import DRAWS, ArrivalCurve

_GROUPS = 16
"""Of a window's successive days; one day each, unless it has more."""


@dataclass(frozen=True, slots=True, eq=False)
class Nowcast:
    """The labels that a window will have. coverage: the share of its predictions whose label has come.

    overdispersion: of arrivals, 1 to 25. relation: of score and label in the window, by the arrivals' cells; None where
    nothing is awaited.
    """

    expected: Expected
    coverage: float
    overdispersion: float
    relation: Relation | None


@dataclass(frozen=True, eq=False)
class TwoStage:
    """What all windows of one run share: the arrival curve and what has arrived by it. Made by `of`.

    reference: labelled rows of the reference by label and cell, (2, C), for a model without older predictions.
    """

    states: States
    reference: Floats | None
    draws: int
    seed: int

    @classmethod
    def of(cls, arrivals: Arrivals, reference: Floats | None = None, *, draws: int = 100, seed: int = 0) -> TwoStage:
        """The same for the same arrivals and seed. draws: up to 200."""
        return cls(States(arrivals, ArrivalCurve.of(arrivals)), reference, min(draws, DRAWS), seed)

    @property
    def curve(self) -> ArrivalCurve:
        return self.states.curve

    @cached_property
    def _weeks(self) -> dict[int, Relation]:
        return {}

    @cached_property
    def design(self) -> Design:
        arrivals = self.states.arrivals
        return Design.of(arrivals.cells, arrivals.predicted.sum(axis=0))

    def refusal(self, first: int, last: int) -> identify.Refusal | None:
        """Why the window has no value yet, and on which day it may have one; None where it may be asked for."""
        if self._is_settled(first, last):
            return None
        return identify.refusal(self.states, first, last)

    def nowcast(self, first: int, last: int) -> Nowcast:
        """Of the window of days first … last, both inside, numbered as in the arrivals.

        Immature where what is known does not tell, with the reason; TooFew without predictions.
        """
        days = np.arange(first, last + 1)
        refused = self.refusal(first, last)
        if refused is not None:
            raise Immature(refused.reason)
        rng = np.random.default_rng([self.seed, first, last])
        before = None if self._is_settled(first, last) else self._before(first)
        return self._of(days, self.states.counts[:, days], self.states.arrivals.predicted[days], before, rng)

    def _before(self, first: int) -> Relation:
        """What came before a window: that of its week, as a day more or less of what is months old tells nothing."""
        week = first - first % 7
        if week not in self._weeks:
            rng = np.random.default_rng([self.seed, week])
            self._weeks[week] = stage_one(self.states, self.design, week, self.reference, self.draws, rng)
        return self._weeks[week]

    def of_slice(self, first: int, last: int, whole: Nowcast, predicted: Floats, arrived: Floats) -> Nowcast:
        """Of a part of the window's rows: a further stage, which departs from the whole window's relation.

        whole: the window's nowcast. predicted: the part's rows by day and cell, (last - first + 1, C); arrived: by day,
        label and cell, (…, 2, C). Errors as in `nowcast`.
        """
        days = np.arange(first, last + 1)
        rng = np.random.default_rng([self.seed, first, last, int(predicted.sum())])
        return self._of(days, self.states.of_part(days, predicted, arrived), predicted, whole.relation, rng)

    def _of(
        self, days: Counts, counts: Floats, predicted: Floats, before: Relation | None, rng: np.random.Generator
    ) -> Nowcast:
        """counts: by state, (3, days, C). before: the relation that is departed from; None where nothing is awaited."""
        rows, phi = float(predicted.sum()), self.curve.overdispersion
        if rows <= 0:
            raise TooFew("no prediction in the window")
        found, relation = settled(counts[:2].sum(axis=1), self.draws), None
        if before is not None:
            _, group = np.unique(np.arange(len(days)) * _GROUPS // max(len(days), _GROUPS), return_inverse=True)
            seen = self.states.seen(days, group, np.ones(len(days)), counts)
            drawn = self.states.drawn(days, group, seen, self.draws)
            relation = stage_two(before, seen.over(phi), drawn.over(phi), self.design, rng)
            found = finals(seen, drawn, relation.logit, relation.drawn, phi, rng)
            _refuse_wide(found, self.states.arrivals.names[1])
        coverage = min(float(counts[:2].sum()) / rows, 1.0)
        return Nowcast(found.as_expected(self.states.arrivals.cells, rng), coverage, phi, relation)

    def _is_settled(self, first: int, last: int) -> bool:
        """All labels are in, or too old to be awaited, and none is known to be put right later."""
        days, states = slice(first, last + 1), self.states
        without = states.arrivals.predicted[days] > states.counts[:2, days].sum(axis=0)
        young = states.ages[days] < states.arrivals.horizon
        if (without.any(axis=1) & young).any():
            return False
        if self.curve.corrections is None:
            return True
        ages = np.minimum(states.ages[days], self.curve.last_age)
        return not self.curve.corrections.still_wrong(np.ones_like(self.curve.net))[:, :, ages].any()


def nowcast(
    arrivals: Arrivals, first: int, last: int, *, reference: Floats | None = None, draws: int = 100, seed: int = 0
) -> Expected:
    """The labels that the window of days first … last will finally have; for many windows make one `TwoStage`."""
    return TwoStage.of(arrivals, reference, draws=draws, seed=seed).nowcast(first, last).expected


def _refuse_wide(found: Finals, name: str) -> None:
    low, high = np.quantile(found.base_rate, [0.025, 0.975])
    if (high - low) / 2 > identify.WIDEST:
        raise Immature(
            f"the labels at hand leave the share of {name} open between {low:.0%} and {high:.0%}; more must come"
        )
