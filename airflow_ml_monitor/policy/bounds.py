"""Limits of one metric, and where they hold: what a rule is made of. Light: imported when a DAG is parsed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import WHOLE, Slice

LEAST_IN_CONTROL: Final = 8
"""Windows before it that a value is judged against in standard deviations; of fewer they say too little.

Of eight values a standard deviation is known to about a quarter: 1 / √(2 · 7) = 0.27.
"""


class Improvement(StrEnum):
    """What it means that a metric gets better, where a bound holds to both sides."""

    IGNORE = "ignore"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a metric's value. min, max: fixed. fall, rise: against its value in the reference, in its unit.

    fall_share, rise_share: the same as a share of the reference's value.
    sigmas: so many standard deviations from the reference's value, to both sides: those of the metric's own values in
    the windows before it that lie within the bound and whose data are not broken. Without eight such windows it is not
    judged. They hold the chance of a window's rows already: `sure` asks for the whole interval beyond them on top.
    """

    min: float | None = None
    max: float | None = None
    fall: float | None = None
    rise: float | None = None
    fall_share: float | None = None
    rise_share: float | None = None
    sigmas: float | None = None

    def __post_init__(self) -> None:
        given = (self.min, self.max, *self.relative)
        if not any(value is not None for value in given):
            raise SpecError(
                "no bound; give one of min, max, fall, rise, fall_share, rise_share, sigmas", field="bounds"
            )
        if wrong := [value for value in given if value is not None and not math.isfinite(value)]:
            raise SpecError(f"{wrong[0]} is no finite number; leave out the bound that is none", field="bounds")
        if self.sigmas is not None and self.sigmas <= 0:
            told = f"{self.sigmas} is no number of standard deviations; give more than 0, e.g. 3"
            raise SpecError(told, field="bounds.sigmas")
        if negative := [value for value in self.relative if value is not None and value < 0]:
            raise SpecError(f"{negative[0]} is negative; fall and rise are distances, 0 or more", field="bounds")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise SpecError(f"min {self.min} is above max {self.max}", field="bounds")

    @property
    def relative(self) -> tuple[float | None, ...]:
        return (self.fall, self.rise, self.fall_share, self.rise_share, self.sigmas)

    @property
    def is_relative(self) -> bool:
        """True if a limit depends on the reference's value."""
        return any(value is not None for value in self.relative)

    @property
    def is_fixed(self) -> bool:
        """True if a limit depends on nothing."""
        return self.min is not None or self.max is not None

    @property
    def is_two_sided(self) -> bool:
        """True if the limits against the reference hold to both sides of it."""
        return self.sigmas is not None or self._falls_and_rises

    @property
    def _falls_and_rises(self) -> bool:
        falls, rises = (self.fall, self.fall_share), (self.rise, self.rise_share)
        return all(any(value is not None for value in side) for side in (falls, rises))

    def without(self, better: str) -> Bounds:
        """Less fall, or rise, on the side on which what holds to both sides of the reference is no limit."""
        if not better or not self._falls_and_rises:
            return self
        names = ("fall", "fall_share") if better == "low" else ("rise", "rise_share")
        return replace(self, **dict.fromkeys(names))

    def limits(
        self, reference: float | None, sigma: float | None = None, better: str = ""
    ) -> tuple[float | None, float | None]:
        """(lowest, highest) value that is still good; the tighter one where several are given.

        sigma: the metric's standard deviation, without which `sigmas` is no limit. better: 'low' or 'high', the side
        on which what holds to both sides of the reference is none.

        >>> Bounds(fall=0.05).limits(0.8)
        (0.75, None)
        >>> Bounds(sigmas=2).limits(0.75, sigma=0.125, better="high")
        (0.5, None)
        """
        if reference is None:
            return self.min, self.max
        lows, highs = [self.min], [self.max]
        mine, size, spread = self.without(better), abs(reference), _times(self.sigmas, sigma)
        falls = [mine.fall, _times(mine.fall_share, size), None if better == "low" else spread]
        rises = [mine.rise, _times(mine.rise_share, size), None if better == "high" else spread]
        lows += [reference - distance for distance in falls if distance is not None]
        highs += [reference + distance for distance in rises if distance is not None]
        return (
            max((x for x in lows if x is not None), default=None),
            min((x for x in highs if x is not None), default=None),
        )


def _times(share: float | None, of: float | None) -> float | None:
    return None if share is None or of is None else share * of


@dataclass(frozen=True, slots=True)
class Condition:
    """A limit on one metric, where it holds and when it counts as broken; alone it is a rule, see `Rule.all`.

    columns: those it holds for; empty means all. share_of_columns: it is broken in a window only if at least this share
    of the columns that can be judged there break it, in (0, 1].
    parameters: of a metric of several values, e.g. 'q=0.5'; None means all.
    slices: False looks at the whole only; True at every slice besides; names of columns: at the slices by these.
    least_n: windows with fewer rows behind the value are not judged.
    sure: the whole 95 % interval (or, for a distance, the value less its noise floor) must be beyond the bound.
    improvement: whether a bound to both sides of the reference (sigmas; fall and rise) also holds where the metric gets
    better. Metrics that have no better side, such as a mean, are bounded to both.
    """

    metric: str
    bounds: Bounds
    columns: tuple[str, ...] = ()
    parameters: str | None = None
    slices: bool | tuple[str, ...] = False
    share_of_columns: float | None = None
    least_n: int = 1
    sure: bool = True
    improvement: Improvement = Improvement.IGNORE

    def __post_init__(self) -> None:
        if self.least_n < 0:
            raise SpecError(f"{self.least_n} is no number of rows", field="least_n")
        if self.slices == ():
            raise SpecError("names no column; name those of slice_by, or give true or false", field="slices")
        if self.share_of_columns is not None and not 0 < self.share_of_columns <= 1:
            told = f"{self.share_of_columns} is no share of columns; give more than 0, and at most 1"
            raise SpecError(told, field="share_of_columns")
        if self.improvement is Improvement.ALARM and not self.bounds.is_two_sided:
            told = "there is no bound to both sides of the reference; give sigmas, or fall and rise, or leave it out"
            raise SpecError(told, field="improvement")

    def looks_at(self, slice: Slice) -> bool:
        """True of the whole, and of the slices that it looks at."""
        if isinstance(self.slices, tuple):
            return all(column in self.slices for column, _ in slice)
        return self.slices or slice == WHOLE
