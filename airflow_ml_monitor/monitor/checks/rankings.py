"""Whether a dataset's columns say what a ranking is of, and in which order its items stand. Light, as spec.py."""

from __future__ import annotations

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.dataset import Dataset, Role


def check_ranked(dataset: Dataset) -> None:
    """SpecError unless one column names the query of a row, and another its score or rank."""
    field, roles = f"datasets.{dataset.name}.columns", [column.role for column in dataset.columns]
    if (found := roles.count(Role.QUERY)) != 1:
        raise SpecError(
            f"{found or 'no'} columns have the role 'query'; declare one: the search, or reader, that a row is for",
            field=field,
        )
    for role, meaning in ((Role.SCORE, "the higher, the earlier"), (Role.PREDICTION, "the rank, 1 is first")):
        if (found := roles.count(role)) > 1:
            raise SpecError(f"{found} columns have the role {str(role)!r} ({meaning}); declare one", field=field)
    if not {Role.SCORE, Role.PREDICTION} & {*roles}:
        raise SpecError(
            "a ranking needs a column with role 'score' (the higher, the earlier) or 'prediction' (the rank, 1 is "
            "first); declare it under columns",
            field=field,
        )
