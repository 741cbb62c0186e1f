"""The fold: window after window against what was usual before, at a budget of false alarms a year.

What is said of a window depends on it and on earlier ones alone, so that today's judgement of last month is last
month's, unless its values have changed since.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from airflow_ml_monitor.policy.charts.baseline import Baseline, fit
from airflow_ml_monitor.policy.charts.limits import MEMORIES, Limits, limits_of
from airflow_ml_monitor.policy.charts.panel import Flags, Floats, Panel
from airflow_ml_monitor.policy.charts.season import Season, learnt

LEAST_WINDOWS: Final = 14
"""From so many windows on there is a baseline to judge by."""
FULL_POWER: Final = 60
"""From so many on its own error widens limits little."""
LOOK_BACK: Final = 120
LEAST_DAYS: Final = 35
"""A baseline is made of the newest 120 windows, or of 35 days where that is more."""
QUARANTINE: Final = 14
"""The newest windows are not learnt from: what creeps in would become usual unseen."""
REFIT: Final = (7, 14)
"""So often a baseline is learnt anew: while its windows are few, and when it has all."""
LASTS: Final = 0.5
"""A component in alarm stays so until its means are back within so much of their limits."""
STRANGE: Final = 3.7
"""A window with a score beyond is not learnt from, alarm or not."""
FEWEST: Final = 7
"""Where a baseline would have fewer windows in control, those out of control are the usual ones: nothing else is."""
BEYOND: Final = 1.4
"""One window alone must lie so much further out than any that is usual."""
STAYED: Final = (21, 28)
"""A component in alarm in so many of so many windows has a new level."""


@dataclass(frozen=True)
class Watched:
    """(T, J) each: alarm; excess: how far beyond its limit, 1 at the limit; size: of the shift, in the value's unit;
    score: of the window alone, in standard deviations; renewed: a level that stayed is the usual one from here on.

    windows, detectable, lag, error: (J,) of the newest baseline: see Baseline and Limits; detectable in the value's
    unit. first: the first window that was judged.
    """

    alarm: Flags
    excess: Floats
    size: Floats
    score: Floats
    renewed: Flags
    windows: Floats
    detectable: Floats
    lag: Floats
    error: Floats
    first: int


def watch(panel: Panel, false_alarms: float) -> Watched:
    """Judge every window of a panel that has enough before it. false_alarms: a year, over all components; > 0."""
    windows, size = panel.value.shape
    fold = _Fold(panel, false_alarms)
    for t in range(fold.first, windows):
        fold.step(t)
    base = fold.base
    none = np.zeros(size)
    return Watched(
        alarm=fold.alarm,
        excess=fold.excess,
        size=fold.size,
        score=fold.score,
        renewed=fold.renewed,
        windows=base.windows if base else none,
        detectable=fold.detectable,
        lag=base.lag if base else none,
        error=base.error if base else none,
        first=fold.first,
    )


@dataclass
class _Fold:
    """Where the fold stands. mean, move: (2, J) of scores, and of residuals; over: windows beyond the limit in a row;
    before: (2, J) z and score of the last window; born: (J,) from where on the usual level counts; out: not in control.
    known: there is a value; young: too few of its kind before it to be judged; last: (J,) in alarm when last judged.
    """

    panel: Panel
    false_alarms: float
    base: Baseline | None = None
    limits: Limits | None = None
    learnt: int = -1
    alarm: Flags = field(init=False)
    renewed: Flags = field(init=False)
    out: Flags = field(init=False)
    excess: Floats = field(init=False)
    size: Floats = field(init=False)
    score: Floats = field(init=False)
    block: tuple[Floats, Floats, Floats] = field(init=False)

    def __post_init__(self) -> None:
        shape = self.panel.value.shape
        self.alarm, self.renewed, self.out = (np.zeros(shape, bool) for _ in range(3))
        self.excess, self.size, self.score = (np.zeros(shape) for _ in range(3))
        self.mean, self.move, self.over, self.before = (np.zeros((2, shape[1])) for _ in range(4))
        self.born = np.zeros(shape[1], np.int64)
        self.known = np.isfinite(self.panel.value)
        self.last, self.young = np.zeros(shape[1], bool), np.zeros(shape, bool)
        for t, mine in zip(*np.nonzero(self.panel.fresh), strict=True):
            self.young[t : t + LEAST_WINDOWS, mine] = True
            if t + LEAST_WINDOWS <= self.first:
                self.born[mine] = t

    @property
    def first(self) -> int:
        """The first window that is judged."""
        return max(self.panel.trusted, LEAST_WINDOWS)

    @property
    def detectable(self) -> Floats:
        """(J,) in the value's unit; endless of what has too few windows."""
        if self.base is None or self.limits is None:
            return np.full(len(self.born), np.inf)
        found = self.limits.detectable * np.sqrt(self.base.variance)
        return np.where(self.young[-1], np.inf, found)

    def step(self, t: int) -> None:
        """Judge window t, and keep what the next one needs."""
        if len(self.panel.accepted) and self.panel.accepted[t]:
            self._accept(t)
        if (grown := self.young[t - 1] & ~self.young[t]).any():
            self._begin(t - LEAST_WINDOWS, grown)
            self.out[t - LEAST_WINDOWS : t, grown] = False
        if self.learnt < 0 or t - self.learnt >= REFIT[t > LOOK_BACK + REFIT[1]]:
            self._learn(t)
        assert self.base is not None
        assert self.limits is not None
        residual, z, score = (part[t - self.learnt] for part in self.block)
        known, limits, least = self.known[t] & ~self.young[t], self.limits, self.panel.least
        away = np.where(known, self.base.standard(score), 0.0)
        found, excess = np.zeros(len(known), bool), np.zeros(len(known))
        for i, memory in enumerate(MEMORIES):
            share = np.where(known, memory, 0.0)
            self.mean[i] += share * (away - self.mean[i])
            self.move[i] += share * (residual - self.move[i])
            ratio = np.abs(self.mean[i]) / np.where(self.mean[i] > 0, limits.upper[i], limits.lower[i])
            ratio *= (np.abs(self.move[i]) >= least) & self._is_worse(self.mean[i])
            self.over[i] = np.where(known, np.where(ratio > 1, self.over[i] + 1, 0), self.over[i])
            found |= self.over[i] >= limits.confirm
            excess = np.maximum(excess, ratio)
        matters = (np.abs(residual) >= least) & known & self._is_worse(z)
        alone = matters & (np.abs(z) > BEYOND * self.base.largest)
        ratio = np.where(alone, np.abs(score) / limits.one, 0.0)
        lesser = np.where(z * self.before[0] > 0, np.minimum(np.abs([z, score]), np.abs(self.before)), 0.0)
        ratio = np.maximum(ratio, np.where(matters & (lesser[0] > self.base.largest), lesser[1] / limits.two, 0.0))
        self.before = np.where(known, [z, score], self.before)
        self.alarm[t] = known & (found | (ratio > 1) | (self.last & (excess > LASTS)))
        self.last = np.where(known, self.alarm[t], self.last)
        self.excess[t], self.score[t] = np.maximum(excess, ratio), score
        self.size[t] = np.where(ratio > excess, residual, self._moved())
        self.out[t] = self.alarm[t] | (np.abs(score) > STRANGE)
        self._renew(t)

    def _moved(self) -> Floats:
        """The shift, by the mean that has the larger one."""
        found: Floats = np.where(np.abs(self.move[0]) > np.abs(self.move[1]), self.move[0], self.move[1])
        return found

    def _is_worse(self, move: Floats) -> Flags:
        found: Flags = self.panel.side * move >= 0
        return found

    def _renew(self, t: int) -> None:
        """A level that stayed is the usual one from now on."""
        least, of = STAYED
        stayed = self.alarm[max(0, t - of + 1) : t + 1].sum(axis=0) >= least
        if stayed.any():
            self.renewed[t] = stayed
            self.out[t - least + 1 : t + 1, stayed] = False
            self._begin(t - least + 1, stayed)

    def _accept(self, t: int) -> None:
        """What stands in alarm is usual from its first window on, and judged when there are enough of them."""
        self.renewed[t] = self.last
        for j in np.flatnonzero(self.last):
            calm = np.flatnonzero(self.known[:t, j] & ~self.alarm[:t, j])
            first = int(calm[-1]) + 1 if len(calm) else 0
            self.young[t : first + LEAST_WINDOWS, j] = True
            if not self.young[t, j]:
                self._begin(first, np.arange(len(self.last)) == j)
                self.out[first:t, j] = False
        self.last[:] = False

    def _begin(self, t: int, anew: Flags) -> None:
        """What was usual of some components before window t counts no more."""
        self.born[anew] = t
        for state in (self.mean, self.move, self.over, self.before):
            state[:, anew] = 0.0
        self.last[anew] = False
        self.learnt = -1

    def _learn(self, t: int) -> None:
        """What is usual before window t: the wave of all its days, the rest of the newest of them."""
        panel, rows = self.panel, np.arange(t)
        # Of a short history the quarantine is a quarter.
        old = rows[:, None] < t - np.minimum(QUARANTINE, (t - self.born) // 4)
        own = (rows[:, None] >= self.born) & (old | (rows < panel.trusted)[:, None])
        own &= self.known[:t]
        near = slice(max(0, t - max(LOOK_BACK, int(LEAST_DAYS / panel.step))), t)
        use = own & ~lasting(self.out[:t])
        if (anew := use[near].sum(axis=0) < FEWEST).any():
            self._begin(near.start, anew)
            use[:, anew] = own[:, anew] & (rows >= near.start)[:, None]
        about = panel.variance[near], panel.phase[near], panel.phases, use[near], panel.group
        before = self.base or fit(panel.value[near], *about)
        level = panel.value[:t] - before.pattern[panel.phase[:t]]
        season = learnt(panel.day[:t], level, before.variance * before.long_run, use, panel.group)
        base = fit(panel.value[near] - season.value(panel.day[near]), *about)
        doubt = season.doubt(float(panel.day[t]), panel.day[near]) / np.maximum(base.variance, 1e-300)
        self.base = replace(base, error=base.error + doubt, daily=base.daily + doubt)
        self.limits = limits_of(self.base, use[near], panel.budget(self.false_alarms, t))
        self.learnt = t
        self.block = self._block(t, season)

    def _block(self, t: int, season: Season) -> tuple[Floats, Floats, Floats]:
        """(residuals, z, scores) of the windows until the next baseline; 0 where there is no value."""
        assert self.base is not None
        block = slice(t, t + REFIT[1])
        value = self.panel.value[block] - season.value(self.panel.day[block])
        known = self.known[block] & ~self.young[block]
        residual = np.where(known, self.base.residual(value, self.panel.phase[block]), 0.0)
        z = self.base.z(residual, np.where(known, self.panel.variance[block], 1.0))
        return residual, z, self.base.scores(z)


def lasting(out: Flags) -> Flags:
    """(D, J): what is out of control, but a burst of at most two windows with three quiet ones behind it.

    Nature has those, and tails are to learn from them.
    """
    quiet = np.vstack([np.ones((2, out.shape[1]), bool), ~out, np.zeros((4, out.shape[1]), bool)])

    def after(k: int) -> Flags:
        return quiet[2 + k : 2 + k + len(out)]

    single = out & after(-1) & after(1) & after(2) & after(3)
    first = out & after(-1) & ~after(1) & after(2) & after(3) & after(4)
    second = np.vstack([np.zeros((1, out.shape[1]), bool), first[:-1]])
    found: Flags = out & ~(single | first | second)
    return found
