"""95 % intervals that several metrics share. All assume independent rows; where few are behind a value they are wide.

Measured coverage stands beside each choice; tests/laws holds them to 93–97 %, and to at least 93 % where rows are few.
scipy.special, not scipy.stats: the latter takes most of a second to import.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scipy.special import bdtrik, betaincinv, expit, gammaincinv, stdtrit

from airflow_ml_monitor.measurement import Estimate

Interval = tuple[float, float]

TAIL: Final = 0.025
Z: Final = 1.959963984540054
"""The normal quantile of 1 - TAIL."""
FEW: Final = 10
"""Below so many rows, or expected events, an interval must be wide rather than right on average."""
RARE_SHARE: Final = 12
"""Below so many events Clopper-Pearson: Wilson alone covers down to 84 %, the two 93.5–97.4 % (binomial sums)."""


def share(events: float, n: float) -> Interval:
    """Of a binomial share: Wilson 1927; Clopper and Pearson 1934 where events or non-events are few."""
    if min(events, n - events) < RARE_SHARE:
        low = float(betaincinv(events, n - events + 1, TAIL)) if events else 0.0
        high = float(betaincinv(events + 1, n - events, 1 - TAIL)) if events < n else 1.0
        return low, high
    middle = (events + Z * Z / 2) / (n + Z * Z)
    half = Z * math.sqrt(events * (n - events) / n + Z * Z / 4) / (n + Z * Z)
    return middle - half, middle + half


def share_of(events: float, n: int) -> Estimate:
    """A binomial share with its interval; n is above 0."""
    return Estimate(events / n, n, *share(events, n))


def drawn_count(events: int, n: int, population: int) -> Estimate:
    """How many of a population have what `events` of the n drawn from it have, n above 0; exact where all are drawn.

    The interval of the share, narrowed by what is known of the finite population: Cochran 1977, section 2.6.
    """
    value, left = events / n, math.sqrt(max(1 - n / population, 0.0))
    low, high = (population * (value + left * (limit - value)) for limit in share(events, n))
    # Those that were drawn are there, and those that were drawn and have it not are not.
    return Estimate(population * value, n, max(low, float(events)), min(high, float(population - (n - events))))


def clustered_share(value: float, variance: float, least: float, most: float, clusters: int) -> Interval:
    """Of a share whose events come in dependent groups: as `share` of so many independent events as vary like it.

    variance: of the value, from what the groups show; least: the events that they amount to if each is all alike,
    taken where the variance tells nothing; most: all events. Few groups do not know their variance: Student's t.
    Kish 1965; Korn and Graubard 1998.
    """
    n, alone = least, value * (1 - value)
    # What is left of sums that cancel is no variance.
    if variance * most > 1e-9 * alone:
        doubt = (Z / student(clusters - 1)) ** 2
        n = min(max(alone / variance * doubt, least), most)
    low, high = share(value * n, n)
    return min(low, value), max(high, value)


def student(df: float, tail: float = TAIL) -> float:
    """The upper quantile of Student's t."""
    return float(stdtrit(max(df, 1.0), 1 - tail))


def mean(value: float, variance: float, n: int, skewness: float = 0.0) -> Interval | None:
    """Of a mean: Student's t, widened by Hall's (1992) correction for skewness. None below two rows.

    At the 99 % level with fewer than ten rows: they cannot show the skewness, and exponential data would be covered
    at 87 %.
    """
    if n < 2:
        return None
    quantile = student(n - 1, 0.005 if n < FEW else TAIL)
    error = math.sqrt(variance / n)
    plain = (value - quantile * error, value + quantile * error)
    return _outer(plain, _hall(value, error, n, skewness, quantile))


def moments_mean(first: float, second: float, third: float, n: int) -> Interval | None:
    """Of a mean, from its raw moments: as `mean`, without skewness where the rows' spread is rounding beside them."""
    if n < 2:
        return None
    spread = max(second - first**2, 0.0)
    tells = spread > 1e-9 * second and spread**1.5 > 0
    skewness = (third - 3 * first * second + 2 * first**3) / spread**1.5 if tells else 0.0
    return mean(first, spread * n / (n - 1), n, skewness)


