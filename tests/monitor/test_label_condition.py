"""Enough labels are counted as pandas counts them, and a look at what has not changed reads nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.monitor.label_condition import Answer, Wait, look, news
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest, Watermark
from airflow_ml_monitor.truth.maturity import Enough

DAY = timedelta(days=1)
ANYTHING = Wait(Enough(coverage=1.0))


@dataclass
class Counting(DuckDB):
    """The embedded engine, and how often it read labels, alone (watermark) or joined (label_entries)."""

    reads: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__init__()

    def watermark(self, *given: Any) -> Watermark:
        self.reads["watermark"] += 1
        return super().watermark(*given)

    def label_entries(self, request: LabelRequest) -> LabelBatch:
        self.reads["label_entries"] += 1
        return super().label_entries(request)

    def read(self) -> dict[str, int]:
        """What was read since the last call."""
        found, self.reads = dict(self.reads), Counter()
        return found


@pytest.fixture
def engine() -> Counting:
    return Counting()


@pytest.fixture
def at(world: Any, engine: Counting) -> Callable[..., Answer]:
    """Look at a day's labels so many hours after its end."""

    def work(day: int, hours: float, wait: Wait = ANYTHING, seen: Any = None) -> Answer:
        return look(Monitor(world.spec, world.store, engine), world.run(day, hours), wait, seen)

    return work


@pytest.mark.parametrize("hours", [0, 5, 30, 70, 200])
def test_labels_at_hand_are_those_that_pandas_counts(world: Any, at: Any, hours: float) -> None:
    window = world.day(1)
    known = world.known(window, window.end + timedelta(hours=hours))
    found = at(1, hours).at_hand["outcomes"]
    predicted = world.predictions["at"].between(window.start, window.end, inclusive="left").sum()
    assert found.coverage == pytest.approx(len(known) / predicted)
    assert (found.positives, found.negatives) == ((known["y"] == 1).sum(), (known["y"] == 0).sum())
    assert found.arrived == len(known)


def test_arrived_counts_from_the_windows_own_last_measurement(world: Any, at: Any) -> None:
    window = world.day(1)

    def known(hours: float) -> pd.DataFrame:
        return world.known(window, window.end + timedelta(hours=hours))

    measure_performance(world.monitor(), world.run(1, 10))
    assert at(1, 40).at_hand["outcomes"].arrived == len(known(40)) - len(known(10)) > 0
    measure_performance(world.monitor(), world.run(1, 40))
    assert at(1, 40).at_hand["outcomes"].arrived == 0
    # Another window was never measured: all its labels are news.
    assert at(0, 80).at_hand["outcomes"].arrived == len(world.known(world.day(0), world.day(0).end + 80 * DAY / 24))


def test_a_corrected_label_has_arrived_and_is_no_label_more(world: Any, at: Any) -> None:
    moment = world.day(1).end + timedelta(hours=200)
    measure_performance(world.monitor(), world.run(1, 200))
    before = at(1, 200).at_hand["outcomes"]
    known = world.known(world.day(1), moment)
    turned = known[known["y"] == 1].iloc[:7][["id", "y"]].assign(y=0.0, known_at=moment + timedelta(hours=1))
    world.labels = pd.concat([world.labels, turned], ignore_index=True)
    world.write_labels()
    after = at(1, 202).at_hand["outcomes"]
    assert after.arrived == 7
    assert (after.positives, after.negatives) == (before.positives - 7, before.negatives + 7)
    assert after.coverage == before.coverage


def test_each_of_the_conditions_can_be_the_one_that_is_missing(world: Any, at: Any) -> None:
    found = at(1, 60).at_hand["outcomes"]
    just = {name: getattr(found, name) for name in ("coverage", "positives", "negatives", "arrived")}
    assert at(1, 60, Wait(Enough(**just))).reached
    for name, more in (("coverage", found.coverage + 0.001), ("positives", found.positives + 1)):
        assert not at(1, 60, Wait(Enough(**{**just, name: more}))).is_over
    for name in ("negatives", "arrived"):
        assert not at(1, 60, Wait(Enough(**{**just, name: just[name] + 1}))).is_over


