"""Quality, drift and contract of one window: each gets or makes the profile, measures, stores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.measure import column_rows, pair_rows
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run, check_unchanged, profiled
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset

CONTRACT_ROWS: Final = 100_000
"""So many rows at most go through Great Expectations, which needs them in memory; the result names the cap."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a step did, as small JSON for XCom: rows stored by status, and how many revisions were new."""

    rows: dict[str, int]
    revisions: int

    @classmethod
    def of(cls, rows: list[Measurement], wrote: int) -> Done:
        return cls({s.value: n for s in Status if (n := sum(row.status is s for row in rows))}, wrote)

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
    """Counts and shares of the window's profile."""
    return _each(monitor, run, Family.QUALITY)


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
            rows = column_rows(profile, reference.layout, family, names)
        else:
            rows = pair_rows(reference.profile, profile, reference.layout, names)
        head = _head(monitor, family, dataset, run, reference)
        inputs = [key.input_digest, key.layout_digest, reference.digest, names]
        wrote += monitor.write([monitor.numbers(head, run, inputs, rows)])
        every += rows
    return Done.of(every, wrote)


def check_contract(monitor: Monitor, run: Run) -> Done:
    """Run the contract's suite on the window's rows: one row a rule; none where the spec has no contract."""
    monitor = monitor.at(run.window, run.known_at)
    contract = monitor.spec.contract
    if contract is None:
        return Done({}, 0)
    named = None if contract == "inferred" else load_suite(contract)
    every: list[Measurement] = []
    wrote = 0
    for dataset in monitor.spec.datasets:
        fingerprint = monitor.engine.fingerprints(dataset, [run.window])[0]
        key, profile, reference = profiled(monitor, dataset, run)
        suite = named or _inferred(reference)
        rows = _outcomes(monitor, dataset, run, (profile, fingerprint), suite)
        head = _head(monitor, Family.CONTRACT, dataset, run, reference)
        wrote += monitor.write([monitor.numbers(head, run, [key.input_digest, suite, CONTRACT_ROWS], rows)])
        every += rows
    return Done.of(every, wrote)


def _inferred(reference: FrozenReference) -> dict[str, Any]:
    from airflow_ml_monitor.expectations.infer import infer_suite

    return infer_suite(reference.layout, reference.profile)


def _outcomes(
    monitor: Monitor, dataset: Dataset, run: Run, scanned: tuple[Profile, str], suite: dict[str, Any]
) -> list[Measurement]:
    from airflow_ml_monitor.expectations.engine import check_suite, run_suite
    from airflow_ml_monitor.expectations.outcome import as_measurements

    check_suite(suite)
    profile, fingerprint = scanned
    try:
        frame = monitor.engine.frame(dataset, run.window, CONTRACT_ROWS)
    except DataFault as fault:
        return [Measurement("expectation", Status.FAILED, None, fault.reason)]
    check_unchanged(monitor, dataset, run.window, fingerprint)
    rows = profile.rows[WHOLE]
    cap = CONTRACT_ROWS if rows > CONTRACT_ROWS else None
    return as_measurements(run_suite(suite, frame, rows=rows), rows, cap)


def _head(monitor: Monitor, family: Family, dataset: Dataset, run: Run, reference: FrozenReference) -> HeadKey:
    return HeadKey(family, dataset.name, str(run.rule), run.window, monitor.spec.stage, "", reference.digest)
