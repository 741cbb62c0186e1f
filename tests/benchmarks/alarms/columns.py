"""One column's shares of cells on each day, and the counts drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from effects import Days
from scipy.special import expit, logit, ndtr, ndtri
from streams import CATEGORICAL, FIRST, MISSING, NUMERIC, OTHER, Changed, Feature, shaped

RARE = 20
"""Categories with fewer reference rows go to `other`, as in a layout of the package."""
CARDINALITIES = (2, 3, 4, 6, 10, 15, 30, 80, 300, 1500)
MANY, LITTLE = 10, 0.002
"""Columns of so many categories have one with this share."""
_BODY = np.arange(1, 100) / 100
_TAILS = np.array([0.0005, 0.001, 0.0025, 0.005])
GRID = np.sort(np.concatenate([_BODY, _TAILS, 1 - _TAILS]))
"""Edges of numeric cells, as shares of the law that the reference has without day effects."""
_IN_SPREAD, _IN_SHARES, _IN_MISSING = 0.4, 0.7, 1.5
"""A day's effects on log spread, log shares of categories and the missing share's logit, as multiples of location's."""


@dataclass(frozen=True)
class Groups:
    """Rows that come together: the day and the size of each group."""

    day: np.ndarray
    size: np.ndarray

    @classmethod
    def drawn(cls, random: np.random.Generator, rows: np.ndarray) -> Groups:
        """Groups that hold about 40 % of each day's rows: most of 2 to 20 rows, one in 25 five times that."""
        count = random.poisson(0.4 * rows / 9.7)
        day = np.repeat(np.arange(len(rows)), count)
        size = (1 + random.geometric(1 / 7.0, len(day))) * np.where(random.random(len(day)) < 0.04, 5, 1)
        # No day has more rows in groups than rows.
        before = np.cumsum(size) - np.repeat(np.cumsum(np.bincount(day, size, len(rows))), count)
        inside = before + np.repeat(np.bincount(day, size, len(rows)), count) <= np.repeat(rows, count)
        return cls(day[inside], size[inside])


def targets(number: int, kind: str) -> frozenset[str]:
    """What can be changed of a column."""
    if kind == NUMERIC:
        return frozenset({"missing", "constant", "mean", "spread"})
    return frozenset({"missing", "constant", "new", *(["share"] if _cardinality(number) >= MANY else [])})


