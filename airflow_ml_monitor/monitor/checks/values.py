"""Whether a spec has what values, weights and thresholds need. Light: read when a DAG is parsed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.metrics.names import need_of
from airflow_ml_monitor.profile.dataset import Dataset, Kind, Role

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec

_ONE: Final = (Role.PREDICTION, Role.VERSION)


def check_values(spec: MonitorSpec) -> None:
    """Raise SpecError where a payoff lacks its amounts, or a metric what it is of."""
    for dataset in spec.datasets:
        for role in (Role.AMOUNT, Role.WEIGHT):
            _check_number(dataset, role)
        for role in _ONE if spec.task.classes else (*_ONE, Role.SCORE):
            _check_one(dataset, role)
        _check_score(dataset)
    if spec.task.payoff and spec.task.payoff.has_rates:
        for source in spec.labels:
            if (dataset := spec.dataset(source.dataset)).column(Role.AMOUNT) is None:
                raise SpecError(
                    f"of_amount needs a column with role 'amount' in {dataset.name!r}; declare it under columns, or "
                    "say what an outcome is worth per_row",
                    field="task.payoff",
                )
    for name in spec.measurements:
        check_need(spec, name, "measurements")
    for field, _, condition in spec.policy.conditions():
        check_need(spec, condition.metric, f"{field}.metric")


def _check_one(dataset: Dataset, role: Role) -> None:
    mine, field = [column for column in dataset.columns if column.role is role], f"datasets.{dataset.name}.columns"
    if len(mine) > 1:
        names = " and ".join(repr(column.name) for column in mine)
        raise SpecError(f"{names} have role {role!s}; a row has one: keep it at one column", field=field)


def _check_score(dataset: Dataset) -> None:
    for column in dataset.columns:
        if column.role in (Role.SCORE, Role.QUANTILE) and column.kind is not Kind.NUMERIC:
            told = f"a {column.role} is a number, and the column is {column.kind}; declare it numeric"
            raise SpecError(told, field=f"datasets.{dataset.name}.columns.{column.name}.kind")


def _check_number(dataset: Dataset, role: Role) -> None:
    _check_one(dataset, role)
    mine, field = [column for column in dataset.columns if column.role is role], f"datasets.{dataset.name}.columns"
    if wrong := [column for column in mine if column.kind is not Kind.NUMERIC]:
        raise SpecError(f"{wrong[0].name!r} has role {role!s} and is {wrong[0].kind}; declare it numeric", field=field)


def check_need(spec: MonitorSpec, metric: str, field: str) -> None:
    """Raise SpecError where no dataset declares what a metric is of."""
    need = need_of(metric)
    if need and not any(need.is_met(spec.task, dataset) for dataset in spec.datasets):
        raise SpecError(f"{metric!r} needs {need}; declare it, or leave the metric out", field=field)
