"""Labels in tables of a database: the entries that DuckDB makes of the same rows, of every kind of task."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.engine import LabelBatch
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER
from airflow_ml_monitor.profile.label_source import LabelMode, Several
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import Task, TaskKind

pytestmark = pytest.mark.servers

SIZE = 700
CLASSES = ("a", "b", "c")
GROUP = Column("group", Kind.CATEGORICAL, Role.SLICE)
AMOUNT = Column("amount")
SCORES = tuple(Column(f"score_{name}", role=Role.SCORE, of=name) for name in CLASSES)
QUANTILES = tuple(Column(f"q{level:.0%}".rstrip("%"), role=Role.QUANTILE, of=level) for level in (0.1, 0.9))
TASKS: dict[str, tuple[Task, tuple[Column, ...], str]] = {
    "binary": (Task(TaskKind.BINARY, positive=True), (Column("score", role=Role.SCORE),), "flag"),
    "binary of text": (Task(TaskKind.BINARY, positive="a"), (Column("score", role=Role.SCORE),), "named"),
    "decided": (
        Task(TaskKind.BINARY, positive=True),
        (Column("score", role=Role.SCORE), Column("said", Kind.BOOLEAN, Role.PREDICTION)),
        "flag",
    ),
    "regression": (Task(TaskKind.REGRESSION), (Column("score", role=Role.PREDICTION),), "number"),
    "forecast": (Task(TaskKind.REGRESSION), (Column("score", role=Role.PREDICTION), *QUANTILES), "number"),
    "multiclass": (Task(TaskKind.MULTICLASS, classes=CLASSES), SCORES, "named"),
    "binary and features": (Task(TaskKind.BINARY, positive=True), (Column("score", role=Role.SCORE), AMOUNT), "flag"),
    "regression and features": (Task(TaskKind.REGRESSION), (Column("score", role=Role.PREDICTION), AMOUNT), "number"),
    "multiclass and features": (Task(TaskKind.MULTICLASS, classes=CLASSES), (*SCORES, AMOUNT), "named"),
    "multilabel": (Task(TaskKind.MULTILABEL, classes=CLASSES), SCORES, "several"),
    "ranking": (
        Task(TaskKind.RANKING, at=(1, 3)),
        (Column("score", role=Role.SCORE), Column("query", Kind.CATEGORICAL, Role.QUERY)),
        "number",
    ),
}
SOURCES: dict[str, dict[str, Any]] = {
    "explicit": {},
    "implicit": {"mode": LabelMode.IMPLICIT, "horizon": timedelta(days=2)},
    "without times": {"label_time": None},
    "censored": {"censored": "gone"},
    "majority": {"several": Several.MAJORITY},
    "first": {"several": Several.FIRST},
    "mean": {"several": Several.MEAN},
}
PAIRS = [(task, "explicit") for task in TASKS] + [
    ("binary", "implicit"), ("ranking", "implicit"), ("binary", "without times"), ("multiclass", "without times"),
    ("binary", "censored"), ("multiclass", "majority"), ("binary", "first"), ("regression", "mean"),
]  # fmt: skip


SAID_ELSEWHERE = {("decided", "explicit"), ("multiclass", "without times"), ("ranking", "implicit")}


@pytest.fixture(scope="module")
def predictions(oracle: ModuleType) -> pa.Table:
    """Of twelve days; some without a score, with an impossible one, or with a key that another row has."""
    rng = np.random.default_rng(5)
    score = rng.random(SIZE)
    score[:7] = [0.0, 1.0, 0.5, np.nan, 1.5, -0.1, np.inf]
    shares = rng.dirichlet([1, 1, 1], SIZE)
    key = np.arange(SIZE)
    key[-10:] = key[:10]
    at = oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, SIZE), unit="h").floor("us")
    frame = pd.DataFrame({"id": key, "at": at, "group": rng.choice(["north", "south", "rare"], SIZE)})
    frame["query"] = [f"q{i}" for i in rng.integers(0, 60, SIZE)]
    frame["said"] = score > 0.6
    table = pa.Table.from_pandas(frame, preserve_index=False)
    amount = np.where(np.arange(SIZE) % 9, rng.lognormal(1, 2, SIZE), np.nan)
    amount[:3] = np.inf, 1e300, 1e-300
    more = {"score": score, "amount": amount, "q10": score - 0.2, "q90": score + 0.3}
    more |= {f"score_{name}": shares[:, i] for i, name in enumerate(CLASSES)}
    for name, values in more.items():
        # NaN stays NaN.
        table = table.append_column(name, pa.array(values, pa.float64(), from_pandas=False))
    return table


@pytest.fixture(scope="module")
def labels(predictions: pa.Table) -> pa.Table:
    """Early and late, corrected, withdrawn, censored, of nobody; keys as text."""
    rng = np.random.default_rng(6)
    size = SIZE * 3 // 2
    pick = rng.integers(0, SIZE + 20, size)
    at = predictions["at"].to_pandas().reindex(pick).ffill().to_numpy()
    frame = pd.DataFrame({"id": [str(i) for i in pick], "flag": rng.random(size) < 0.4})
    frame["flag"] = frame["flag"].astype(object).where(rng.random(size) > 0.1, None)
    frame["named"] = np.where(frame["flag"].isna(), None, rng.choice([*CLASSES, "new"], size))
    frame["number"] = np.where(frame["flag"].isna(), np.nan, rng.normal(1, 1, size).round(2))
    frame["several"] = np.where(frame["flag"].isna(), None, rng.choice(["a", "a|b", "c|new", ""], size))
    frame["gone"] = (rng.random(size) < 0.3).astype(int)
    frame["known_at"] = pd.to_datetime(at, utc=True) + pd.to_timedelta(rng.exponential(40, size) - 4, unit="h")
    frame["known_at"] = frame["known_at"].dt.floor("us")
    return pa.Table.from_pandas(frame, preserve_index=False)


def as_rows(entries: Entries) -> dict[tuple[Any, ...], list[float]]:
    """Count and sums by what they are of; hashes, which are an engine's own, left out."""
    kept = [i for i, name in enumerate(entries.names) if name != "state"]
    columns = (entries.group, entries.known, entries.label, entries.prediction, entries.bucket)
    keys = [(*entries.groups[key[0]], *key[1:]) for key in zip(*(c.tolist() for c in columns), strict=True)]
    values = np.column_stack([entries.count, entries.sums[:, kept]]).tolist()
    # What was added and taken back leaves the rounding of one order of summing, or of the other.
    return {key: row for key, row in zip(keys, values, strict=True) if np.abs(row).max() > 1e-9}


