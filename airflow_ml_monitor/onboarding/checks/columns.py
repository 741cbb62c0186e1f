"""Is every declared column there, with a type that fits, in the predictions and in the reference?"""

from __future__ import annotations

from collections.abc import Iterator

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.onboarding.case import Case, Frozen
from airflow_ml_monitor.onboarding.checks.clock import clock
from airflow_ml_monitor.onboarding.finding import Finding, error, ok, refused, warning
from airflow_ml_monitor.profile.cells import Cells
from airflow_ml_monitor.profile.dataset import Column, Dataset, Role
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.preview import Preview
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER, TIMES
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.profile.views import ColumnView


def check(case: Case) -> Iterator[Finding]:
    """Every dataset, as it lands and in the reference; what cannot be read is said of the source."""
    for dataset in case.spec.datasets:
        field, landed, referred = f"datasets.{dataset.name}", case.seen[dataset.name], case.referred[dataset.name]
        if isinstance(landed, Preview):
            yield from faults(landed, dataset.columns, f"{field}.columns", "the predictions")
            yield from _keys(landed, dataset, field)
            yield from _event_time(case, landed, dataset, field)
        if isinstance(referred, Preview):
            found = list(faults(referred, dataset.measured, "reference", "the reference"))
            found += _label(case, referred)
            yield from found
            yield from _frozen(case, dataset, told=any(finding.level == "error" for finding in found))


def faults(seen: Preview, columns: tuple[Column, ...], field: str, where: str) -> Iterator[Finding]:
    """Which of some declared columns a source lacks, or has as another type."""
    found = {column.name: seen.faults[column.name] for column in columns if column.name in seen.faults}
    for name, reason in found.items():
        yield error(f"{field}.{name}", f"{reason} in {where}", "put its name or kind right, or leave it out")
    if not found:
        yield ok(field, f"all {len(columns)} declared columns are in {where}, with types that fit")


def _keys(seen: Preview, dataset: Dataset, field: str) -> Iterator[Finding]:
    for name in dataset.entity_key:
        if name == ROW_NUMBER and len(files.files_of(dataset.source)) > 1:
            told = f"{ROW_NUMBER!r} numbers the rows of one file, and several match"
            yield error(f"{field}.entity_key", told, "write an id beside every score, and name it here")
        elif name not in seen.types:
            yield error(f"{field}.entity_key", f"column {name!r} is missing", "name the columns that name a row")
    if not dataset.entity_key:
        told = "no key: rows that were written twice go unseen"
        yield warning(f"{field}.entity_key", told, "name one, if there is one")


def _event_time(case: Case, seen: Preview, dataset: Dataset, field: str) -> Iterator[Finding]:
    name, arrived = dataset.event_time, seen.types.get(dataset.event_time)
    if arrived is None or arrived not in TIMES:
        told = f"column {name!r} is missing" if arrived is None else f"column {name!r} arrived as {arrived}, no time"
        yield error(f"{field}.event_time", told, "name the column that says when each row was predicted")
        return
    if seen.untimed:
        told = f"{seen.untimed:,} of {seen.rows:,} rows have no event time: they belong to no window"
        yield warning(f"{field}.event_time", told, "fill it where the rows are written")
    yield clock(case, dataset, arrived)


def _label(case: Case, seen: Preview) -> Iterator[Finding]:
    field, label = "reference.label", case.spec.reference.label
    if label and label not in seen.types:
        yield error(field, f"column {label!r} is missing in the reference", "name the one that holds the label")
    elif label:
        yield ok(field, f"column {label!r} is in the reference, as {seen.types[label]}")
    elif case.spec.reference.benchmark:
        named = ", ".join(sorted(case.spec.reference.benchmark))
        yield ok(field, f"the reference has no label; what it would say is stated as the benchmark, of {named}")
    elif case.spec.labels and any(c.bounds.is_relative for *_, c in case.spec.policy.conditions()):
        told = "the reference has no label: bounds relative to its performance cannot be drawn"
        yield warning(field, told, "name the column that holds it, or use min and max")


def _frozen(case: Case, dataset: Dataset, *, told: bool) -> Iterator[Finding]:
    """Whether the reference can be frozen, and is worth it. told: what is wrong with its columns has been said."""
    frozen = case.frozen[dataset.name]
    if not isinstance(frozen, Frozen):
        if not told:
            yield refused("reference", frozen, "freezing the reference would fail so")
        return
    if bare := [b.column for b in frozen.layout.binnings if b.kind == "categorical" and not b.categories]:
        told_of = f"every value of {', '.join(bare)} is rare in the reference: nothing can be told of them"
        yield warning("reference", told_of, "take more rows, or leave the columns out")
    score = dataset.column(Role.SCORE)
    if case.spec.task.kind is TaskKind.BINARY and score is not None:
        cells = frozen.profile.cells.get((WHOLE, score.name), Cells.empty())
        yield from _scores(case, dataset, score, ColumnView(frozen.layout[score.name], cells))
    for column in dataset.scores(case.spec.task):
        cells = frozen.profile.cells.get((WHOLE, column.name), Cells.empty())
        yield from _outside(dataset, column, ColumnView(frozen.layout[column.name], cells))


def _scores(case: Case, dataset: Dataset, column: Column, scores: ColumnView) -> Iterator[Finding]:
    """Scores are chances, and the threshold parts them; by the cells, each of which lies on the side of its mean."""
    if not scores.n:
        return
    yield from _outside(dataset, column, scores)
    low, high = scores.extremes
    if dataset.column(Role.PREDICTION) is not None:
        return
    threshold, (mean, count, _) = case.spec.task.threshold, scores.atoms
    if low >= threshold or high < threshold:
        told = f"{'every' if low >= threshold else 'no'} score of the reference reaches {threshold:g}"
        yield warning("task.threshold", told, "set the score from which on the model says yes")
    else:
        share = count[mean >= threshold].sum() / scores.n
        yield ok("task.threshold", f"about {share:.1%} of the reference's scores reach {threshold:g}")


def _outside(dataset: Dataset, column: Column, scores: ColumnView) -> Iterator[Finding]:
    if scores.n and (scores.extremes[0] < 0 or scores.extremes[1] > 1):
        told = "some of the reference's scores are outside [0, 1], and count as none"
        field = f"datasets.{dataset.name}.columns.{column.name}"
        yield error(field, told, "write probabilities, not log-odds or ranks")
