"""Everything one monitor is. Light: read when a DAG is parsed; touches no data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.measurement import base_of
from airflow_ml_monitor.metrics.metric import BESIDES, LABEL_FREE, metric_names
from airflow_ml_monitor.monitor.compared import Benchmark, check_baseline, check_benchmark
from airflow_ml_monitor.monitor.label_spec import check_censored, check_several
from airflow_ml_monitor.monitor.ranked_columns import check_ranked
from airflow_ml_monitor.monitor.set_columns import check_sets
from airflow_ml_monitor.monitor.value_checks import check_values
from airflow_ml_monitor.policy.rule import Action, Policy
from airflow_ml_monitor.profile.dataset import Dataset, LabelMode, LabelSource, Role, Task, TaskKind

ALWAYS = frozenset({"row_count", "duplicate_rows"})
"""Metrics that are measured and judged whatever the spec asks for: without them no window could be called broken."""


class Importance(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Reference:
    """The data that the current data is compared with; frozen once.

    source: as in Dataset, with the same columns (a label column may stand in it). start, end: use only these rows.
    label: the column that holds the label, if it does; needed for bounds relative to the reference's performance.
    benchmark: what the model reached elsewhere, e.g. on rows held out when it was trained: {roc_auc: 0.81}, of a class
    {recall: {class=a: 0.7}}. Such bounds are relative to it; it takes the place of what the reference's labels say, and
    is frozen with the reference: another one counts once that is frozen anew.
    """

    source: Any
    start: datetime | None = None
    end: datetime | None = None
    label: str | None = None
    benchmark: Benchmark = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_benchmark(self.benchmark)
        for name in ("start", "end"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise SpecError(
                    f"{moment.isoformat()} has no time zone; give an offset, e.g. {moment.isoformat()}+00:00",
                    field=f"reference.{name}",
                )
        if self.start and self.end and self.end <= self.start:
            raise SpecError(f"{self.end.isoformat()} is not after the start", field="reference.end")


@dataclass(frozen=True, slots=True)
class Owners:
    """Who hears of what: names, addresses or channels, as the user's notifiers understand them."""

    data: str = ""
    drift: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class MonitorSpec:
    """One model's monitor; the same in Python and YAML.

    windows: calendar windows, all in one zone; the first is the one a DAG run measures unless told otherwise.
    contract: 'inferred' (from the reference), a suite's JSON file, a suite as a dict, or None for no contract.
    measurements: names of metrics; empty means all that fit the columns and the task.
    model_version: used where no column has the role `version`.
    upstream: 'namespace/name' of monitors whose incident explains ours.
    """

    name: str
    task: Task
    datasets: tuple[Dataset, ...]
    reference: Reference
    labels: tuple[LabelSource, ...] = ()
    windows: tuple[WindowRule, ...] = (WindowRule(WindowUnit.DAY),)
    namespace: str = "default"
    contract: str | dict[str, Any] | None = "inferred"
    measurements: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    stage: str = "production"
    model_version: str = ""
    importance: Importance = Importance.NORMAL
    owners: Owners = field(default_factory=Owners)
    upstream: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check(self)

    @classmethod
    def from_yaml(cls, path: str | Path) -> MonitorSpec:
        """Read a spec; a relative path is relative to the file of the caller (the DAG file).

        Relative sources inside it are relative to the YAML file. Errors name field, value and remedy.
        """
        from airflow_ml_monitor.monitor.document import caller_file, read_yaml

        return read_yaml(Path(path), caller_file(1))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> MonitorSpec:
        """The spec of a plain JSON document, e.g. a stored one."""
        from airflow_ml_monitor.monitor.document import validated

        return validated(document)

    def document(self) -> dict[str, Any]:
        """Plain JSON, from which `from_document` makes the same spec; a DataFrame source is named, not carried."""
        found: dict[str, Any] = _plain(self)
        return found

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    def dataset(self, name: str = "") -> Dataset:
        """The dataset of a name, or the first."""
        if not name:
            return self.datasets[0]
        found = {dataset.name: dataset for dataset in self.datasets}
        if name not in found:
            raise UnknownName("dataset", name, found, field="datasets")
        return found[name]

    def rule(self, name: str = "") -> WindowRule:
        """The window rule of a name ('day', 'week', 'day@UTC'), or the first."""
        if not name:
            return self.windows[0]
        for rule in self.windows:
            if name in (str(rule), str(rule.unit)):
                return rule
        raise UnknownName("window rule", name, map(str, self.windows), field="windows")

    @property
    def sources(self) -> dict[str, Any]:
        """Where the data lies, by dataset and label source name; `reference` is the reference's."""
        return {
            **{dataset.name: dataset.source for dataset in self.datasets},
            **{labels.name: labels.source for labels in self.labels},
            "reference": self.reference.source,
        }

    def with_sources(self, by_name: Mapping[str, Any] | None = None, /, **sources: Any) -> MonitorSpec:
        """The same monitor on other tables, by dataset or label source name; `reference` names the reference's."""
        sources = {**(by_name or {}), **sources}
        if unknown := sorted(set(sources) - set(self.sources)):
            raise UnknownName("source", unknown[0], self.sources)
        return replace(
            self,
            reference=replace(self.reference, source=sources.get("reference", self.reference.source)),
            datasets=tuple(replace(d, source=sources.get(d.name, d.source)) for d in self.datasets),
            labels=tuple(replace(s, source=sources.get(s.name, s.source)) for s in self.labels),
        )


