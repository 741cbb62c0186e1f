"""The ledger by one join, and that by each key's labels in their order, of the same random feeds."""

from __future__ import annotations

from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.profile.dataset import Column, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.embedded.duckdb_scan import DuckDBScan
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest
from airflow_ml_monitor.profile.label_source import LabelMode, Several
from airflow_ml_monitor.profile.layout import Binning, Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.queries import label_query

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GROUPS = Binning("group", Kind.CATEGORICAL, categories=("north", "south"))
SPEEDS = Binning("speed", Kind.CATEGORICAL, categories=("slow",))
AMOUNTS = Binning("amount", Kind.NUMERIC, centre=10.0, scale=4.0)
SPOILT = ("repeated", "corrected", "withdrawn", "orphans", "orphans twice", "no key", "no key twice", "no label")
"""What a feed may hold besides one label of each of its predictions, in any combination."""


def predictions(oracle: ModuleType, rng: np.random.Generator, size: int, several: bool) -> pa.Table:
    """Of fourteen days, two of which nobody asks for; some without a key or a score; keys predicted twice."""
    score = rng.random(size)
    score[rng.random(size) < 0.05] = rng.choice([np.nan, 1.5, -0.1, np.inf])
    key = rng.permutation(size)
    if several:
        key[: size // 8] = key[-(size // 8) :]
    hours = rng.uniform(-24, 13 * 24, size)
    at = [oracle.DAY.start + timedelta(hours=float(h)) for h in hours]
    return pa.table({
        "id": pa.array(key, mask=rng.random(size) < 0.02),
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "score": score,
        "group": rng.choice(["north", "south", "rare"], size),
        "version": rng.choice(["v1", "v2"], size),
        "speed": rng.choice(["slow", "fast"], size),
        "amount": pa.array(rng.normal(12, 5, size), mask=rng.random(size) < 0.1),
    })  # fmt: skip


def labels(oracle: ModuleType, rng: np.random.Generator, size: int, spoilt: set[str]) -> pa.Table:
    """One label of most keys from before the first day to after the last; and what spoils it."""
    keys = rng.permutation(size)[: size * 4 // 5]
    hours = rng.uniform(-30, 18 * 24, len(keys))
    # On the stroke of midnight: belongs to the day that ends.
    hours[: size // 10] = np.round(hours[: size // 10] / 24) * 24
    rows = pd.DataFrame({"id": keys.astype(float), "label": rng.integers(0, 2, len(keys)).astype(float), "hour": hours})
    few = rows.sample(max(size // 12, 1), random_state=1)
    later = few["hour"] + rng.uniform(0, 60, len(few))
    nobody = pd.DataFrame({"id": size + np.arange(4.0), "label": 1.0, "hour": rng.uniform(0, 18 * 24, 4)})
    of_no_key = pd.DataFrame({"id": [np.nan], "label": [1.0], "hour": [30.0]})
    parts = {
        "repeated": few,
        "corrected": few.assign(label=1 - few["label"], hour=later),
        "withdrawn": few.assign(label=np.nan, hour=later),
        "orphans": nobody,
        "orphans twice": pd.concat([nobody, nobody[:2].assign(hour=[40.0, 300.0])]),
        "no key": of_no_key,
        "no key twice": pd.concat([of_no_key, of_no_key]),
        "no label": nobody.assign(id=nobody["id"] + 10, label=np.nan),
    }
    rows = pd.concat([rows, *(parts[name] for name in SPOILT if name in spoilt)], ignore_index=True)
    rows = rows.sample(frac=1, random_state=2, ignore_index=True)
    closed = rows["label"].isna() & (rng.random(len(rows)) < 0.7)
    known = [oracle.DAY.start + timedelta(hours=float(h)) for h in rows["hour"]]
    return pa.table({
        "id": pa.array(rows["id"].astype("Int64")),
        "label": pa.array(rows["label"].astype("Int64")),
        "known_at": pa.array(known, pa.timestamp("us", "UTC")),
        "closed": closed.to_numpy(),
    })  # fmt: skip


def told(entries: Entries) -> dict[tuple[Any, ...], tuple[int, list[float]]]:
    """Count and sums by what names an entry."""
    keys = zip(entries.known, entries.label, entries.prediction, entries.bucket, strict=True)
    named = ((entries.groups[group], *map(int, key)) for group, key in zip(entries.group, keys, strict=True))
    return {
        name: (int(entries.count[i]), entries.sums[i].tolist())
        for i, name in enumerate(named)
    }  # fmt: skip


def both(engine: DuckDB, request: LabelRequest) -> tuple[LabelBatch, LabelBatch]:
    """By one join, and in order."""
    with pytest.MonkeyPatch.context() as patch:
        at_once = engine.label_entries(request)
        patch.setattr(DuckDBScan, "joins_at_once", False)
        return at_once, engine.label_entries(request)


def agree(found: LabelBatch, expected: LabelBatch) -> None:
    assert (found.orphans, found.repeats, found.arrived) == (expected.orphans, expected.repeats, expected.arrived)
    assert set(found.entries) == set(expected.entries)
    for day, entries in expected.entries.items():
        mine, theirs = told(found.entries[day]), told(entries)
        assert mine.keys() == theirs.keys()
        for name, (count, sums) in theirs.items():
            assert mine[name][0] == count
            assert mine[name][1] == pytest.approx(sums, rel=1e-9, abs=1e-9)


@pytest.mark.slow
@seed(7)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.integers(0, 10**6),
    size=st.integers(20, 120),
    spoilt=st.sets(st.sampled_from(SPOILT)),
    several_predictions=st.booleans(),
    is_rich=st.booleans(),
    censored=st.booleans(),
    timed=st.sampled_from([True, True, True, False]),
    several=st.sampled_from([Several.LAST, Several.LAST, Several.FIRST, Several.ANY, Several.MAJORITY]),
    stale=st.sampled_from(["all", "none", "some"]),
    ahead=st.sampled_from([0, 6, 60]),
)
def test_one_join_tells_what_each_key_in_order_tells(
    oracle: ModuleType, engine: DuckDB, number: int, size: int, spoilt: set[str], **how: Any
) -> None:
    compared(oracle, engine, number, size, spoilt, **how)


@pytest.mark.parametrize(
    "spoilt", [set(), {"orphans"}, {"corrected"}, {"orphans twice"}, {"no key twice"}, set(SPOILT)]
)
@pytest.mark.parametrize("stale", ["all", "some"])
def test_a_feed_that_is_spoilt_in_one_way_is_read_the_same_either_way(
    oracle: ModuleType, engine: DuckDB, spoilt: set[str], stale: str
) -> None:
    how = {"several_predictions": True, "is_rich": True, "censored": False, "timed": True}
    compared(oracle, engine, 5, 400, spoilt, **how, several=Several.LAST, stale=stale, ahead=6)


def compared(oracle: ModuleType, engine: DuckDB, number: int, size: int, spoilt: set[str], **how: Any) -> None:
    rng = np.random.default_rng(number)
    columns = [Column("version", Kind.CATEGORICAL, Role.VERSION)]
    columns += [Column("speed", Kind.CATEGORICAL, Role.DELAY_STRATUM), Column("group", Kind.CATEGORICAL)]
    columns += [Column("amount")]
    source = predictions(oracle, rng, size, how["several_predictions"])
    dataset = oracle.predictions(source, *(columns if how["is_rich"] else ()))
    layout = Layout((GROUPS, SPEEDS, AMOUNTS), ("group",)) if how["is_rich"] else Layout(())
    if how["is_rich"]:
        dataset = oracle.predictions(source, *columns, slice_by=("group",), label_moments=True)
    more = {"several": how["several"], "censored": "closed" if how["censored"] else None}
    feed = oracle.labelled_by(
        labels(oracle, rng, size, spoilt), label_time="known_at" if how["timed"] else None, **more
    )
    upto = oracle.DAYS[-1].end + how["ahead"] * HOUR
    stale = {"all": oracle.DAYS, "none": (), "some": oracle.DAYS[4::3]}[how["stale"]]
    since = oracle.DAYS[6].end + 7 * HOUR
    agree(*both(engine, oracle.request(dataset, feed, upto, layout=layout, stale=stale, since=since)))


def test_a_year_of_days_is_read_the_same_either_way(oracle: ModuleType, engine: DuckDB) -> None:
    rng, days = (
        np.random.default_rng(6),
        list(WindowRule(WindowUnit.DAY).between(oracle.DAY.start, oracle.DAY.start + 365 * DAY)),
    )
    at = [oracle.DAY.start + timedelta(days=float(d)) for d in rng.uniform(0, 365, 300)]
    source = pa.table({"id": range(300), "at": at, "score": rng.random(300), "amount": rng.normal(12, 5, 300)})
    known_at = [moment + timedelta(days=float(d)) for moment, d in zip(at, rng.exponential(20, 300), strict=True)]
    feed = oracle.labelled_by(pa.table({"id": range(300), "label": rng.integers(0, 2, 300), "known_at": known_at}))
    dataset = oracle.predictions(source, Column("amount"), label_moments=True)
    layout, upto = Layout((AMOUNTS,)), days[-1].end
    agree(*both(engine, oracle.request(dataset, feed, upto, layout=layout, days=tuple(days), stale=days[-9:])))


def test_a_source_of_one_label_a_key_is_never_read_in_order(
    oracle: ModuleType, engine: DuckDB, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(3)
    feed = oracle.labelled_by(labels(oracle, rng, 200, {"orphans", "no key", "no label"}))
    asked = oracle.request(oracle.predictions(predictions(oracle, rng, 200, True)), feed, oracle.DAYS[-1].end)
    monkeypatch.setattr(label_query, "label_entries", None)
    assert engine.label_entries(asked).orphans > 4


@pytest.mark.parametrize("mode", [LabelMode.SELECTIVE, LabelMode.SAMPLED, LabelMode.IMPLICIT])
def test_every_mode_is_read_the_same_either_way(oracle: ModuleType, engine: DuckDB, mode: LabelMode) -> None:
    rng = np.random.default_rng(4)
    feed = oracle.labelled_by(labels(oracle, rng, 150, {"orphans", "corrected"}), mode=mode, horizon=72 * HOUR)
    asked = oracle.request(oracle.predictions(predictions(oracle, rng, 150, True)), feed, oracle.DAYS[-1].end)
    agree(*both(engine, asked))
