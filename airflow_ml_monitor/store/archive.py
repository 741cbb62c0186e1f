"""What is stored of the past, and how it is let go. What may go is decided where it is known who looks back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, or_, select, update

from airflow_ml_monitor.keys import Window, parse_moment
from airflow_ml_monitor.measurement import Family, HeadKey, Status, is_beside
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store import monitors, profiles
from airflow_ml_monitor.store.records import Bearing, HeadHistory, ProfileKey, RevisionMark, StoredProfile
from airflow_ml_monitor.store.revisions import head_of
from airflow_ml_monitor.store.tables import (
    decision,
    head,
    incident_event,
    measurement,
    profile,
    revision,
    scan,
    sighting,
)
from airflow_ml_monitor.store.tables import series as all_series
from airflow_ml_monitor.store.transactions import Transactions

_BATCH = 500
"""Keys a statement: SQLite takes 32,766 parameters, and shorter lists are planned faster."""
_QUIET = (Action.NONE.value, Action.WAIT.value)

Going = Sequence[tuple[HeadHistory, Collection[int]]]
"""Heads, with the revisions of each that go."""


class Archive:
    """The past of a store's monitors. Each method is one transaction."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    @property
    def now(self) -> datetime:
        """By the store's clock."""
        return self._store._clock()

    def profiles(self, monitor: str) -> list[StoredProfile]:
        """Every profile that has its bytes, oldest window first."""
        return self._store._read(monitor, _profiles)

    def swap_profiles(self, monitor: str, gone: Collection[int], made: Sequence[tuple[ProfileKey, bytes]]) -> None:
        """Put profiles in the place of others, of which the names of what was read stay."""
        self._store._write(monitor, _swap, gone, made, self.now)

    def drop_profiles(self, monitor: str, keys: Sequence[ProfileKey]) -> None:
        """Let go of the bytes of some profiles; of those that have none nothing."""
        self._store._write(monitor, profiles.drop, keys)

    def knowledge(self, monitor: str, families: Collection[Family]) -> tuple[Bearing, list[HeadHistory]]:
        """What decisions rest on, and every window of some families that was revised, at one moment."""
        return self._store._read(monitor, _knowledge, families)

    def first_judged(self, monitor: str, one: HeadHistory) -> set[int]:
        """The numbers of the revisions in which a series of a head had its first value."""
        return self._store._read(monitor, _first_judged, one)

    def weigh(self, monitor: str, one: HeadHistory, revisions: Collection[int]) -> int:
        """How many measurements some revisions of a head have."""
        return self._store._read(monitor, _weigh, one, revisions)

    def forget(self, monitor: str, going: Going, decisions: int) -> bool:
        """Delete revisions with their measurements; False, and nothing deleted, if another decision was made since.

        The current revision of a head stays, whoever asks.
        """
        return self._store._write(monitor, _forget, going, decisions)


def _profiles(connection: Connection, monitor_id: int) -> list[StoredProfile]:
    mine = scan.c.monitor_id == monitor_id
    newest: dict[tuple[Any, ...], tuple[datetime, int, int]] = {}
    place = (scan.c.dataset, scan.c.rule, scan.c.window_start, scan.c.window_end)
    for row in connection.execute(
        select(*place, sighting.c.known_at, sighting.c.id, sighting.c.scan_id)
        .select_from(scan.join(sighting))
        .where(mine)
    ):
        window, seen = tuple(row[:4]), (row.known_at, row.id, row.scan_id)
        newest[window] = max(seen, newest.get(window, seen))
    last = {scan_id for *_, scan_id in newest.values()}
    columns = [scan.c.id, *place, scan.c.layout_digest, scan.c.input_digest, scan.c.saved_at]
    rows = connection.execute(
        select(*columns, func.length(profile.c.payload).label("size")).select_from(scan.join(profile)).where(mine)
    )
    found = [StoredProfile(row.id, _key(row), row.size, row.saved_at, row.id in last) for row in rows]
    return sorted(found, key=lambda one: (one.key.dataset, one.key.rule, one.key.window, one.scan))


def _key(row: Row[*tuple[Any, ...]]) -> ProfileKey:
    window = Window(row.window_start, row.window_end)
    return ProfileKey(row.dataset, row.rule, window, row.layout_digest, row.input_digest)


def _swap(
    connection: Connection,
    monitor_id: int,
    gone: Collection[int],
    made: Sequence[tuple[ProfileKey, bytes]],
    now: datetime,
) -> None:
    for key, payload in made:
        profiles.save(connection, monitor_id, key, payload, now)
    for some in _parts(gone):
        connection.execute(delete(profile).where(profile.c.scan_id.in_(some)))


