"""What moves columns from day to day though nothing has changed: weekdays, days, seasons; partly common to many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

FACTORS = 3
"""Series that columns share in part."""
_BURN_IN = 50
_TAIL = 6  # degrees of freedom of the daily innovations


@dataclass(frozen=True, slots=True)
class World:
    """Ranges from which each column's own sizes are drawn, evenly in their square root: more small than large ones; in
    standard deviations of the column.

    weekday: the largest of the seven effects. between: standard deviation of a day's effect. autocorrelation: the
    largest of its lag-1 autocorrelations. season: amplitude of a wave over the year; sharp: of a peak a few weeks
    wide, about the same date in every column. rows: mean of a day, one for the stream, evenly in its logarithm.
    lumps: part of the rows come in groups that agree in many columns.
    """

    weekday: tuple[float, float]
    between: tuple[float, float]
    autocorrelation: float = 0.6
    season: tuple[float, float] = (0.0, 0.0)
    is_sharp: bool = False
    rows: tuple[float, float] = (5_000, 50_000)
    lumps: bool = False


class Days:
    """What all columns of a stream share."""

    def __init__(self, world: World, dates: np.ndarray, seed: int) -> None:
        random = np.random.default_rng([seed, 1])
        self.world, self.dates = world, dates
        self.weekday = (dates.astype("datetime64[D]").astype(int) + 3) % 7
        self.innovations = _heavy(random, (len(dates) + _BURN_IN, FACTORS))
        self.patterns = random.standard_normal((7, FACTORS))
        day_of_year = (dates - dates.astype("datetime64[Y]")).astype(int)
        self.angle = 2 * np.pi * day_of_year / 365.25
        # Early December, as it is in trade.
        self.peak = 2 * np.pi * (340 + random.uniform(-10, 10)) / 365.25

    def effects(self, random: np.random.Generator, count: int = 1) -> np.ndarray:
        """(T, count): effects of a day on so many quantities of one column, in standard deviations."""
        world, factor, common = self.world, random.integers(FACTORS), random.uniform(0.0, 0.5)
        sign = random.choice([-1.0, 1.0], count)
        pattern = random.standard_normal((7, count)) * np.sqrt(1 - common)
        pattern += np.sqrt(common) * sign * self.patterns[:, [factor]]
        pattern -= pattern.mean(axis=0)
        pattern *= _sizes(random, world.weekday, count) / np.abs(pattern).max(axis=0)
        innovation = np.sqrt(1 - common) * _heavy(random, (len(self.innovations), count))
        innovation += np.sqrt(common) * sign * self.innovations[:, [factor]]
        lag = random.uniform(0.0, world.autocorrelation)
        noise = lfilter([np.sqrt(1 - lag**2)], [1.0, -lag], innovation, axis=0)[_BURN_IN:]
        season = self._wave(random, count) * _sizes(random, world.season, count)
        return np.asarray(pattern[self.weekday] + noise * _sizes(random, world.between, count) + season)

    def _wave(self, random: np.random.Generator, count: int) -> np.ndarray:
        """A wave over the year with mean 0: smooth, of any phase, or peaked near the common date, up or down."""
        if not self.world.is_sharp:
            return np.asarray(np.cos(self.angle[:, None] - random.uniform(0, 2 * np.pi, count)))
        at = self.peak + 2 * np.pi * random.uniform(-7, 7, count) / 365.25
        # A von Mises hump with a standard deviation of about 13 days.
        hump = np.exp(20 * (np.cos(self.angle[:, None] - at) - 1))
        return np.asarray((hump - 0.09) * random.choice([-1.0, 1.0], count))


def day_rows(world: World, days: Days, seed: int, rows: float | None) -> np.ndarray:
    """(T,): rows of each day, about `rows` or one draw of the world's; weekdays and days differ by about 15 %."""
    random = np.random.default_rng([seed, 2])
    low, high = np.log(world.rows)
    drawn = np.exp(random.uniform(low, high))
    level = drawn if rows is None else float(rows)
    pattern = 0.15 * random.standard_normal(7)
    noise = 0.08 * _heavy(random, (len(days.dates), 1))[:, 0]
    return np.asarray(random.poisson(level * np.exp(np.clip(pattern[days.weekday] + noise, -1.0, 1.0))))


def _heavy(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Student t with standard deviation 1."""
    return np.asarray(random.standard_t(_TAIL, shape) * np.sqrt((_TAIL - 2) / _TAIL))


def _sizes(random: np.random.Generator, span: tuple[float, float], count: int) -> np.ndarray:
    low, high = span
    return np.asarray(random.uniform(low**0.5, high**0.5, count) ** 2)
