"""Letting go beside whoever writes: what was asked for in vain, and what stays whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store.records import DecisionRecord, HeadHistory, ProfileKey, Revision
from airflow_ml_monitor.store.repository import MetricsStore

MONITOR = "default/churn"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def head(number: int = 0) -> HeadKey:
    window = Window(START + number * DAY, START + (number + 1) * DAY)
    return HeadKey(Family.PERFORMANCE, "outcomes", "day@UTC", window)


def write(store: MetricsStore, known: int, number: int = 0) -> None:
    made = Revision(START + known * DAY, str(known), None, False, "run", "1", "spec")
    rows = [Measurement(name, Status.OK, Estimate(float(known), 9)) for name in ("roc_auc", "brier")]
    store.write_revision(MONITOR, head(number), made, rows)


def decide(store: MetricsStore, name: str, action: Action, known: int) -> None:
    window = str(head().window)
    made = Decision(name, MONITOR, START + known * DAY, action, "why", {"alarms": [{"window": window}] * (known == 9)})
    store.save_decision(MONITOR, DecisionRecord(made, "policy", name, {}, [], [], ""))


def histories(store: MetricsStore) -> list[HeadHistory]:
    return store.archive.knowledge(MONITOR, [Family.PERFORMANCE])[1]


def numbers(store: MetricsStore) -> list[int]:
    return [one.number for one in store.revisions(MONITOR, head())]


def values(store: MetricsStore, number: int) -> list[float]:
    """What a window's measurements are, as known now."""
    found = [r.measurement.estimate for r in store.current(MONITOR) if r.head == head(number)]
    return [estimate.value for estimate in found if estimate]


def test_what_decisions_rest_on_is_told(store: MetricsStore) -> None:
    for number, (action, known) in enumerate([(Action.NONE, 3), (Action.WAIT, 9), (Action.ALERT, 5)]):
        decide(store, f"dec-{number}", action, known)
    bearing, heads = store.archive.knowledge(MONITOR, [Family.PERFORMANCE])
    assert (bearing.decisions, bearing.moments, heads) == (3, (START + 5 * DAY,), [])
    assert bearing.cited == {head().window: (START + 9 * DAY,)}


def test_forgotten_revisions_take_their_measurements_along_and_the_current_one_stays(store: MetricsStore) -> None:
    for known in (2, 3, 4, 5):
        write(store, known)
        write(store, known, number=1)
    one, other = histories(store)
    ids = [mark.id for mark in one.revisions]
    assert store.archive.weigh(MONITOR, one, ids[1:3]) == 4
    assert store.archive.first_judged(MONITOR, one) == {1}
    assert store.archive.forget(MONITOR, [(one, ids)], decisions=0)
    assert numbers(store) == [4]
    assert values(store, 0) == [5.0, 5.0]
    assert [mine for mine in histories(store) if mine.id == other.id] == [other]
    assert store.counted(MONITOR)["measurement"] == 2 + 8


def test_nothing_is_forgotten_once_another_decision_was_made(store: MetricsStore) -> None:
    for known in (2, 3, 4):
        write(store, known)
    (one,) = histories(store)
    decide(store, "dec-0", Action.NONE, 4)
    assert not store.archive.forget(MONITOR, [(one, [one.revisions[1].id])], decisions=0)
    assert numbers(store) == [1, 2, 3]
    assert store.archive.forget(MONITOR, [(one, [one.revisions[1].id])], decisions=1)
    assert numbers(store) == [1, 3]


def test_profiles_are_swapped_and_what_was_read_is_still_named(store: MetricsStore) -> None:
    key = ProfileKey("scores", "day@UTC", head().window, "fine", "a")
    mended = ProfileKey("scores", "day@UTC", head().window, "fine", "b")
    coarse = ProfileKey("scores", "day@UTC", head().window, "coarse", "b")
    for one, known in ((key, 2), (mended, 3)):
        store.save_profile(MONITOR, one, b"profile", START + known * DAY)
    stored = store.archive.profiles(MONITOR)
    assert [(one.key, one.size, one.is_newest) for one in stored] == [(key, 7, False), (mended, 7, True)]
    store.archive.swap_profiles(MONITOR, [one.scan for one in stored], [(coarse, b"less")])
    assert [store.profile(MONITOR, one) for one in (key, mended, coarse)] == [None, None, b"less"]
    assert store.profiles_seen(MONITOR, "scores", "day@UTC", head().window) == [mended]
    store.save_profile(MONITOR, mended, b"profile", START + 3 * DAY)
    assert store.profile(MONITOR, mended) == b"profile"


def test_dropped_profiles_lose_their_bytes_and_others_keep_theirs(store: MetricsStore) -> None:
    keys = [ProfileKey("scores", "day@UTC", head(number).window, "fine", f"{number}") for number in range(3)]
    for key in keys[:2]:
        store.save_profile(MONITOR, key, b"fine", START)
    store.archive.drop_profiles(MONITOR, keys[1:])
    store.archive.drop_profiles(MONITOR, [])
    assert [store.profile(MONITOR, key) for key in keys] == [b"fine", None, None]


def test_writers_and_who_lets_go_come_to_one_end(store: MetricsStore, race: Callable[..., list[Any]]) -> None:
    for number in range(3):
        write(store, 2, number)

    def run(worker: int) -> int:
        went = 0
        for known in range(3, 18):
            if worker < 2:
                for number in range(3):
                    write(store, known, number)
                continue
            for one in histories(store):
                old = [mark.id for mark in one.revisions[1:]]
                went += store.archive.forget(MONITOR, [(one, old)], decisions=0)
        return went

    race(run, 3)
    for number in range(3):
        assert values(store, number) == [17.0, 17.0]
        left = store.revisions(MONITOR, head(number))
        # A writer that is behind the other stores older knowledge last.
        assert (left[0].number, max(mark.known_at for mark in left)) == (1, START + 17 * DAY)
    counted = store.counted(MONITOR)
    assert counted["measurement"] == 2 * counted["revision"]
