"""What is pruned of knowledge: at kept moments nothing has changed, and no revision that a decision cites is gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.retention.ages import Ages, Gone
from airflow_ml_monitor.monitor.retention.knowledge import superseded
from airflow_ml_monitor.monitor.retention.prune import prune
from airflow_ml_monitor.policy.decision import Decision, Event
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store import tables
from airflow_ml_monitor.store.records import (
    DecisionRecord,
    HeadHistory,
    IncidentEvent,
    Numbers,
    Recorded,
    Revision,
    RevisionMark,
)
from airflow_ml_monitor.store.repository import MetricsStore

MONITOR = "default/credit"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
AGES = Ages(revisions=20 * DAY)
WINDOWS, DAYS, HORIZON = 8, 40, 12
NOW = START + DAYS * DAY
BEFORE = NOW - AGES.revisions
METRICS = {Family.PERFORMANCE: ("roc_auc", "naive.roc_auc"), Family.ESTIMATE: ("cbpe.roc_auc",)}


class History:
    """A store into which labels come for two months, and decisions of all kinds are made of what is known."""

    def __init__(self, url: str, number: int) -> None:
        self.rng = np.random.default_rng(number)
        self.clock = START
        self.store = MetricsStore(url, clock=lambda: self.clock)
        document = {"labels": [{"name": "outcomes", "horizon": HORIZON * 86_400.0}]}
        self.store.register_spec(MONITOR, "spec", document, START)
        self.bearing: list[datetime] = []
        self.cited: list[tuple[Window, datetime]] = []
        for day in range(1, DAYS):
            self._live(day)
        self.clock = NOW

    def window(self, number: int) -> Window:
        return Window(START + number * DAY, START + (number + 1) * DAY)

    def _live(self, day: int) -> None:
        self.clock = START + day * DAY + timedelta(hours=7)
        for hour in sorted(self.rng.choice(20, self.rng.integers(1, 4), replace=False)):
            known = START + day * DAY + timedelta(hours=int(hour))
            self._revise([number for number in range(min(day, WINDOWS)) if self.rng.random() < 0.5], known)
        # A backfill, which knows what was known long ago.
        if day % 20 == 0:
            self._revise([int(self.rng.integers(WINDOWS))], START + int(self.rng.integers(9, 15)) * DAY)
        if self.rng.random() < 0.4:
            self._decide(START + day * DAY + timedelta(hours=int(self.rng.integers(24))), day)

    def _revise(self, windows: list[int], known: datetime) -> None:
        made = []
        for number in windows:
            for family, names in METRICS.items():
                revision = Revision(known, f"{self.rng.integers(4)}", 0.5, False, "run", "1", "spec")
                head = HeadKey(family, "outcomes", "day@UTC", self.window(number))
                made.append(Numbers(head, revision, [self._row(name) for name in names]))
        self.store.write_revisions(MONITOR, made)

    def _row(self, name: str) -> Measurement:
        if self.rng.random() < 0.4:
            return Measurement(name, Status.IMMATURE, None, "awaited")
        return Measurement(name, Status.OK, Estimate(float(self.rng.random()), 9))

    def _decide(self, known: datetime, number: int) -> None:
        action = list(Action)[int(self.rng.choice([0, 0, 0, 1, 1, 3]))]
        alarms = [self.window(int(w)) for w in self.rng.choice(WINDOWS, self.rng.integers(3), replace=False)]
        evidence = {"alarms": [{"window": str(window)} for window in alarms]}
        events = [IncidentEvent("inc", Event.CONFIRMED, "on")] if self.rng.random() < 0.15 else []
        decision = Decision(f"dec-{number}", MONITOR, known, action, "why", evidence)
        self.store.save_decision(MONITOR, DecisionRecord(decision, "p", f"{number}", {}, events, [], ""))
        self.cited += [(window, known) for window in alarms]
        if events or action not in (Action.NONE, Action.WAIT):
            self.bearing.append(known)

    def known(self, moment: datetime) -> list[Recorded]:
        return self.store.current(MONITOR, as_of=moment)

    def kept(self) -> dict[Any, list[Recorded]]:
        """What must never change: now, at every moment since the age, at those of decisions, and of cited windows."""
        found: dict[Any, list[Recorded]] = {"now": self.store.current(MONITOR)}
        for hours in range(0, int(AGES.revisions / timedelta(hours=1)), 19):
            found[moment] = self.known(moment := BEFORE + timedelta(hours=hours))
        found |= {moment: self.known(moment) for moment in self.bearing}
        for window, moment in self.cited:
            found[window, moment] = [r for r in self.known(moment) if r.head.window == window]
        for number in range(WINDOWS):
            window = self.window(number)
            looked_up = window.end + HORIZON * DAY / 4
            found[window, "scoreboard"] = [r for r in self.known(looked_up) if r.head.window == window]
        return found

    def first_judged(self) -> dict[HeadKey, datetime]:
        """When a page says that a window was first judged."""
        found: dict[HeadKey, datetime] = {}
        for key in {r.head for r in self.store.current(MONITOR, families=[Family.PERFORMANCE], end=self.window(3).end)}:
            for mark in self.store.revisions(MONITOR, key):
                now = [r for r in self.known(mark.known_at) if r.head == key and r.measurement.metric == "roc_auc"]
                if any(r.measurement.status is Status.OK for r in now):
                    found.setdefault(key, now[0].known_at)
        return found

    def count(self, name: str) -> int:
        with self.store._database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(tables.metadata.tables[name])) or 0

    def orphans(self) -> int:
        m = tables.measurement.c
        with self.store._database.reading() as connection:
            known = select(tables.revision.c.id)
            return connection.scalar(select(func.count()).where(m.revision_id.not_in(known))) or 0


@contextmanager
def lived(url: str) -> Iterator[History]:
    made = MetricsStore(url)
    made.upgrade()
    made.dispose()
    history = History(url, 7)
    yield history
    history.store.dispose()


@pytest.fixture(scope="module")
def one_past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[History, Path]]:
    path = tmp_path_factory.mktemp("past") / "monitor.db"
    with lived(f"sqlite:///{path}") as history:
        history.store.dispose()
        yield history, path


@pytest.fixture
def past(one_past: tuple[History, Path], tmp_path: Path) -> Iterator[History]:
    """A copy, to do with as one likes."""
    history, path = copy(one_past[0]), shutil.copy(one_past[1], tmp_path)
    history.store = MetricsStore(f"sqlite:///{path}", clock=lambda: history.clock)
    yield history
    history.store.dispose()


def by_table(found: list[Gone]) -> dict[str, int]:
    return {one.table: one.rows for one in found}


def test_what_is_kept_says_what_it_said_and_no_cited_revision_is_gone(past: History) -> None:
    check_law(past)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_same_holds_on_servers(kind: str, tmp_path: Path, empty_database: Any) -> None:
    with empty_database(kind, tmp_path) as url, lived(url) as past:
        check_law(past)


def check_law(past: History) -> None:
    before, judged = past.kept(), past.first_judged()
    revisions, measurements = past.count("revision"), past.count("measurement")
    told = prune(past.store, MONITOR, AGES, dry_run=True)
    assert (past.count("revision"), past.count("measurement")) == (revisions, measurements)
    gone = prune(past.store, MONITOR, AGES)
    assert gone == told
    went = by_table(gone)
    assert went["revision"] > revisions / 5, "hardly anything is too old here"
    assert past.count("revision") == revisions - went["revision"]
    assert past.count("measurement") == measurements - went["measurement"]
    assert past.orphans() == 0
    assert past.kept() == before
    assert past.first_judged() == judged
    assert prune(past.store, MONITOR, AGES) == []


def test_between_kept_moments_the_last_kept_one_is_read(past: History) -> None:
    moments = [START + hours * timedelta(hours=23) for hours in range(40)]
    before = [past.known(moment) for moment in moments]
    prune(past.store, MONITOR, AGES)
    changed = 0
    for moment, then in zip(moments, before, strict=True):
        was = {(r.head, r.measurement.metric): r for r in then}
        now = {(r.head, r.measurement.metric): r for r in past.known(moment)}
        assert set(now) == set(was)
        for key, r in now.items():
            assert r.known_at <= was[key].known_at <= moment
            changed += r != was[key]
    assert changed > 0


def test_what_was_stored_lately_is_young_however_old_its_knowledge(past: History) -> None:
    past.clock = NOW + 24 * DAY
    assert prune(past.store, MONITOR, Ages(revisions=64 * DAY)) == []


def test_an_old_run_that_is_made_again_writes_a_revision_of_its_own(past: History) -> None:
    prune(past.store, MONITOR, AGES)
    head = next(r.head for r in past.store.current(MONITOR, families=[Family.PERFORMANCE]))
    numbers = [mark.number for mark in past.store.revisions(MONITOR, head)]
    made = Revision(head.window.end, "anew", None, False, "run", "1", "spec")
    written = past.store.write_revision(MONITOR, head, made, [Measurement("roc_auc", Status.OK, Estimate(0.5, 9))])
    assert written.wrote
    assert not written.is_current
    assert written.number > max(numbers)


def test_ages_that_make_no_sense_are_refused() -> None:
    with pytest.raises(SpecError, match=r"keep-revisions: .* is less than a day; keep at least 1d"):
        Ages(revisions=timedelta(hours=3))
    with pytest.raises(SpecError, match="keep-weeks"):
        Ages(profiles=50 * DAY, weeks=40 * DAY)


HOURS = st.integers(0, 40)


def read(marks: list[RevisionMark], hour: int) -> RevisionMark | None:
    """What `as_of` reads at a moment: by its definition."""
    known = [mark for mark in marks if mark.known_at <= START + hour * timedelta(hours=1)]
    return max(known, key=lambda mark: (mark.known_at, mark.number), default=None)


@seed(20261122)
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(HOURS, HOURS), min_size=1, max_size=9), st.lists(HOURS, max_size=5), HOURS)
def test_no_moment_that_is_kept_reads_another_revision(
    times: list[tuple[int, int]], moments: list[int], before: int
) -> None:
    hour = timedelta(hours=1)
    made = [RevisionMark(i, i, START + known * hour, START + stored * hour) for i, (known, stored) in enumerate(times)]
    marks = sorted(made, key=lambda mark: (mark.known_at, mark.number))
    head = HeadKey(Family.PERFORMANCE, "outcomes", "day@UTC", Window(START, START + DAY))
    current = marks[-1].id
    kept_moments = [START + m * hour for m in sorted(moments)]
    gone = superseded(HeadHistory(1, head, current, tuple(marks)), kept_moments, START + before * hour)
    left = [mark for mark in marks if mark.id not in gone]
    for moment in [*moments, *range(before, 50)]:
        assert read(left, moment) == read(marks, moment)
    assert {marks[0], marks[-1], made[0]} <= set(left)
    assert all(mark.recorded_at <= START + before * hour for mark in marks if mark.id in gone)
    # Whatever else may go, goes.
    stays = {read(marks, moment) for moment in [*moments, *range(before, 50)]} | {marks[0], marks[-1], made[0]}
    assert {m.id for m in marks if m not in stays and m.recorded_at <= START + before * hour} == set(gone)
