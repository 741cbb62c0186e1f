"""A model against something simpler on the same rows: gains with paired intervals. All assume independent rows.

Both are right or wrong about much the same rows, so the interval of their difference is narrower than two side by side
would have it. A gain is above 0 where the model is better.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.interval import Interval
from airflow_ml_monitor.profile.labelled_view import LabelledView


def paired(rows: LabelledView, count: str = "baseline_rows") -> int:
    """Labelled rows that have a baseline. TooFew without any, Undefined where no column is one.

    count: the sum that counts them; `baseline_scored` those whose baseline is a score.
    """
    rows.need(1)
    if count not in rows.sums:
        raise Undefined("no column is a baseline; declare one of role baseline")
    found = round(rows.total(count))
    if not found and count == "baseline_scored" and rows.total("baseline_rows"):
        raise Undefined("the baseline's column holds classes and no scores; declare a numeric one")
    if not found:
        raise TooFew(f"none of {rows.n} rows with a label has a baseline")
    return found


def share_difference(more: int, fewer: int, n: int) -> Interval:
    """Of the difference of two shares of the same rows, from the rows that only one or only the other counts.

    Joins the limits of both discordant shares with their correlation (Zou 2007, Newcombe 1998).
    """
    a, b = more / n, fewer / n
    (low, high), (least, most) = interval.share(more, n), interval.share(fewer, n)
    # Shares of a multinomial: where one is larger the other is smaller.
    tie = math.sqrt(a * b / ((1 - a) * (1 - b))) if 0 < a < 1 and 0 < b < 1 else 0.0
    down, up = _joined(a - low, most - b, tie), _joined(high - a, b - least, tie)
    return max(a - b - down, -1.0), min(a - b + up, 1.0)


def _joined(one: float, other: float, correlation: float) -> float:
    return math.sqrt(one**2 + other**2 + 2 * correlation * one * other)


def share_gain(more: int, fewer: int, n: int) -> Estimate:
    """(more - fewer) / n, with the interval of `share_difference`."""
    return Estimate((more - fewer) / n, n, *share_difference(more, fewer, n))


@dataclass(frozen=True, slots=True)
class Gains:
    """What the rows of one class gain: sums of it and its powers, of what is above 0, and the largest there may be."""

    rows: int
    total: float
    squares: float
    cubes: float
    above: float
    above_squares: float
    largest: float

    def of(self, n: int) -> tuple[float, Interval]:
        """(the class's part in the mean gain over n rows, its limits).

        Few rows are two kinds of a rare event, gains and losses (Fay and Feuer 1997), each at most the largest.
        """
        value = self.total / n
        if self.rows >= interval.FEW:
            return value, interval.moments_mean(value, self.squares / n, self.cubes / n, n) or (value, value)
        below, below_squares = self.above - self.total, self.squares - self.above_squares
        kinds = ((self.above, self.above_squares), (max(below, 0.0), max(below_squares, 0.0)))
        (low, high), (least, most) = (interval.rare_sum(*kind, self.largest) for kind in kinds)
        limits = interval.added((self.above, (low, high)), (-kinds[1][0], (-most, -least)))
        return value, (limits[0] / n, limits[1] / n)


def score_gain(
    rows: LabelledView, loss: str, worst: Callable[[LabelledView], dict[int, float]], most: float = math.inf
) -> Estimate:
    """Mean of what the model's loss of a score is less than the baseline's. Binary.

    worst: by label the largest loss of the model's own scores: what a class of fewer than ten rows is reckoned with.
    most: no gain is larger, on either side.
    """
    n = paired(rows, "baseline_scored")
    classes = [_gains(rows, label, f"{loss}_gain", largest) for label, largest in worst(rows).items()]
    value = sum(part.total for part in classes) / n
    if all(part.rows >= interval.FEW for part in classes):
        squares, cubes = (sum(getattr(part, name) for part in classes) / n for name in ("squares", "cubes"))
        limits = interval.moments_mean(value, squares, cubes, n) or (-most, most)
    else:
        limits = interval.added(*(part.of(n) for part in classes))
    return Estimate(value, n, max(limits[0], -most), min(limits[1], most))


def _gains(rows: LabelledView, label: int, name: str, largest: float) -> Gains:
    def summed(part: str) -> float:
        return rows.of_label(label, part)[1]

    total, squares, cubes, above, above_squares = (summed(f"{name}{part}") for part in ("", "2", "3", "_up", "_up2"))
    most = max(largest, math.sqrt(max(squares, 0.0)))
    return Gains(round(summed("baseline_scored")), total, squares, cubes, above, above_squares, most)
