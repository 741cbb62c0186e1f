"""The ledger's corners: labels, keys and scores as they arrive."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import DataFault, SpecError
from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.engine import LabelBatch
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.ledger import PREDICTED, UNSCORED, Entries, micros
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind

HOUR = timedelta(hours=1)


def scored(oracle: ModuleType, score: list[float | None], key: list[Any] | None = None, **more: Any) -> pa.Table:
    at = pa.array([oracle.NOON] * len(score), pa.timestamp("us", "UTC"))
    scores = pa.array(score, pa.float64(), from_pandas=False)
    return pa.table({"at": at, "score": scores, "id": key or list(range(len(score))), **more})


def labels(oracle: ModuleType, label: Any, key: Any, hours: list[float] | None = None) -> pa.Table:
    known = [oracle.NOON + h * HOUR for h in (hours or [1.0] * len(label))]
    return pa.table({"id": key, "label": label, "known_at": pa.array(known, pa.timestamp("us", "UTC"))})


def view(batch: LabelBatch, task: Task) -> LabelledView:
    return Entries.together(batch.entries.values(), SUMS[task.kind]).view(task)


def seen(
    engine: DuckDB, oracle: ModuleType, predictions: pa.Table, theirs: pa.Table, task: Task | None = None, **more: Any
) -> LabelledView:
    task = task or oracle.BINARY
    request = oracle.request(
        oracle.predictions(predictions, *more.pop("columns", ())),
        oracle.labelled_by(theirs, **more),
        oracle.DAYS[-1].end,
        task=task,
    )
    return view(engine.label_entries(request), task)


def test_a_correction_takes_the_old_label_back_and_adds_the_new(engine: DuckDB, oracle: ModuleType) -> None:
    theirs = labels(oracle, [0, 1, None], [0, 0, 0], [1, 24, 48])
    request = oracle.request(oracle.predictions(scored(oracle, [0.7])), oracle.labelled_by(theirs), oracle.DAYS[5].end)
    batch = engine.label_entries(request)
    rows = oracle.as_rows(batch.entries.values())
    ends = [micros(day.end) for day in oracle.DAYS]
    # 4095 less floor(2048 (2 · 0.3)^¼).
    key = (1, 2293)
    group = ((), "", "")
    # Known as 0 at the end of the first day, as 1 at the end of the second, withdrawn on the third.
    assert rows == {
        (*group, ends[0], PREDICTED, *key): 1,
        (*group, ends[0], 0, *key): 1,
        (*group, ends[1], 0, *key): -1,
        (*group, ends[1], 1, *key): 1,
        (*group, ends[2], 1, *key): -1,
    }
    assert batch.repeats == 1


def test_scores_outside_0_to_1_are_predicted_but_never_seen(engine: DuckDB, oracle: ModuleType) -> None:
    scores = [0.0, 1.0, 0.5, -0.0, None, float("nan"), float("inf"), float("-inf"), 1.0000001, -1e-9]
    request = oracle.request(
        oracle.predictions(scored(oracle, scores)),
        oracle.labelled_by(labels(oracle, [1] * 10, list(range(10)))),
        oracle.DAYS[-1].end,
    )
    entries = Entries.together(engine.label_entries(request).entries.values(), SUMS[TaskKind.BINARY])
    found = entries.view(oracle.BINARY)
    assert (found.predictions, found.n) == (10, 4)
    assert sorted(np.repeat(found.bucket, found.count).tolist()) == [0, 0, 2048, 4095]
    # Clipped at 1e-15: a score of 0 for a positive costs 34.5, not infinity. Three more: 0 (-0.0), 34.5; 0.5, ln 2.
    assert found.total("log_loss") == pytest.approx(2 * -np.log(1e-15) + np.log(2))
    unscored = entries.bucket == UNSCORED
    assert int(entries.count[unscored & (entries.label == 1)].sum()) == 6
    assert (entries.sums[unscored] == 0).all()


def test_every_prediction_of_a_repeated_key_gets_the_label(engine: DuckDB, oracle: ModuleType) -> None:
    found = seen(engine, oracle, scored(oracle, [0.2, 0.8], [7, 7]), labels(oracle, [1], [7]))
    assert (found.n, found.predictions, found.confusion()) == (2, 2, (1, 0, 1, 0))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (pa.array([1, 2, 3]), pa.array(["1", "2", "3"])),
        (pa.array(["1", "2", "3"]), pa.array([1, 2, 3], pa.int16())),
        (pa.array([1, 2, 3], pa.int32()), pa.array([1, 2, 3], pa.uint64())),
        (pa.array([1.0, 2.0, 3.0]), pa.array([1, 2, 3])),
        (pa.array([1.0, 2.0, 3.0]), pa.array(["1", "2", "3"])),
        (pa.array([1, 2, 3]).cast(pa.decimal128(20, 0)), pa.array(["1", "2", "3"])),
        (pa.array(["a", "b", "ü"]).dictionary_encode(), pa.array(["a", "b", "ü"])),
        (pa.array([2**53, 2**53 + 1, 2**53 + 2]), pa.array([2**53, 2**53 + 1, 2**53 + 2])),
    ],
)
def test_keys_match_whatever_their_types(engine: DuckDB, oracle: ModuleType, mine: pa.Array, theirs: pa.Array) -> None:
    predictions = scored(oracle, [0.1, 0.6, 0.9], mine)
    found = seen(engine, oracle, predictions, labels(oracle, [0, 1, 1], theirs))
    assert found.confusion() == (2, 0, 0, 1)


def test_null_keys_match_nothing(engine: DuckDB, oracle: ModuleType) -> None:
    predictions = scored(oracle, [0.1, 0.6], pa.array([None, 2]))
    request = oracle.request(
        oracle.predictions(predictions),
        oracle.labelled_by(labels(oracle, [0, 1], pa.array([None, 2]))),
        oracle.DAYS[-1].end,
    )
    batch = engine.label_entries(request)
    assert (view(batch, oracle.BINARY).n, batch.orphans) == (1, 1)


def test_keys_of_many_columns_match_by_all_of_them(engine: DuckDB, oracle: ModuleType) -> None:
    predictions = scored(oracle, [0.1, 0.6, 0.9, 0.2], [1, 1, 2, 2], part=["a", "b", "a", "b"])
    theirs = labels(oracle, [1, 1, 0], [1, 2, 3]).append_column("piece", pa.array(["b", "a", "a"]))
    dataset = oracle.predictions(predictions, entity_key=("part", "id"))
    request = oracle.request(dataset, oracle.labelled_by(theirs, key=("piece", "id")), oracle.DAYS[-1].end)
    batch = engine.label_entries(request)
    assert view(batch, oracle.BINARY).confusion() == (2, 0, 0, 0)
    assert batch.orphans == 1


def test_rows_of_one_file_match_by_their_number(engine: DuckDB, oracle: ModuleType, tmp_path: Path) -> None:
    pq.write_table(scored(oracle, [0.1, 0.6, 0.9]).drop_columns(["id"]), tmp_path / "p.parquet")
    pq.write_table(labels(oracle, [0, 1, 0], [1, 2, 3]).drop_columns(["id"]), tmp_path / "l.parquet")
    key = ("file_row_number",)
    dataset = oracle.predictions(tmp_path / "p.parquet", entity_key=key)
    source = oracle.labelled_by(tmp_path / "l.parquet", key=key)
    request = oracle.request(dataset, source, oracle.DAYS[-1].end)
    assert view(engine.label_entries(request), oracle.BINARY).confusion() == (1, 1, 0, 1)
    pq.write_table(scored(oracle, [0.5]), tmp_path / "p2.parquet")
    many = oracle.predictions(tmp_path / "p*.parquet", entity_key=key)
    with pytest.raises(SpecError, match="numbers the rows of one file, and several match; name columns as key"):
        engine.label_entries(oracle.request(many, source, oracle.DAYS[-1].end))


def test_labels_without_a_time_are_known_at_the_scan_and_only_for_days_read_anew(
    engine: DuckDB, oracle: ModuleType
) -> None:
    theirs = labels(oracle, [0, 1, None], [0, 1, 2]).drop_columns(["known_at"])
    source = oracle.labelled_by(theirs, label_time=None)
    dataset, upto = oracle.predictions(scored(oracle, [0.1, 0.6, 0.9])), oracle.DAYS[2].end + HOUR
    batch = engine.label_entries(oracle.request(dataset, source, upto))
    entries = Entries.together(batch.entries.values(), SUMS[TaskKind.BINARY])
    assert set(entries.known[entries.label >= 0].tolist()) == {micros(upto)}
    assert entries.view(oracle.BINARY).confusion() == (1, 0, 0, 1)
    # The labels did not change and the day is not stale: adding them again would count them twice.
    later = oracle.request(dataset, source, upto + 24 * HOUR, since=upto, stale=oracle.DAYS[1:2])
    assert engine.label_entries(later).entries == {}


@pytest.mark.parametrize(
    ("label", "positive"),
    [
        ([0, 1, None], 1),
        ([0.0, 1.0, float("nan")], 1),
        ([0.0, 1.0, float("inf")], "1"),
        ([False, True, None], True),
        ([False, True, None], 1),
        (["good", "bad", None], "bad"),
        (["false", "True", None], True),
        (["0", "1", None], 1),
        ([7, 3, None], 3),
    ],
)
def test_the_positive_label_is_told_whatever_its_type(
    engine: DuckDB, oracle: ModuleType, label: list[Any], positive: str | int | bool
) -> None:
    theirs = labels(oracle, pa.array(label, from_pandas=False), [0, 1, 2])
    task = Task(TaskKind.BINARY, positive)
    assert seen(engine, oracle, scored(oracle, [0.1, 0.6, 0.9]), theirs, task).confusion() == (1, 0, 0, 1)


@pytest.mark.parametrize("decided", [[0, 1, 1, None], [0.0, 1.0, 1.0, None], ["0", "1", "1", None]])
@pytest.mark.parametrize("kind", [Kind.NUMERIC, Kind.CATEGORICAL])
def test_a_class_column_decides_instead_of_the_threshold(
    engine: DuckDB, oracle: ModuleType, decided: list[Any], kind: Kind
) -> None:
    predictions = scored(oracle, [0.9, 0.1, 0.2, 0.3], decided=pa.array(decided))
    column = Column("decided", kind, Role.PREDICTION)
    if kind is Kind.NUMERIC and isinstance(decided[0], str):
        with pytest.raises(DataFault, match="column 'decided' arrived as VARCHAR, declared numeric"):
            seen(engine, oracle, predictions, labels(oracle, [1, 1, 0, 1], [0, 1, 2, 3]), columns=(column,))
        return
    found = seen(engine, oracle, predictions, labels(oracle, [1, 1, 0, 1], [0, 1, 2, 3]), columns=(column,))
    assert found.confusion() == (1, 1, 1, 0)
    assert found.predictions == 4


def test_a_regression_sums_its_errors(engine: DuckDB, oracle: ModuleType) -> None:
    at = pa.array([oracle.NOON] * 5, pa.timestamp("us", "UTC"))
    table = pa.table({"at": at, "id": list(range(5)), "y": [1.0, 2.0, 5.0, float("nan"), None]})
    dataset = Dataset("p", table, (Column("y", role=Role.PREDICTION),), "at", entity_key=("id",))
    theirs = labels(oracle, pa.array([1.5, 2.0, 2.0, 1.0, 1.0]), list(range(5)))
    request = oracle.request(dataset, oracle.labelled_by(theirs), oracle.DAYS[-1].end, task=oracle.REGRESSION)
    found = view(engine.label_entries(request), oracle.REGRESSION)
    assert (found.n, found.predictions) == (3, 5)
    # Errors -0.5, 0, 3.
    sums = [found.total(name) for name in ("error", "error_abs", "error2", "error3", "error4")]
    assert sums == pytest.approx([2.5, 3.5, 9.25, 26.875, 81.0625])
    y, e = np.array([1.5, 2.0, 2.0]), np.array([-0.5, 0.0, 3.0])
    expected = {"truth": y, "truth2": y**2, "truth3": y**3, "truth4": y**4, "truth_abs": y}
    expected |= {"error_truth": e * y, "error_truth2": e * y**2, "error_truth3": e * y**3, "error2_truth": e**2 * y}
    expected |= {"error2_truth2": e**2 * y**2, "error3_truth": e**3 * y, "error_truth_abs": abs(e * y)}
    expected |= {"relative": abs(e) / y, "relative_rows": y > 0}
    share = 2 * abs(e) / (y + abs(y + e))
    expected |= {"relative2": (e / y) ** 2, "relative3": abs(e / y) ** 3, "symmetric": share}
    expected |= {"symmetric2": share**2, "symmetric3": share**3}
    assert {*expected, "state"} == {*SUMS[TaskKind.REGRESSION][5:]}
    assert found.total("state") == int(found.total("state")) > 0
    for name, part in expected.items():
        assert found.total(name) == pytest.approx(part.sum()), name
    broken = labels(oracle, pa.array([float("inf"), None, float("nan"), 1.0, 1.0]), list(range(5)))
    request = oracle.request(dataset, oracle.labelled_by(broken), oracle.DAYS[-1].end, task=oracle.REGRESSION)
    assert view(engine.label_entries(request), oracle.REGRESSION).n == 0


def test_a_label_of_zero_has_no_relative_error_but_a_symmetric_one(engine: DuckDB, oracle: ModuleType) -> None:
    at = pa.array([oracle.NOON] * 3, pa.timestamp("us", "UTC"))
    table = pa.table({"at": at, "id": [0, 1, 2], "y": [0.0, 3.0, -1.0]})
    dataset = Dataset("p", table, (Column("y", role=Role.PREDICTION),), "at", entity_key=("id",))
    theirs = labels(oracle, pa.array([0.0, 0.0, -2.0]), [0, 1, 2])
    request = oracle.request(dataset, oracle.labelled_by(theirs), oracle.DAYS[-1].end, task=oracle.REGRESSION)
    found = view(engine.label_entries(request), oracle.REGRESSION)
    # Relative: 1/2 of the one label that is not 0. Symmetric: 0, 2 and 2/3.
    assert [found.total(name) for name in ("relative_rows", "relative", "relative3")] == [1, 0.5, 0.125]
    assert found.total("symmetric") == pytest.approx(8 / 3)


def test_days_of_a_zone_with_changing_clocks_take_their_own_labels(engine: DuckDB, oracle: ModuleType) -> None:
    rule = WindowRule(WindowUnit.DAY, "Europe/Berlin")
    days = tuple(rule.between(datetime.fromisoformat("2026-03-27T12:00Z"), datetime.fromisoformat("2026-04-01T12:00Z")))
    moments = [days[1].start, days[1].end - timedelta(microseconds=1), days[1].end]
    naive = [m.astimezone(datetime.fromisoformat("2026-01-01T00:00+00:00").tzinfo) for m in moments]
    table = pa.table({"at": pa.array(naive, pa.timestamp("us", "UTC")), "id": [0, 1, 2], "score": [0.9] * 3})
    # Label times by the clock in Berlin, at which two o'clock does not exist.
    known = pa.array(
        [datetime(2026, 3, 29, 1, 59), datetime(2026, 3, 29, 3, 0), datetime(2026, 3, 30)], pa.timestamp("us")
    )
    theirs = pa.table({"id": [0, 1, 2], "label": [1, 1, 0], "known_at": known})
    source = oracle.labelled_by(theirs, zone="Europe/Berlin")
    request = oracle.request(oracle.predictions(table), source, days[-1].end, days=days, rule=rule)
    found = engine.label_entries(request).entries
    assert set(found) == {days[1], days[2]}
    assert (days[1].end - days[1].start) == 23 * HOUR
    assert found[days[1]].view(oracle.BINARY).n == 2
    # The third label came on the stroke of the day's end: it is known when that day is over.
    assert set(found[days[2]].known.tolist()) == {micros(days[2].start), micros(days[2].end)}
