"""Whether proxies, and rules on what they are worth, make sense. Light, as spec.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.metrics.names import PROXY_CORRELATION, performance_names
from airflow_ml_monitor.profile.dataset import Kind, Role

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec


def check_proxies(spec: MonitorSpec) -> None:
    """Proxies are numbers that are measured; rules on them have labels, a metric of labels and a bound to look at."""
    proxies = [(d.name, c) for d in spec.datasets for c in d.columns if c.role is Role.PROXY]
    for dataset, column in proxies:
        if column.kind is not Kind.NUMERIC:
            told = (
                f"a proxy is a number, and the column is {column.kind}; declare it numeric: a flag is read as 0 and 1"
            )
            raise SpecError(told, field=f"datasets.{dataset}.columns.{column.name}.kind")
    names = [column.name for _, column in proxies]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        told = f"two datasets have a proxy {twice[0]!r}; keep the role in the one that is to be read"
        raise SpecError(told, field="datasets")
    if proxies and spec.labels and spec.measurements and "mean" not in spec.measurements:
        raise SpecError("what a proxy is worth is told by its mean; add mean to measurements", field="measurements")
    for field, _, condition in spec.policy.conditions():
        if condition.metric != PROXY_CORRELATION:
            continue
        if not proxies or not spec.labels:
            told = "needs a column of role proxy, and labels that say what performance came to; declare them"
            raise SpecError(f"{condition.metric!r} {told}", field=f"{field}.metric")
        if condition.bounds.is_relative:
            raise SpecError(f"the reference has no {condition.metric!r}; use min or max", field=field)
        if unknown := sorted({*condition.columns} - {*names}):
            raise UnknownName("proxy", unknown[0], names, field=f"{field}.columns")
        if (asked := condition.parameters) is not None and asked not in performance_names():
            raise UnknownName("performance metric", asked, performance_names(), field=f"{field}.parameters")
