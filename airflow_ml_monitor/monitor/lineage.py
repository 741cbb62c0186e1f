"""What a step tells of the data that it read and wrote: stored rows and profiles as plain facts, no second scan.

The facts hold no category, no key and no row; of numeric columns they hold what the metrics database holds anyway:
sums, extremes and quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.measurement import NOTES, Family, Measurement, Severity, Status
from airflow_ml_monitor.metrics.names import ALWAYS, fault_names
from airflow_ml_monitor.metrics.quality.quantiles import POINTS
from airflow_ml_monitor.monitor.contract import contract_of
from airflow_ml_monitor.monitor.places import Place, place_of, table_of
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.layout import Binning, Layout
from airflow_ml_monitor.profile.views import ColumnView
from airflow_ml_monitor.store.records import Recorded

CONTRACT: Final = "expectation"
"""The metric whose rows are a contract's rules."""

FAULTS: Final = (Family.FAULT, Family.QUALITY)
"""The families in which faults of data stand: those with a name, no rows, and repeated keys."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column in counts. distinct: None where values share buckets, and so are not counted one by one.

    total, low, high, quantiles: of the finite values of a numeric column; None where there are none.
    """

    nulls: int
    count: int
    distinct: int | None = None
    total: float | None = None
    low: float | None = None
    high: float | None = None
    quantiles: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assertion:
    """What was asked of a dataset, and whether it holds.

    kind: a type of expectation, or the name of a fault; `row_count` holds if there are rows, `duplicate_rows` if none.
    """

    kind: str
    name: str
    holds: bool
    column: str = ""
    severity: Severity = Severity.CRITICAL


@dataclass(frozen=True, slots=True)
class DatasetFacts:
    """One dataset that a step read or wrote. rows: None where nothing is known of them.

    event_time, window: of which rows it is told; all of them without a window.
    """

    place: Place
    rows: int | None = None
    columns: Mapping[str, ColumnFacts] = field(default_factory=dict)
    assertions: tuple[Assertion, ...] = ()
    event_time: str = ""
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a step read and wrote."""

    inputs: tuple[DatasetFacts, ...]
    outputs: tuple[DatasetFacts, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """What a step reads and writes: tables of the metrics database; and of which families it makes assertions.

    labels: whether the label sources are read too.
    """

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ("measurement",)
    asserts: tuple[Family, ...] = ()
    labels: bool = False


WHOLE_WINDOW: Final = Flow(
    writes=("profile", "label_entry", "measurement"), asserts=(Family.CONTRACT, *FAULTS), labels=True
)
"""Of all measurements of a window in one step."""


def lineage_of(monitor: Monitor, run: Run | None, flow: Flow) -> Lineage:
    """The datasets of a monitor, with what is stored of the run's window; their names alone without a run.

    Told is what was known at the run's known_at: its own numbers, or those of an earlier run on the same inputs.
    """
    monitor = _by_spec(monitor, run)
    inputs = [_dataset(monitor, dataset, run, flow.asserts) for dataset in monitor.spec.datasets]
    if Family.FAULT in flow.asserts:
        inputs += [_replay(monitor, dataset.replayed, run) for dataset in monitor.spec.datasets if dataset.replay]
    if flow.labels:
        inputs += [_labels(monitor, labels.name, labels.source, run) for labels in monitor.spec.labels]
    return Lineage((*_joined(inputs), *_tables(monitor, flow.reads)), _tables(monitor, flow.writes))


def lineage_of_reference(monitor: Monitor, *, is_frozen: bool) -> Lineage:
    """The reference's source, with the facts of its profile once it is frozen."""
    told = [_reference(monitor, dataset, is_frozen) for dataset in monitor.spec.datasets]
    return Lineage(_joined(told), _tables(monitor, ["reference", "measurement"]))


def lineage_of_batch(monitor: Monitor, run: Run | None, source: Any, good: str, quarantine: str) -> Lineage:
    """A batch that was split, with the rules that its rows keep, and its two parts with their rows."""
    batch = DatasetFacts(place_of(source, f"{monitor.key}/batch"))
    parts = [DatasetFacts(place_of(path, "")) for path in (good, quarantine)]
    monitor = _by_spec(monitor, run)
    if run is not None and (found := _stored(monitor, run, Family.ROWS, monitor.spec.dataset().name)):
        kinds, rows = _rules(monitor, found[0]), [one.measurement for one in found]
        assertions = [a for row in rows if row.parameters and (a := _kept(row, 0.0, kinds))]
        batch = replace(batch, assertions=tuple(assertions))
        (every,) = (row for row in rows if not row.parameters)
        if every.estimate is not None:
            held = round(every.estimate.value * every.estimate.n)
            batch = replace(batch, rows=every.estimate.n)
            parts = [replace(parts[0], rows=every.estimate.n - held), replace(parts[1], rows=held)]
    return Lineage((batch,), (*parts, *_tables(monitor, ["measurement"])))


