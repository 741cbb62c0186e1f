from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, HeadKey
from airflow_ml_monitor.store.records import EPOCH, ReferenceRecord, Revision
from airflow_ml_monitor.store.repository import MetricsStore

MONITOR = "default/churn"
MORNING = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def measure(store: MetricsStore, number: int) -> None:
    """A window that ends `number` days after the morning."""
    window = Window(MORNING + (number - 1) * DAY, MORNING + number * DAY)
    revision = Revision(window.end, "a", None, True, "", "", "")
    store.write_revision(MONITOR, HeadKey(Family.DRIFT, "bookings", "day", window), revision, [])


def spec_on(store: MetricsStore, number: int) -> str | None:
    found = store.spec_at(MONITOR, MORNING + number * DAY)
    return found and found.digest


def reference(digest: str, dataset: str = "bookings", labels: bytes | None = None) -> ReferenceRecord:
    return ReferenceRecord(digest, dataset, {"bins": [1, 2.5]}, b"\x00cells\xff" * 20_000, labels, MORNING, "etag")


def test_the_first_spec_is_valid_for_all_time(store: MetricsStore) -> None:
    assert store.spec_at(MONITOR, MORNING) is None
    store.register_spec(MONITOR, "a", {"name": "churn", "k": [1, None, 0.1]}, MORNING)
    found = store.spec_at(MONITOR, EPOCH)
    assert found is not None
    assert (found.document, found.valid_from) == ({"name": "churn", "k": [1, None, 0.1]}, EPOCH)


def test_a_changed_spec_measures_new_windows_only(store: MetricsStore) -> None:
    store.register_spec(MONITOR, "a", {}, MORNING)
    measure(store, 3)
    measure(store, 2)
    store.register_spec(MONITOR, "b", {}, MORNING)
    store.register_spec(MONITOR, "b", {}, MORNING)
    assert [spec_on(store, number) for number in (-99, 2, 3, 99)] == ["a", "a", "b", "b"]
    measure(store, 5)
    store.register_spec(MONITOR, "a", {}, MORNING)
    assert [spec_on(store, number) for number in (2, 3, 4, 5)] == ["a", "b", "b", "a"]


def test_before_anything_is_measured_the_newest_spec_replaces_the_older(store: MetricsStore) -> None:
    store.register_spec(MONITOR, "a", {}, MORNING)
    store.register_spec(MONITOR, "b", {}, MORNING)
    assert spec_on(store, -99) == "b"


def test_three_runs_that_see_a_new_spec_store_one_version(store: MetricsStore, race: Callable[..., list[Any]]) -> None:
    store.register_spec(MONITOR, "a", {}, MORNING)
    measure(store, 3)
    race(lambda _: store.register_spec(MONITOR, "b", {}, MORNING), 3)
    assert [spec_on(store, number) for number in (2, 3)] == ["a", "b"]
    with store._database.reading() as connection:
        assert len(connection.exec_driver_sql("SELECT * FROM spec_version").all()) == 2


def test_a_reference_is_valid_from_what_was_measured_before_it(store: MetricsStore) -> None:
    assert store.reference_at(MONITOR, "bookings", MORNING) is None
    store.save_reference(MONITOR, reference("a", labels=b"ledger"))
    measure(store, 3)
    store.save_reference(MONITOR, reference("b"))
    store.save_reference(MONITOR, reference("a"), MORNING + 9 * DAY)
    store.save_reference(MONITOR, reference("c", "features"))
    store.save_reference(MONITOR, reference("d"), MORNING + 7 * DAY)
    found = [store.reference_at(MONITOR, "bookings", MORNING + number * DAY) for number in (-99, 2, 3, 7)]
    assert [one and one.digest for one in found] == ["a", "a", "b", "d"]
    assert found[0] == reference("a", labels=b"ledger")
    assert store.reference(MONITOR, "c") == store.reference_at(MONITOR, "features", EPOCH)
    assert store.reference(MONITOR, "unknown") is None


@pytest.mark.parametrize("key", ["churn", "/churn", "default/", "a/b/c"])
def test_a_monitor_is_a_namespace_and_a_name(store: MetricsStore, key: str) -> None:
    with pytest.raises(SpecError, match="namespace/name"):
        store.register_spec(key, "a", {}, MORNING)
