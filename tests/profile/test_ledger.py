"""The label ledger against pandas on the rows: at every moment, however it was brought there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import MonitorError
from airflow_ml_monitor.keys import EVER, WHOLE, Window, WindowRule, WindowUnit
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.performance.expected_calibration_error import expected_calibration_error
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.engine import LabelBatch
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.ledger import Entries, difference
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import TaskKind

HOUR = timedelta(hours=1)
NAMES = SUMS[TaskKind.BINARY]


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    """Predictions of twelve days: some without a score, some with an impossible one, some keys twice."""
    rng = np.random.default_rng(11)
    size = 600
    score = rng.random(size)
    score[:8] = [0.0, 1.0, 0.5, np.nan, 1.5, -0.1, np.inf, -np.inf]
    key = np.arange(size)
    key[590:] = np.arange(300, 310)
    return pd.DataFrame({
        "id": key,
        "at": oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, size), unit="h").floor("us"),
        "score": score,
        "group": rng.choice(["north", "south", "rare"], size, p=[0.5, 0.47, 0.03]),
        "version": rng.choice(["v1", "v2"], size),
        "speed": rng.choice(["slow", "fast"], size),
    })  # fmt: skip


@pytest.fixture(scope="module")
def labels(oracle: ModuleType, scored: pd.DataFrame) -> pd.DataFrame:
    """Labels of most rows, early and late, before their prediction too; corrected, withdrawn, repeated, of nobody."""
    rng = np.random.default_rng(12)
    first = scored.drop_duplicates("id").sample(frac=0.8, random_state=1)
    late = pd.to_timedelta(rng.exponential(40, len(first)) - 4, unit="h").floor("us")
    plain = pd.DataFrame({"id": first["id"], "label": rng.integers(0, 2, len(first)), "known_at": first["at"] + late})
    again = plain.sample(60, random_state=2)
    corrected = again.assign(label=1 - again["label"], known_at=again["known_at"] + 30 * HOUR)
    withdrawn = plain.sample(30, random_state=3).assign(label=None)
    withdrawn["known_at"] += 31 * HOUR
    repeated = plain.sample(20, random_state=4)
    nobody = pd.DataFrame({"id": [9001, 9002], "label": [0, 1], "known_at": oracle.DAY.end})
    midnight = pd.DataFrame({"id": scored["id"][:5], "label": 1, "known_at": oracle.DAY.end + 100 * 24 * HOUR})
    found = pd.concat([plain, corrected, withdrawn, repeated, nobody, midnight], ignore_index=True)
    # On the stroke of midnight: belongs to the day that ends.
    found.loc[found.index[:3], "known_at"] = oracle.DAYS[3].end
    return found.astype({"label": "float64"}).sample(frac=1, random_state=5, ignore_index=True)


def table(frame: pd.DataFrame) -> pa.Table:
    """With NULL for pandas' missing labels, but NaN kept in scores."""
    columns = {name: pa.array(frame[name], from_pandas=name == "label") for name in frame}
    return pa.table(columns)


def moments(oracle: ModuleType) -> Iterator[datetime]:
    """When the daily run looks: at six, of the day before."""
    for day in oracle.DAYS:
        yield day.end + 6 * HOUR


def day_by_day(engine: DuckDB, oracle: ModuleType, dataset: Dataset, labels: LabelSource) -> dict[Window, Entries]:
    """The ledger as daily runs leave it behind."""
    ledger: dict[Window, list[Entries]] = {}
    since = EVER.start
    for number, upto in enumerate(moments(oracle)):
        days = oracle.DAYS[: number + 1]
        request = oracle.request(dataset, labels, upto, since=since, days=days, stale=days[-1:])
        for day, entries in engine.label_entries(request).entries.items():
            ledger.setdefault(day, []).append(entries)
        since = upto
    return {day: Entries.together(parts, NAMES) for day, parts in ledger.items()}


