"""Rows drawn by a fraction, in files and in three databases: which, how they add, and what is counted of all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from airflow_ml_monitor.errors import LayoutMismatch, SpecError, TooFew
from airflow_ml_monitor.keys import EVER, WHOLE, Window
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics.drift.kolmogorov_smirnov import kolmogorov_smirnov
from airflow_ml_monitor.metrics.interval import drawn_count
from airflow_ml_monitor.metrics.quality.completeness import completeness
from airflow_ml_monitor.metrics.quality.row_count import row_count
from airflow_ml_monitor.profile.cells import Draw, Profile, drawn_alike
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded import duckdb_opening
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.views import ColumnView, DatasetView, PairView

SIZE, FRACTION = 2_000, 0.3
COLUMNS = (
    Column("x"),
    Column("kind", Kind.CATEGORICAL),
    Column("model", Kind.CATEGORICAL, Role.VERSION),
)


def rows(day: Window, seed: int = 1, size: int = SIZE) -> pd.DataFrame:
    """Customers of a day, some with several rows, two rows with the same key and time; some values are missing."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "customer": [f"C{seed}-{i:04d}" for i in rng.integers(0, size // 2, size)],
        "x": np.where(rng.random(size) < 0.2, np.nan, rng.normal(5, 2, size)),
        "kind": rng.choice(["a", "b"], size, p=[0.7, 0.3]),
        "model": rng.choice(["m1", "m2"], size),
    })  # fmt: skip
    seconds = pd.to_timedelta(rng.integers(0, 86_400, size), unit="s")
    frame["at"] = (pd.Timestamp(day.start).tz_localize(None) + seconds).astype("datetime64[us]")
    frame.loc[1, ["customer", "at"]] = frame.loc[0, ["customer", "at"]].tolist()
    return frame


def declared(source: Any, fraction: float = 1.0) -> Dataset:
    key = ("customer",)
    return Dataset("d", source, COLUMNS, "at", entity_key=key, slice_by=("kind",), sampling_fraction=fraction)


def layout_of(frame: pd.DataFrame) -> Layout:
    return DuckDB().layout(declared(frame), EVER)


def counts(profile: Profile) -> dict[Any, dict[int, int]]:
    """Rows in every bucket of every column, sums and all; by slice."""
    return {
        key: dict(zip(cells.bucket.tolist(), cells.count.tolist(), strict=True)) for key, cells in profile.cells.items()
    }


def limits(estimate: Estimate) -> tuple[float, float]:
    assert estimate.low is not None
    assert estimate.high is not None
    return estimate.low, estimate.high


def check_draws(engine: Any, day: Window) -> None:
    """That rows are drawn as the docstring of `sampling_fraction` says."""
    frame = rows(day)
    layout = layout_of(frame)
    whole, most, some = (engine.profile(declared(frame, f), layout, day) for f in (1.0, 0.6, FRACTION))
    assert whole.draw is None
    assert (whole.population, most.draw, some.draw) == (SIZE, Draw(0.6, SIZE), Draw(FRACTION, SIZE))
    for profile, fraction in ((most, 0.6), (some, FRACTION)):
        drawn = profile.rows[WHOLE]
        assert abs(drawn - fraction * SIZE) < 5 * np.sqrt(SIZE * fraction * (1 - fraction))
        assert all(profile.cells[WHOLE, name].rows == drawn for name in ("x", "kind"))
        assert sum(n for slice, n in profile.rows.items() if slice != WHOLE) == drawn
        told = (profile.duplicates, profile.newest, profile.versions, profile.traces.hours)
        assert told == (whole.duplicates, whole.newest, whole.versions, whole.traces.hours)
        assert whole.duplicates > 0
    # Who is drawn of fewer is drawn of more, too.
    for key, cells in counts(some).items():
        for bucket, n in cells.items():
            assert n <= counts(most)[key].get(bucket, 0) <= counts(whole)[key].get(bucket, 0)
    # Again, in another order, and in two halves: the same rows.
    shuffled = frame.sample(frac=1, random_state=3).reset_index(drop=True)
    assert counts(engine.profile(declared(shuffled, FRACTION), layout, day)) == counts(some)
    noon = day.start + timedelta(hours=12)
    spans = (Window(day.start, noon), Window(noon, day.end))
    first, second = (engine.profile(declared(frame, FRACTION), layout, span) for span in spans)
    added = first + second
    filled = {key: {b: n for b, n in cells.items() if n} for key, cells in counts(added).items()}
    assert filled == counts(some)
    assert (added.rows, added.draw) == (some.rows, some.draw)


