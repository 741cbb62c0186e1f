"""Quality, drift and contract of one window: each gets or makes the profile, measures, stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.expectations.version import plain, version_of
from airflow_ml_monitor.expectations.written import parted
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.contract import CONTRACT_ROWS, Scanned, contract_rows
from airflow_ml_monitor.monitor.measure import column_rows, fault_rows, pair_rows
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run, profiled
from airflow_ml_monitor.profile.codec import decode_profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.profile.traces import added
from airflow_ml_monitor.store.records import ProfileKey

EARLIER: Final = 14
"""So many windows before, of those that were profiled, are looked at for faults: two weeks, to know a weekday."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did, as small JSON for XCom: rows stored by status, and how many revisions were new."""

    rows: dict[str, int]
    revisions: int

    @classmethod
    def of(cls, rows: list[Measurement], wrote: int) -> Done:
        return cls({s.value: n for s in Status if (n := sum(row.status is s for row in rows))}, wrote)

    def __add__(self, other: Done) -> Done:
        return Done(added(self.rows, other.rows), self.revisions + other.revisions)

    def document(self) -> dict[str, Any]:
        return {"measurements": self.rows, "revisions": self.revisions}


def scan(monitor: Monitor, run: Run) -> dict[str, Any]:
    """Profile every dataset in the window; rows by dataset, and what arrived wrong."""
    monitor = monitor.at(run.window, run.known_at)
    found = {}
    for dataset in monitor.spec.datasets:
        _, profile, reference = profiled(monitor, dataset, run)
        found[dataset.name] = {
            "rows": profile.rows[WHOLE],
            "faults": len(profile.faults),
            "reference": reference.digest,
        }
    return found


def measure_quality(monitor: Monitor, run: Run) -> Done:
    """Counts and shares of the window's profile, and the faults that it and those of the windows before tell."""
    return _each(monitor, run, Family.QUALITY) + _name_faults(monitor, run)


def measure_drift(monitor: Monitor, run: Run) -> Done:
    """Distances between the window's profile and the reference's."""
    return _each(monitor, run, Family.DRIFT)


def _each(monitor: Monitor, run: Run, family: Family) -> Done:
    monitor = monitor.at(run.window, run.known_at)
    every: list[Measurement] = []
    wrote = 0
    for dataset in monitor.spec.datasets:
        key, profile, reference = profiled(monitor, dataset, run)
        names = monitor.spec.measurements
        if family is Family.QUALITY:
            rows = column_rows(profile, reference.layout, family, names, reference.profile)
        else:
            rows = pair_rows(reference.profile, profile, reference.layout, names)
        head = _head(monitor, family, dataset, run, reference)
        inputs = [key.input_digest, key.layout_digest, reference.digest, names]
        wrote += monitor.write([monitor.numbers(head, run, inputs, rows)])
        every += rows
    return Done.of(every, wrote)


def _name_faults(monitor: Monitor, run: Run) -> Done:
    monitor = monitor.at(run.window, run.known_at)
    every: list[Measurement] = []
    wrote = 0
    for dataset in monitor.spec.datasets:
        key, profile, reference = profiled(monitor, dataset, run)
        before = _before(monitor, key, run)
        view = FeedView(dataset, reference.layout, reference.profile, profile, [decode_profile(b) for _, b in before])
        rows = fault_rows(view)
        head = _head(monitor, Family.FAULT, dataset, run, reference)
        inputs = [key.input_digest, key.layout_digest, reference.digest, [k.input_digest for k, _ in before]]
        wrote += monitor.write([monitor.numbers(head, run, inputs, rows)])
        every += rows
    return Done.of(every, wrote)


def _before(monitor: Monitor, key: ProfileKey, run: Run) -> list[tuple[ProfileKey, bytes]]:
    """The profiles of the windows before, cut by the same layout; the newest first."""
    found = []
    window = run.window
    for _ in range(EARLIER):
        window = run.rule.last_before(window.start)
        stored = monitor.store.latest_profile(monitor.key, key.dataset, key.rule, window)
        if stored and stored[0].layout_digest == key.layout_digest:
            found.append(stored)
    return found


def check_contract(monitor: Monitor, run: Run) -> Done:
    """Run the contract's suite on the window's rows: one row a rule; none where the spec has no contract."""
    monitor = monitor.at(run.window, run.known_at)
    contract, wanted = parted(monitor.spec.contract)
    if contract is None:
        return Done({}, 0)
    named = None if contract == "inferred" else _named(contract)
    every: list[Measurement] = []
    wrote = 0
    for dataset in monitor.spec.datasets:
        fingerprint = monitor.engine.fingerprints(dataset, [run.window])[0]
        key, profile, reference = profiled(monitor, dataset, run)
        suite = named or _inferred(reference)
        monitor.store.save_contract(monitor.key, version_of(suite), plain(suite), run.known_at)
        scanned = Scanned(dataset, run, profile, fingerprint, reference)
        rows = contract_rows(monitor, scanned, suite, wanted)
        head = _head(monitor, Family.CONTRACT, dataset, run, reference)
        inputs = [key.input_digest, suite, CONTRACT_ROWS, *([str(wanted)] if wanted else [])]
        wrote += monitor.write([monitor.numbers(head, run, inputs, rows)])
        every += rows
    return Done.of(every, wrote)


def _named(contract: str | dict[str, Any]) -> dict[str, Any]:
    """The user's own suite, checked before data is read."""
    from airflow_ml_monitor.expectations.engine import check_suite
    from airflow_ml_monitor.expectations.origin import suite_of

    suite = suite_of(contract)
    check_suite(suite)
    return suite


def _inferred(reference: FrozenReference) -> dict[str, Any]:
    from airflow_ml_monitor.expectations.infer import infer_suite

    return infer_suite(reference.layout, reference.profile)


def _head(monitor: Monitor, family: Family, dataset: Dataset, run: Run, reference: FrozenReference) -> HeadKey:
    return HeadKey(family, dataset.name, str(run.rule), run.window, monitor.spec.stage, "", reference.digest)
