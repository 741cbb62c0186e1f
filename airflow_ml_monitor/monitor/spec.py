"""Everything one monitor is. Light: read when a DAG is parsed; touches no data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date, datetime, timedelta
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.monitor.checks.compared import Benchmark, check_benchmark
from airflow_ml_monitor.monitor.checks.spec import check
from airflow_ml_monitor.monitor.checks.trailing import Trailing
from airflow_ml_monitor.policy.chart import CALLS, Chart
from airflow_ml_monitor.policy.rule import Policy
from airflow_ml_monitor.profile.dataset import UNSAID, Dataset, Role
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.task import Task


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
    trailing: distances are from the windows before instead; all else, the buckets among it, stays the frozen one's.
    """

    source: Any
    start: datetime | None = None
    end: datetime | None = None
    label: str | None = None
    benchmark: Benchmark = field(default_factory=dict)
    trailing: Trailing | None = None

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
    contract: 'inferred' (from the reference), a suite's JSON or YAML file, a function that returns one
    ('package.module:name', called where the task runs), a suite as a dict, {gx_project, suite | checkpoint} of a
    project of Great Expectations, or None for no contract. {suite: any of these, failed_rows: {table, columns, limit}}
    also keeps a sample of the rows that break it, of them the named columns, in a table of the metrics database.
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
        check(self)

    def __str__(self) -> str:
        # What Airflow keeps of an argument of a mapped task, and shows of a rendered one.
        return self.key

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

    @property
    def charts(self) -> tuple[Chart, ...]:
        """What charts watch; none without a budget for them."""
        return self.policy.charts if self.policy.false_alarms_per_year else ()

    @property
    def measured(self) -> tuple[str, ...]:
        """`measurements`, and what charts need; empty means all."""
        watched = [chart.metric for chart in self.charts]
        if watched and any(Role.VERSION in dataset.roles for dataset in self.datasets):
            watched.append(CALLS)
        return tuple(dict.fromkeys((*self.measurements, *watched))) if self.measurements else ()

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
        """Where the data lies, by dataset and label source name; `reference` is the reference's, `<dataset>.replay` the
        replay's of a dataset."""
        return {
            **{dataset.name: dataset.source for dataset in self.datasets},
            **{dataset.replayed.name: dataset.replay.source for dataset in self.datasets if dataset.replay},
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
            datasets=tuple(_with_sources(dataset, sources) for dataset in self.datasets),
            labels=tuple(replace(s, source=sources.get(s.name, s.source)) for s in self.labels),
        )


def _with_sources(dataset: Dataset, sources: Mapping[str, Any]) -> Dataset:
    replay, name = dataset.replay, f"{dataset.name}.replay"
    replay = replay and replace(replay, source=sources.get(name, replay.source))
    return replace(dataset, source=sources.get(dataset.name, dataset.source), replay=replay)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        said = (f for f in fields(value) if UNSAID not in f.metadata or getattr(value, f.name) != f.default)
        return {f.name: _plain(getattr(value, f.name)) for f in said}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
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