def same(found: LabelBatch, expected: LabelBatch) -> None:
    assert (found.orphans, found.repeats, found.refused) == (expected.orphans, expected.repeats, expected.refused)
    assert found.entries.keys() == expected.entries.keys()
    for day, entries in expected.entries.items():
        mine, theirs = as_rows(found.entries[day]), as_rows(entries)
        assert mine.keys() == theirs.keys()
        for key, values in theirs.items():
            np.testing.assert_allclose(mine[key], values, rtol=1e-9, atol=1e-9, err_msg=f"{day} {key}")


@pytest.mark.parametrize(("kind", "source"), PAIRS)
def test_entries_are_those_of_the_same_rows_in_memory(
    there: Any,
    oracle: ModuleType,
    predictions: pa.Table,
    labels: pa.Table,
    kind: str,
    source: str,
) -> None:
    if (kind, source) in SAID_ELSEWHERE and there.backend != "postgresql":
        pytest.skip("its statements have no word that those of other pairs have not")
    task, columns, label = TASKS[kind]
    predictions, labels = (there.as_held(table) for table in (predictions, labels))
    rows = Dataset("p", predictions, (*columns, GROUP), "at", entity_key=("id",), slice_by=("group",))
    rows = replace(rows, label_moments=AMOUNT in columns)
    truth = replace(oracle.labelled_by(labels, **SOURCES[source]), label=label)
    here = DuckDB(small=-1)
    layout = here.layout(rows, EVER)
    upto = oracle.DAY.start + timedelta(days=9, hours=5)
    requests = [oracle.request(rows, truth, upto, task=task, layout=layout)]
    if truth.label_time:
        since = upto - timedelta(days=2)
        requests.append(
            oracle.request(rows, truth, upto, since=since, stale=oracle.DAYS[3:5], task=task, layout=layout)
        )
    if truth.several in there.refused_several:
        with pytest.raises(SpecError, match=f"cannot be read as {source} in"):
            there.label_entries(requests[0])
        return
    if there.refuses(task.kind):
        for asked in (there.label_entries, lambda r: there.reference_entries(rows, task, layout, "label", EVER)):
            with pytest.raises(SpecError, match=f"of a {task.kind} task cannot be measured in"):
                asked(requests[0])
        return
    for request in requests:
        same(there.label_entries(request), here.label_entries(request))
    mark = there.watermark(truth, upto - timedelta(days=3), upto)
    assert (mark.since == mark.upto) is (truth.label_time is None)


