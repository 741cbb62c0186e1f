"""Whether a source of label totals says what they are of, and rules ask for what totals tell. Light, as spec.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import LABEL_MATURITY, NAIVE, base_of
from airflow_ml_monitor.metrics.names import ALWAYS, BESIDES, LABEL_FREE, OF_TOTALS, labelled_names
from airflow_ml_monitor.profile.label_source import LabelSource, Several

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec
    from airflow_ml_monitor.policy.rule import Condition

_OF_ROWS: Final = ("label_delay", "label_silence", "censored_rows")
"""What is stored of a label source only where a label is of one row."""


def check_totals(spec: MonitorSpec, source: LabelSource) -> None:
    """SpecError unless a source of totals names their rows, day and moment, and nothing that only rows have."""
    field = f"labels.{source.name}"
    if not source.are_totals:
        if given := [name for name in ("rows", "day", "by") if getattr(source, name)]:
            told = f"only totals have it; declare mode: aggregate, or leave {given[0]} out"
            raise SpecError(told, field=f"{field}.{given[0]}")
        return
    if spec.task.kind not in OF_TOTALS:
        fit = " or ".join(OF_TOTALS)
        raise SpecError(f"of a {spec.task.kind} task totals are not read; it is for {fit}", field=f"{field}.mode")
    for name, meaning in (
        ("rows", "how many rows a total is of"),
        ("day", "the day that it is of"),
        ("label_time", "when it became known: the newest total of a day counts"),
    ):
        if not getattr(source, name):
            raise SpecError(f"missing; name the column that says {meaning}", field=f"{field}.{name}")
    if source.key:
        raise SpecError("a total is of a day, not of one row; leave key out, name parts under by", field=f"{field}.key")
    if source.several is not Several.LAST:
        told = "of several totals of one day and part the last counts; leave it out"
        raise SpecError(told, field=f"{field}.several")
    if source.censored is not None:
        raise SpecError("totals do not tell of single rows; leave it out", field=f"{field}.censored")
    sliced = spec.dataset(source.dataset).slice_by
    if missing := [name for name in source.by if name not in sliced]:
        told = f"{missing[0]!r} is no slice_by column of the dataset; add it there, or leave it out"
        raise SpecError(told, field=f"{field}.by")


def check_rules(spec: MonitorSpec) -> None:
    """SpecError for a rule that no total could ever break; where another source has labels of rows, none is refused."""
    if not spec.labels or not all(source.are_totals for source in spec.labels):
        return
    for field, _, condition in spec.policy.conditions():
        if why := _unanswered(spec, condition):
            raise SpecError(why, field=f"{field}.metric")


def _unanswered(spec: MonitorSpec, condition: Condition) -> str:
    """Why a condition has no number to judge; '' if it has."""
    told, basis = OF_TOTALS[spec.task.kind], condition.metric.partition(".")[0]
    if condition.metric in _OF_ROWS:
        return f"labels are totals, which do not show {condition.metric}; take {LABEL_MATURITY}, or delete the rule"
    base = base_of(condition.metric)
    is_of_labels = base in labelled_names()
    if not is_of_labels or base in {*ALWAYS, *BESIDES} or basis in LABEL_FREE:
        return ""
    if base not in told:
        return f"labels are totals, which do not tell {base}; choose one of {', '.join(told)}"
    if condition.metric != base and basis != NAIVE:
        return f"of totals nothing is estimated or bounded; take {base}"
    return ""