def test_the_wait_ends_at_the_horizon_the_deadline_or_at_once_where_the_moment_is_fixed(world: Any, at: Any) -> None:
    never = Enough(positives=10_000)
    end = world.day(1).end
    assert (at(1, 24 * 5 - 1, Wait(never)).is_over, at(1, 24 * 5, Wait(never)).reached) == (False, True)
    late = Wait(never, deadline=end + timedelta(hours=9))
    assert [(found.reached, found.is_over) for found in (at(1, 8, late), at(1, 9, late))] == [
        (False, False),
        (False, True),
    ]
    assert at(1, 1, Wait(never, is_fixed=True)).is_over


def test_a_second_look_at_unchanged_files_reads_no_label(world: Any, at: Any, engine: Counting) -> None:
    world.write_labels(world.day(1).end + timedelta(hours=30))
    first = at(1, 30, seen={})
    assert engine.read()["label_entries"] >= 1
    second = at(1, 300, seen=first.seen)
    assert engine.read() == {}
    assert second.at_hand == first.at_hand
    assert second.seen == first.seen


def test_a_look_that_remembers_nothing_reads_labels_but_joins_none(world: Any, at: Any, engine: Counting) -> None:
    world.write_labels(world.day(1).end + timedelta(hours=30))
    first = at(1, 30)
    engine.read()
    assert at(1, 300).at_hand == first.at_hand
    assert engine.read() == {"watermark": 1}


def test_labels_that_land_are_seen_at_the_next_look(world: Any, at: Any) -> None:
    end = world.day(1).end
    world.write_labels(end + timedelta(hours=30))
    first = at(1, 30, seen={})
    world.write_labels(end + timedelta(hours=80))
    second = at(1, 80, seen=first.seen)
    assert (
        second.at_hand["outcomes"].positives == (world.known(world.day(1), end + timedelta(hours=80))["y"] == 1).sum()
    )
    assert second.at_hand["outcomes"].positives > first.at_hand["outcomes"].positives


def test_labels_that_a_file_dates_ahead_come_with_time_alone(world: Any, at: Any) -> None:
    first = at(1, 30, seen={})
    assert first.seen == {"outcomes": ""}
    known = world.known(world.day(1), world.day(1).end + timedelta(hours=80))
    assert at(1, 80, seen=first.seen).at_hand["outcomes"].arrived == len(known) > first.at_hand["outcomes"].arrived


def test_predictions_that_are_rewritten_are_counted_anew(world: Any, at: Any) -> None:
    world.write_labels(world.day(1).end + timedelta(hours=30))
    first = at(1, 30, seen={})
    inside = world.predictions["at"].between(world.day(1).start, world.day(1).end, inclusive="left")
    kept = world.predictions[inside].iloc[:100]
    world.predictions = pd.concat([world.predictions[~inside], kept])
    world.write_day(1)
    known = world.known(world.day(1), world.day(1).end + timedelta(hours=30))
    for seen in (first.seen, None):
        assert at(1, 31, seen=seen).at_hand["outcomes"].coverage == pytest.approx(len(known) / 100)


def test_silence_that_becomes_a_label_is_seen_without_a_byte_changed(worlds: Any, engine: Counting) -> None:
    world = worlds(outcomes={"mode": "implicit"})
    world.labels = world.labels[world.labels["y"] == 1]
    world.write_labels(world.day(1).end + timedelta(hours=20))
    monitor = Monitor(world.spec, world.store, engine)
    seen: dict[str, str] = {}
    counts = []
    for hours in (20, 24 * 5 - 1, 24 * 5):
        answer = look(monitor, world.run(1, hours), ANYTHING, seen)
        seen = dict(answer.seen)
        counts.append(answer.at_hand["outcomes"])
    assert [one.negatives for one in counts[:2]] == [0, 0]
    assert counts[2].negatives + counts[2].positives == 150


