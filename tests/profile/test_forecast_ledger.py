"""The ledger of a forecast with quantiles against numpy on the rows: at every moment, by every part."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import SpecError, Undefined
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.codec import decode_entries, encode_entries
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.error_grid import CELLS, ERROR_EDGES
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.ledger import PREDICTED, Entries
from airflow_ml_monitor.profile.sums import SUMS, sums_of
from airflow_ml_monitor.profile.task import Task, TaskKind

HOUR = timedelta(hours=1)
TASK = Task(TaskKind.REGRESSION)
LEVELS = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9}


def quantile(name: str) -> Column:
    # The median is what is predicted as well.
    return Column(name, role=Role.PREDICTION if name == "p50" else Role.QUANTILE, of=LEVELS[name])


def dataset(source: Any, *more: Column, slice_by: tuple[str, ...] = ()) -> Dataset:
    # Not in the order of the levels.
    columns = tuple(quantile(name) for name in ("p90", "p50", "p05", "p75", "p25"))
    return Dataset("p", source, (*columns, *more), "at", entity_key=("id",), slice_by=slice_by)


NAMES = sums_of(TASK, dataset(None))


@pytest.fixture(scope="module")
def forecasts(oracle: ModuleType) -> pd.DataFrame:
    """Predictions of twelve days: quantiles that cross, that are missing, and a prediction that is."""
    rng = np.random.default_rng(31)
    size = 600
    middle = np.round(rng.lognormal(2, 1, size), 2)
    found = pd.DataFrame({
        "id": np.arange(size),
        "at": oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, size), unit="h").floor("us"),
        **{name: np.round(middle * (0.6 + 0.8 * level), 2) for name, level in LEVELS.items()},
        "lead": rng.choice(["1", "7"], size),
        "version": rng.choice(["v1", "v2"], size),
        "speed": rng.choice(["slow", "fast"], size),
    })  # fmt: skip
    found.loc[:9, "p05"], found.loc[10:19, "p90"] = np.nan, np.inf
    found.loc[20:29, "p50"] = np.nan
    found.loc[30:49, ["p05", "p90"]] = found.loc[30:49, ["p90", "p05"]].to_numpy()
    return found


@pytest.fixture(scope="module")
def labels(oracle: ModuleType, forecasts: pd.DataFrame) -> pd.DataFrame:
    """Labels of most rows, late: zeros, exact ones, ten per cent off to the digit; corrected, withdrawn."""
    rng = np.random.default_rng(32)
    first = forecasts.sample(frac=0.9, random_state=1)
    truth = np.round(first["p50"].fillna(7).to_numpy() * rng.lognormal(0, 0.3, len(first)), 2)
    truth[:30], truth[30:60] = 0.0, first["p25"].to_numpy()[30:60]
    truth[60:70] *= -1
    late = pd.to_timedelta(rng.exponential(40, len(first)), unit="h").floor("us")
    plain = pd.DataFrame({"id": first["id"], "label": truth, "known_at": first["at"] + late})
    corrected = plain.sample(80, random_state=2)
    corrected = corrected.assign(label=corrected["label"] + 1, known_at=corrected["known_at"] + 30 * HOUR)
    withdrawn = plain.sample(30, random_state=3).assign(label=np.nan)
    withdrawn["known_at"] += 31 * HOUR
    return pd.concat([plain, corrected, withdrawn], ignore_index=True).sample(frac=1, random_state=5)


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.table({name: pa.array(frame[name], from_pandas=name == "label") for name in frame})


def expected(
    oracle: ModuleType, rows: ModuleType, forecasts: pd.DataFrame, labels: pd.DataFrame, known_at: datetime
) -> LabelledView:
    known = oracle.latest_labels(labels, known_at)
    mine = forecasts[forecasts["id"].isin(known) & np.isfinite(forecasts["p50"])]
    truth = np.array([known[key] for key in mine["id"]], float)
    view: LabelledView = rows.regressed(
        truth, mine["p50"], quantiles={level: mine[name] for name, level in LEVELS.items()}
    )
    return replace(view, predictions=len(forecasts))


def same(found: LabelledView, wanted: LabelledView) -> None:
    """Counts exactly, sums within rounding."""
    assert (found.n, found.predictions) == (wanted.n, wanted.predictions)
    np.testing.assert_array_equal(found.percentage_errors, wanted.percentage_errors)
    assert {*found.sums} == {*wanted.sums, "state"} == {*NAMES}
    for name in wanted.sums:
        assert found.total(name) == pytest.approx(wanted.total(name), rel=1e-9, abs=1e-6), name


def folded(ledger: Any, known_at: datetime) -> Entries:
    return Entries.together([part.upto(known_at) for part in ledger], NAMES)


def test_what_is_known_at_a_moment_is_what_the_rows_say(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, forecasts: pd.DataFrame, labels: pd.DataFrame
) -> None:
    last = oracle.DAYS[-1].end + 6 * HOUR
    request = oracle.request(dataset(table(forecasts)), oracle.labelled_by(table(labels)), last, task=TASK)
    ledger = engine.label_entries(request).entries
    for known_at in [*(day.end for day in oracle.DAYS[2:]), last]:
        view = folded(ledger.values(), known_at).view(TASK)
        seen = int((forecasts["at"] < min(known_at, oracle.DAYS[-1].end)).sum())
        wanted = expected(oracle, rows, forecasts, labels, known_at)
        same(view, replace(wanted, predictions=seen))
    assert all(300 < wanted.total(name) < wanted.n for name in ("relative_rows", "quantile_rows"))


def test_one_day_at_a_time_is_the_same_as_all_at_once(
    engine: DuckDB, oracle: ModuleType, forecasts: pd.DataFrame, labels: pd.DataFrame
) -> None:
    mine, source = dataset(table(forecasts)), oracle.labelled_by(table(labels))
    ledger: list[Entries] = []
    since = EVER.start
    for number, day in enumerate(oracle.DAYS):
        upto, days = day.end + 6 * HOUR, oracle.DAYS[: number + 1]
        request = oracle.request(mine, source, upto, since=since, days=days, stale=days[-1:], task=TASK)
        ledger += engine.label_entries(request).entries.values()
        since = upto
    whole = engine.label_entries(oracle.request(mine, source, since, task=TASK)).entries.values()
    for known_at in [*(day.end for day in oracle.DAYS), since]:
        same(folded(ledger, known_at).view(TASK), folded(whole, known_at).view(TASK))


def test_parts_of_the_rows_have_the_grid_of_the_whole(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, forecasts: pd.DataFrame, labels: pd.DataFrame
) -> None:
    roles = {"lead": Role.SLICE, "version": Role.VERSION, "speed": Role.DELAY_STRATUM}
    more = [Column(name, Kind.CATEGORICAL, role) for name, role in roles.items()]
    mine = dataset(table(forecasts), *more, slice_by=("lead",))
    layout = engine.layout(mine, EVER)
    last = oracle.DAYS[-1].end
    request = oracle.request(mine, oracle.labelled_by(table(labels)), last, task=TASK, layout=layout)
    entries = folded(engine.label_entries(request).entries.values(), last)
    for lead in ("1", "7"):
        part = forecasts[forecasts["lead"] == lead]
        same(entries.view(TASK, (("lead", lead),)), expected(oracle, rows, part, labels, last))
    part = forecasts[forecasts["version"] == "v2"]
    same(entries.view(TASK, version="v2"), expected(oracle, rows, part, labels, last))


def test_bytes_keep_entries_and_sums_stand_apart_from_counts(
    engine: DuckDB, oracle: ModuleType, forecasts: pd.DataFrame, labels: pd.DataFrame
) -> None:
    request = oracle.request(
        dataset(table(forecasts)), oracle.labelled_by(table(labels)), oracle.DAYS[-1].end, task=TASK
    )
    ledger = list(engine.label_entries(request).entries.values())
    back = [decode_entries(encode_entries(entries)) for entries in ledger]
    same(folded(back, oracle.DAYS[-1].end).view(TASK), folded(ledger, oracle.DAYS[-1].end).view(TASK))
    for entries in ledger:
        labelled = entries.label != PREDICTED
        assert (entries.bucket[(entries.sums != 0).any(axis=1)] == 0).all()
        assert len(np.unique(entries.bucket[labelled])) > 5


@pytest.mark.parametrize(
    ("label", "prediction", "bucket"),
    [
        (100.0, 110.0, CELLS + 1 + ERROR_EDGES.index(0.1)),  # ten per cent is not beyond ten per cent
        (100.0, 110.5, CELLS + 2 + ERROR_EDGES.index(0.1)),
        (100.0, 90.0, CELLS - ERROR_EDGES.index(0.1)),
        (-100.0, -50.0, CELLS + 1 + ERROR_EDGES.index(0.5)),  # too high, though nearer to 0
        (4.0, 4.0, CELLS + 1),
        (1.0, 1e9, 2 * CELLS),
        (1e-300, -1e300, 1),
        (0.0, 3.0, 0),
    ],
)
def test_a_percentage_error_falls_into_the_cell_whose_upper_end_it_does_not_exceed(
    engine: DuckDB, oracle: ModuleType, label: float, prediction: float, bucket: int
) -> None:
    rows = pa.table({"at": pa.array([oracle.NOON], pa.timestamp("us", "UTC")), "id": [0], "y": [prediction]})
    known = pa.array([oracle.NOON + HOUR], pa.timestamp("us", "UTC"))
    source = oracle.labelled_by(pa.table({"id": [0], "label": [label], "known_at": known}))
    mine = Dataset("p", rows, (Column("y", role=Role.PREDICTION),), "at", entity_key=("id",))
    request = oracle.request(mine, source, oracle.DAYS[-1].end, task=TASK)
    (entries,) = engine.label_entries(request).entries.values()
    assert entries.bucket[(entries.label != PREDICTED) & (entries.count > 0)].tolist() == [bucket]


def test_entries_of_a_release_without_percentage_errors_have_none_and_keep_the_rest(rows: ModuleType) -> None:
    view = rows.regressed([1.0, 2.0, 0.0], [2.0, 2.0, 2.0])
    old = replace(view, bucket=view.bucket * 0, count=np.where(view.bucket == 0, 3, 0))
    for name in ("percentage_error", "share_beyond"):
        with pytest.raises(Undefined, match="stored by a release that kept no percentage errors"):
            metric_named(name).function(old)
    assert metric_named("mae").function(old).value == 1.0


@pytest.mark.parametrize("of", [0, 1, 1.5, -0.1, True, "0.5", "", float("nan")])
def test_a_level_is_a_number_between_0_and_1(of: Any) -> None:
    with pytest.raises(SpecError, match=r"^datasets.p.columns.q.of: .* is no level of a quantile; give a number"):
        Dataset("p", None, (Column("q", role=Role.QUANTILE, of=of),), "at")


def test_no_level_stands_twice_nor_beside_the_predictions() -> None:
    median = Column("p50", role=Role.PREDICTION, of=0.5)
    with pytest.raises(SpecError, match=r"^datasets.p.columns.q.of: two columns forecast the quantile of level 0.5"):
        Dataset("p", None, (median, Column("q", role=Role.QUANTILE, of=0.5)), "at")


def test_columns_name_their_sums_by_their_levels() -> None:
    names = NAMES[len(SUMS[TaskKind.REGRESSION]) :]
    assert len(names) == 1 + 3 + 7 * 5 + 10 * 2
    assert {"below@0.9", "pinball2@0.05", "inside@0.05-0.9", "winkler3@0.25-0.75"} <= {*names}
    plain = Dataset("p", None, (Column("y", role=Role.PREDICTION),), "at")
    assert sums_of(TASK, plain) == SUMS[TaskKind.REGRESSION]
