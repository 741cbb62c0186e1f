"""Whether what rules look at can be there, as far as the spec tells. Light, as spec.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.measurement import base_of
from airflow_ml_monitor.metrics.names import (
    ALWAYS,
    BESIDES,
    LABEL_CORRELATION,
    LABEL_FREE,
    labelled_names,
    metric_names,
)
from airflow_ml_monitor.policy.rule import Action, Condition, Rule

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec


def check_conditions(spec: MonitorSpec) -> None:
    """SpecError for the first condition of a rule that could never be judged as it is meant."""
    for field, rule, condition in spec.policy.conditions():
        _check_metric(spec, rule, condition, field)
        _check_columns(spec, condition, field)
        check_slices(spec, condition.slices, f"{field}.slices")


def _check_metric(spec: MonitorSpec, rule: Rule, condition: Condition, field: str) -> None:
    metric, known = condition.metric, metric_names()
    if metric not in known:
        raise UnknownName("metric", metric, known, field=f"{field}.metric")
    if spec.measurements and base_of(metric) not in {*spec.measurements, *ALWAYS, *BESIDES}:
        told = f"{metric!r} is not measured; add it to measurements, or leave measurements out"
        raise SpecError(told, field=f"{field}.metric")
    is_guess = metric.partition(".")[0] in LABEL_FREE and not spec.policy.trust_estimates
    if is_guess and rule.action in (Action.RETRAIN, Action.ROLL_BACK):
        raise SpecError(
            f"{metric!r} is estimated without labels and cannot see concept drift; ask for alert, take "
            f"{base_of(metric)!r}, or set policy.trust_estimates",
            field=f"policy.rules.{rule.title}.action",
        )


def _check_columns(spec: MonitorSpec, condition: Condition, field: str) -> None:
    columns, plain = {column.name for dataset in spec.datasets for column in dataset.columns}, base_of(condition.metric)
    is_of_labels = plain in labelled_names()
    if condition.columns and is_of_labels:
        pair = f", or name one by parameters: {condition.columns[0]}~label" if plain == LABEL_CORRELATION else ""
        raise SpecError(f"{of_no_column(condition.metric)}; leave columns out{pair}", field=f"{field}.columns")
    if condition.share_of_columns is not None and (is_of_labels or plain in ALWAYS):
        told = f"{condition.metric!r} is of no column; leave share_of_columns out, or name a metric of columns"
        raise SpecError(told, field=f"{field}.share_of_columns")
    if unknown := sorted(set(condition.columns) - columns):
        raise UnknownName("column", unknown[0], columns, field=f"{field}.columns")


def of_no_column(metric: str) -> str:
    """What a metric of labelled rows is of, where a column is named."""
    if metric == LABEL_CORRELATION:
        return f"{metric!r} is of each feature with the label, all together"
    return f"{metric!r} is of labels and predictions, not of a column"


def check_slices(spec: MonitorSpec, slices: bool | tuple[str, ...], field: str) -> None:
    """SpecError for a column that rows are not sliced by."""
    known = {name for dataset in spec.datasets for name in dataset.slice_by}
    named = slices if isinstance(slices, tuple) else ()
    if unknown := sorted({*named} - known):
        raise UnknownName("column of slice_by", unknown[0], known, field=field)