def lineage_of_store(monitor: Monitor, reads: Iterable[str], writes: Iterable[str], *files: str) -> Lineage:
    """Tables of the metrics database, and files that were made of them."""
    made = [DatasetFacts(place_of(path, "")) for path in files]
    return Lineage(_tables(monitor, reads), (*_tables(monitor, writes), *made))


def _tables(monitor: Monitor, names: Iterable[str]) -> tuple[DatasetFacts, ...]:
    return tuple(DatasetFacts(table_of(monitor.store, name)) for name in names)


def _by_spec(monitor: Monitor, run: Run | None) -> Monitor:
    """With the spec by which the run's window is measured."""
    return monitor if run is None else monitor.by_spec([run.window])[run.window]


def _dataset(monitor: Monitor, dataset: Dataset, run: Run | None, asserts: Sequence[Family]) -> DatasetFacts:
    told = DatasetFacts(place_of(dataset.source, f"{monitor.key}/{dataset.name}"))
    if run is None:
        return told
    told = replace(told, event_time=dataset.event_time, window=run.window)
    reference = monitor.reference(dataset, run.window)
    seen = monitor.store.profiles_seen(monitor.key, dataset.name, str(run.rule), run.window, run.known_at)
    key = next((key for key in seen if key.window == run.window), None)
    if key and key.layout_digest == reference.layout.digest and (stored := monitor.store.profile(monitor.key, key)):
        told = _measured(told, decode_profile(stored), reference.layout)
    every = [row for family in asserts for row in _stored(monitor, run, family, dataset.name, reference)]
    rules = [row for row in every if row.measurement.metric == CONTRACT]
    kinds = _rules(monitor, rules[0]) if rules else {}
    answered = [a for row in rules if (a := _kept(row.measurement, 1.0, kinds))]
    return replace(told, assertions=(*answered, *_unbroken(monitor, [row.measurement for row in every])))


def _labels(monitor: Monitor, name: str, source: Any, run: Run | None) -> DatasetFacts:
    """A label source by its name, and whether a fault was named among its labels in a window measured by the run."""
    told = DatasetFacts(place_of(source, f"{monitor.key}/{name}"))
    if run is None:
        return told
    stage = monitor.spec.stage
    found = monitor.store.current(
        monitor.key, as_of=run.known_at, families=[Family.PERFORMANCE, Family.QUALITY], dataset=name,
        rule=str(run.rule), stage=stage, metrics=fault_names(), whole=True,
    )  # fmt: skip
    return replace(told, assertions=_unbroken(monitor, [r.measurement for r in found if r.known_at == run.known_at]))


def _replay(monitor: Monitor, replayed: Dataset, run: Run | None) -> DatasetFacts:
    """A replay, and whether rows of the run's window differ from it."""
    told = DatasetFacts(place_of(replayed.source, f"{monitor.key}/{replayed.name}"))
    rows = _stored(monitor, run, Family.FAULT, replayed.name) if run else []
    return replace(told, assertions=_unbroken(monitor, [row.measurement for row in rows]))


def _reference(monitor: Monitor, dataset: Dataset, is_frozen: bool) -> DatasetFacts:
    wanted = monitor.spec.reference
    told = DatasetFacts(place_of(wanted.source, f"{monitor.key}/reference"))
    if not is_frozen:
        return told
    if wanted.start or wanted.end:
        window = Window(wanted.start or EVER.start, wanted.end or EVER.end)
        told = replace(told, event_time=dataset.event_time, window=window)
    newest = monitor.store.references(monitor.key, dataset.name)[-1][1]
    record = monitor.store.reference(monitor.key, newest)
    assert record is not None  # its digest was listed
    return _measured(told, decode_profile(record.profile), Layout.from_document(record.layout))