def folded(ledger: Iterable[Entries], known_at: datetime) -> Entries:
    return Entries.together([part.upto(known_at) for part in ledger], NAMES)


def test_what_is_known_at_a_moment_is_what_the_rows_say(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    dataset, source = oracle.predictions(table(scored)), oracle.labelled_by(table(labels))
    last = oracle.DAYS[-1].end + 6 * HOUR
    ledger = engine.label_entries(oracle.request(dataset, source, last)).entries
    for known_at in [*(day.end for day in oracle.DAYS[2:]), last]:
        view = folded(ledger.values(), known_at).view(oracle.BINARY)
        seen = scored[scored["at"] < min(known_at, oracle.DAYS[-1].end)]
        # A label may be known before its prediction is made; then the row is not yet counted as predicted.
        expected = oracle.labelled(rows, scored, labels, known_at)
        oracle.same_view(view, replace(expected, predictions=len(seen)))


def test_one_day_at_a_time_is_the_same_as_all_at_once(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    dataset, source = oracle.predictions(table(scored)), oracle.labelled_by(table(labels))
    ledger = day_by_day(engine, oracle, dataset, source)
    last = list(moments(oracle))[-1]
    at_once = engine.label_entries(oracle.request(dataset, source, last)).entries
    for known_at in [*(day.end for day in oracle.DAYS), last]:
        for day in oracle.DAYS:
            one, all_ = (
                folded([part[day]], known_at).view(oracle.BINARY) if day in part else None for part in (ledger, at_once)
            )
            assert one is not None
            assert all_ is not None
            oracle.same_view(one, all_)


def test_at_the_moment_of_each_scan_the_daily_ledger_knows_what_the_rows_say(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    ledger = day_by_day(engine, oracle, oracle.predictions(table(scored)), oracle.labelled_by(table(labels)))
    for number, known_at in enumerate(moments(oracle)):
        days = oracle.DAYS[: number + 1]
        seen = scored[scored["at"] < days[-1].end]
        view = folded([ledger[day] for day in days], known_at).view(oracle.BINARY)
        oracle.same_view(view, oracle.labelled(rows, seen, labels, known_at))


def test_slices_strata_and_versions_part_the_rows(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    columns = (
        Column("group", Kind.CATEGORICAL),
        Column("version", Kind.CATEGORICAL, Role.VERSION),
        Column("speed", Kind.CATEGORICAL, Role.DELAY_STRATUM),
    )
    dataset = oracle.predictions(table(scored), *columns, slice_by=("group",))
    layout = engine.layout(dataset, EVER)
    assert layout["group"].categories == ("north", "south")
    last = oracle.DAYS[-1].end
    request = oracle.request(dataset, oracle.labelled_by(table(labels)), last, layout=layout)
    entries = folded(engine.label_entries(request).entries.values(), last)
    assert entries.versions == ("v1", "v2")
    assert {slice for slice, _, _ in entries.groups} == {WHOLE, (("group", "north"),), (("group", "south"),)}
    assert {stratum for _, stratum, _ in entries.groups} == {"slow", "fast"}
    oracle.same_view(entries.view(oracle.BINARY), oracle.labelled(rows, scored, labels, last))
    for version in ("v1", "v2"):
        mine = scored[scored["version"] == version]
        oracle.same_view(entries.view(oracle.BINARY, version=version), oracle.labelled(rows, mine, labels, last))
    for group in ("north", "south"):
        mine = scored[scored["group"] == group]
        expected = oracle.labelled(rows, mine, labels, last)
        joined = rows.merged([replace(expected, bucket=expected.bucket // SLICE_SCORE_JOIN)])
        found = entries.view(oracle.BINARY, (("group", group),))
        oracle.same_view(found, replace(joined, predictions=len(mine)))


def test_orphans_and_repeats_are_counted(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    last = oracle.DAYS[-1].end
    batch = engine.label_entries(
        oracle.request(oracle.predictions(table(scored)), oracle.labelled_by(table(labels)), last)
    )
    known = labels[(labels["known_at"] <= last) & labels["label"].notna()]
    assert batch.orphans == len(set(known["id"]) - set(scored["id"])) == 2
    assert batch.repeats == int(known["id"].duplicated().sum()) > 20


def test_labels_are_counted_by_the_day_of_the_windows_zone_on_which_their_first_became_known(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame
) -> None:
    """Across the night on which clocks go forward, by naive times, on both sides of every midnight and on it."""
    rule = WindowRule(WindowUnit.DAY, "Europe/Berlin", timedelta(hours=3, minutes=7))
    days = tuple(rule.between(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 3, tzinfo=UTC)))
    edges = [day.start + step for day in days for step in (timedelta(0), timedelta(microseconds=1), -HOUR / 2)]
    rng = np.random.default_rng(3)
    labels = pd.DataFrame({
        "id": rng.integers(0, 1200, 3 * len(edges)),
        "label": 1,
        "known_at": [moment.astimezone(ZoneInfo("America/New_York")).replace(tzinfo=None) for moment in edges * 3],
    })  # fmt: skip
    source = oracle.labelled_by(table(labels), zone="America/New_York")
    upto = days[-1].end - HOUR
    batch = engine.label_entries(oracle.request(oracle.predictions(table(scored)), source, upto, rule=rule, days=days))
    moment = labels["known_at"].dt.tz_localize("America/New_York")
    first = moment.groupby(labels["id"]).min()
    first, made = first[first <= upto], set(scored["id"][scored["at"] >= days[0].start])
    found = {}
    for day in days[:-1]:
        keys = set(first.index[(first > day.start) & (first <= day.end)])
        found[day] = (len(keys), len(keys - made))
    assert batch.arrived == found
    assert batch.orphans > sum(lost for _, lost in found.values()) > 100


def test_which_files_are_opened_decides_no_orphan(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, tmp_path: Path
) -> None:
    pq.write_table(table(scored), tmp_path / "all.parquet")
    (tmp_path / "daily").mkdir()
    for number, day in enumerate(oracle.DAYS):
        mine = scored[(scored["at"] >= day.start) & (scored["at"] < day.end)]
        pq.write_table(table(mine), tmp_path / "daily" / f"{number}.parquet")
    source = oracle.labelled_by(table(labels))
    found: list[LabelBatch] = []
    for path in (tmp_path / "all.parquet", tmp_path / "daily" / "*.parquet"):
        request = oracle.request(oracle.predictions(path), source, oracle.DAYS[-1].end, days=oracle.DAYS[4:6])
        found.append(engine.label_entries(request))
    assert found[0].orphans == found[1].orphans
    assert oracle.as_rows(found[0].entries.values()) == oracle.as_rows(found[1].entries.values())


def test_a_label_of_a_prediction_made_since_the_last_day_asked_for_is_no_orphan(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    dataset, source = oracle.predictions(table(scored)), oracle.labelled_by(table(labels))
    orphans = []
    for hours in (0, 6, 30):
        upto = oracle.DAYS[5].end + hours * HOUR
        known = set(labels["id"][(labels["known_at"] <= upto) & labels["label"].notna()])
        made = scored["at"].between(oracle.DAYS[2].start, upto, inclusive="left")
        batch = engine.label_entries(oracle.request(dataset, source, upto, days=oracle.DAYS[2:6]))
        assert set(batch.entries) == set(oracle.DAYS[2:6])
        orphans.append(batch.orphans)
        assert batch.orphans == len(known - set(scored["id"][made]))
    # Labels of the two days before the first that is asked for stay orphans.
    assert min(orphans) > 50


def test_no_file_of_a_day_after_known_at_is_opened(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, tmp_path: Path
) -> None:
    for number, day in enumerate(oracle.DAYS):
        mine = scored[(scored["at"] >= day.start) & (scored["at"] < day.end)]
        # Who opens it finds out.
        broken = mine.assign(score="high") if number == 6 else mine
        pq.write_table(table(broken), tmp_path / f"{number}.parquet")
    dataset, source = oracle.predictions(tmp_path / "*.parquet"), oracle.labelled_by(table(labels))
    asked = [oracle.request(dataset, source, oracle.DAYS[n].end, days=oracle.DAYS[2:4]) for n in (5, 6)]
    assert set(engine.label_entries(asked[0]).entries) == set(oracle.DAYS[2:4])
    with pytest.raises(MonitorError):
        engine.label_entries(asked[1])


def test_a_slice_of_all_rows_is_as_well_calibrated_as_the_whole(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    dataset = oracle.predictions(
        table(scored.assign(group="north")), Column("group", Kind.CATEGORICAL), slice_by=("group",)
    )
    last = oracle.DAYS[-1].end
    request = oracle.request(dataset, oracle.labelled_by(table(labels)), last, layout=engine.layout(dataset, EVER))
    entries = folded(engine.label_entries(request).entries.values(), last)
    whole, north = (
        expected_calibration_error(entries.view(oracle.BINARY, slice)) for slice in (WHOLE, (("group", "north"),))
    )
    assert isinstance(whole, Estimate)
    assert isinstance(north, Estimate)
    assert north.n == whole.n
    # Labels are drawn without the scores: in every bin another gap. A slice's bucket has 1/64 of the scores at most.
    assert whole.value > 0.2
    assert north.value == pytest.approx(whole.value, abs=0.01)
    assert north.noise == pytest.approx(whole.noise, rel=0.03)


def test_several_label_files_are_one_source(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, tmp_path: Path
) -> None:
    for number, part in enumerate(np.array_split(np.arange(len(labels)), 5)):
        pq.write_table(table(labels.iloc[part]), tmp_path / f"{number}.parquet")
    last, dataset = oracle.DAYS[-1].end, oracle.predictions(table(scored))
    one, many = (
        oracle.as_rows(engine.label_entries(oracle.request(dataset, oracle.labelled_by(source), last)).entries.values())
        for source in (table(labels), tmp_path / "*.parquet")
    )
    assert one == many


def test_a_late_prediction_file_is_a_difference(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, tmp_path: Path
) -> None:
    early, late = scored.iloc[:400], scored.iloc[400:]
    pq.write_table(table(early), tmp_path / "early.parquet")
    dataset, source = oracle.predictions(tmp_path / "*.parquet"), oracle.labelled_by(table(labels))
    first, second = oracle.DAYS[-1].end, oracle.DAYS[-1].end + 24 * HOUR
    stored = engine.label_entries(oracle.request(dataset, source, first)).entries
    pq.write_table(table(late), tmp_path / "late.parquet")
    fresh = engine.label_entries(oracle.request(dataset, source, second)).entries
    ledger = [
        Entries.together([stored[day], difference(fresh[day], stored[day], second)], NAMES) for day in oracle.DAYS
    ]
    oracle.same_view(folded(ledger, second).view(oracle.BINARY), oracle.labelled(rows, scored, labels, second))
    oracle.same_view(folded(ledger, first).view(oracle.BINARY), folded(stored.values(), first).view(oracle.BINARY))
    assert difference(fresh[oracle.DAYS[0]], fresh[oracle.DAYS[0]], second).size == 0


def test_adding_up_is_independent_of_order_and_leaves_out_what_cancels(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    dataset, source = oracle.predictions(table(scored)), oracle.labelled_by(table(labels))
    entries = list(engine.label_entries(oracle.request(dataset, source, oracle.DAYS[-1].end)).entries.values())
    there, back = Entries.together(entries, NAMES).added(), Entries.together(entries[::-1], NAMES).added()
    assert oracle.as_rows([there]) == oracle.as_rows([back]) == oracle.as_rows(entries)
    assert Entries.together([there, -there], NAMES).added().size == 0
    assert Entries.together([], NAMES).added().size == 0
