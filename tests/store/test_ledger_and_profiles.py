from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.store.records import LabelState, LedgerPart, ProfileKey
from airflow_ml_monitor.store.repository import MetricsStore

MONITOR = "default/churn"
MORNING = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
# Larger than MariaDB's BLOB.
PAYLOAD = bytes(range(256)) * 400


def day(number: int) -> Window:
    return Window(MORNING + number * DAY, MORNING + (number + 1) * DAY)


def part(number: int, known: int, digest: str = "a") -> LedgerPart:
    return LedgerPart(day(number), MORNING + known * DAY, digest, PAYLOAD + bytes([number, known]))


def key(layout: str = "layout", inputs: str = "input") -> ProfileKey:
    return ProfileKey("bookings", "day@UTC", day(0), layout, inputs)


def test_a_profile_is_found_by_what_it_depends_on(store: MetricsStore) -> None:
    assert store.profile(MONITOR, key()) is None
    store.save_profile(MONITOR, key(), PAYLOAD, MORNING)
    store.save_profile(MONITOR, key(), b"other bytes of the same cells", MORNING)
    store.save_profile("default/other", key(), b"other monitor", MORNING)
    assert store.profile(MONITOR, key()) == PAYLOAD
    assert store.profile(MONITOR, key(inputs="changed")) is None
    assert store.profile(MONITOR, key("other layout")) is None


def test_what_a_window_held_is_what_was_seen_last_by_then(store: MetricsStore) -> None:
    def seen(within: Window, as_of: datetime | None = None) -> list[str]:
        return [one.input_digest for one in store.profiles_seen(MONITOR, "bookings", "day@UTC", within, as_of)]

    assert seen(day(0)) == []
    for number, inputs in enumerate(("a", "b", "a", "a")):
        store.save_profile(MONITOR, key(inputs=inputs), inputs.encode(), MORNING + number * DAY)
    assert [seen(day(0), MORNING + number * DAY) for number in range(4)] == [["a"], ["b"], ["a"], ["a"]]
    assert seen(day(0), MORNING - DAY) == []
    # Knowledge out of order, and of one moment: what was said last.
    store.saw_profile(MONITOR, key(inputs="a"), MORNING + DAY)
    assert seen(day(0), MORNING + DAY) == ["a"]
    assert store.profiles_seen(MONITOR, "bookings", "week@UTC", day(0)) == []
    store.save_profile(MONITOR, replace(key(inputs="c"), window=day(1)), b"c", MORNING)
    assert seen(Window(day(0).start, day(1).end)) == ["c", "a"]


def test_several_runs_may_save_one_profile_at_once(store: MetricsStore, race: Callable[..., list[Any]]) -> None:
    def run(_: int) -> None:
        for number in range(10):
            store.save_profile(MONITOR, key(inputs=str(number)), PAYLOAD, MORNING)

    race(run, 3)
    assert store.profile(MONITOR, key(inputs="9")) == PAYLOAD


def test_the_ledger_keeps_every_part_in_the_order_of_appending(store: MetricsStore) -> None:
    assert store.ledger.state(MONITOR, "churned") == LabelState(0, None, "")
    assert store.ledger.append(MONITOR, "churned", 0, MORNING, "w1", [part(1, 5), part(0, 5)])
    assert store.ledger.append(MONITOR, "churned", 1, MORNING + DAY, "w2", [part(1, 3, "b")])
    assert store.ledger.state(MONITOR, "churned") == LabelState(2, MORNING + DAY, "w2")
    assert store.ledger.days(MONITOR, "churned") == {day(0): "a", day(1): "b"}
    everything = store.ledger.parts(MONITOR, "churned", MORNING, MORNING + 9 * DAY)
    assert everything == [part(0, 5), part(1, 5), part(1, 3, "b")]
    assert store.ledger.parts(MONITOR, "churned", MORNING, MORNING + DAY) == [part(0, 5)]
    assert store.ledger.parts(MONITOR, "other", MORNING, MORNING + DAY) == []


def test_who_appends_to_a_ledger_that_has_moved_on_writes_nothing(store: MetricsStore) -> None:
    assert store.ledger.append(MONITOR, "churned", 0, MORNING, "w1", [part(0, 1)])
    assert not store.ledger.append(MONITOR, "churned", 0, MORNING, "stale", [part(1, 1)])
    assert not store.ledger.append(MONITOR, "churned", 7, MORNING, "ahead", [part(1, 1)])
    assert store.ledger.state(MONITOR, "churned") == LabelState(1, MORNING, "w1")
    assert list(store.ledger.days(MONITOR, "churned")) == [day(0)]


def test_nothing_new_may_still_move_the_watermark(store: MetricsStore) -> None:
    assert store.ledger.append(MONITOR, "churned", 0, MORNING, "w1", [])
    assert store.ledger.state(MONITOR, "churned") == LabelState(1, MORNING, "w1")


def test_of_several_runs_one_appends_each_version(store: MetricsStore, race: Callable[..., list[Any]]) -> None:
    def run(number: int) -> list[bool]:
        return [store.ledger.append(MONITOR, "churned", v, MORNING, "w", [part(v, number)]) for v in range(10)]

    assert [sum(each) for each in zip(*race(run, 3), strict=True)] == [1] * 10
    assert len(store.ledger.parts(MONITOR, "churned", MORNING, MORNING + 99 * DAY)) == 10
