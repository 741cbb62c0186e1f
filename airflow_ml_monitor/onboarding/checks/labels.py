"""Do labels join, when do they come, is the positive class among them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.onboarding.case import Case, ask
from airflow_ml_monitor.onboarding.finding import Finding, error, ok, warning
from airflow_ml_monitor.onboarding.pairs import key_terms
from airflow_ml_monitor.onboarding.reading import quoted
from airflow_ml_monitor.profile.dataset import Dataset, LabelSource, TaskKind
from airflow_ml_monitor.profile.engines.ledger_scan import labels_opening, need_labels
from airflow_ml_monitor.profile.engines.scan import (
    NUMBERS,
    ROW_NUMBER,
    TIMES,
    Opening,
    Scan,
    is_absent,
    is_any,
    time_column,
)

_KEYS: Final = 200_000
"""About so many predictions are joined: those whose keys' hash says so, and the labels alike."""
_FEW: Final = 0.01


@dataclass(frozen=True, slots=True)
class _Joined:
    """Counts of the predictions and labels whose keys were looked at; delays in days, None without times."""

    predictions: int
    labelled: int
    orphans: int
    labels: int
    repeated: int
    median: float | None
    p99: float | None
    early: float | None


def check(case: Case) -> Iterator[Finding]:
    """Every label source with rows."""
    for labels in case.spec.labels:
        if is_absent(labels.source):
            continue
        dataset = case.spec.dataset(labels.dataset)
        try:
            columns = (dataset.event_time, *dataset.entity_key)
            predictions = Opening(dataset, tuple(dict.fromkeys(columns)))
            with case.opened(source=predictions, labels=labels_opening(labels)) as scan:
                yield from _source(case, scan, dataset, labels)
        except DataFault:
            continue  # said of the source


def _source(case: Case, scan: Scan, dataset: Dataset, labels: LabelSource) -> Iterator[Finding]:
    field = f"labels.{labels.name}"
    theirs = scan.types["labels"]
    missing = [name for name in (*labels.key, labels.label) if name not in theirs]
    for name in missing:
        yield error(
            f"{field}.{'label' if name == labels.label else 'key'}", f"column {name!r} is missing", "name it right"
        )
    if labels.label_time is None:
        told = "labels count as known from first sight, and backfills are refused"
        yield warning(f"{field}.label_time", told, "name the column that says when each became known, if there is one")
    elif labels.label_time not in theirs:
        yield error(f"{field}.label_time", f"column {labels.label_time!r} is missing", "name it right")
        missing.append(labels.label_time)
    elif not is_any(theirs[labels.label_time], TIMES):
        told = f"column {labels.label_time!r} arrived as {theirs[labels.label_time]}, not as a time"
        yield error(f"{field}.label_time", told, "write it as a timestamp")
        missing.append(labels.label_time)
    if missing:
        return
    need_labels(scan, labels)
    yield from _clock(case, scan, labels)
    [(rows,)] = ask(scan, "SELECT count(*) FROM labels")
    if not rows:
        return  # said of the source
    yield from _values(case, scan, labels)
    if all(name in scan.types["source"] or name == ROW_NUMBER for name in dataset.entity_key):
        joined = _joined(scan, dataset, labels)
        yield from _matches(joined, dataset, field)
        yield from _delays(joined, labels, field)


def _clock(case: Case, scan: Scan, labels: LabelSource) -> Iterator[Finding]:
    """By which clock naive times of arrival are read."""
    if labels.label_time is None or "TIME ZONE" in scan.types["labels"][labels.label_time]:
        return
    field = f"labels.{labels.name}.zone"
    if "zone" in case.written("labels", labels.name):
        yield ok(field, f"label times are naive, and read by the clock of {labels.zone}")
    else:
        told = "label times are naive, and no zone is declared: they are read as UTC"
        yield warning(field, told, "declare zone in the label source too: it does not follow the dataset's")


def _values(case: Case, scan: Scan, labels: LabelSource) -> Iterator[Finding]:
    """The label's type, and whether it holds what the task says."""
    field, arrived = f"labels.{labels.name}.label", scan.types["labels"][labels.label]
    is_number = is_any(arrived, NUMBERS | {"BOOLEAN"})
    x, positive = quoted(labels.label), case.spec.task.positive
    if case.spec.task.kind is TaskKind.REGRESSION:
        if not is_number:
            yield error(
                field, f"column {labels.label!r} arrived as {arrived}; a regression needs numbers", "name another"
            )
        return
    if is_number:
        try:
            hit = f"CAST({x} AS DOUBLE) = {float(positive)!r}"
        except ValueError:
            told = f"column {labels.label!r} arrived as {arrived}, but the positive label is {positive!r}"
            yield error("task.positive", told, "name the number that counts as 1")
            return
    else:
        value = str(positive).lower() if isinstance(positive, bool) else str(positive)
        term = f"lower({x})" if isinstance(positive, bool) else f"CAST({x} AS VARCHAR)"
        hit = f"{term} = '{value.replace(chr(39), chr(39) * 2)}'"
    counts = f"count({x}), count(*) FILTER ({hit}), count(DISTINCT {x})"
    [(present, hits, distinct)] = ask(scan, f"SELECT {counts} FROM labels")  # noqa: S608
    if not hits or hits == present:
        told = f"{'every' if hits else 'no'} label equals the positive value {positive!r}"
        yield error("task.positive", told, "name the label's value that counts as 1")
    else:
        yield ok("task.positive", f"{hits / present:.1%} of {present:,} labels are {positive!r}")
    if distinct > 2:
        told = f"the label has {distinct:,} values; all but {positive!r} count as 0"
        yield warning(field, told, "right for one class against the rest; else name another column")


