"""What ledger entries sum over their rows, by name: what values and intervals need. Never extremes: entries go back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from airflow_ml_monitor.profile.dataset import Column, Dataset, Role
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.task import Task, TaskKind

CLIP: Final = 1e-15
"""The least chance of which a logarithm is taken."""

SUMS: Final = {
    TaskKind.BINARY: ("score", "log_loss", "log_loss2", "brier", "brier2", "state"),
    TaskKind.REGRESSION: (
        *("error", "error_abs", "error2", "error3", "error4"),
        *("truth", "truth2", "truth3", "truth4", "error_truth", "error_truth2", "error_truth3", "error2_truth"),
        *("error2_truth2", "error3_truth", "truth_abs", "error_truth_abs", "relative_rows"),
        *("relative", "relative2", "relative3", "symmetric", "symmetric2", "symmetric3", "state"),
    ),
    TaskKind.MULTICLASS: (
        *("score", "log_loss", "log_loss2", "brier", "brier2", "in_top2", "in_top3", "in_top5", "state"),
    ),
    TaskKind.MULTILABEL: (
        *("score", "exact", "jaccard", "jaccard2", "undeclared_label", "undeclared_prediction", "state"),
    ),
    TaskKind.RANKING: ("no_relevant", "state"),
}
"""By task, whatever columns there are.

Of a ranking what its first items are worth is besides; no_relevant: whether a query has no relevant item.
"""

EXACT: Final = frozenset({"state", "undeclared_label", "undeclared_prediction"})
"""Sums of whole numbers, the same in any order, so that a digest may name them.

state: hashes of what a row's (or query's) worth depends on besides what entries are counted by: two labels may change
places, and all counts stay. Of a multilabel row that is how many classes are right; of its scores metrics read the
buckets alone, which are counted.
"""

OF_QUERIES: Final = ("ndcg", "average_precision", "reciprocal_rank", "recall", "precision")
"""What a query is worth by its first items, in [0, 1]."""

HIT: Final = "hit"
"""1 where a query has a relevant item among its first; its powers are the same."""


def pairs_of(levels: tuple[float, ...]) -> dict[str, tuple[float, float]]:
    """The intervals that quantiles of ascending levels make, by name: the widest, and every one of equal tails.

    >>> pairs_of((0.05, 0.25, 0.5, 0.75, 0.9))
    {'0.05-0.9': (0.05, 0.9), '0.25-0.75': (0.25, 0.75)}
    """
    found = [(levels[0], levels[-1])] if len(levels) > 1 else []
    found += [(low, high) for low in levels for high in levels if low < high and abs(low + high - 1) < 1e-9]
    return {f"{low}-{high}": (low, high) for low, high in found}


WITH_POWERS: Final = ("pinball", "pinball_below", "width", "winkler", "winkler_inside")
"""Of forecast quantiles: what is summed with its square and its cube."""


def _of_quantiles(dataset: Dataset) -> tuple[str, ...]:
    """As quantile_query names them, of every level, of all, and of every interval."""
    levels = tuple(dataset.quantiles)
    found = ["quantile_rows", *_powers("pinball", "")]
    for level in levels:
        found += [f"below@{level}", *_powers("pinball", f"@{level}"), *_powers("pinball_below", f"@{level}")]
    for pair in pairs_of(levels):
        names = ("width", "winkler", "winkler_inside")
        found += [f"inside@{pair}", *(power for name in names for power in _powers(name, f"@{pair}"))]
    return tuple(found)


def _powers(name: str, of: str) -> tuple[str, ...]:
    return f"{name}{of}", f"{name}2{of}", f"{name}3{of}"


OF_BASELINE_SCORES: Final = (
    "baseline_scored",
    *(f"{loss}_gain{part}" for loss in ("brier", "log_loss") for part in ("", "2", "3", "_up", "_up2")),
)
"""What a binary baseline brings that is a score, and no decision."""

_Names = tuple[str, ...] | Callable[[Dataset], tuple[str, ...]]

OF_ROLE: Final[dict[Role, dict[TaskKind, _Names]]] = {
    Role.AMOUNT: {TaskKind.BINARY: ("amount_rows", "amount", "amount2", "amount3")},
    Role.WEIGHT: {TaskKind.BINARY: ("weight_rows", "weight", "weight2")},
    Role.BASELINE: {
        TaskKind.BINARY: ("baseline_rows", "baseline_right", *OF_BASELINE_SCORES),
        TaskKind.REGRESSION: (
            *("baseline_rows", "baseline_error_abs", "baseline_error2", "baseline_error4", "mae_gain", "mae_gain2"),
            *("mae_gain3", "mse_gain", "mse_gain2", "baseline_error2_mse_gain"),
        ),
        TaskKind.MULTICLASS: ("baseline_rows", "baseline_right"),
    },
    Role.QUANTILE: {TaskKind.REGRESSION: _of_quantiles},
}
"""Besides, by task, where the dataset has a column of the role: the names, or what names them."""


def at_least(threshold: float) -> str:
    """The name of the rows whose score reaches one of the task's thresholds."""
    return f"score_at_least_{threshold}"