def _measured(told: DatasetFacts, profile: Profile, layout: Layout) -> DatasetFacts:
    """With what a profile holds of every column that arrived as declared."""
    if "" in profile.faults:
        return told
    arrived = [binning for binning in layout.binnings if binning.column not in profile.faults]
    columns = {binning.column: _column(ColumnView.of(profile, layout, binning.column), binning) for binning in arrived}
    return replace(told, rows=profile.population, columns=columns)


def _column(column: ColumnView, binning: Binning) -> ColumnFacts:
    counts = (column.nulls, column.rows - column.nulls)
    # One bucket a value, and no row without a bucket of its own.
    distinct = None if binning.is_grid or column.other or column.not_finite else len(column.atoms[1])
    if column.kind is not Kind.NUMERIC or not column.n:
        return ColumnFacts(*counts, distinct)
    low, high = column.extremes
    total = column.mean * column.n
    quantiles = {str(q): column.quantile(q) for q in POINTS}
    # Sums of huge values overflow, and JSON knows no infinity.
    return ColumnFacts(*counts, distinct, total if math.isfinite(total) else None, low, high, quantiles)


def _stored(
    monitor: Monitor, run: Run, family: Family, dataset: str, reference: FrozenReference | None = None
) -> list[Recorded]:
    """What is stored of the run's window as known by the run; of one reference, where the family has one."""
    window = run.window
    found = monitor.store.current(
        monitor.key, as_of=run.known_at, families=[family], dataset=dataset, rule=str(run.rule),
        stage=monitor.spec.stage, start=window.start, end=window.end, whole=True,
    )  # fmt: skip
    mine = [r for r in found if r.head.window == window]
    return [r for r in mine if reference is None or r.head.reference == reference.digest]


def _rules(monitor: Monitor, answer: Recorded) -> dict[str, tuple[str, Severity]]:
    """(type, severity) of each rule of the contract that an answer names."""
    contract = contract_of(monitor.store, monitor.key, answer)
    rules = contract.document["expectations"] if contract else []
    return {rule["meta"]["rule_id"]: (rule["type"], Severity(rule["severity"])) for rule in rules}


def _kept(row: Measurement, value: float, kinds: Mapping[str, tuple[str, Severity]]) -> Assertion | None:
    """A rule's answer, kept if it has a value; None if there was nothing to check. One that failed does not hold."""
    kind, severity = kinds.get(row.parameters, (row.metric, Severity.CRITICAL))
    if row.status is Status.FAILED:
        return Assertion(kind, row.parameters, False, row.column, severity)
    if row.estimate is None:
        return None
    return Assertion(kind, row.parameters, row.estimate.value == value, row.column, severity)


def _unbroken(monitor: Monitor, rows: Iterable[Measurement]) -> tuple[Assertion, ...]:
    """Of each fault that was looked for: that there is none, or which column has it. Not the values that it names."""
    overlooked = {*NOTES, *monitor.spec.policy.overlook}
    found: dict[tuple[str, str], bool] = {}
    for row in rows:
        if row.metric in fault_names() | ALWAYS and (is_broken := _is_broken(row)) is not None:
            found[row.metric, row.column] = found.get((row.metric, row.column), False) or is_broken
    broken = {metric for (metric, _), named in found.items() if named}
    told = []
    for (metric, column), named in found.items():
        if named or metric not in broken:
            is_note = {metric, f"{metric} of {column}"} & overlooked
            told.append(Assertion(metric, metric, not named, column, Severity.INFO if is_note else Severity.CRITICAL))
    return tuple(told)


def _is_broken(row: Measurement) -> bool | None:
    """True if a fault was found, or could not be looked for; None if there was nothing to look at."""
    if row.estimate is None:
        return True if row.status is Status.FAILED else None
    if row.metric == "row_count":
        return row.estimate.value == 0
    return row.estimate.value > 0 or (None if row.estimate.n == 0 else False)


def _joined(told: Iterable[DatasetFacts]) -> tuple[DatasetFacts, ...]:
    """Each place once: of several datasets in one source the columns and assertions of all."""
    found: dict[Place, DatasetFacts] = {}
    for one in told:
        if (before := found.get(one.place)) is not None:
            assertions = (*before.assertions, *one.assertions)
            columns = {**before.columns, **one.columns}
            one = replace(before, columns=columns, assertions=tuple(dict.fromkeys(assertions)))
        found[one.place] = one
    return tuple(found.values())