def test_rows_are_drawn_by_kernel_and_by_statement(either: DuckDB, oracle: ModuleType) -> None:
    check_draws(either, oracle.DAY)


@pytest.mark.servers
def test_rows_of_tables_are_drawn_there(there: Any, oracle: ModuleType) -> None:
    check_draws(there, oracle.DAY)


def test_a_key_that_did_not_arrive_draws_nothing_and_is_a_fault(engine: DuckDB, oracle: ModuleType) -> None:
    frame = rows(oracle.DAY)
    found = engine.profile(declared(frame.drop(columns="customer"), FRACTION), layout_of(frame), oracle.DAY)
    assert found.faults[""] == "column 'customer' (entity key) is missing"
    assert (found.rows[WHOLE], found.population) == (SIZE, SIZE)


def test_rows_that_never_came_are_none_of_none(engine: DuckDB, oracle: ModuleType) -> None:
    frame = rows(oracle.DAY)
    late = Window(oracle.DAY.end, oracle.DAY.end + timedelta(days=1))
    found = engine.profile(declared(frame, FRACTION), layout_of(frame), late)
    assert (found.rows[WHOLE], found.draw) == (0, Draw(FRACTION, 0))
    assert row_count(DatasetView(found)).value == 0


def test_drawn_rows_are_stored_as_such_and_others_as_they_were(engine: DuckDB, oracle: ModuleType) -> None:
    frame = rows(oracle.DAY)
    layout = layout_of(frame)
    drawn, whole = (engine.profile(declared(frame, f), layout, oracle.DAY) for f in (FRACTION, 1.0))
    assert decode_profile(encode_profile(drawn)).draw == drawn.draw
    assert decode_profile(encode_profile(whole)).draw is None


def test_rows_of_another_weight_are_not_added(engine: DuckDB, oracle: ModuleType) -> None:
    frame = rows(oracle.DAY)
    layout = layout_of(frame)
    whole, most, some = (engine.profile(declared(frame, f), layout, oracle.DAY) for f in (1.0, 0.6, FRACTION))
    for a, b in ((whole, some), (some, whole), (most, some)):
        with pytest.raises(LayoutMismatch, match="with the same sampling_fraction"):
            _ = a + b
    assert drawn_alike([whole, most, some, most]) == [False, True, False, True]
    nothing = Profile("d", oracle.DAY, layout.digest, {WHOLE: 0}, {}, faults={"": "no files"})
    assert (some + nothing).draw == (nothing + some).draw == some.draw
    assert drawn_alike([nothing, some, whole, some, nothing]) == [True, True, False, True, True]
    assert Profile.total([some, some]).draw == Draw(FRACTION, 2 * SIZE)


def test_rows_of_the_window_are_exact_and_those_of_a_slice_an_interval(engine: DuckDB, oracle: ModuleType) -> None:
    frame = rows(oracle.DAY)
    found = engine.profile(declared(frame, FRACTION), layout_of(frame), oracle.DAY)
    every = row_count(DatasetView(found))
    assert (every.value, every.n, every.low) == (SIZE, SIZE, None)
    part = row_count(DatasetView(found, (("kind", "a"),)))
    drawn, mine = found.rows[WHOLE], found.rows[("kind", "a"),]
    assert (part.value, part.n) == (pytest.approx(SIZE * mine / drawn), drawn)
    low, high = limits(part)
    assert low < (frame["kind"] == "a").sum() < high
    with pytest.raises(TooFew, match="none of 7 rows was drawn"):
        row_count(DatasetView(replace(found, rows={WHOLE: 0}, draw=Draw(0.3, 7)), (("kind", "a"),)))


def test_of_all_rows_a_count_is_exact_and_of_few_it_holds_those_that_are_there() -> None:
    # 30 of 30 drawn: nothing is left to doubt.
    every = drawn_count(12, 30, 30)
    assert (every.value, every.low, every.high) == (12, 12, 12)
    # 2 of 4 drawn of 5 have it: at least those 2, at most those and the one that was not drawn.
    few = drawn_count(2, 4, 5)
    assert few.value == 2.5
    low, high = limits(few)
    assert 2 <= low < 2.5 < high <= 3


