"""What every step is given: a monitor, and what one run of it is about. Steps are plain functions of (Monitor, Run).

How a reference is frozen is in freezing.py, how a window gets its profile in profiling.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from airflow_ml_monitor import __version__
from airflow_ml_monitor.errors import ReferenceMismatch, SpecError
from airflow_ml_monitor.keys import Window, WindowRule, utc
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement
from airflow_ml_monitor.metrics.metric import metrics
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.codec import decode_entries, decode_profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.chosen import Chosen
from airflow_ml_monitor.profile.engines.engine import Engine
from airflow_ml_monitor.profile.layout import Layout, digest
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.store.records import Numbers, Revision
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