def _knowledge(
    connection: Connection, monitor_id: int, families: Collection[Family]
) -> tuple[Bearing, list[HeadHistory]]:
    d = decision.c
    mine = d.monitor_id == monitor_id
    told = select(incident_event.c.decision_id)
    bears = or_(d.action.not_in(_QUIET), d.id.in_(told))
    moments = connection.scalars(select(d.known_at).where(mine, bears).distinct().order_by(d.known_at))
    cited: dict[Window, set[datetime]] = defaultdict(set)
    for known_at, evidence in connection.execute(select(d.known_at, d.evidence).where(mine)):
        for alarm in evidence.get("alarms", ()):
            cited[Window(*map(parse_moment, alarm["window"].split("/")))].add(known_at)
    bearing = Bearing(
        _decisions(connection, monitor_id), tuple(moments), {w: tuple(sorted(of)) for w, of in cited.items()}
    )
    return bearing, _histories(connection, monitor_id, families)


def _decisions(connection: Connection, monitor_id: int) -> int:
    return connection.scalar(select(func.max(decision.c.number)).where(decision.c.monitor_id == monitor_id)) or 0


def _histories(connection: Connection, monitor_id: int, families: Collection[Family]) -> list[HeadHistory]:
    r = revision.c
    rows = connection.execute(
        select(head, r.id.label("of"), r.number, r.known_at, r.recorded_at)
        .select_from(head.join(revision, r.head_id == head.c.id))
        .where(head.c.monitor_id == monitor_id, head.c.family.in_([family.value for family in families]))
        # Of two the first is the first, and the last is current.
        .where(head.c.revisions > 2)
        .order_by(head.c.window_start, head.c.id, r.known_at, r.number)
    )
    marks: dict[int, list[RevisionMark]] = defaultdict(list)
    heads: dict[int, tuple[HeadKey, int]] = {}
    for row in rows:
        marks[row.id].append(RevisionMark(row.of, row.number, row.known_at, row.recorded_at))
        if row.id not in heads:
            heads[row.id] = head_of(row), row.revision_id
    return [HeadHistory(id_, *heads[id_], tuple(of)) for id_, of in marks.items()]


def _first_judged(connection: Connection, monitor_id: int, one: HeadHistory) -> set[int]:
    m, found = measurement.c, set[int]()
    joined = measurement.join(revision, revision.c.id == m.revision_id)
    plain = [id_ for id_, metric in _series(connection, monitor_id, one.head).items() if not is_beside(metric)]
    for some in _parts(plain):
        first = (
            select(func.min(revision.c.number))
            .select_from(joined)
            .where(m.series_id.in_(some), m.window_start == one.head.window.start)
            .where(revision.c.head_id == one.id, m.status == Status.OK.value)
            .group_by(m.series_id)
        )
        found |= set(connection.scalars(first))
    return found


def _weigh(connection: Connection, monitor_id: int, one: HeadHistory, revisions: Collection[int]) -> int:
    series = _series(connection, monitor_id, one.head)
    count = select(func.count()).select_from(measurement)
    return sum(connection.scalar(count.where(*of)) or 0 for of in _numbers(one, series, revisions))


def _forget(connection: Connection, monitor_id: int, going: Going, decisions: int) -> bool:
    # Whoever saves a decision waits here, and whoever has saved one is seen.
    monitors.lock(connection, monitor_id)
    if _decisions(connection, monitor_id) != decisions:
        return False
    for one, revisions in sorted(going, key=lambda pair: pair[0].id):
        mine = head.c.id == one.id
        connection.execute(update(head).where(mine).values(touched=head.c.touched + 1))
        current = connection.scalar(select(head.c.revision_id).where(mine))
        old = [id_ for id_ in revisions if id_ != current]
        for of in _numbers(one, _series(connection, monitor_id, one.head), old):
            connection.execute(delete(measurement).where(*of))
        for some in _parts(old):
            connection.execute(delete(revision).where(revision.c.head_id == one.id, revision.c.id.in_(some)))
    return True


def _numbers(
    one: HeadHistory, series: Mapping[int, str], revisions: Collection[int]
) -> list[tuple[ColumnElement[bool], ...]]:
    """The measurements of some revisions, in parts: by series and window, as their key begins."""
    m = measurement.c
    window = m.window_start == one.head.window.start
    return [
        (m.series_id.in_(some), window, m.revision_id.in_(of)) for some in _parts(series) for of in _parts(revisions)
    ]


def _series(connection: Connection, monitor_id: int, key: HeadKey) -> dict[int, str]:
    """{id: metric} of the series that a head's measurements may be of."""
    s = all_series.c
    rows = connection.execute(
        select(s.id, s.metric)
        .where(s.monitor_id == monitor_id, s.family == key.family.value, s.stage == key.stage)
        .where(s.dataset == key.dataset, s.rule == key.rule, s.model_version == key.model_version)
    )
    return {row.id: row.metric for row in rows}


def _parts(ids: Collection[int]) -> list[list[int]]:
    in_order = sorted(ids)
    return [in_order[start : start + _BATCH] for start in range(0, len(in_order), _BATCH)]
