"""What is seen of rows at an age: shown as negative, shown as positive, or awaited; and how likely, given the label."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from airflow_ml_monitor.estimation.likelihood import AWAITED, LEAST, Seen
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.truth.arrivals import Arrivals
from airflow_ml_monitor.truth.curve import LEAST_SHARE, ArrivalCurve

_NOTHING = np.array([0.0, 0.0, 1.0])
"""The chances before any label could come."""


@dataclass(frozen=True, eq=False)
class States:
    """The states of all predictions today, and the chances of each state by age.

    The curve's strata are those of the arrivals' cells; it may be that of more predictions than these.
    """

    arrivals: Arrivals
    curve: ArrivalCurve

    @cached_property
    def ages(self) -> Counts:
        """Of each day's predictions today, as far as labels could come, (T,); below 0 where none could."""
        return self.curve.effective(self.arrivals.ages())

    @cached_property
    def of_stratum(self) -> Floats:
        """Which cells belong to each of the curve's strata: 0 or 1, (C, S)."""
        return np.eye(self.curve.events.shape[1])[self.arrivals.cells.stratum]

    @cached_property
    def counts(self) -> Floats:
        """Rows by state, day and cell, (3, T, C)."""
        days = np.arange(len(self.ages))
        return self.of_part(days, self.arrivals.predicted, self.arrivals.arrived())

    def of_part(self, days: Counts, predicted: Floats, arrived: Floats) -> Floats:
        """Rows by state, day and cell, (3, T', C), of some days or of a part of their rows.

        predicted: (T', C). arrived: by label, (T', 2, C). Awaited is what has no label yet and will get one: nothing of
        predictions as old as the horizon; of younger ones without a label a part, where some older ones never got any:
        then it need not be whole.
        """
        without = np.maximum(predicted - arrived.sum(axis=1), 0.0)
        return np.concatenate([np.moveaxis(arrived, 1, 0), (without * self._coming[days])[None]])

    @cached_property
    def _coming(self) -> Floats:
        """P(a label comes yet | none has come), by day and cell, (T, C); 1 while nobody has seen one stay away."""
        over = self.ages >= self.arrivals.horizon
        of_stratum = self.of_stratum
        predicted = self.arrivals.predicted[over].sum(axis=0) @ of_stratum
        arrived = self.arrivals.arrived()[over].sum(axis=(0, 1)) @ of_stratum
        never = np.divide(predicted - arrived, predicted, out=np.zeros_like(predicted), where=predicted > arrived)
        rate = self.curve.rate / np.maximum(self.curve.rate.sum(axis=0), LEAST)
        later = (1 - never[:, None]) * np.einsum("ys,ysu->su", rate, 1 - self.curve.share)
        coming = np.where(never[:, None] > 0, later / np.maximum(later + never[:, None], LEAST), 1.0)
        coming[:, self.arrivals.horizon :] = 0.0
        ages = np.clip(self.ages, 0, self.curve.last_age)
        return np.asarray(coming[:, ages].T[:, self.arrivals.cells.stratum], np.float64)

    @cached_property
    def chances(self) -> Floats:
        """P(state | final label, stratum, age), (1, 3, 2, S, H + 1)."""
        return self._chances(self.curve.net[None])

    @cached_property
    def drawn_chances(self) -> Floats:
        """The same from bootstrap draws of the curve, (200, 3, 2, S, H + 1)."""
        return self._chances(self.curve.drawn)

    def seen(self, days: Counts, group: Counts, weight: Floats, counts: Floats | None = None) -> Seen:
        """Rows of some days, in groups 0, 1, …, each day's rows with a weight; all three arrays of one length.

        counts: of these days, (3, T', C), where they are not all rows.
        """
        groups = int(group.max()) + 1
        of_group = np.eye(groups)[group].T * weight
        counts = np.asarray(of_group @ (self.counts[:, days] if counts is None else counts), np.float64)
        mix = self._mix(days, group, groups)
        return Seen(counts, self._mixed(self.chances, days, mix), self.arrivals.cells.stratum)

    def drawn(self, days: Counts, group: Counts, seen: Seen, draws: int) -> Seen:
        """The same rows with the chances of the curve's first draws."""
        mix = self._mix(days, group, int(group.max()) + 1)
        return Seen(seen.counts, self._mixed(self.drawn_chances[:draws], days, mix), seen.stratum)

    def _mix(self, days: Counts, group: Counts, groups: int) -> Floats:
        """The part that each day has in its group's rows, by stratum, (N, T', S)."""
        weight = np.zeros((groups, len(days), self.of_stratum.shape[1]))
        weight[group, np.arange(len(days))] = self.arrivals.predicted[days] @ self.of_stratum + LEAST
        return np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float64)

    def _mixed(self, chance: Floats, days: Counts, mix: Floats) -> Floats:
        ages = np.minimum(self.ages[days], self.curve.last_age)
        at = np.where(ages >= 0, chance[..., np.maximum(ages, 0)], _NOTHING[:, None, None, None])
        return np.asarray(np.einsum("dklst,gts->dklgs", at, mix, optimize=True), np.float64)

    def _chances(self, net: Floats) -> Floats:
        """Where labels are put right later, part of what is shown belongs to the other class."""
        corrections = self.curve.corrections
        first = np.clip(net if corrections is None else corrections.first(net), LEAST_SHARE, 1.0)
        found = np.zeros((len(net), 3, *net.shape[1:]))
        wrong = np.zeros_like(first) if corrections is None else corrections.still_wrong(first)
        for label in (0, 1):
            found[:, label, label] = first[:, label] - wrong[:, label]
            found[:, 1 - label, label] = wrong[:, label]
        found[:, AWAITED] = 1.0 - first
        return found
