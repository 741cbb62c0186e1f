"""Is every declared column there, with a type that fits, in the predictions and in the reference?"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_ml_monitor.errors import DataFault, MonitorError
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.onboarding.case import Case, Frozen, ask
from airflow_ml_monitor.onboarding.finding import Finding, error, ok, warning
from airflow_ml_monitor.onboarding.reading import quoted
from airflow_ml_monitor.profile.dataset import Column, Dataset, Role, TaskKind
from airflow_ml_monitor.profile.engines import files
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER, Opening, Scan, declared


def check(case: Case) -> Iterator[Finding]:
    """Every dataset, as it lands and in the reference."""
    for dataset in case.spec.datasets:
        yield from _landed(case, dataset)
        yield from _referred(case, dataset)


def _landed(case: Case, dataset: Dataset) -> Iterator[Finding]:
    field = f"datasets.{dataset.name}"
    try:
        with case.opened(source=declared(dataset, EVER)) as scan:
            yield from _faults(scan, dataset.columns, f"{field}.columns", "the predictions")
            yield from _keys(scan, dataset, field)
            yield from _event_time(case, scan, dataset, field)
    except DataFault:
        return  # said of the source


def _faults(scan: Scan, columns: tuple[Column, ...], field: str, where: str) -> Iterator[Finding]:
    faults = scan.faults(columns)
    for name, reason in faults.items():
        yield error(f"{field}.{name}", f"{reason} in {where}", "put its name or kind right, or leave it out")
    if not faults:
        yield ok(field, f"all {len(columns)} declared columns are in {where}, with types that fit")


def _keys(scan: Scan, dataset: Dataset, field: str) -> Iterator[Finding]:
    for name in dataset.entity_key:
        if name == ROW_NUMBER and len(files.files_of(dataset.source)) > 1:
            told = f"{ROW_NUMBER!r} numbers the rows of one file, and several match"
            yield error(f"{field}.entity_key", told, "write an id beside every score, and name it here")
        elif name not in scan.types["source"]:
            yield error(f"{field}.entity_key", f"column {name!r} is missing", "name the columns that name a row")
    if not dataset.entity_key:
        yield warning(
            f"{field}.entity_key", "no key: rows that were written twice go unseen", "name one, if there is one"
        )


def _event_time(case: Case, scan: Scan, dataset: Dataset, field: str) -> Iterator[Finding]:
    try:
        scan.need_time("source", dataset)
    except DataFault as fault:
        yield error(f"{field}.event_time", fault.reason, "name the column that says when each row was predicted")
        return
    arrived = scan.types["source"][dataset.event_time]
    [(nulls, rows)] = ask(scan, f"SELECT count(*) - count({quoted(dataset.event_time)}), count(*) FROM source")  # noqa: S608
    if nulls:
        told = f"{nulls:,} of {rows:,} rows have no event time: they belong to no window"
        yield warning(f"{field}.event_time", told, "fill it where the rows are written")
    if "TIME ZONE" in arrived:
        yield ok(
            f"{field}.zone", f"event times carry their zone; windows are cut by the clock of {case.spec.rule().zone}"
        )
    elif "zone" in case.written("datasets", dataset.name):
        yield ok(f"{field}.zone", f"event times are naive, and read by the clock of {dataset.zone}")
    else:
        told = "event times are naive, and no zone is declared: they are read as UTC"
        yield warning(f"{field}.zone", told, "declare zone, e.g. zone: Europe/Berlin")


def _referred(case: Case, dataset: Dataset) -> Iterator[Finding]:
    """The reference: its columns, then whether it can be frozen."""
    try:
        with case.opened(source=Opening(case.in_reference(dataset), _named(case, dataset))) as scan:
            found = list(_faults(scan, dataset.measured, "reference", "the reference"))
            found += _label(case, scan)
            if case.spec.task.kind is TaskKind.BINARY and not scan.faults(dataset.measured):
                found += _scores(case, scan, dataset)
    except DataFault:
        return  # said of the source
    yield from found
    frozen = case.frozen[dataset.name]
    if isinstance(frozen, MonitorError) and all(finding.level != "error" for finding in found):
        yield error("reference", str(frozen), "freezing the reference would fail so")
    if isinstance(frozen, Frozen):
        bare = [b.column for b in frozen.layout.binnings if b.kind == "categorical" and not b.categories]
        if bare:
            told = f"every value of {', '.join(bare)} is rare in the reference: nothing can be told of them"
            yield warning("reference", told, "take more rows, or leave the columns out")


def _named(case: Case, dataset: Dataset) -> tuple[str, ...]:
    label = case.spec.reference.label
    return tuple(dict.fromkeys([*(c.name for c in dataset.columns), *([label] if label else [])]))


def _label(case: Case, scan: Scan) -> Iterator[Finding]:
    label = case.spec.reference.label
    performance = [rule.title for rule in case.spec.policy.rules if rule.bounds.is_relative]
    if label and label not in scan.types["source"]:
        yield error(
            "reference.label", f"column {label!r} is missing in the reference", "name the one that holds the label"
        )
    elif label:
        yield ok("reference.label", f"column {label!r} is in the reference, as {scan.types['source'][label]}")
    elif case.spec.labels and performance:
        told = "the reference has no label: bounds relative to its performance cannot be drawn"
        yield warning("reference.label", told, "name the column that holds it, or use min and max")


def _scores(case: Case, scan: Scan, dataset: Dataset) -> Iterator[Finding]:
    """Scores are chances, and the threshold parts them."""
    column = dataset.column(Role.SCORE)
    if column is None:
        return
    x, threshold = f"CAST({quoted(column.name)} AS DOUBLE)", case.spec.task.threshold
    asked = f"avg(CAST({x} BETWEEN 0 AND 1 AS INTEGER)), avg(CAST({x} >= {threshold!r} AS INTEGER))"
    [(inside, above)] = ask(scan, f"SELECT {asked} FROM source WHERE {x} IS NOT NULL AND NOT isnan({x})")  # noqa: S608
    if inside is None:
        return
    if inside < 1:
        told = f"{1 - inside:.1%} of the reference's scores are outside [0, 1], and count as none"
        yield error(
            f"datasets.{dataset.name}.columns.{column.name}", told, "write probabilities, not log-odds or ranks"
        )
    if dataset.column(Role.PREDICTION) is not None:
        return
    if above in (0, 1):
        told = f"{'every' if above else 'no'} score of the reference reaches {threshold:g}"
        yield warning("task.threshold", told, "set the score from which on the model says yes")
    else:
        yield ok("task.threshold", f"{above:.1%} of the reference's scores reach {threshold:g}")