def _cardinality(number: int) -> int:
    return CARDINALITIES[number // 5 % len(CARDINALITIES)]


@dataclass
class Moved:
    """What changes do to one column, day by day."""

    mean: np.ndarray
    spread: np.ndarray
    missing: np.ndarray
    new: np.ndarray
    constant: np.ndarray
    share: np.ndarray

    @classmethod
    def by(cls, changed: Sequence[Changed], start: int, days: int, seed: int) -> Moved:
        found = cls(*(np.zeros(days) for _ in range(6)))
        for one in changed:
            shape = shaped(one.change, start, days, np.random.default_rng([seed, 4, one.column]))
            target = one.change.target
            size = 1.0 if target == "constant" else one.size
            getattr(found, target)[:] += shape * (np.log(size) if target in ("spread", "share") else size)
        return found


@dataclass(frozen=True)
class Maker:
    """Makes the columns of one stream; each of its own random numbers, so that none depends on how many there are."""

    seed: int
    start: int
    days: Days
    rows: np.ndarray
    groups: Groups | None = None
    changed: tuple[Changed, ...] = field(default=())

    def feature(self, number: int, kind: str) -> Feature:
        random = np.random.default_rng([self.seed, 3, number])
        mine = [one for one in self.changed if one.column == number]
        moved = Moved.by(mine, self.start, len(self.rows), self.seed)
        if kind == NUMERIC:
            return self._numeric(f"x{number:03d}", random, moved)
        return self._categorical(f"c{number:03d}", _cardinality(number), random, moved)

    def _numeric(self, name: str, random: np.random.Generator, moved: Moved) -> Feature:
        law = SinhArcsinh.drawn(random)
        step = random.choice([0.0, 0.5, 1.0], p=[0.8, 0.1, 0.1])
        missing = self._missing(random, moved)
        location = self.days.effects(random)[:, 0] + moved.mean
        spread = np.exp(_IN_SPREAD * self.days.effects(random)[:, 0] + moved.spread)
        if step:
            edges = step * (np.arange(np.floor(-8 / step), np.ceil(12 / step)) + 0.5)
        else:
            low, high = self._extremes(law, random, location, spread)
            inner = law.quantile(GRID)
            edges = np.r_[low, inner[(inner > low) & (inner < high)], high]
        below = law.share((edges - location[:, None]) / spread[:, None])
        shares = np.diff(np.column_stack([np.zeros(len(below)), below, np.ones(len(below))]), axis=1)
        values = _middles(law, edges, step)
        counts = self._counts(random, _completed(shares, missing, moved, int(np.argmin(np.abs(values)))))
        return _ended(name, counts, np.r_[np.nan, np.nan, values], self.start)

    def _extremes(
        self, law: SinhArcsinh, random: np.random.Generator, location: np.ndarray, spread: np.ndarray
    ) -> tuple[float, float]:
        """The least and the greatest value of the reference's days."""
        rows = np.maximum(self.rows[: self.start], 1)
        tail = -np.expm1(np.log(random.random((2, self.start))) / rows)
        ends = location[: self.start] + spread[: self.start] * law.quantile(np.stack([tail[0], 1 - tail[1]]))
        return float(ends[0].min()), float(ends[1].max())

    def _categorical(self, name: str, cardinality: int, random: np.random.Generator, moved: Moved) -> Feature:
        missing = self._missing(random, moved)
        shares = np.arange(1, cardinality + 1.0) ** -random.uniform(0.7, 1.4)
        shares *= random.gamma(4.0, 0.25, cardinality)
        if cardinality >= MANY:
            shares[-1] = LITTLE / (1 - LITTLE) * shares[:-1].sum()
        logits = np.log(shares / shares.sum()) + _IN_SHARES * self.days.effects(random, cardinality)
        logits[:, -1] += moved.share
        chance = np.exp(logits - logits.max(axis=1, keepdims=True))
        chance /= chance.sum(axis=1, keepdims=True)
        counts = self._counts(random, _completed(chance, missing, moved, int(np.argmax(shares))))
        is_rare = np.r_[False, False, counts[: self.start, FIRST:].sum(axis=0) < RARE]
        counts[:, OTHER] += counts[:, is_rare].sum(axis=1)
        counts = counts[:, ~is_rare]
        return Feature(name, CATEGORICAL, counts[: self.start].sum(axis=0), counts, np.full(counts.shape[1], np.nan))

    def _missing(self, random: np.random.Generator, moved: Moved) -> np.ndarray:
        """(T,): a third of the columns never miss a value."""
        usual = np.exp(random.uniform(np.log(0.002), np.log(0.1)))
        share = expit(logit(usual) + _IN_MISSING * self.days.effects(random)[:, 0])
        return np.asarray(np.clip(share * (random.random() > 1 / 3) + moved.missing, 0.0, 1.0))

    def _counts(self, random: np.random.Generator, shares: np.ndarray) -> np.ndarray:
        """(T, cells): groups take one cell each, the other rows one by one."""
        shares = np.ascontiguousarray(shares / shares.sum(axis=1, keepdims=True))
        agreeing = random.uniform(0.0, 1.0)
        if self.groups is None:
            return np.asarray(random.multinomial(self.rows, shares))
        group, cells = self.groups, shares.shape[1]
        agrees = random.random(len(group.day)) < agreeing
        day, size = group.day[agrees], group.size[agrees]
        upto = (np.cumsum(shares, axis=1) + np.arange(len(shares))[:, None]).ravel()
        at = np.searchsorted(upto, day + random.random(len(day)), side="right")
        at = np.minimum(at, (day + 1) * cells - 1)
        together = np.bincount(at, size, shares.size).reshape(shares.shape).astype(np.int64)
        return np.asarray(random.multinomial(self.rows - together.sum(axis=1), shares) + together)


def _completed(shares: np.ndarray, missing: np.ndarray, moved: Moved, top: int) -> np.ndarray:
    """Shares of the ordered cells with those of missing and unseen values before them; constant: all in one cell."""
    only = np.eye(shares.shape[1])[top]
    shares = shares + moved.constant[:, None] * (only - shares)
    valued = (1 - missing)[:, None] * np.column_stack([moved.new, (1 - moved.new)[:, None] * shares])
    return np.column_stack([missing, valued])


def _ended(name: str, counts: np.ndarray, values: np.ndarray, start: int) -> Feature:
    """Joins what lies beyond the reference's extremes into one cell at each end."""
    seen = FIRST + np.flatnonzero(counts[:start, FIRST + 1 : -1].sum(axis=0)) + 1
    first, last = int(seen[0]), int(seen[-1]) + 1
    # The extremes belong to the reference: what a draw puts beyond them lies at them.
    counts[:start, first] += counts[:start, FIRST:first].sum(axis=1)
    counts[:start, last - 1] += counts[:start, last:].sum(axis=1)
    counts[:start, FIRST:first] = counts[:start, last:] = 0
    ends = [counts[:, FIRST:first].sum(axis=1), counts[:, last:].sum(axis=1)]
    counts = np.column_stack([counts[:, MISSING], counts[:, OTHER], ends[0], counts[:, first:last], ends[1]])
    values = np.r_[np.nan, np.nan, values[first - 1], values[first:last], values[last]]
    return Feature(name, NUMERIC, counts[:start].sum(axis=0), counts, values)


def _middles(law: SinhArcsinh, edges: np.ndarray, step: float) -> np.ndarray:
    """A value in the middle of each cell."""
    if step:
        return np.asarray(np.r_[edges[0] - step / 2, edges + step / 2])
    below = np.clip(np.r_[0.0, law.share(edges), 1.0], 1e-12, 1 - 1e-12)
    return law.quantile((below[1:] + below[:-1]) / 2)


@dataclass(frozen=True)
class SinhArcsinh:
    """A law with mean 0 and standard deviation 1, skewed and heavy-tailed as it may be. Jones and Pewsey 2009."""

    skew: float
    tail: float
    centre: float = 0.0
    scale: float = 1.0

    @classmethod
    def drawn(cls, random: np.random.Generator) -> SinhArcsinh:
        """From nearly normal to skewed with tails about as a t with 5 degrees of freedom."""
        skew, tail = random.uniform(-0.4, 0.4), random.uniform(0.65, 1.1)
        x = cls(skew, tail).quantile((np.arange(100_000) + 0.5) / 100_000)
        return cls(skew, tail, float(x.mean()), float(x.std()))

    def share(self, x: np.ndarray) -> np.ndarray:
        """The distribution function."""
        return np.asarray(ndtr(np.sinh(self.tail * np.arcsinh(self.centre + self.scale * x) - self.skew)))

    def quantile(self, p: np.ndarray) -> np.ndarray:
        return np.asarray((np.sinh((np.arcsinh(ndtri(p)) + self.skew) / self.tail) - self.centre) / self.scale)
