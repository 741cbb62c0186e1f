"""Whether a spec makes sense as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.expectations.written import check_written, parted
from airflow_ml_monitor.metrics.names import fault_names, metric_names
from airflow_ml_monitor.monitor.checks.charts import check_charts
from airflow_ml_monitor.monitor.checks.compared import check_baseline
from airflow_ml_monitor.monitor.checks.conditions import check_conditions
from airflow_ml_monitor.monitor.checks.labels import check_censored, check_label_moments, check_several
from airflow_ml_monitor.monitor.checks.parameters import check_parameters
from airflow_ml_monitor.monitor.checks.proxies import check_proxies
from airflow_ml_monitor.monitor.checks.rankings import check_ranked
from airflow_ml_monitor.monitor.checks.sets import check_sets
from airflow_ml_monitor.monitor.checks.spark import check_spark
from airflow_ml_monitor.monitor.checks.tables import check_tables
from airflow_ml_monitor.monitor.checks.totals import check_rules, check_totals
from airflow_ml_monitor.monitor.checks.trailing import check_trailing
from airflow_ml_monitor.monitor.checks.values import check_values
from airflow_ml_monitor.profile.dataset import Dataset, Role
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource
from airflow_ml_monitor.profile.task import Task, TaskKind

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec


def check(spec: MonitorSpec) -> None:
    """What no single field can tell."""
    if not spec.name or "/" in spec.name or "/" in spec.namespace:
        raise SpecError(f"{spec.key!r} is no name; use letters, digits, '_', '-', '.'", field="name")
    if spec.stage == "reference":
        raise SpecError("'reference' is the stage of a reference's own numbers; use e.g. 'production'", field="stage")
    if not spec.datasets:
        raise SpecError("no dataset; give at least one", field="datasets")
    if not spec.windows:
        raise SpecError("no window rule; give at least one, e.g. [day]", field="windows")
    if len({(rule.zone, rule.offset) for rule in spec.windows}) > 1:
        raise SpecError("window rules of one monitor share one zone and offset; make two monitors", field="windows")
    rules = [str(rule) for rule in spec.windows]
    if twice := sorted({rule for rule in rules if rules.count(rule) > 1}):
        raise SpecError(f"{twice[0]} stands there twice; keep one", field="windows")
    if added := [rule for rule in spec.windows if rule.added and str(rule.days) not in rules]:
        told = f"a {added[0].unit} is added up from its days, and none are measured; add day to the windows"
        raise SpecError(told, field="windows")
    for name in spec.upstream:
        if name.count("/") != 1 or name == spec.key:
            told = "is this monitor itself" if name == spec.key else "is no monitor's key"
            raise SpecError(
                f"{name!r} {told}; write another's namespace and name, e.g. default/orders", field="upstream"
            )
    names = [d.name for d in spec.datasets] + [s.name for s in spec.labels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"{twice[0]!r} names two sources", field="datasets, labels")
    check_trailing(spec.reference.trailing, spec.windows)
    _check_measurements(spec)
    check_conditions(spec)
    check_charts(spec)
    for name in spec.policy.overlook:
        if (fault := name.partition(" of ")[0]) not in fault_names():
            raise UnknownName("named fault", fault, fault_names(), field="policy.overlook")
    check_written(spec.contract)
    _check_failed_rows(spec)
    for dataset in spec.datasets:
        check_sets(spec.task, dataset)
        _check_scores(spec.task, dataset)
        check_baseline(spec.task, dataset)
        check_label_moments(spec, dataset)
    for source in spec.labels:
        check_totals(spec, source)
        _check_labels(spec, source)
    check_tables(spec)
    check_spark(spec)
    check_rules(spec)
    check_values(spec)
    check_proxies(spec)
    check_parameters(spec)


def _check_failed_rows(spec: MonitorSpec) -> None:
    """Whether each dataset has the columns by which rows that break the contract are named."""
    _, wanted = parted(spec.contract)
    for dataset in spec.datasets if wanted else ():
        names = [column.name for column in dataset.columns]
        if wanted and (missing := [column for column in wanted.columns if column not in names]):
            raise SpecError(
                f"{missing[0]!r} is no declared column of {dataset.name!r}; declare it, e.g. with the role entity_key",
                field="contract.failed_rows.columns",
            )


def _check_labels(spec: MonitorSpec, source: LabelSource) -> None:
    """Whether a label source finds its predictions, and they hold what the task needs."""
    dataset = spec.dataset(source.dataset)
    if not source.are_totals and (len(dataset.entity_key) != len(source.key) or not source.key):
        raise SpecError(
            f"key {list(source.key)} cannot match the entity_key {list(dataset.entity_key)} of "
            f"{dataset.name!r}; name as many columns, at least one: a label says which one prediction it is of, so "
            "where a customer is scored again and again it needs the prediction's id, or its time, beside it",
            field=f"labels.{source.name}.key",
        )
    if source.mode is LabelMode.IMPLICIT and (
        spec.task.kind not in (TaskKind.BINARY, TaskKind.RANKING) or source.label_time is None
    ):
        raise SpecError(
            "implicit labels are events of a binary task, or a ranking, that say when they became known; "
            "declare label_time and task kind binary or ranking, or leave mode out",
            field=f"labels.{source.name}.mode",
        )
    if source.mode in (LabelMode.SELECTIVE, LabelMode.SAMPLED) and (
        spec.task.kind is not TaskKind.BINARY or spec.reference.label is None
    ):
        raise SpecError(
            f"{source.mode} labels need a binary task, and a reference with a label to learn from; "
            "declare reference.label, or leave mode out",
            field=f"labels.{source.name}.mode",
        )
    check_several(source, spec.task)
    check_censored(source, spec.task)
    if spec.task.kind is TaskKind.RANKING:
        check_ranked(dataset)
        return
    roles = {column.role for column in dataset.columns}
    # Of several classes either will do; that there are all scores, or none, has been checked.
    needed = {Role.SCORE} if spec.task.kind is TaskKind.BINARY else {Role.PREDICTION}
    needed -= {Role.PREDICTION} if spec.task.classes and Role.SCORE in roles else set()
    if missing := needed - roles:
        raise SpecError(
            f"labels need a column with role {str(min(missing))!r} in {dataset.name!r}; declare it under columns",
            field=f"datasets.{dataset.name}.columns",
        )


def _check_scores(task: Task, dataset: Dataset) -> None:
    """What columns are of: a score of a class, and every class has one, or none has; a quantile of its level."""
    forecasts = {column.name for column in dataset.quantiles.values()}
    scores = [column for column in dataset.columns if column.role is Role.SCORE]
    for column in dataset.columns:
        field = f"datasets.{dataset.name}.columns.{column.name}.of"
        is_score = bool(task.classes) and column.role is Role.SCORE
        if is_score and str(column.of) not in task.class_names:
            known = ", ".join(task.class_names)
            raise SpecError(f"{column.of!r} is none of the classes {known}; say whose score it holds", field=field)
        is_forecast = column.name in forecasts
        if is_forecast and task.kind is not TaskKind.REGRESSION:
            raise SpecError(f"a {task.kind} task has no quantiles; they are of a regression", field=field)
        if column.of != "" and not is_score and not is_forecast:
            told = "only a score of several classes is of one of them, and a quantile of a level; leave it out"
            raise SpecError(told, field=field)
    if not scores or not task.classes:
        return
    named = [str(column.of) for column in scores]
    field = f"datasets.{dataset.name}.columns"
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise SpecError(f"two columns hold the score of class {twice[0]!r}", field=field)
    if missing := [name for name in task.class_names if name not in named]:
        raise SpecError(
            f"no column holds the score of {', '.join(map(repr, missing))}; declare one of role score for every class, "
            "or none and a column of role prediction",
            field=field,
        )


def _check_measurements(spec: MonitorSpec) -> None:
    """Metrics asked for must exist; their files are listed, not imported."""
    plain = {name for name in metric_names() if "." not in name}
    for name in spec.measurements:
        if name not in plain:
            raise UnknownName("metric", name, plain, field="measurements")
