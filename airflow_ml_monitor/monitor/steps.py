"""Quality, drift and contract of one window: each gets or makes the profile, measures, stores."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.expectations.version import plain, version_of
from airflow_ml_monitor.expectations.written import parted
from airflow_ml_monitor.measurement import Family, Measurement
from airflow_ml_monitor.monitor.added import as_told_by_days
from airflow_ml_monitor.monitor.contract import CONTRACT_ROWS, Scanned, contract_rows
from airflow_ml_monitor.monitor.done import Done
from airflow_ml_monitor.monitor.faults import name_faults
from airflow_ml_monitor.monitor.looking_back import Profiled
from airflow_ml_monitor.monitor.measure import column_rows, pair_rows, score_rows
from airflow_ml_monitor.monitor.profiling import profiled
from airflow_ml_monitor.monitor.recent import recent_drift
from airflow_ml_monitor.monitor.replayed import compared
from airflow_ml_monitor.monitor.run import FrozenReference, Monitor, Run


def scan(monitor: Monitor, run: Run) -> dict[str, Any]:
    """Profile every dataset in the window; rows by dataset, and what arrived wrong."""
    monitor = monitor.at(run.window, run.known_at)
    found = {}
    for dataset in monitor.spec.datasets:
        _, profile, reference = profiled(monitor, dataset, run)
        found[dataset.name] = {
            "rows": profile.population,
            "faults": len(profile.faults),
            "reference": reference.digest,
        }
    return found


def measure_quality(monitor: Monitor, run: Run) -> Done:
    """Counts and shares of the window's profile, and the faults that these, the windows before and replays tell.

    Of a window that is added up from its days, their rows have been compared with the replay.
    """
    done = _each(monitor, run, Family.QUALITY) + name_faults(monitor, run)
    return done if run.rule.added else done + Done.of(*compared(monitor, run))


def measure_drift(monitor: Monitor, run: Run) -> Done:
    """Distances between the window's profile and the reference's, or the trailing one's."""
    return _each(monitor, run, Family.DRIFT)


def _each(given: Monitor, run: Run, family: Family) -> Done:
    monitor = given.at(run.window, run.known_at)
    every: list[Measurement] = []
    wrote = 0
    for dataset in monitor.spec.datasets:
        key, profile, reference = profiled(monitor, dataset, run)
        trailing = monitor.spec.reference.trailing
        if family is Family.DRIFT and trailing and trailing.is_of(run.rule):
            told, new = recent_drift(given, monitor, Profiled(dataset, reference, key, profile), run)
            every += told
            wrote += new
            continue
        names = monitor.spec.measured
        if family is Family.QUALITY:
            rows = column_rows(profile, reference.layout, family, names, reference.profile)
            rows += score_rows(profile, reference.layout, dataset, monitor.spec.task, names)
            rows = as_told_by_days(rows) if run.rule.added else rows
        else:
            rows = pair_rows(reference.profile, profile, reference.layout, names)
        head = monitor.head(family, dataset, run, reference)
        inputs = [key.input_digest, key.layout_digest, reference.digest, names]
        wrote += monitor.write([monitor.numbers(head, run, inputs, rows)])
        every += rows
    return Done.of(every, wrote)


def check_contract(monitor: Monitor, run: Run) -> Done:
    """Run the contract's suite on the window's rows: one row a rule; none where the spec has no contract.

    A window that is added up from its days is not read again: they have been asked.
    """
    monitor = monitor.at(run.window, run.known_at)
    contract, wanted = parted(monitor.spec.contract)
    if contract is None or run.rule.added:
        return Done({}, 0)
    named = None if contract == "inferred" else _named(contract)
    every: list[Measurement] = []
    wrote = 0
    for dataset in monitor.spec.datasets:
        fingerprint = monitor.engine.fingerprints(dataset, [run.window])[0]
        key, profile, reference = profiled(monitor, dataset, run)
        suite = named or _inferred(reference)
        monitor.store.contracts.save(monitor.key, version_of(suite), plain(suite), run.known_at)
        scanned = Scanned(dataset, run, profile, fingerprint, reference)
        rows = contract_rows(monitor, scanned, suite, wanted)
        head = monitor.head(Family.CONTRACT, dataset, run, reference)
        inputs = [key.input_digest, suite, CONTRACT_ROWS, *([str(wanted)] if wanted else [])]
        wrote += monitor.write([monitor.numbers(head, run, inputs, rows, contract=version_of(suite))])
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
