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

_GAINS: Final = tuple(f"{loss}_gain{part}" for loss in ("brier", "log_loss") for part in ("", "2", "3", "_up", "_up2"))

OF_ROLE: Final[dict[Role, dict[TaskKind, tuple[str, ...]]]] = {
    Role.AMOUNT: dict.fromkeys(TaskKind, ("amount_rows", "amount", "amount2", "amount3")),
    Role.WEIGHT: dict.fromkeys(TaskKind, ("weight_rows", "weight", "weight2")),
    Role.BASELINE: {
        TaskKind.BINARY: ("baseline_rows", "baseline_right", "baseline_scored", *_GAINS),
        TaskKind.REGRESSION: (
            *("baseline_rows", "baseline_error_abs", "baseline_error2", "baseline_error4", "mae_gain", "mae_gain2"),
            *("mae_gain3", "mse_gain", "mse_gain2", "baseline_error2_mse_gain"),
        ),
        TaskKind.MULTICLASS: ("baseline_rows", "baseline_right"),
    },
}
"""Besides, by task, where the dataset has a column of the role."""


def at_least(threshold: float) -> str:
    """The name of the rows whose score reaches one of the task's thresholds."""
    return f"score_at_least_{threshold}"


def sums_of(task: Task, dataset: Dataset) -> tuple[str, ...]:
    """The names of all sums, those of roles last. Entries name theirs: a change of them has the rows read anew."""
    mine = (names.get(task.kind, ()) for role, names in OF_ROLE.items() if role in dataset.roles)
    return (*SUMS[task.kind], *map(at_least, task.thresholds), *(name for names in mine for name in names))