def of_query(value: str, k: int, power: int = 1) -> str:
    """The name of a sum over queries: of a value by the first k items, or its square or cube."""
    return f"{value}{power if power > 1 else ''}_at_{k}"


def task_sums(task: Task) -> tuple[str, ...]:
    """The names of a task's sums, whatever columns there are."""
    if task.kind is not TaskKind.RANKING:
        return (*SUMS[task.kind], *map(at_least, task.thresholds))
    powers = [of_query(value, k, power) for k in task.cutoffs for value in OF_QUERIES for power in (1, 2, 3)]
    return (*SUMS[task.kind], *powers, *(of_query(HIT, k) for k in task.cutoffs))


def sums_of(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """The names of the sums of rows, those of roles last."""
    mine = [names.get(task.kind, ()) for role, names in OF_ROLE.items() if role in dataset.roles]
    found = [names(dataset) if callable(names) else names for names in mine]
    return (*task_sums(task), *(name for names in found for name in names))


_OF_ONE: Final = ("u", "u2", "u3", "u4")
MOMENTS: Final = {
    TaskKind.BINARY: _OF_ONE,
    TaskKind.MULTICLASS: _OF_ONE,
    TaskKind.REGRESSION: (
        *(*_OF_ONE, "v", "v2", "v3", "v4"),
        *("u_v", "u_v2", "u_v3", "u2_v", "u2_v2", "u3_v"),
    ),
}
"""Of a feature's u, and a regression's label's, which is v; in parts of the ledger of their own (feature_parts)."""

OF_TOTALS: Final = {
    TaskKind.BINARY: ("score", "decided", "compared", "matched"),
    TaskKind.REGRESSION: ("score", "truth", "compared", "matched", "state"),
}
"""Of rows whose labels are known as totals alone: what was predicted of them, as `total_query` names it."""


def entry_names(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """The names of all sums of entries: those of rows, and moments where they are asked for.

    Entries name theirs: a change of them has the rows read anew.
    """
    return (*sums_of(task, dataset), *(MOMENTS[task.kind] if dataset.label_moments else ()))


def label_sums(task: Task, dataset: Dataset, labels: LabelSource) -> tuple[str, ...]:
    """The names of the sums of a label source's entries."""
    return OF_TOTALS[task.kind] if labels.are_totals else entry_names(task, dataset)


def summed_columns(task: Task, dataset: Dataset) -> tuple[Column, ...]:
    """The columns that bring sums: by their role, or as one of several forecast quantiles."""
    roles = {role for role, names in OF_ROLE.items() if task.kind in names}
    levels = dataset.quantiles.values() if Role.QUANTILE in roles & dataset.roles else ()
    return tuple(column for column in dataset.columns if column.role in roles or column in levels)