def _check(spec: MonitorSpec) -> None:
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
    names = [d.name for d in spec.datasets] + [s.name for s in spec.labels]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"{twice[0]!r} names two sources", field="datasets, labels")
    _check_metrics(spec)
    for dataset in spec.datasets:
        check_sets(spec.task, dataset)
        _check_scores(spec.task, dataset)
        check_baseline(spec.task, dataset)
    for source in spec.labels:
        _check_labels(spec, source)
    check_values(spec)


def _check_labels(spec: MonitorSpec, source: LabelSource) -> None:
    """Whether a label source finds its predictions, and they hold what the task needs."""
    dataset = spec.dataset(source.dataset)
    if len(dataset.entity_key) != len(source.key) or not source.key:
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


def _check_metrics(spec: MonitorSpec) -> None:
    """Metrics asked for must exist; their files are listed, not imported."""
    known = metric_names()
    plain = {name for name in known if "." not in name}
    for name in spec.measurements:
        if name not in plain:
            raise UnknownName("metric", name, plain, field="measurements")
    columns = {column.name for dataset in spec.datasets for column in dataset.columns}
    for rule in spec.policy.rules:
        if rule.metric not in known:
            raise UnknownName("metric", rule.metric, known, field=f"policy.rules.{rule.title}.metric")
        if spec.measurements and base_of(rule.metric) not in {*spec.measurements, *ALWAYS, *BESIDES}:
            raise SpecError(
                f"{rule.metric!r} is not measured; add it to measurements, or leave measurements out",
                field=f"policy.rules.{rule.title}.metric",
            )
        is_guess = rule.metric.partition(".")[0] in LABEL_FREE and not spec.policy.trust_estimates
        if is_guess and rule.action in (Action.RETRAIN, Action.ROLL_BACK):
            raise SpecError(
                f"{rule.metric!r} is estimated without labels and cannot see concept drift; ask for alert, take "
                f"{base_of(rule.metric)!r}, or set policy.trust_estimates",
                field=f"policy.rules.{rule.title}.action",
            )
        if unknown := sorted(set(rule.columns) - columns):
            raise UnknownName("column", unknown[0], columns, field=f"policy.rules.{rule.title}.columns")


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return f"<{type(value).__module__}.{type(value).__qualname__}>"
