"""Renaming and deleting a monitor."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.policy.decision import Decision, Event, Incident
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store.records import (
    DecisionRecord,
    IncidentEvent,
    LedgerPart,
    ProfileKey,
    ReferenceRecord,
    Revision,
)
from airflow_ml_monitor.store.repository import MetricsStore
from airflow_ml_monitor.store.tables import metadata

DAY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
THEN = DAY.end + timedelta(hours=6)


def fill(store: MetricsStore, key: str) -> None:
    """One of everything that a monitor may store."""
    store.register_spec(key, "spec", {"name": key}, THEN)
    store.save_reference(key, ReferenceRecord("reference", "scores", {}, b"profile", b"labels", THEN, "print"))
    store.save_profile(key, ProfileKey("scores", "day@UTC", DAY, "layout", "inputs"), b"profile")
    store.append_labels(key, "outcomes", 0, THEN, "mark", [LedgerPart(DAY, THEN, "source", b"entries")])
    head = HeadKey(Family.DRIFT, "scores", "day@UTC", DAY, reference="reference")
    made = Revision(THEN, "inputs", None, True, "run", "1", "spec")
    store.write_revision(key, head, made, [Measurement("psi", Status.OK, Estimate(0.3, 100), column="age")])
    story = Incident(f"{key}-incident", Action.ALERT, "", DAY, DAY, Event.OPENED, THEN)
    decision = Decision(f"{key}-decision", key, THEN, Action.ALERT, "psi 0.3 above 0.1", {}, story.id)
    events = [IncidentEvent(story.id, Event.OPENED, "opened")]
    store.save_decision(key, DecisionRecord(decision, "policy", "inputs", {}, events, [story], "run"))
    store.ask_action(key, story.id, Action.ALERT, decision.id, THEN)


def rows(store: MetricsStore) -> dict[str, int]:
    with store._database.reading() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
        }


def test_a_deleted_monitor_leaves_no_row_and_its_neighbour_keeps_every_one(store: MetricsStore) -> None:
    fill(store, "default/kept")
    before = rows(store)
    fill(store, "default/gone")
    both = rows(store)
    tables = {name for name, number in both.items() if number > before[name]}
    assert tables == {table.name for table in metadata.sorted_tables} - {"feedback"}, "a table is not filled here"
    counted = store.counted("default/gone")
    assert store.delete("default/gone") == counted == {name: both[name] - before[name] for name in tables}
    assert rows(store) == before
    assert store.monitors() == ["default/kept"]


def test_a_deleted_monitor_may_begin_anew(store: MetricsStore) -> None:
    fill(store, "default/again")
    first = rows(store)
    store.delete("default/again")
    fill(store, "default/again")
    assert rows(store) == first


def test_a_renamed_monitor_keeps_all_that_is_its(store: MetricsStore) -> None:
    fill(store, "default/old")
    before, measured = rows(store), store.current("default/old")
    store.rename("default/old", "risk/new")
    assert rows(store) == before
    assert store.monitors() == ["risk/new"]
    assert store.current("risk/new") == measured
    assert store.current("default/old") == []


def test_a_name_that_is_taken_or_unknown_is_refused_and_nothing_changes(store: MetricsStore) -> None:
    fill(store, "default/a")
    fill(store, "default/b")
    before = rows(store)
    with pytest.raises(SpecError, match="'default/b' is there already"):
        store.rename("default/a", "default/b")
    for call in (store.delete, store.counted, lambda key: store.rename(key, "default/c")):
        with pytest.raises(UnknownName, match="unknown monitor 'default/x'; one of: default/a, default/b"):
            call("default/x")
    assert rows(store) == before
