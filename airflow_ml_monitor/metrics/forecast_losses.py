"""Means over the rows that have all of their forecast quantiles, from the ledger's sums of a loss and its powers.

A label where few are expected is rare and costs much. So labels on either side of a quantile, or inside and outside an
interval, are a class each; where one has fewer than ten rows, a further one is taken to lie as far off as the rows of
the other side on average, or a mean width outside.
"""

from __future__ import annotations

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.interval import Losses
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.sums import pairs_of

Moments = tuple[float, float, float]


def moments_of(rows: LabelledView, name: str, of: str = "") -> Moments:
    """The sums of a loss and its powers. of: of which level or interval, '@0.1'."""
    first, second, third = (rows.total(f"{name}{power}{of}") for power in ("", "2", "3"))
    return first, second, third


def level_classes(rows: LabelledView, level: float) -> tuple[Losses, Losses]:
    """The pinball losses of the labels at or below a quantile, and of those above it."""
    n, k = rows.quantile_rows, round(rows.total(f"below@{level}"))
    all_, below = moments_of(rows, "pinball", f"@{level}"), moments_of(rows, "pinball_below", f"@{level}")
    above = _less(all_, below)
    # By its side a label costs 1 - level, or level, times its distance.
    odds = level / (1 - level)
    as_above, as_below = above[0] / max(n - k, 1) / odds, below[0] / max(k, 1) * odds
    return Losses(k, *below, as_above), Losses(n - k, *above, as_below)


def pair_classes(rows: LabelledView, name: str, tails: tuple[float, float]) -> tuple[Losses, Losses]:
    """The interval scores of the labels inside an interval, and of those outside. tails: shares meant to be beyond."""
    n, k = rows.quantile_rows, round(rows.total(f"inside@{name}"))
    all_, inside = moments_of(rows, "winkler", f"@{name}"), moments_of(rows, "winkler_inside", f"@{name}")
    width = max(rows.total(f"width@{name}") / n, 0.0)
    return Losses(k, *inside, width), Losses(n - k, *_less(all_, inside), width * (1 + 1 / min(tails)))


def mean_of(classes: tuple[Losses, Losses]) -> Estimate:
    """The mean loss of both classes."""
    n = sum(part.rows for part in classes)
    return Estimate(sum(part.total for part in classes) / n, n, *(interval.mean_loss(classes) or (None, None)))


def intervals_of(rows: LabelledView) -> dict[str, tuple[float, float]]:
    """The levels of each forecast interval, by name. Undefined where there is but one level."""
    found = pairs_of(rows.levels)
    if not found:
        raise Undefined("one level makes no interval; declare a second column of role quantile")
    return found


def share_of(rows: LabelledView, name: str, less: float = 0.0) -> Estimate:
    """The share of the rows that a sum counts, less a constant."""
    n, k = rows.quantile_rows, round(rows.total(name))
    low, high = interval.share(k, n)
    return Estimate(k / n - less, n, low - less, high - less)


def _less(all_: Moments, part: Moments) -> Moments:
    """Of rows that are never negative; what is left of rounding is nothing."""
    first, second, third = (max(a - b, 0.0) if a - b > 1e-12 * a else 0.0 for a, b in zip(all_, part, strict=True))
    return first, second, third