def test_labels_that_cannot_be_read_are_none_at_hand(world: Any, at: Any) -> None:
    world.labels.drop(columns="y").to_parquet(world.root / "labels.parquet")
    found = at(1, 30)
    assert (found.at_hand["outcomes"].coverage, found.is_over) == (0.0, False)
    with pytest.raises(DataFault):
        Counting().watermark(world.spec.labels[0], world.day(0).end, world.day(1).end)


@pytest.fixture
def told(engine: Counting) -> Callable[..., list[str]]:
    """What is new at a moment, to someone who remembers what he was told."""
    seen: dict[str, str] = {}

    def work(world: Any, moment: datetime) -> list[str]:
        nonlocal seen
        found, seen = news(Monitor(world.spec, world.store, engine), moment, seen)
        return found

    return work


def test_news_are_told_once_and_again_when_more_comes(world: Any, told: Any, engine: Counting) -> None:
    end = world.day(1).end
    world.write_labels(end)
    assert told(world, end) == ["outcomes"]
    engine.read()
    assert told(world, end + DAY) == []
    assert engine.read() == {}
    world.write_labels(end + DAY)
    assert told(world, end + DAY) == ["outcomes"]


def test_what_the_ledger_knows_is_no_news(world: Any, told: Any) -> None:
    end = world.day(1).end
    world.write_labels(end + DAY)
    measure_performance(world.monitor(), world.run(1, 24))
    assert told(world, end + DAY) == []
    # It came behind the ledger's back: an old label with another value.
    first = world.labels["known_at"].idxmin()
    world.labels.loc[first, "y"] = 1 - world.labels.loc[first, "y"]
    world.write_labels(end + DAY)
    assert told(world, end + 2 * DAY) == ["outcomes"]
    measure_performance(world.monitor(), world.run(2, 24))
    assert told(world, end + 2 * DAY) == []


def test_a_source_that_is_empty_absent_or_broken_has_no_news(world: Any, told: Any) -> None:
    end = world.day(1).end
    world.write_labels(world.day(0).start)
    assert told(world, end) == []
    (world.root / "labels.parquet").unlink()
    assert told(world, end) == []
    world.labels.drop(columns="y").to_parquet(world.root / "labels.parquet")
    assert told(world, end) == []
    world.write_labels(end)
    assert told(world, end) == ["outcomes"]


def test_labels_without_a_time_are_news_whenever_their_bytes_change_what_is_known(worlds: Any, told: Any) -> None:
    world = worlds(outcomes={"label_time": None})
    end = world.day(1).end
    world.write_labels(end)
    assert told(world, end) == ["outcomes"]
    measure_performance(world.monitor(), world.run(1, 24))
    assert told(world, end + DAY) == []
    world.write_labels(end + DAY)
    assert told(world, end + DAY) == ["outcomes"]


@pytest.mark.parametrize("seed", range(2))
def test_who_remembers_finds_what_who_forgets_finds(worlds: Any, seed: int) -> None:
    """A season of landings, looks and measurements: memory spares reading, and changes no answer."""
    rng = np.random.default_rng(seed)
    one, other = worlds(days=3), worlds(days=3)
    seen: dict[str, str] = {}
    moment = 1.0
    for _ in range(8):
        moment += float(rng.integers(1, 30))
        event = rng.choice(["land", "wait", "measure"])
        for world in (one, other):
            if event == "land":
                world.write_labels(world.day(1).end + timedelta(hours=moment))
            elif event == "measure":
                measure_performance(world.monitor(), world.run(1, moment))
        remembering = look(one.monitor(), one.run(1, moment), ANYTHING, seen)
        seen = dict(remembering.seen)
        forgetting = look(other.monitor(), other.run(1, moment), ANYTHING)
        assert remembering.document() == forgetting.document()
