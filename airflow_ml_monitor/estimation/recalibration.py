"""The regression of both stages: what cells have in common, and how far their relation to the score may move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logit

from airflow_ml_monitor.estimation.likelihood import Seen, fit
from airflow_ml_monitor.estimation.states import States
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.truth.arrivals import Cells

EARLIEST, LATEST, HALF_LIFE = 300, 60, 120
"""Stage 1 looks at predictions 60 to 300 days before the window (younger ones if the horizon is shorter), the oldest
with the least weight. On younger ones, whose labels are few, accuracy was off by 2 to 6 points."""
FEWEST = 200
"""Older labels; with fewer the reference's take their place."""
TAUS = (0.05, 0.1, 0.2, 0.4)
_BLOCKS, _BUCKETS = 12, 20


@dataclass(frozen=True, eq=False)
class Design:
    """The score's logit by cell, and X: intercept, score, stratum, bucket of the score (joined to 20 at most)."""

    score: Floats
    columns: Floats
    strata: int

    @classmethod
    def of(cls, cells: Cells, rows: Floats) -> Design:
        """rows: predictions by cell, (C,); they weigh the score's mean and spread, and how buckets are joined."""
        weight = (rows + 1e-9) / (rows + 1e-9).sum()
        score = logit(np.clip(np.nan_to_num(cells.score, nan=0.5), 1e-4, 1 - 1e-4))
        middle = float(weight @ score)
        spread = max(float(np.sqrt(weight @ (score - middle) ** 2)), 1e-6)
        order = np.argsort(cells.bucket, kind="stable")
        _, of_bucket = np.unique(cells.bucket, return_inverse=True)
        below = np.cumsum(np.bincount(of_bucket, weights=weight))
        joined = np.minimum(((below - 1e-12) * _BUCKETS).astype(np.int64), _BUCKETS - 1)[of_bucket]
        _, joined = np.unique(joined, return_inverse=True)
        parts = [np.ones((len(order), 1)), ((score - middle) / spread)[:, None]]
        parts += [np.eye(cells.strata)[cells.stratum], np.eye(int(joined.max()) + 1)[joined]]
        return cls(score, np.concatenate(parts, axis=1), cells.strata)

    def precision(self, intercept: float, slope: float, strata: float, buckets: float) -> Floats:
        """Of the prior of each effect, (1, K), from standard deviations in logits."""
        sd = np.full(self.columns.shape[1], buckets)
        sd[0], sd[1], sd[2 : 2 + self.strata] = intercept, slope, strata
        return 1 / sd[None] ** 2


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """How score and label are related: the logit of the probability of a positive by cell, at the mode, (1, C), and in
    draws of what it could be, (D, C). tau: how far single strata and buckets were let depart from what came before.
    """

    logit: Floats
    drawn: Floats
    tau: float = 0.0

    def updated(
        self, seen: Seen, drawn: Seen, design: Design, priors: dict[float, Floats], rng: np.random.Generator
    ) -> Relation:
        """The relation after more rows, those of `seen`; `drawn` are the same with draws of the chances.

        priors: precision of the effects by tau. Each counts as much as the rows speak for it (by evidence): draws are
        taken from all, and the mode is their mean.
        """
        taus, precision = np.array(list(priors)), np.concatenate(list(priors.values()))
        mode = fit(seen, self.logit, design.columns, precision)
        weight = np.exp(mode.evidence - mode.evidence.max())
        weight /= weight.sum()
        which = rng.choice(len(taus), len(self.drawn), p=weight)
        refit = fit(drawn, self.drawn, design.columns, precision[which], mode.effect[which])
        moved = self.drawn + (refit.effect + refit.noise(rng)) @ design.columns.T
        return Relation(self.logit + (weight @ mode.effect)[None] @ design.columns.T, moved, float(weight @ taus))


def stage_one(
    states: States, design: Design, first: int, reference: Floats | None, draws: int, rng: np.random.Generator
) -> Relation:
    """How score and label were related among predictions made before day `first`; the score itself where none were.

    reference: labelled rows by label and cell, (2, C), used where older labels are too few.
    """
    score = design.score[None]
    start = Relation(score, np.repeat(score, draws, axis=0))
    latest = first - min(LATEST, states.arrivals.horizon)
    days = np.arange(max(first - EARLIEST, 0), max(latest + 1, 0))
    prior = {0.5: design.precision(2.0, 1.0, 0.3, 0.5)}
    if states.counts[:2, days].sum() >= FEWEST:
        weight = 0.5 ** ((first - days) / HALF_LIFE) / states.curve.overdispersion
        group = np.arange(len(days)) * _BLOCKS // max(len(days), _BLOCKS)
        seen = states.seen(days, group, weight)
        return start.updated(seen, states.drawn(days, group, seen, draws), design, prior, rng)
    if reference is not None:
        labelled = _all_known(reference, states)
        return start.updated(labelled, labelled, design, prior, rng)
    return start


def stage_two(before: Relation, seen: Seen, drawn: Seen, design: Design, rng: np.random.Generator) -> Relation:
    """How they are related in a window, or in a slice of it; far from before, where nothing was learnt there."""
    intercept, slope = (0.7, 0.45) if before.tau > 0 else (1.5, 1.0)
    priors = {tau: design.precision(intercept, slope, tau, tau) for tau in TAUS}
    return before.updated(seen, drawn, design, priors, rng)


def _all_known(labelled: Floats, states: States) -> Seen:
    counts = np.stack([labelled[0], labelled[1], np.zeros_like(labelled[0])])[:, None]
    certain = np.zeros((1, 3, 2, 1, states.arrivals.cells.strata))
    certain[:, 0, 0] = certain[:, 1, 1] = 1.0
    return Seen(counts, certain, states.arrivals.cells.stratum)
