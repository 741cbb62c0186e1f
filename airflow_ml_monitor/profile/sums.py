"""What ledger entries sum over their rows, by name: what values and intervals need. Never extremes: entries go back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Final

from airflow_ml_monitor.profile.dataset import Dataset, Role, Task, TaskKind

SUMS: Final = {
    TaskKind.BINARY: ("score", "log_loss", "log_loss2", "brier", "brier2"),
    TaskKind.REGRESSION: (
        *("error", "error_abs", "error2", "error3", "error4"),
        *("truth", "truth2", "truth3", "truth4", "error_truth", "error_truth2", "error_truth3", "error2_truth"),
        *("error2_truth2", "error3_truth", "truth_abs", "error_truth_abs", "relative_rows"),
        *("relative", "relative2", "relative3", "symmetric", "symmetric2", "symmetric3"),
    ),
    TaskKind.MULTICLASS: ("score", "log_loss", "log_loss2", "brier", "brier2", "in_top2", "in_top3", "in_top5"),
}
"""By task, whatever columns there are."""


def pairs_of(levels: tuple[float, ...]) -> dict[str, tuple[float, float]]:
    """The intervals that quantiles of ascending levels make, by name: the widest, and every one of equal tails.

    >>> pairs_of((0.05, 0.25, 0.5, 0.75, 0.9))
    {'0.05-0.9': (0.05, 0.9), '0.25-0.75': (0.25, 0.75)}
    """
    found = [(levels[0], levels[-1])] if len(levels) > 1 else []
    found += [(low, high) for low in levels for high in levels if low < high and abs(low + high - 1) < 1e-9]
    return {f"{low}-{high}": (low, high) for low, high in found}


def _of_quantiles(dataset: Dataset) -> tuple[str, ...]:
    """Powers of the pinball loss and rows at or below, by level; the mean loss; interval coverage, width and score."""
    levels = tuple(dataset.quantiles)
    by_level = (f"{name}@{level}" for level in levels for name in ("pinball", "pinball2", "pinball3", "below"))
    names = ("inside", "width", "width2", "width3", "winkler", "winkler2", "winkler3")
    by_pair = (f"{name}@{pair}" for pair, name in product(pairs_of(levels), names))
    return ("quantile_rows", *by_level, "pinball", "pinball2", "pinball3", *by_pair)


OF_ROLE: Final[dict[Role, tuple[str, ...] | Callable[[Dataset], tuple[str, ...]]]] = {
    Role.AMOUNT: ("amount", "amount2"),
    Role.QUANTILE: _of_quantiles,
}
"""Besides, where the dataset has a column of the role: the names, or what names them."""


def sums_of(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """The names of all sums, those of roles last. Entries name theirs: a change of them has the rows read anew."""
    roles = {column.role for column in dataset.columns}
    found = [names(dataset) if callable(names) else names for role, names in OF_ROLE.items() if role in roles]
    return (*SUMS[task.kind], *(name for names in found for name in names))
