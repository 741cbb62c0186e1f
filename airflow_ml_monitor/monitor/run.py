"""Freeze and profile: what every other step begins with. The steps are plain functions of (Monitor, Run)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from airflow_ml_monitor import __version__
from airflow_ml_monitor.errors import DataFault, ReferenceMismatch, ScanError, SpecError
from airflow_ml_monitor.keys import EVER, Window, WindowRule, utc
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.metrics.metric import metrics
from airflow_ml_monitor.monitor.added import added_up
from airflow_ml_monitor.monitor.checks.compared import Benchmark, check_named, stated
from airflow_ml_monitor.monitor.measure import column_rows, labelled_metrics, labelled_rows, score_rows
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.stored import Place
from airflow_ml_monitor.profile.cells import CONTENTS, Profile
from airflow_ml_monitor.profile.codec import decode_entries, decode_profile, encode_entries, encode_profile
from airflow_ml_monitor.profile.dataset import Dataset, Role
from airflow_ml_monitor.profile.engines.chosen import Chosen
from airflow_ml_monitor.profile.engines.engine import Engine
from airflow_ml_monitor.profile.layout import Layout, digest
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.store.records import REFERENCE_STAGE, Numbers, ProfileKey, ReferenceRecord, Revision
from airflow_ml_monitor.store.repository import MetricsStore

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run is about: a window, and the evidence cut-off. Fixed before anything is scanned."""

    window: Window
    rule: WindowRule
    known_at: datetime
    run_id: str = ""
    is_backfill: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "known_at", utc(self.known_at))
        if self.known_at < self.window.end:
            raise SpecError(
                f"known_at {self.known_at.isoformat()} lies before the end of the window {self.window}; "
                "a window is measured when it is over"
            )


@dataclass(frozen=True, slots=True)
class FrozenReference:
    """A reference as it was frozen: its buckets, profile and, if it carries labels, its ledger entries."""

    digest: str
    layout: Layout
    profile: Profile
    labels: Entries | None


@dataclass(frozen=True, slots=True)
class Monitor:
    """A spec, the store that remembers it, and the engine that reads its data.

    version: the digest under which the spec is registered; empty: that of `spec` itself. declared: the spec as its
    user wrote it, where `spec` reads one run's rows from elsewhere; it is this one that is registered.
    """

    spec: MonitorSpec
    store: MetricsStore
    engine: Engine = field(default_factory=Chosen)
    version: str = ""
    declared: MonitorSpec | None = None
    _decoded: dict[str, FrozenReference] = field(default_factory=dict, repr=False, compare=False)

    @property
    def key(self) -> str:
        return self.spec.key

    @property
    def document(self) -> dict[str, Any]:
        """The spec as it is registered."""
        return (self.declared or self.spec).document()

    def on(self, rows: Any) -> Monitor:
        """This monitor with a source for one run's rows of its first dataset: a path, or a DataFrame."""
        return replace(self, spec=self.spec.with_sources({self.spec.datasets[0].name: rows}), declared=self.spec)

    def at(self, window: Window, seen_at: datetime) -> Monitor:
        """This monitor with the spec by which a window is measured.

        An edited spec counts from the end of what was measured before; older windows keep theirs. Where the data lies
        is always taken from today's spec: a moved table is not another monitor.
        """
        document = self.document
        self.store.register_spec(self.key, digest(document), document, seen_at)
        return self.by_spec([window])[window]

    def by_spec(self, windows: Iterable[Window]) -> dict[Window, Monitor]:
        """This monitor with the spec of each window, as `at`; stores nothing."""
        mine = digest(self.document)
        versions = [(known.valid_from, known) for known in self.store.spec_versions(self.key)]
        made = {mine: replace(self, version=mine)}
        found = {}
        for window in windows:
            known = _valid(versions, window.start)
            name = known.digest if known else mine
            if known and name not in made:
                # The name is always today's: a renamed monitor is the same one.
                named = {**known.document, "name": self.spec.name, "namespace": self.spec.namespace}
                old = MonitorSpec.from_document(named)
                sources = {source: self.spec.sources[source] for source in old.sources if source in self.spec.sources}
                if self.declared and old.datasets[0].name not in sources:
                    # One run's rows are the first dataset's, whatever its name was then.
                    sources[old.datasets[0].name] = self.spec.datasets[0].source
                made[name] = replace(self, spec=old.with_sources(sources), version=name)
            found[window] = made[name]
        return found

    def reference(self, dataset: Dataset, window: Window) -> FrozenReference:
        """The reference by which a window is measured; raises ReferenceMismatch if it does not fit the spec."""
        return self.references(dataset, [window])[window]

    def references(self, dataset: Dataset, windows: Iterable[Window]) -> dict[Window, FrozenReference]:
        """The reference of each window, as `reference`."""
        known = self.store.references(self.key, dataset.name)
        found = {}
        for window in windows:
            name = _valid(known, window.start)
            if name is None:
                raise ReferenceMismatch(
                    f"no reference is frozen for {dataset.name!r}; run FreezeReferenceOperator first", field="reference"
                )
            found[window] = self._reference(name)
        for reference in {id(one): one for one in found.values()}.values():
            _check_fit(dataset, reference.layout)
        return found

    def _reference(self, name: str) -> FrozenReference:
        if name not in self._decoded:
            record = self.store.reference(self.key, name)
            assert record is not None  # its digest was listed
            labels = decode_entries(record.labels) if record.labels else None
            layout = Layout.from_document(record.layout)
            self._decoded[name] = FrozenReference(name, layout, decode_profile(record.profile), labels)
        return self._decoded[name]

    def head(self, family: Family, dataset: Dataset, run: Run, reference: FrozenReference) -> HeadKey:
        """Where a family's numbers of a dataset in the run's window stand."""
        return HeadKey(family, dataset.name, str(run.rule), run.window, self.spec.stage, "", reference.digest)

    def numbers(self, head: HeadKey, run: Run, inputs: list[Any], rows: Sequence[Measurement], **ripe: Any) -> Numbers:
        """One family of one window, ready to be stored under the digest of what it was made from."""
        revision = Revision(
            known_at=run.known_at,
            input_digest=digest([*inputs, code_version()]),
            coverage=ripe.get("coverage"),
            is_final=ripe.get("is_final", False),
            run=run.run_id,
            code_version=code_version(),
            spec=self.version or digest(self.document),
            contract=ripe.get("contract", ""),
        )
        return Numbers(head, revision, rows)

    def write(self, made: Sequence[Numbers]) -> int:
        """Store all of them, or none; how many were new. Nothing is written where the inputs are known already."""
        return sum(written.wrote for written in self.store.write_revisions(self.key, made)) if made else 0