def positive_mean(first: float, second: float, third: float, n: int) -> Interval | None:
    """Of the mean of what is never negative, from its raw moments: t on the log scale, joined with Hall 1992.

    Covers 93–98 % for |e| of uniform, normal, Laplace, t5 and exponential e, from two rows on. None below two rows.
    """
    if n < 2:
        return None
    spread = max(second - first**2, 0.0)
    if first <= 0 or spread <= 1e-15 * second or spread**1.5 == 0:
        return first, first
    skewness = (third - 3 * first * second + 2 * first**3) / spread**1.5
    error, quantile = math.sqrt(spread / (n - 1)), student(n - 1)
    low, high = _outer(_on_log(first, error, quantile), _hall(first, error, n, max(skewness, 0.0), quantile))
    return max(low, 0.0), high


def mean_square(value: float, kurtosis: float, n: int, df: int) -> Interval | None:
    """Of a mean square or a variance; kurtosis: the fourth moment over the squared second. None below one degree.

    t on the log scale joined with Hall 1992, the sixth moment taken as kurtosis^2.5 (15.6 for 15 of the normal, 88 for
    90 of Laplace, 4.3 for 3.9 of the uniform). Fewer than ten rows cannot show their tails: joined with a chi-square
    whose degrees of freedom follow a kurtosis shrunk to 9, the exponential's.
    """
    if df < 1:
        return None
    if value <= 0:
        return value, value
    found = (value, value)
    if n > 2 and kurtosis > 1 + 1e-9:
        error, quantile = value * math.sqrt((kurtosis - 1) / (n - 1)), student(n - 1)
        skewness = max(kurtosis**2.5 - 3 * kurtosis + 2, 0.0) / (kurtosis - 1) ** 1.5
        found = _outer(_on_log(value, error, quantile), _hall(value, error, n, skewness, quantile))
    if n < FEW:
        shape = df / ((n * max(kurtosis, 1.0) + FEW * 9) / (n + FEW) - 1)
        chi = (float(gammaincinv(shape, tail)) for tail in (1 - TAIL, TAIL))
        low, high = (value * shape / quantile for quantile in chi)
        found = _outer(found, (low, high))
    return max(found[0], 0.0), found[1]


@dataclass(frozen=True, slots=True)
class Losses:
    """The losses of one class: rows, sums of the loss and its powers, and the largest that its rows could have had."""

    rows: int
    total: float
    squares: float
    cubes: float
    largest: float

    @property
    def powers(self) -> tuple[float, float, float]:
        return self.total, self.squares, self.cubes


def mean_loss(classes: Sequence[Losses]) -> Interval | None:
    """Of a mean loss over all rows.

    A class of fewer than ten rows is weighted counts of a rare event (Fay and Feuer 1997: the gamma interval, which
    knows the largest loss and so stays honest at no row); the classes' limits are joined as by Zou and Donner 2008.
    """
    n = sum(part.rows for part in classes)
    if all(part.rows >= FEW for part in classes):
        first, second, third = (sum(power) / n for power in zip(*(c.powers for c in classes), strict=True))
        return positive_mean(first, second, third, n)
    low, high = added(*(_of_class(part, n) for part in classes))
    return max(low, 0.0), high


def mean_gap(above: Losses, below: Losses) -> Interval | None:
    """Of a mean over all rows of gaps, those of one class above 0, of the other below it; few rows as by mean_loss."""
    n = above.rows + below.rows
    if min(above.rows, below.rows) >= FEW:
        first = (above.total - below.total) / n
        return moments_mean(first, (above.squares + below.squares) / n, (above.cubes - below.cubes) / n, n)
    value, (low, high) = _of_class(below, n)
    return added(_of_class(above, n), (-value, (-high, -low)))


def _of_class(part: Losses, n: int) -> tuple[float, Interval]:
    """A class's part in a mean over n rows, with its limits."""
    middle = part.total / n
    low, high = (limit / n for limit in rare_sum(part.total, part.squares, part.largest))
    if part.rows >= FEW:
        low, high = positive_mean(middle, part.squares / n, part.cubes / n, n) or (low, high)
    return middle, (low, high)


