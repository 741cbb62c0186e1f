"""What ledger entries sum over their rows, by name: what values and intervals need. Never extremes: entries go back."""

from __future__ import annotations

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
    TaskKind.RANKING: ("no_relevant", "state"),
}
"""By task, whatever columns there are.

Of a ranking what follows is besides: whether a query has no relevant item; a whole number that its relevant items'
places and labels make, for EXACT.
"""

EXACT: Final = frozenset({"state"})
"""Sums of whole numbers, the same in any order, so that a digest may name them: counts do not change with a label that
moves what a query is worth."""

OF_QUERIES: Final = ("ndcg", "average_precision", "reciprocal_rank", "recall", "precision")
"""What a query is worth by its first items, in [0, 1]."""

HIT: Final = "hit"
"""1 where a query has a relevant item among its first; its powers are the same."""

OF_ROLE: Final = {
    Role.AMOUNT: ("amount", "amount2"),
}
"""Besides, where the dataset has a column of the role."""


def of_query(value: str, k: int, power: int = 1) -> str:
    """The name of a sum over queries: of a value by the first k items, or its square or cube."""
    return f"{value}{power if power > 1 else ''}_at_{k}"


def task_sums(task: Task) -> tuple[str, ...]:
    """The names of a task's sums, whatever columns there are."""
    if task.kind is not TaskKind.RANKING:
        return SUMS[task.kind]
    powers = [of_query(value, k, power) for k in task.cutoffs for value in OF_QUERIES for power in (1, 2, 3)]
    return (*SUMS[task.kind], *powers, *(of_query(HIT, k) for k in task.cutoffs))


def sums_of(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """The names of all sums, those of roles last. Entries name theirs: a change of them has the rows read anew.

    A ranking's are of queries: columns of its rows bring none.
    """
    roles = {column.role for column in dataset.columns} if task.kind is not TaskKind.RANKING else set()
    return (*task_sums(task), *(name for role, names in OF_ROLE.items() if role in roles for name in names))