def _joined(scan: Scan, dataset: Dataset, labels: LabelSource) -> _Joined:
    mine, theirs = scan.types["source"], scan.types["labels"]
    terms = [
        _key_terms(quoted(a), quoted(b), mine.get(a, "BIGINT"), theirs.get(b, "BIGINT"))
        for a, b in zip(dataset.entity_key, labels.key, strict=True)
    ]
    my_key, their_key = (", ".join(pair[side] for pair in terms) for side in (0, 1))
    there = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in (*labels.key, labels.label))
    [(rows,)] = ask(scan, "SELECT count(*) FROM source")
    one_in = max(1, rows // _KEYS)
    time, event = _moment(labels, theirs), _moment(dataset, mine)
    statement = f"""
        WITH p AS (SELECT hash({my_key}) AS key, {event} AS moment FROM source),
        l AS (SELECT hash({their_key}) AS key, {time} AS moment FROM labels WHERE {there}),
        mine AS (FROM p WHERE key % {one_in} = 0), theirs AS (FROM l WHERE key % {one_in} = 0),
        firsts AS (SELECT key, min(moment) AS moment, count(*) AS n FROM theirs GROUP BY key),
        matches AS (SELECT firsts.moment - mine.moment AS delay, firsts.n AS n FROM mine LEFT JOIN firsts USING (key)),
        spread AS (SELECT count(*) AS predictions, count(n) AS labelled, median(delay) AS median,
            quantile_cont(delay, 0.99) AS p99, avg(CAST(delay < 0 AS INTEGER)) AS early FROM matches),
        alone AS (SELECT count(*) AS orphans FROM firsts WHERE key NOT IN (SELECT key FROM mine)),
        told AS (SELECT count(*) AS labels, coalesce(sum(n - 1), 0) AS repeated FROM firsts)
        SELECT predictions, labelled, orphans, labels, repeated, median, p99, early FROM spread, alone, told
    """  # noqa: S608
    [row] = ask(scan, statement)
    return _Joined(*map(int, row[:5]), *row[5:])


def _key_terms(mine: str, theirs: str, my_type: str, their_type: str) -> tuple[str, str]:
    """As `key_terms`, so that equal keys have equal hashes: numbers of two types as floats."""
    if my_type != their_type and is_any(my_type, NUMBERS) and is_any(their_type, NUMBERS):
        return f"CAST({mine} AS DOUBLE)", f"CAST({theirs} AS DOUBLE)"
    return key_terms(mine, theirs, my_type, their_type)


def _moment(owner: Dataset | LabelSource, types: Mapping[str, str]) -> str:
    """A source's time as days since 1970; a naive one by the clock of its zone."""
    column = time_column(owner)
    arrived = types.get(column, "")
    if not is_any(arrived, TIMES):
        return "CAST(NULL AS DOUBLE)"
    x = quoted(column)
    return f"epoch({x if 'TIME ZONE' in arrived else f'timezone({owner.zone!r}, CAST({x} AS TIMESTAMP))'}) / 86400.0"


def _matches(joined: _Joined, dataset: Dataset, field: str) -> Iterator[Finding]:
    """Do keys find each other?"""
    share = joined.labelled / joined.predictions if joined.predictions else 0.0
    orphans = joined.orphans / joined.labels if joined.labels else 0.0
    told = f"{share:.1%} of the predictions looked at ({joined.predictions:,}) have a label"
    if not joined.labelled:
        remedy = "name the columns that match entity_key; do both sides write the id alike?"
        yield error(f"{field}.key", f"no prediction finds a label by {', '.join(dataset.entity_key)}", remedy)
    elif share < _FEW:
        yield warning(f"{field}.key", told, "right if labels have only begun to come; else look at the key")
    else:
        yield ok(f"{field}.key", told)
    lost = f"{orphans:.1%} of the labels belong to no prediction"
    if joined.labelled and orphans > 0.5:
        yield warning(f"{field}.key", lost, "right if the file holds more than this model's rows; else look at the key")
    elif orphans:
        yield ok(f"{field}.key", lost)
    if joined.repeated:
        yield warning(
            f"{field}.key",
            f"{joined.repeated / (joined.labels + joined.repeated):.1%} of the label rows repeat a key",
            "right if they are corrections, by label_time; else write each label once",
        )


def _delays(joined: _Joined, labels: LabelSource, field: str) -> Iterator[Finding]:
    """When do labels come, against the horizon?"""
    if joined.median is None or joined.p99 is None or not joined.labelled:
        return
    horizon = labels.horizon.total_seconds() / 86_400
    told = f"labels come after {joined.median:.1f} days in the median, 99 % within {joined.p99:.1f}"
    told += f"; the horizon is {horizon:g}"
    if joined.early and joined.early > _FEW:
        early = f"{joined.early:.1%} of the labels were known before their prediction"
        yield warning(
            f"{field}.label_time", early, "are both times read by the right clock, and is it the right column?"
        )
    if joined.p99 > horizon:
        yield warning(f"{field}.horizon", told, "windows are judged before their last labels are in; raise the horizon")
    elif joined.p99 > 0 and horizon > 4 * max(joined.p99, 1):
        yield warning(f"{field}.horizon", told, "windows with few labels stay open for long; lower the horizon")
    else:
        yield ok(f"{field}.horizon", told)
