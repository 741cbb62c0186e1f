"""Writing measurements: revisions of families in windows, each under the lock of its head row.

1. Scan and compute outside. 2. Touch the head row: every other writer of this head now waits. 3. Same inputs as the
newest revision known by then: nothing to do. 4. Insert revision n + 1 and its rows. 5. Make it the current one, unless
a later knowledge is. Of several heads all are touched first, in the order of their digests: two writers of the same
heads wait for each other once, and never in a circle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, tuple_, update

from airflow_ml_monitor.errors import StoreError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, HeadKey, Measurement, Status, finite
from airflow_ml_monitor.store.columns import digest_of
from airflow_ml_monitor.store.records import Numbers, Revision, RevisionSummary, Written
from airflow_ml_monitor.store.tables import head as heads
from airflow_ml_monitor.store.tables import measurement as measurements
from airflow_ml_monitor.store.tables import revision as revisions
from airflow_ml_monitor.store.upsert import insert_many, touch_all

_BATCH = 500
"""Heads a statement: SQLite takes 32,766 parameters."""


def write(
    connection: Connection,
    monitor_id: int,
    made: Sequence[Numbers],
    rows: Sequence[Sequence[Mapping[str, Any]]],
    now: datetime,
) -> list[Written]:
    """Store revisions with their rows (of `numbers`); not those whose inputs the newest one known by then has."""
    texts = [_texts(monitor_id, one.head) for one in made]
    digests = [digest_of(_plain(text)) for text in texts]
    if len(set(digests)) < len(digests):
        raise StoreError("two revisions of one family in one window came at once; write one after the other")
    rows_of = [{**text, "digest": digest, "revisions": 0} for text, digest in zip(texts, digests, strict=True)]
    locked = touch_all(connection, heads, "digest", rows_of)
    states = [locked[digest] for digest in digests]
    known = _known(connection, [state.id for state in states])
    found = [_judged(state, known[state.id], one.revision) for state, one in zip(states, made, strict=True)]
    new = [i for i, written in enumerate(found) if written.wrote]
    stored = [_revision(states[i].id, found[i].number, made[i].revision, now) for i in new]
    insert_many(connection, revisions, stored)
    ids = _ids(connection, stored)
    values = [{**row, "revision_id": ids[states[i].id]} for i in new for row in rows[i]]
    insert_many(connection, measurements, values)
    _move(connection, [(states[i], found[i], ids[states[i].id]) for i in new])
    return found


def _judged(head: Row[*tuple[Any, ...]], known: Sequence[Row[*tuple[Any, ...]]], revision: Revision) -> Written:
    """What a revision of a locked head comes to. known: its revisions, newest knowledge first."""
    last = next((row for row in known if row.known_at <= revision.known_at), None)
    if last is not None and last.input_digest == revision.input_digest:
        return Written(last.number, False, last.id == head.revision_id)
    current = next((row.known_at for row in known if row.id == head.revision_id), None)
    return Written(head.revisions + 1, True, current is None or revision.known_at >= current)


def _revision(head_id: int, number: int, revision: Revision, now: datetime) -> dict[str, Any]:
    return {
        "head_id": head_id,
        "number": number,
        "known_at": revision.known_at,
        "recorded_at": now,
        "input_digest": revision.input_digest,
        "coverage": None if revision.coverage is None else float(revision.coverage),
        "is_final": bool(revision.is_final),
        "run": revision.run,
        "code_version": revision.code_version,
        "spec": revision.spec,
        "contract": revision.contract or None,
    }


def _known(connection: Connection, head_ids: Sequence[int]) -> dict[int, list[Row[*tuple[Any, ...]]]]:
    """The revisions of heads, newest knowledge first."""
    r = revisions.c
    found: dict[int, list[Row[*tuple[Any, ...]]]] = {id_: [] for id_ in head_ids}
    for start in range(0, len(head_ids), _BATCH):
        rows = connection.execute(
            select(r.id, r.head_id, r.number, r.known_at, r.input_digest)
            .where(r.head_id.in_(head_ids[start : start + _BATCH]))
            .order_by(r.known_at.desc(), r.number.desc())
        )
        for row in rows:
            found[row.head_id].append(row)
    return found


def _ids(connection: Connection, stored: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """{head: id} of revisions just stored: the newest numbers of their heads."""
    r = revisions.c
    found: dict[int, int] = {}
    for start in range(0, len(stored), _BATCH):
        wanted = [(row["head_id"], row["number"]) for row in stored[start : start + _BATCH]]
        rows = connection.execute(select(r.head_id, r.id).where(tuple_(r.head_id, r.number).in_(wanted)))
        found.update((row.head_id, row.id) for row in rows)
    return found


def _move(connection: Connection, written: Sequence[tuple[Row[*tuple[Any, ...]], Written, int]]) -> None:
    """Heads on to their new number, and to the new revision where it is the current one."""
    moved = [
        {"head": head.id, "number": one.number, "current": id_ if one.is_current else head.revision_id}
        for head, one, id_ in written
    ]
    if moved:
        statement = update(heads).where(heads.c.id == bindparam("head"))
        connection.execute(statement.values(revisions=bindparam("number"), revision_id=bindparam("current")), moved)


def numbers(
    head: HeadKey, rows: Sequence[Measurement], id_of: Callable[[HeadKey, Measurement], int]
) -> list[dict[str, Any]]:
    """The rows of measurements, without their revision; StoreError for a number that is none."""
    series = [id_of(head, row) for row in rows]
    if len(set(series)) < len(series):
        twice = next(row for i, row in enumerate(rows) if series[i] in series[:i])
        raise StoreError(
            f"{twice.metric!r} of column {twice.column!r} (parameters {twice.parameters!r}) came twice for "
            f"{head.window}; a metric gives one value for each slice, column and parameters"
        )
    # By series, as the key is: neighbours go to one page.
    return [_number(head, row, id_) for id_, row in sorted(zip(series, rows, strict=True), key=lambda pair: pair[0])]


def _number(head: HeadKey, row: Measurement, series: int) -> dict[str, Any]:
    estimate = row.estimate
    if estimate is None and row.status is Status.OK:
        raise StoreError(f"{row.metric!r} of column {row.column!r} is 'ok' without a value; use a status that says why")
    if estimate is not None and not finite(estimate):
        raise StoreError(
            f"{row.metric!r} of column {row.column!r} is not finite; store no value and the status 'undefined'"
        )
    parts = {name: getattr(estimate, name, None) for name in ("value", "low", "high", "p_value", "noise")}
    return {
        "series_id": series,
        "window_start": head.window.start,
        # numpy's floats are spelt in a way that drivers do not read.
        **{name: None if part is None else float(part) for name, part in parts.items()},
        "n": None if estimate is None else int(estimate.n),
        "status": row.status.value,
        "reason": row.reason,
    }


def moments(
    connection: Connection, monitor_id: int, family: Family, dataset: str, rule: str, after: datetime
) -> list[datetime]:
    """Every `known_at` after a moment of a family's revisions, oldest first."""
    found = connection.execute(
        select(revisions.c.known_at)
        .join(heads, heads.c.id == revisions.c.head_id)
        .where(heads.c.monitor_id == monitor_id, heads.c.family == family.value)
        .where(heads.c.dataset == dataset, heads.c.rule == rule, revisions.c.known_at > after)
        .distinct()
        .order_by(revisions.c.known_at)
    )
    return list(found.scalars())


def summaries(connection: Connection, monitor_id: int, head: HeadKey) -> list[RevisionSummary]:
    """All revisions of a head, in the order in which they were stored."""
    digest = digest_of(_plain(_texts(monitor_id, head)))
    r = revisions.c
    found = connection.execute(
        select(r.number, r.known_at, r.input_digest, r.coverage)
        .join(heads)
        .where(heads.c.digest == digest)
        .order_by(r.number)
    )
    return [RevisionSummary(*row) for row in found]


def head_of(row: Row[*tuple[Any, ...]]) -> HeadKey:
    """The head of a row that has its columns."""
    window = Window(row.window_start, row.window_end)
    return HeadKey(Family(row.family), row.dataset, row.rule, window, row.stage, row.model_version, row.reference)


def _texts(monitor_id: int, head: HeadKey) -> dict[str, Any]:
    return {
        "monitor_id": monitor_id,
        "family": head.family.value,
        "stage": head.stage,
        "dataset": head.dataset,
        "rule": head.rule,
        "window_start": head.window.start,
        "window_end": head.window.end,
        "model_version": head.model_version,
        "reference": head.reference,
    }


def _plain(texts: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in texts.items()}