@cache
def code_version() -> str:
    """Names the release and the version of every metric: other code, other numbers."""
    return f"{__version__}/{digest({m.name: m.version for m in metrics().values()})[:8]}"


def _valid(known: Sequence[tuple[datetime, T]], moment: datetime) -> T | None:
    """The last of (valid from, what) that is valid at a moment."""
    return next((what for start, what in reversed(known) if start <= moment), None)


def _check_fit(dataset: Dataset, layout: Layout) -> None:
    for column in dataset.measured:
        if column.name not in layout:
            problem = f"the frozen reference of {dataset.name!r} has no column {column.name!r}"
        elif layout[column.name].kind is not column.kind:
            problem = (
                f"column {column.name!r} of {dataset.name!r} is declared {column.kind}, "
                f"but {layout[column.name].kind} in the frozen reference"
            )
        else:
            continue
        raise ReferenceMismatch(f"{problem}; freeze a new one (FreezeReferenceOperator, again=True)", field="reference")


def meaning(dataset: Dataset) -> list[Any]:
    """What a dataset's numbers depend on, besides its bytes."""
    columns = [[c.name, c.kind, c.role, *([c.of] if c.of != "" else [])] for c in dataset.columns]
    return [dataset.name, columns, dataset.event_time, dataset.zone, dataset.entity_key, dataset.slice_by]


def _sampled(dataset: Dataset) -> list[Any]:
    """What a profile depends on besides, where it keeps rows."""
    return [["sample_rows", dataset.sample_rows]] if dataset.sample_rows else []


def profiled_by(dataset: Dataset) -> list[Any]:
    """What a profile depends on besides the bytes that it is made of."""
    return [meaning(dataset), CONTENTS, *_sampled(dataset)]


def freeze(monitor: Monitor, known_at: datetime, *, again: bool = False) -> dict[str, str]:
    """Freeze the reference of every dataset that has none; the digest of each.

    again: freeze anew; if its bytes or columns changed, the new reference counts from the end of what was measured
    before.
    """
    document = monitor.document
    monitor.store.register_spec(monitor.key, digest(document), document, known_at)
    return {dataset.name: frozen(monitor, dataset, known_at, again=again) for dataset in monitor.spec.datasets}


def frozen(monitor: Monitor, dataset: Dataset, known_at: datetime, *, again: bool = False) -> str:
    """The digest of the dataset's newest reference, which is frozen now if there is none, or if asked `again`."""
    check_named(monitor.spec)
    known = [name for _, name in monitor.store.references(monitor.key, dataset.name)]
    if known and not again:
        return known[-1]
    wanted = monitor.spec.reference
    window = Window(wanted.start or EVER.start, wanted.end or EVER.end) if wanted.start or wanted.end else EVER
    source = replace(dataset, source=wanted.source)
    fingerprint = monitor.engine.fingerprints(source, [window])[0]
    document = monitor.spec.document()
    task = document["task"]
    told = [document["reference"]["benchmark"]] if wanted.benchmark else []
    told += _sampled(dataset)
    name = digest([fingerprint, meaning(dataset), str(window), wanted.label, task, __version__, *told])
    if known and known[-1].startswith(name):
        return known[-1]
    # One that comes back after another is a reference of its own: A, B, A are three.
    earlier = sum(one.startswith(name) for one in known)
    try:
        _freeze(monitor, source, window, (f"{name}-{earlier}" if earlier else name, fingerprint), known_at)
    except DataFault as fault:
        raise ReferenceMismatch(
            f"none can be frozen from {document['reference']['source']!r}: {fault.reason}; mend its data or its source",
            field="reference",
        ) from fault
    return monitor.store.references(monitor.key, dataset.name)[-1][1]


