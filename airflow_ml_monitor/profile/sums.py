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
    TaskKind.MULTILABEL: ("score", "exact", "jaccard", "jaccard2", "undeclared_label", "undeclared_prediction"),
}
"""By task, whatever columns there are."""

OF_ROLE: Final = {
    Role.AMOUNT: ("amount", "amount2"),
}
"""Besides, where the dataset has a column of the role."""


def sums_of(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """The names of all sums, those of roles last. Entries name theirs: a change of them has the rows read anew."""
    roles = {column.role for column in dataset.columns}
    return (*SUMS[task.kind], *(name for role, names in OF_ROLE.items() if role in roles for name in names))
