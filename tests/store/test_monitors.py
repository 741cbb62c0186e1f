"""Renaming and deleting a monitor."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.store.repository import MetricsStore
from airflow_ml_monitor.store.tables import metadata

Fill = Callable[[MetricsStore, str], None]


def rows(store: MetricsStore) -> dict[str, int]:
    with store._database.reading() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in metadata.sorted_tables
        }


def test_a_deleted_monitor_leaves_no_row_and_its_neighbour_keeps_every_one(store: MetricsStore, fill: Fill) -> None:
    fill(store, "default/kept")
    before = rows(store)
    fill(store, "default/gone")
    both = rows(store)
    tables = {name for name, number in both.items() if number > before[name]}
    assert tables == {table.name for table in metadata.sorted_tables}, "a table is not filled here"
    counted = store.counted("default/gone")
    assert store.delete("default/gone") == counted == {name: both[name] - before[name] for name in tables}
    assert rows(store) == before
    assert store.monitors() == ["default/kept"]


def test_a_deleted_monitor_may_begin_anew(store: MetricsStore, fill: Fill) -> None:
    fill(store, "default/again")
    first = rows(store)
    store.delete("default/again")
    fill(store, "default/again")
    assert rows(store) == first


def test_a_renamed_monitor_keeps_all_that_is_its(store: MetricsStore, fill: Fill) -> None:
    fill(store, "default/old")
    before, measured = rows(store), store.current("default/old")
    store.rename("default/old", "risk/new")
    assert rows(store) == before
    assert store.monitors() == ["risk/new"]
    assert store.current("risk/new") == measured
    assert store.current("default/old") == []


def test_a_name_that_is_taken_or_unknown_is_refused_and_nothing_changes(store: MetricsStore, fill: Fill) -> None:
    fill(store, "default/a")
    fill(store, "default/b")
    before = rows(store)
    with pytest.raises(SpecError, match="'default/b' is there already"):
        store.rename("default/a", "default/b")
    for call in (store.delete, store.counted, lambda key: store.rename(key, "default/c")):
        with pytest.raises(UnknownName, match="unknown monitor 'default/x'; one of: default/a, default/b"):
            call("default/x")
    assert rows(store) == before