def _freeze(monitor: Monitor, source: Dataset, window: Window, named: tuple[str, str], known_at: datetime) -> None:
    layout = monitor.engine.layout(source, window)
    profile = monitor.engine.profile(source, layout, window)
    labels = None
    # Stages before the model have nothing to compare a label with.
    if (wanted := monitor.spec.reference.label) and source.roles & {Role.SCORE, Role.PREDICTION}:
        labels = monitor.engine.reference_entries(source, monitor.spec.task, layout, wanted, window)
    check_unchanged(monitor, source, window, named[1])
    record = ReferenceRecord(
        digest=named[0],
        dataset=source.name,
        layout=layout.document(),
        profile=encode_profile(profile),
        labels=encode_entries(labels) if labels else None,
        frozen_at=known_at,
        fingerprint=named[1],
    )
    _write_reference_values(monitor, source, FrozenReference(named[0], layout, profile, labels), known_at)
    monitor.store.save_reference(monitor.key, record)


def _write_reference_values(monitor: Monitor, dataset: Dataset, reference: FrozenReference, known_at: datetime) -> None:
    """The reference's own numbers, which relative bounds are drawn from: of every metric, as rules may change."""
    profile, layout = reference.profile, reference.layout
    quality = column_rows(profile, layout, Family.QUALITY) + score_rows(profile, layout, dataset, monitor.spec.task)
    rows = {Family.QUALITY: quality}
    if reference.labels is not None:
        views = {s: reference.labels.view(monitor.spec.task, s) for s in profile.slices}
        chosen = labelled_metrics(monitor.spec.task, dataset)
        rows[Family.PERFORMANCE] = labelled_rows(views, chosen)
    if told := _stated(monitor.spec.reference.benchmark):
        places = {(row.metric, row.slice, row.parameters) for row in told}
        found = rows.get(Family.PERFORMANCE, [])
        rest = [row for row in found if (row.metric, row.slice, row.parameters) not in places]
        rows[Family.PERFORMANCE] = [*told, *rest]
    run = Run(Window(EVER.start, known_at), monitor.spec.windows[0], known_at)
    heads = {f: HeadKey(f, dataset.name, REFERENCE_STAGE, EVER, REFERENCE_STAGE, "", reference.digest) for f in rows}
    monitor.write([monitor.numbers(heads[f], run, [reference.digest], measured) for f, measured in rows.items()])


def _stated(benchmark: Benchmark) -> list[Measurement]:
    """A benchmark as the reference's own values: no row is behind them here."""
    return [
        Measurement(name, Status.OK, Estimate(value, 0), "stated as the benchmark", parameters=parameters)
        for name, parameters, value in stated(benchmark)
    ]


def profiled(monitor: Monitor, dataset: Dataset, run: Run) -> tuple[ProfileKey, Profile, FrozenReference]:
    """The profile of a dataset in the run's window: the stored one of the same inputs, or a new scan; or a sum."""
    frozen(monitor, dataset, run.known_at)
    reference = monitor.reference(dataset, run.window)
    if run.rule.added:
        place = Place(monitor.store, monitor.key, dataset.name, run.rule)
        return *added_up(place, reference.layout, run.window, run.known_at), reference
    key, fingerprint = window_key(monitor, dataset, run)
    if payload := monitor.store.profile(monitor.key, key):
        monitor.store.saw_profile(monitor.key, key, run.known_at)
        return key, decode_profile(payload), reference
    profile = monitor.engine.profile(dataset, reference.layout, run.window)
    check_unchanged(monitor, dataset, run.window, fingerprint)
    payload = encode_profile(profile)
    monitor.store.save_profile(monitor.key, key, payload, run.known_at)
    # As it is stored: what is measured now and what a later run measures of it are the same numbers.
    return key, decode_profile(payload), reference


def window_key(monitor: Monitor, dataset: Dataset, run: Run) -> tuple[ProfileKey, str]:
    """(where the profile of the run's window is stored, the fingerprint of what it is scanned from)."""
    fingerprint = monitor.engine.fingerprints(dataset, [run.window])[0]
    inputs = digest([fingerprint, *profiled_by(dataset)])
    layout = monitor.reference(dataset, run.window).layout
    return ProfileKey(dataset.name, str(run.rule), run.window, layout.digest, inputs), fingerprint


def check_unchanged(monitor: Monitor, dataset: Dataset, window: Window, fingerprint: str) -> None:
    """The key says which bytes were read: those that were there before and after."""
    if monitor.engine.fingerprints(dataset, [window])[0] != fingerprint:
        raise ScanError(f"the source of {dataset.name!r} changed while being read; run the task again")
