"""Whether the parameters that a rule or a benchmark names can be there, as far as the spec tells. Light, as spec.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.measurement import base_of
from airflow_ml_monitor.metrics.names import LABEL_CORRELATION, labelled_names
from airflow_ml_monitor.monitor.checks.compared import stated
from airflow_ml_monitor.profile.feature_parts import feature_columns
from airflow_ml_monitor.profile.task import UNDECLARED, TaskKind

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec

_KINDS: Final[Mapping[str, tuple[TaskKind, ...]]] = {
    "at": (TaskKind.RANKING,),
    "average": (TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    "class": (TaskKind.MULTICLASS, TaskKind.MULTILABEL),
    "k": (TaskKind.MULTICLASS,),
    "label": (TaskKind.MULTICLASS,),
    "level": (TaskKind.REGRESSION,),
    "levels": (TaskKind.REGRESSION,),
    "limit": (TaskKind.REGRESSION,),
    "quantile": (TaskKind.REGRESSION,),
    "score": (TaskKind.BINARY,),
    "threshold": (TaskKind.BINARY,),
    "top": (TaskKind.BINARY,),
}
"""What parameters of performance are called, and of which tasks they are."""


def check_parameters(spec: MonitorSpec) -> None:
    """SpecError where parameters of performance are none of the task's, or of a value that it does not declare."""
    for field, _, condition in spec.policy.conditions():
        is_of_labels = base_of(condition.metric) in labelled_names()
        if condition.parameters and base_of(condition.metric) == LABEL_CORRELATION:
            if condition.parameters not in (listed := list(_with_labels(spec))):
                raise UnknownName("pair", condition.parameters, listed, field=f"{field}.parameters")
        elif condition.parameters and is_of_labels:
            _check(spec, condition.parameters, f"{field}.parameters")
    for name, parameters, _ in stated(spec.reference.benchmark):
        if parameters:
            _check(spec, parameters, f"reference.benchmark.{name}")


def _check(spec: MonitorSpec, parameters: str, field: str) -> None:
    key, is_there, _ = parameters.partition("=")
    mine = [name for name, kinds in _KINDS.items() if spec.task.kind in kinds]
    if not is_there or key not in mine:
        printed = ", ".join(f"{name}=…" for name in mine)
        told = f"metrics of a {spec.task.kind} task have no {parameters!r}; write it as it is printed: {printed}"
        raise SpecError(told, field=field)
    if (known := dict(_values(spec)).get(key)) is not None:
        listed = [f"{key}={value}" for value in known]
        if parameters not in listed:
            raise UnknownName(key, parameters, listed, field=field)


def _with_labels(spec: MonitorSpec) -> Iterator[str]:
    """Every feature with the label, or with each class of it."""
    classes = [f"={name}" for name in spec.task.class_names] or [""]
    for dataset in spec.datasets:
        yield from (f"{column.name}~label{of}" for column in feature_columns(dataset) for of in classes)


def _values(spec: MonitorSpec) -> Iterator[tuple[str, Sequence[object]]]:
    """What the spec says that a parameter can be; nothing of the others."""
    task = spec.task
    yield "at", task.cutoffs
    yield "average", ("macro", "weighted" if task.kind is TaskKind.MULTICLASS else "micro")
    yield "class", (*task.class_names, UNDECLARED)
    yield "level", (*{level: None for dataset in spec.datasets for level in dataset.quantiles}, "mean")
    yield "limit", task.error_limits
    yield "threshold", task.thresholds
