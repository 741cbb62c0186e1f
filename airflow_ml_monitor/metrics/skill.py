"""A model against one that knows nothing but how frequent each class is. Assumes independent rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.profile.labelled_view import LabelledView

FEW_LOSSES: Final = 12
"""Below so many rows of loss (its sum squared over its sum of squares) their tails tell: 81 % were covered without."""


def class_counts(rows: LabelledView) -> list[int]:
    """Labels of each class, the last undeclared where there are several; Undefined if all are of one."""
    rows.need(1)
    size = len(rows.task.classes) + 1 if rows.task.classes else 2
    counts = [rows.of_label(k, "score")[0] for k in range(size)]
    if max(counts) == rows.n:
        raise Undefined("the labels are all of one class, which needs no skill")
    return counts


def skill(rows: LabelledView, loss: str, of_base_rates: Sequence[float], worst: float = 0.0) -> Estimate:
    """One less the ratio of the mean loss to that of the base rates.

    of_base_rates: what a label of each class costs them. They are the best constant scores, so the ratio's variance is
    that of two means (delta method), whatever the base rates' own: t on the log scale, joined with the gamma interval
    of rare events (Fay and Feuer 1997) where the loss is that of a few rows. worst: the largest loss that a row could
    have had, as far as the scores at hand tell.
    """
    n, counts = rows.n, class_counts(rows)
    parts = [rows.losses(loss, k) for k in range(len(counts))]
    theirs = sum(count * cost for count, cost in zip(counts, of_base_rates, strict=True))
    ours, squared = (sum(part[i] for part in parts) for i in (1, 2))
    ratio = ours / theirs
    if not ratio:
        return Estimate(1.0, n)
    pairs = list(zip(parts, of_base_rates, strict=True))
    squares = sum(sq - 2 * ratio * cost * total + (ratio * cost) ** 2 * k for (k, total, sq, _), cost in pairs)
    fewest = min(count for count in counts if count)
    limits = [interval.on_log(ratio, n / (n - 1) * max(squares, 0.0) / theirs**2, max(fewest - 1, 1))]
    if ours**2 < FEW_LOSSES * squared:
        there = rows.count > 0
        largest = max(worst, float((rows.sums[loss][there] / rows.count[there]).max()))
        low, high = interval.rare_sum(ours, squared, largest)
        limits.append((low / theirs, high / theirs))
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    return Estimate(1 - ratio, n, 1 - high, min(1 - low, 1.0))
