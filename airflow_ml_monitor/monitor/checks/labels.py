"""Whether what a label source declares of its labels makes sense together. Light: read when a DAG is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.feature_parts import feature_columns
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource, Several
from airflow_ml_monitor.profile.sums import MOMENTS
from airflow_ml_monitor.profile.task import Task, TaskKind

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec

_TASKS: Final[Mapping[Several, tuple[TaskKind, ...]]] = {
    Several.ANY: (TaskKind.BINARY,),
    Several.ALL: (TaskKind.BINARY,),
    Several.MAJORITY: (TaskKind.BINARY, TaskKind.MULTICLASS),
    Several.MEAN: (TaskKind.REGRESSION,),
}
"""Of what labels something can be made; last and first of any."""


def check_censored(source: LabelSource, task: Task) -> None:
    """Whether rows that are no longer observed can be told from those that are awaited."""
    field = f"labels.{source.name}.censored"
    if source.censored is None:
        return
    if not source.censored:
        raise SpecError("empty; name the column that says so, or leave it out", field=field)
    if task.kind is not TaskKind.BINARY or source.label_time is None:
        told = "rows are censored of a binary task, from a moment on"
        raise SpecError(f"{told}; declare label_time and task kind binary, or leave censored out", field=field)
    if source.mode is LabelMode.SAMPLED:
        told = "what is left of a random sample without its censored rows is none"
        raise SpecError(f"{told}; leave censored out: such rows count as not labelled", field=field)
    if source.several not in (Several.LAST, Several.ANY):
        told = f"that a row is censored is no label that {source.several} could count"
        raise SpecError(f"{told}; declare several: last or any, or leave censored out", field=field)


def check_label_moments(spec: MonitorSpec, dataset: Dataset) -> None:
    """Whether there are labels of rows that features can go with; a monitor without any labels has no use for them."""
    if not dataset.label_moments or not spec.labels:
        return
    field, kind = f"datasets.{dataset.name}.label_moments", spec.task.kind
    mine = [source for source in spec.labels if spec.dataset(source.dataset) is dataset]
    if kind not in MOMENTS:
        fit = ", ".join(MOMENTS)
        told = f"a row of a {kind} task has no one label that features go with; it is for {fit}: leave it out"
        raise SpecError(told, field=field)
    if not feature_columns(dataset):
        told = "no declared column is a feature that could go with labels (times cannot)"
        raise SpecError(f"{told}; declare those to look at, or leave it out", field=field)
    if not mine:
        told = "the dataset has no labels that features could go with"
        raise SpecError(f"{told}; declare where they come from, or leave it out", field=field)
    if all(source.are_totals for source in mine):
        told = "labels are totals, and none tells the label of a row; leave it out"
        raise SpecError(told, field=field)
    if not spec.reference.label:
        told = "the reference has no labels to compare with"
        raise SpecError(f"{told}; say which column holds them as reference.label, or leave it out", field=field)


def check_several(source: LabelSource, task: Task) -> None:
    """Whether several labels of one prediction can mean what is declared."""
    field, several = f"labels.{source.name}.several", source.several
    if task.kind is TaskKind.RANKING and several is not Several.LAST:
        raise SpecError("of an item's labels the last counts; leave it out", field=field)
    if several in _TASKS and task.kind not in _TASKS[several]:
        fit = ", ".join(s for s in Several if task.kind in _TASKS.get(s, (task.kind,)))
        raise SpecError(f"{several} means nothing of a {task.kind} task; choose one of {fit}", field=field)
    if several is Several.FIRST and source.label_time is None:
        raise SpecError("which label was first is told by label_time; declare it, or another of several", field=field)
    if source.mode is LabelMode.IMPLICIT and several not in (Several.LAST, Several.ANY):
        told = f"implicit labels are events, and silence is no opinion that {several} could count"
        raise SpecError(f"{told}; choose any, or last if an event can be corrected", field=field)
