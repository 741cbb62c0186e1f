"""What a model is compared with, as the spec states it: a baseline column, a benchmark. Light, but for one check."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.metrics.metric import Metric, metric_named, metrics
from airflow_ml_monitor.metrics.names import BESIDES, COMPARED, performance_names
from airflow_ml_monitor.profile.dataset import Dataset, Kind, Role
from airflow_ml_monitor.profile.sums import OF_ROLE
from airflow_ml_monitor.profile.task import Task, TaskKind

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec

Benchmark = Mapping[str, float | Mapping[str, float]]
"""{metric: value}, or {metric: {parameters: value}} where a metric has one for each class."""


def check_baseline(task: Task, dataset: Dataset) -> None:
    """At most one column is a baseline, of a kind that the task can read; SpecError otherwise."""
    found = [column for column in dataset.columns if column.role is Role.BASELINE]
    field = f"datasets.{dataset.name}.columns"
    if found and task.kind not in OF_ROLE[Role.BASELINE]:
        raise SpecError(f"a {task.kind} task has no metric against a baseline; leave its role out", field=field)
    if len(found) > 1:
        names = ", ".join(column.name for column in found)
        raise SpecError(f"{names} are all baselines; keep one, or make a monitor for each", field=field)
    for column in found:
        if task.kind is TaskKind.REGRESSION and column.kind is not Kind.NUMERIC:
            told = f"a regression's baseline is a number, and the column is {column.kind}; declare it numeric"
            raise SpecError(told, field=f"{field}.{column.name}.kind")
        if column.kind is Kind.DATETIME:
            told = "a baseline is no time; declare it numeric if it is a score, categorical or boolean if it decides"
            raise SpecError(told, field=f"{field}.{column.name}.kind")


def stated(benchmark: Benchmark) -> Iterator[tuple[str, str, float]]:
    """(metric, parameters, value)."""
    for name, value in benchmark.items():
        of = value if isinstance(value, Mapping) else {"": value}
        yield from ((name, parameters, number) for parameters, number in of.items())


def check_benchmark(benchmark: Benchmark) -> None:
    """Every name is a performance metric's; UnknownName otherwise. Their files are listed, not imported."""
    for name in benchmark:
        if name not in (known := performance_names() - COMPARED):
            raise UnknownName("performance metric", name, known, field="reference.benchmark")


def check_named(spec: MonitorSpec) -> None:
    """SpecError where a metric that is measured, or a benchmark, is none of the task's."""
    for name in spec.measurements:
        if name not in BESIDES:
            _check_task(metric_named(name), spec.task, "measurements")
    for name, parameters, value in stated(spec.reference.benchmark):
        metric, field = metrics()[name], f"reference.benchmark.{name}"
        _check_task(metric, spec.task, field)
        if not metric.range[0] <= value <= metric.range[1]:
            of = f" [{parameters}]" if parameters else ""
            raise SpecError(f"{value}{of} is outside {list(metric.range)}, what {name} can be", field=field)


def _check_task(metric: Metric, task: Task, field: str) -> None:
    if metric.tasks and task.kind not in metric.tasks:
        told = f"{metric.name} is for {', '.join(metric.tasks)}, and the task is {task.kind}; leave it out"
        raise SpecError(told, field=field)