def added(*parts: tuple[float, Interval]) -> Interval:
    """Of a sum of independent estimates, from each value and its limits: Zou and Donner 2008."""
    value = math.fsum(middle for middle, _ in parts)
    below = math.sqrt(sum((middle - low) ** 2 for middle, (low, _) in parts))
    above = math.sqrt(sum((high - middle) ** 2 for middle, (_, high) in parts))
    return value - below, value + above


def rare_sum(total: float, squares: float, largest: float) -> Interval:
    """Of the expected sum of a Poisson number of positive amounts, none above `largest`: Fay and Feuer 1997."""
    low = squares / total * float(gammaincinv(total**2 / squares, TAIL)) if squares > 0 else 0.0
    upper, spread = total + largest, squares + largest**2
    high = spread / upper * float(gammaincinv(upper**2 / spread, 1 - TAIL)) if spread > 0 else 0.0
    return low, high


def on_logit(value: float, variance: float, df: float) -> Interval:
    """Of a value strictly inside (0, 1): t on the logit scale."""
    middle = math.log(value / (1 - value))
    half = student(df) * math.sqrt(variance) / (value * (1 - value))
    return float(expit(middle - half)), float(expit(middle + half))


def on_log(value: float, variance: float, df: float) -> Interval:
    """Of a value above 0: t on the log scale."""
    return _on_log(value, math.sqrt(variance), student(df))


def on_fisher(value: float, variance: float, df: float) -> Interval:
    """Of a value strictly inside (-1, 1): t on Fisher's (1915) scale, the inverse hyperbolic tangent."""
    half = student(df) * math.sqrt(variance) / (1 - value**2)
    return math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half)


def tables_of_few_errors(tp: int, fp: int, fn: int, tn: int) -> list[tuple[float, float, float, float]]:
    """Confusion tables at both limits of the share of errors, where right or wrong rows are few; else none.

    Rows move between right and wrong in proportion; half a row in every cell says how, where there is none yet.
    """
    n, wrong = tp + fp + fn + tn, fp + fn
    if min(wrong, n - wrong) >= RARE_SHARE:
        return []
    found = []
    for error in share(wrong, n):
        right_up, wrong_up = n * (1 - error) / (tp + tn + 1), n * error / (fp + fn + 1)
        found.append(((tp + 0.5) * right_up, (fp + 0.5) * wrong_up, (fn + 0.5) * wrong_up, (tn + 0.5) * right_up))
    return found


def quantile_ranks(q: float, n: int) -> Interval | None:
    """The ranks, between 1 and n and not whole, of the rows between which the q-quantile lies. None if too few.

    Whatever the distribution: the binomial law of the rows below the quantile. None where the lowest or the highest
    row is not far enough out (fewer than about four rows expected beyond the quantile).
    """
    if 1 - (1 - q) ** n < 1 - TAIL or 1 - q**n < 1 - TAIL:
        return None
    low, high = (float(bdtrik(tail, n, q)) + 1 for tail in (TAIL, 1 - TAIL))
    return max(low, 1.0), min(high, float(n))


def outer(*intervals: Interval | None) -> Interval | None:
    """The smallest interval that holds all those given; None if none is."""
    found = [interval for interval in intervals if interval is not None]
    return _outer(*found) if found else None


def _outer(*intervals: Interval) -> Interval:
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def _on_log(value: float, error: float, quantile: float) -> Interval:
    factor = math.exp(quantile * error / value)
    return value / factor, value * factor


def _hall(value: float, error: float, n: int, skewness: float, quantile: float) -> Interval:
    """The monotone cubic transformation of the t statistic that takes out its skewness, solved for the mean."""
    if abs(skewness) < 1e-6 or error == 0:
        return value - quantile * error, value + quantile * error
    g, root = skewness, math.sqrt(n)
    low, high = (
        value - error * 3 * root / g * (math.cbrt(1 + g * (t / root - g / (6 * n))) - 1) for t in (quantile, -quantile)
    )
    return low, high
