"""A metrics database of each kind: SQLite always, servers where their URL is given."""

from __future__ import annotations

import multiprocessing
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.policy.decision import Decision, Event, Incident
from airflow_ml_monitor.policy.feedback import Feedback
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

KINDS = ["sqlite", "postgresql", "mariadb"]
DAY = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
CONTRACT = "56f58061d013f61a59fcae3d"
THEN = DAY.end + timedelta(hours=6)


@pytest.fixture(scope="session", params=KINDS)
def database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, empty_database: Any
) -> Iterator[str]:
    """A migrated database of this session's own."""
    with empty_database(request.param, tmp_path_factory.mktemp("store")) as url:
        _migrate(url)
        yield url


def _migrate(url: str) -> None:
    store = MetricsStore(url)
    store.upgrade()
    store.dispose()


@pytest.fixture
def store(database_url: str) -> Iterator[MetricsStore]:
    """An empty, migrated store."""
    store = MetricsStore(database_url)
    with store._database.connected() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    yield store
    store.dispose()


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Any) -> Iterator[str]:
    """A database without tables."""
    with empty_database(request.param, tmp_path / "new") as url:
        yield url


@pytest.fixture
def fill() -> Callable[[MetricsStore, str], None]:
    """Stores one of everything that a monitor may store: `fill(store, "default/churn")`."""
    return _fill


def _fill(store: MetricsStore, key: str) -> None:
    store.register_spec(key, "spec", {"name": key}, THEN)
    store.save_reference(key, ReferenceRecord("reference", "scores", {}, b"profile", b"labels", THEN, "print"))
    store.ledger.append(key, "outcomes", 0, THEN, "mark", [LedgerPart(DAY, THEN, "source", b"entries")])
    head = HeadKey(Family.DRIFT, "scores", "day@UTC", DAY, reference="reference")
    made = Revision(THEN, "inputs", None, True, "run", "1", "spec")
    store.write_revision(key, head, made, [Measurement("psi", Status.OK, Estimate(0.3, 100), column="age")])
    story = Incident(f"{key}-incident", Action.ALERT, "", DAY, DAY, Event.OPENED, THEN)
    decision = Decision(f"{key}-decision", key, THEN, Action.ALERT, "psi 0.3 above 0.1", {}, story.id)
    events = [IncidentEvent(story.id, Event.OPENED, "opened")]
    store.save_decision(key, DecisionRecord(decision, "policy", "inputs", {}, events, [story], "run"))
    store.ask_action(key, story.id, Action.ALERT, decision.id, THEN)
    store.save_feedback(key, Feedback(story.id, False, THEN, "a holiday", "ana"))
    store.claim_message(decision.id, "mail", "run/tell")
    store.contracts.save(key, CONTRACT, {"name": "loans", "expectations": []}, THEN)
    answered = replace(made, contract=CONTRACT)
    rules = [Measurement("expectation", Status.FAILED, None, f"unread; contract loans@{CONTRACT}")]
    store.write_revision(key, replace(head, family=Family.CONTRACT), answered, rules)
    store.save_profile(key, ProfileKey("scores", "day@UTC", DAY, "layout", "inputs"), b"profile", THEN)


Race = Callable[[Callable[[int], Any], int], list[Any]]


@pytest.fixture
def race() -> Race:
    """Run work(0), work(1), … in processes of their own, released together; their results, or the first error."""

    def run(work: Callable[[int], Any], processes: int) -> list[Any]:
        # Forked, as Airflow's workers are: a store that has connected before must survive it.
        context = multiprocessing.get_context("fork")
        barrier, results = context.Barrier(processes), context.Queue()

        def child(number: int) -> None:
            barrier.wait(30)
            try:
                results.put((number, work(number), ""))
            except Exception:
                results.put((number, None, traceback.format_exc()))

        children = [context.Process(target=child, args=(number,)) for number in range(processes)]
        for process in children:
            process.start()
        found = sorted((results.get(timeout=60) for _ in children), key=lambda result: result[0])
        for process in children:
            process.join()
        assert [error for _, _, error in found if error] == []
        return [result for _, result, _ in found]

    return run