@pytest.mark.parametrize(("population", "having", "fraction"), [(400, 30, 0.2), (2_000, 900, 0.5), (150, 148, 0.6)])
def test_counts_of_slices_cover_what_is_there(population: int, having: int, fraction: float) -> None:
    rng = np.random.default_rng(7)
    covered, draws = 0, 4_000
    for _ in range(draws):
        n = int(rng.binomial(population, fraction))
        low, high = limits(drawn_count(int(rng.hypergeometric(having, population - having, n)), n, population))
        covered += low <= having <= high
    assert covered / draws > 0.93


def test_intervals_widen_as_rows_are_fewer_and_cover_what_all_rows_are_drawn_from(
    engine: DuckDB, oracle: ModuleType
) -> None:
    layout, widths, covered = layout_of(rows(oracle.DAY)), {1.0: 0.0, FRACTION: 0.0}, {1.0: 0, FRACTION: 0}
    draws = 80
    for seed in range(draws):
        frame = rows(oracle.DAY, seed + 10, 800)
        frame["kind"] = frame["kind"].where(np.random.default_rng(seed).random(800) < 0.8)
        for fraction in covered:
            profile = engine.profile(declared(frame, fraction), layout, oracle.DAY)
            low, high = limits(completeness(ColumnView.of(profile, layout, "kind")))
            covered[fraction] += low <= 0.8 <= high
            widths[fraction] += high - low
    assert min(covered.values()) / draws > 0.88
    assert widths[FRACTION] / widths[1.0] == pytest.approx(1 / np.sqrt(FRACTION), rel=0.1)


def test_p_values_of_drawn_rows_are_even_where_nothing_changed(engine: DuckDB, oracle: ModuleType) -> None:
    frame = rows(oracle.DAY)
    layout = layout_of(frame)
    reference = engine.profile(declared(frame), layout, oracle.DAY)
    before = ColumnView.of(reference, layout, "x")
    found = []
    for seed in range(100):
        new = engine.profile(declared(rows(oracle.DAY, seed + 2, 900), FRACTION), layout, oracle.DAY)
        p_value = kolmogorov_smirnov(PairView(before, ColumnView.of(new, layout, "x"))).p_value
        assert p_value is not None
        found.append(p_value)
    assert scipy.stats.kstest(found, "uniform").pvalue > 1e-3


def test_a_sample_of_rows_is_of_those_drawn(engine: DuckDB, oracle: ModuleType) -> None:
    frame = rows(oracle.DAY)
    asked = replace(declared(frame, FRACTION), sample_rows=100)
    found = engine.profile(asked, layout_of(frame), oracle.DAY)
    assert found.traces.sample is not None
    assert len(found.traces.sample.hashes) == 100


@pytest.mark.parametrize("wrong", [0, -0.1, 1.5, float("nan"), True, "half"])
def test_a_share_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(SpecError, match="is no share of the rows; give a number above 0 and up to 1") as caught:
        declared("x.parquet", wrong)
    assert caught.value.field == "datasets.d.sampling_fraction"


def test_rows_without_a_key_cannot_be_drawn() -> None:
    with pytest.raises(SpecError, match="there is no entity_key; declare one"):
        replace(declared("x.parquet", FRACTION), entity_key=())


def test_rows_of_files_are_those_of_the_same_rows_in_memory(
    engine: DuckDB, oracle: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Larger than what is read at once, with rows of the days around it, in one file and another.
    frame = pd.concat([rows(oracle.DAY), *(beside(oracle.DAY, days) for days in (-1, 1))], ignore_index=True)
    frame[:3_000].to_parquet(tmp_path / "a.parquet")
    frame[3_000:].to_parquet(tmp_path / "b.parquet")
    layout = layout_of(rows(oracle.DAY))
    expected = engine.profile(declared(frame, FRACTION), layout, oracle.DAY)
    monkeypatch.setattr(duckdb_opening, "SMALL_BYTES", 0)
    for kept in (10**9, 0):
        monkeypatch.setattr(duckdb_opening, "KEPT_ROWS", kept)
        found = engine.profile(declared(str(tmp_path / "*.parquet"), FRACTION), layout, oracle.DAY)
        assert (found.rows, found.draw, counts(found)) == (expected.rows, expected.draw, counts(expected))


def beside(day: Window, days: int) -> pd.DataFrame:
    return rows(Window(day.start + timedelta(days=days), day.end + timedelta(days=days)), 5 + days)