@pytest.mark.parametrize(("kind", "label"), [("binary and features", "said"), ("regression and features", "q90")])
def test_entries_of_a_reference_are_those_of_the_same_rows_in_memory(
    there: Any, oracle: ModuleType, predictions: pa.Table, kind: str, label: str
) -> None:
    task, columns, _ = TASKS[kind]
    rows = Dataset("p", there.as_held(predictions), (*columns, GROUP), "at", slice_by=("group",), label_moments=True)
    about = (rows, task, DuckDB(small=-1).layout(rows, EVER), label, EVER)
    mine, theirs = (as_rows(engine.reference_entries(*about)) for engine in (there, DuckDB(small=-1)))
    assert mine.keys() == theirs.keys()
    for key, values in theirs.items():
        np.testing.assert_allclose(mine[key], values, rtol=1e-9, atol=1e-9, err_msg=str(key))


def test_labels_that_are_read_to_be_joined_elsewhere_make_the_same_entries(
    there: Any, oracle: ModuleType, predictions: pa.Table, labels: pa.Table
) -> None:
    task, columns, label = TASKS["binary"]
    rows, here = Dataset("p", predictions, columns, "at", entity_key=("id",)), DuckDB()
    truth = replace(oracle.labelled_by(labels, censored="gone"), label=label)
    request = oracle.request(rows, truth, oracle.DAYS[-1].end, task=task)
    brought = there.engine.fetched(replace(truth, source=there.table(labels)))
    assert brought.column_names == list(truth.columns)
    same(here.label_entries(replace(request, labels=replace(truth, source=brought))), here.label_entries(request))


def test_a_label_table_that_is_not_there_yet_holds_no_label(
    there: Any, oracle: ModuleType, predictions: pa.Table
) -> None:
    task, columns, label = TASKS["binary"]
    rows = Dataset("p", predictions, columns, "at", entity_key=("id",))
    truth = replace(oracle.labelled_by(Table("warehouse", "tomorrow")), label=label)
    request = oracle.request(rows, truth, oracle.DAYS[-1].end, task=task)
    batch = there.label_entries(request)
    assert (batch.orphans, batch.repeats) == (0, 0)
    assert sum(int(entries.count.sum()) for entries in batch.entries.values()) == SIZE
    mark = there.watermark(truth, oracle.DAY.start, oracle.DAY.end)
    assert mark.since == mark.upto == "0/0"


def test_a_row_number_is_no_key_of_a_table(there: Any, oracle: ModuleType, predictions: pa.Table) -> None:
    rows = Dataset("p", predictions, TASKS["binary"][1], "at", entity_key=(ROW_NUMBER,))
    truth = oracle.labelled_by(predictions, key=(ROW_NUMBER,), label_time=None)
    with pytest.raises(SpecError, match="a table has no order; name columns as key"):
        there.label_entries(oracle.request(rows, truth, oracle.DAYS[-1].end))
