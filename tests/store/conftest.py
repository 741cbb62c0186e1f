"""A metrics database of each kind: SQLite always, servers where their URL is given."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from airflow_ml_monitor.store.repository import MetricsStore
from airflow_ml_monitor.store.tables import metadata

SERVERS = {"postgresql": "ML_MONITOR_TEST_POSTGRES", "mariadb": "ML_MONITOR_TEST_MARIADB"}


def _server(kind: str) -> str:
    """The server's URL; without one the test is skipped, or fails where servers are required."""
    variable = SERVERS[kind]
    if url := os.environ.get(variable):
        return url
    if os.environ.get("ML_MONITOR_TEST_SERVERS") == "required":
        pytest.fail(f"{variable} is not set, but ML_MONITOR_TEST_SERVERS=required")
    pytest.skip(f"{variable} is not set: no {kind} server to test with")


def _execute(server: str, statement: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(scope="session", params=["sqlite", "postgresql", "mariadb"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A migrated database of this session's own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('store')}/monitor.db"
        _migrate(url)
        yield url
        return
    server = _server(request.param)
    name = f"ml_monitor_test_{os.getpid()}"
    _execute(server, f"CREATE DATABASE {name}")
    try:
        url = make_url(server).set(database=name).render_as_string(hide_password=False)
        _migrate(url)
        yield url
    finally:
        _execute(server, f"DROP DATABASE {name}")


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


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new/monitor.db"
        return
    server = _server(request.param)
    name = f"ml_monitor_empty_{os.getpid()}"
    _execute(server, f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(server, f"DROP DATABASE {name}")


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
