"""Label sources as they are found: absent, broken, rewritten, beside the rows, in other formats."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import DataFault, MissingColumn, ReferenceMismatch, WrongType
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Column, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.engine import LabelBatch
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.ledger import Entries
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


@pytest.mark.parametrize("censored", [None, "closed"])
def test_an_absent_label_source_has_no_labels_yet(
    engine: DuckDB, oracle: ModuleType, tmp_path: Path, censored: str | None
) -> None:
    source = oracle.labelled_by(tmp_path / "*.parquet", censored=censored)
    request = oracle.request(oracle.predictions(scored(oracle, [0.1])), source, oracle.DAYS[-1].end)
    batch = engine.label_entries(request)
    found = view(batch, oracle.BINARY)
    assert (found.n, found.predictions, batch.orphans, batch.repeats) == (0, 1, 0, 0)
    mark = engine.watermark(source, EVER.start, oracle.DAYS[-1].end)
    assert mark.since == mark.upto


def test_what_the_labels_lack_is_a_fault(engine: DuckDB, oracle: ModuleType) -> None:
    predictions, upto = oracle.predictions(scored(oracle, [0.1])), oracle.DAYS[-1].end
    whole = labels(oracle, [1], [0])
    for name in ("id", "label", "known_at"):
        with pytest.raises(MissingColumn, match=f"column '{name}'"):
            engine.label_entries(oracle.request(predictions, oracle.labelled_by(whole.drop_columns([name])), upto))
    texts = whole.set_column(2, "known_at", pa.array(["yesterday"]))
    with pytest.raises(WrongType, match=r"column 'known_at' \(label time\) arrived as VARCHAR"):
        engine.watermark(oracle.labelled_by(texts), EVER.start, upto)
    with pytest.raises(WrongType, match="arrived as BIGINT, but the positive label is 'bad'"):
        engine.label_entries(
            oracle.request(predictions, oracle.labelled_by(whole), upto, task=Task(TaskKind.BINARY, "bad"))
        )
    bare = oracle.predictions(scored(oracle, [0.1]).drop_columns(["score"]))
    with pytest.raises(DataFault, match="column 'score' is missing"):
        engine.label_entries(oracle.request(bare, oracle.labelled_by(whole), upto))


def test_a_label_rewritten_behind_the_watermark_is_noticed(engine: DuckDB, oracle: ModuleType, tmp_path: Path) -> None:
    path, since, upto = tmp_path / "l.parquet", oracle.NOON + 2 * HOUR, oracle.NOON + 9 * HOUR
    marks = []
    for label, key, hours in (
        ([1, 0], [0, 1], [1, 3]),
        ([1, 0, 1], [0, 1, 2], [1, 3, 4]),  # came after `since`
        ([0, 0, 1], [0, 1, 2], [1, 3, 4]),  # rewritten before it
        ([0, 0, 0, 1], [0, 5, 5, 2], [1, 1, 1, 4]),  # two equal rows, which an exclusive or would not see
        ([0, 0, 0, 1], [0, 6, 6, 2], [1, 1, 1, 4]),
    ):
        pq.write_table(labels(oracle, label, key, hours), path)
        marks.append(engine.watermark(oracle.labelled_by(path), since, upto))
    assert marks[0].since == marks[1].since
    assert marks[0].upto != marks[1].upto
    assert len({mark.since for mark in marks[1:]}) == 4
    shuffled = labels(oracle, [0, 0, 0, 1], [0, 6, 6, 2], [1, 1, 1, 4]).take([3, 1, 0, 2])
    assert engine.watermark(oracle.labelled_by(shuffled), since, upto) == marks[-1]


def test_a_reference_carries_its_labels_with_or_without_times(engine: DuckDB, oracle: ModuleType) -> None:
    table = scored(oracle, [0.1, 0.6, 0.9, 0.4], default=pa.array([0, 1, 0, None]))
    version = Column("version", Kind.CATEGORICAL, Role.VERSION)
    for source, window in ((table, oracle.DAY), (table, EVER), (table.drop_columns(["at", "id"]), EVER)):
        dataset = oracle.predictions(source, version)
        entries = engine.reference_entries(dataset, oracle.BINARY, Layout(()), "default", window)
        found = entries.view(oracle.BINARY)
        assert (found.confusion(), found.predictions) == ((1, 1, 0, 1), 4)
    later = Window(oracle.DAY.end, oracle.DAY.end + HOUR)
    assert engine.reference_entries(oracle.predictions(table), oracle.BINARY, Layout(()), "default", later).size == 0
    with pytest.raises(ReferenceMismatch, match="no column 'lost' in the reference"):
        engine.reference_entries(oracle.predictions(table), oracle.BINARY, Layout(()), "lost", EVER)


def test_a_missing_version_is_no_version_and_a_strange_stratum_is_other(engine: DuckDB, oracle: ModuleType) -> None:
    predictions = scored(
        oracle, [0.9] * 60, version=pa.array(["v1", None] * 30), speed=["fast", "slow", "odd"] * 20, day=[1] * 60
    )
    columns = (
        Column("version", Kind.CATEGORICAL, Role.VERSION),
        Column("speed", Kind.CATEGORICAL, Role.DELAY_STRATUM),
        Column("day"),
    )
    dataset = oracle.predictions(predictions, *columns)
    layout = engine.layout(oracle.predictions(predictions.slice(0, 59), *columns), EVER)
    assert layout["speed"].categories == ("fast", "slow")
    request = oracle.request(dataset, oracle.labelled_by(labels(oracle, [1], [0])), oracle.DAYS[-1].end, layout=layout)
    entries = Entries.together(engine.label_entries(request).entries.values(), SUMS[TaskKind.BINARY])
    assert set(entries.groups) == {
        ((), stratum, version) for stratum in ("fast", "slow", "other") for version in ("", "v1")
    }


def test_labels_in_csv_are_read(engine: DuckDB, oracle: ModuleType, tmp_path: Path) -> None:
    pa.csv.write_csv(labels(oracle, [0, 1], [0, 1]), tmp_path / "l.csv")
    assert seen(engine, oracle, scored(oracle, [0.1, 0.6]), tmp_path / "l.csv").confusion() == (1, 0, 0, 1)


def test_labels_in_pandas_with_missing_ones_are_read(engine: DuckDB, oracle: ModuleType) -> None:
    frame = pd.DataFrame({"id": [0.0, 1.0, np.nan], "label": [0, 1, None], "known_at": [oracle.NOON] * 3})
    assert seen(engine, oracle, scored(oracle, [0.1, 0.6], ["0", "1"]), frame).confusion() == (1, 0, 0, 1)
