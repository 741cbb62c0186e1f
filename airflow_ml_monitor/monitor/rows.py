"""A batch before it is scored: its rows split by the contract, and what was held back stored as measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from airflow_ml_monitor.errors import DataFault, ReferenceMismatch
from airflow_ml_monitor.expectations.origin import suite_of
from airflow_ml_monitor.expectations.split_rows import RowContract, split_rows
from airflow_ml_monitor.expectations.version import named, plain, version_of
from airflow_ml_monitor.expectations.written import parted
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement, Severity, Status
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.names import QUARANTINED_ROWS
from airflow_ml_monitor.monitor.freezing import frozen
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.engines.embedded.row_split import Outputs, Split
from airflow_ml_monitor.profile.kernel.outlying import beyond
from airflow_ml_monitor.profile.row_tests import RowRule, Usual, columns_of

_OF_SCORING: Final = frozenset({Role.SCORE, Role.PREDICTION, Role.QUANTILE, Role.VERSION})
"""Roles of columns that a batch does not have before it is scored."""

OUTLIER: Final = "outlier"
"""The reason of rows that are held back as outliers; `outlier:a+b` names the two columns that explain most of it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to be scored, where their parts go, and by what they are split.

    contract: as a spec names one, all of whose rules are meant; None: the spec's. The spec's and an inferred one are
    without their rules on the columns that scoring adds. Where failed rows go does not matter: they are in quarantine.
    severity: of the rules that hold a row back, or graver. outliers: rows are held back that lie farther out, all
    features together, than all but such a share of the frozen reference's; None: none.
    """

    source: Any
    good: str
    quarantine: str
    contract: str | Mapping[str, Any] | None = None
    severity: Severity = Severity.CRITICAL
    row_model: str = ""
    outliers: float | None = None


@dataclass(frozen=True, slots=True)
class Validated:
    """How a batch was split. failed: why it could not be, and nothing was written."""

    rows: int
    good: int
    quarantined: int
    by_reason: Mapping[str, int]
    left_out: tuple[str, ...]
    failed: str = ""

    @property
    def share(self) -> float:
        """Of the rows, those held back; 0 without rows."""
        return self.quarantined / self.rows if self.rows else 0.0

    def document(self) -> dict[str, Any]:
        """Small JSON for XCom: counts, and names of rules."""
        told = {name: rows for name, rows in self.by_reason.items() if rows}
        counts = {"rows": self.rows, "good": self.good, "quarantined": self.quarantined}
        return {**counts, "by_reason": told, "left_out": list(self.left_out), "failed": self.failed}


def validate_rows(monitor: Monitor, run: Run, batch: Batch) -> Validated:
    """Split a batch, and store the share that was held back, as a whole and by rule.

    What is wrong with the contract or the paths is raised before data is read. A batch that cannot be read is a row
    with its reason; nothing is written then.
    """
    monitor = monitor.at(run.window, run.known_at)
    suite, without = _suite(monitor, run, batch)
    usual = [] if batch.outliers is None else [_usual(monitor, run, batch.outliers)]
    contract = RowContract.of(suite, batch.severity, without=without, row_model=batch.row_model, besides=usual)
    by = ""
    if suite is not None:
        by = named(suite)
        monitor.store.contracts.save(monitor.key, version_of(suite), plain(suite), run.known_at)
    try:
        found = split_rows(batch.source, contract, Outputs(Path(batch.good), Path(batch.quarantine)))
    except DataFault as fault:
        _store(monitor, run, [fault.reason, by], [Measurement(QUARANTINED_ROWS, Status.FAILED, None, fault.reason)], by)
        return Validated(0, 0, 0, {}, contract.left_out, fault.reason)
    # A model's code may change under its name: what it found is part of what the numbers depend on.
    inputs = [found.fingerprint, by, batch.severity, batch.row_model, found.rows, found.quarantined, found.by_reason]
    inputs += [] if batch.outliers is None else [batch.outliers]
    _store(monitor, run, inputs, _measured(found, contract), by)
    return Validated(found.rows, found.good, found.quarantined, found.by_reason, contract.left_out)


def _suite(monitor: Monitor, run: Run, batch: Batch) -> tuple[dict[str, Any] | None, set[str]]:
    """(the suite to split by, columns whose rules it is without)."""
    dataset = monitor.spec.dataset()
    contract, _ = parted(monitor.spec.contract if batch.contract is None else batch.contract)
    to_come = {column.name for column in dataset.columns if column.role in _OF_SCORING}
    if contract != "inferred":
        return None if contract is None else suite_of(contract), to_come if batch.contract is None else set()
    from airflow_ml_monitor.expectations.infer import infer_suite

    frozen(monitor, dataset, run.known_at)
    reference = monitor.reference(dataset, run.window)
    return infer_suite(reference.layout, reference.profile), to_come


def _usual(monitor: Monitor, run: Run, share: float) -> RowRule:
    """What holds outliers back; raises ReferenceMismatch where the reference cannot tell them."""
    dataset = monitor.spec.dataset()
    frozen(monitor, dataset, run.known_at)
    reference = monitor.reference(dataset, run.window)
    shape = reference.layout.ellipsoid
    problem = ""
    if shape is None:
        problem = "has no shape; freeze a new one (FreezeReferenceOperator, again=True), with second_moments on"
    elif not shape.columns:
        problem = "has fewer than two features that vary, so no combination is unusual; leave `outliers` out"
    elif shape.rows * share < 1:
        problem = f"has {shape.rows} rows, too few to know what 1 in {1 / share:,.0f} is; raise the share of outliers"
    if problem or shape is None:
        raise ReferenceMismatch(f"the frozen reference of {dataset.name!r} {problem}", field="reference")
    bucket, _ = beyond(shape, reference.profile.traces.distances, share)
    return RowRule(OUTLIER, Usual(shape, tuple(reference.layout[name] for name in shape.columns), bucket))


def _measured(found: Split, contract: RowContract) -> list[Measurement]:
    """The share held back by any rule, then by each; a rule that could not be asked is `failed`."""
    columns = {rule.name: columns_of(rule.test) for rule in contract.rules}
    rows = [_share(found, found.quarantined, "", "")]
    for name, broken in found.by_reason.items():
        of = columns.get(name, ())
        column = of[0] if len(of) == 1 else ""
        if name in found.unanswered:
            why = f"{found.unanswered[name]}: every row is held back by {name}"
            rows.append(Measurement(QUARANTINED_ROWS, Status.FAILED, None, why, column, name))
        else:
            rows.append(_share(found, broken, column, name))
    return rows


def _share(found: Split, held: int, column: str, rule: str) -> Measurement:
    if not found.rows:
        return Measurement(QUARANTINED_ROWS, Status.TOO_FEW, None, "no rows in the batch", column, rule)
    estimate = interval.share_of(held, found.rows)
    return Measurement(QUARANTINED_ROWS, Status.OK, estimate, "", column, rule)


def _store(monitor: Monitor, run: Run, inputs: list[Any], rows: list[Measurement], by: str) -> None:
    """Each row names the contract, as a contract's own results do."""
    rows = [replace(row, reason="; ".join(filter(None, (row.reason, by)))) for row in rows]
    head = HeadKey(Family.ROWS, monitor.spec.dataset().name, str(run.rule), run.window, monitor.spec.stage)
    monitor.write([monitor.numbers(head, run, inputs, rows)])
