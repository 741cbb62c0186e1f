"""The ledger of a model of several classes against pandas and numpy on the rows: at every moment, by every part."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import WrongType
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.codec import decode_entries, encode_entries
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.ledger import SCORELESS, Entries
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind

HOUR = timedelta(hours=1)
NAMES = ("car", "house", "other")
TASK = Task(TaskKind.MULTICLASS, classes=NAMES)
SCORES = tuple(Column(f"p_{name}", role=Role.SCORE, of=name) for name in NAMES)
SUM_NAMES = SUMS[TaskKind.MULTICLASS]


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    """Predictions of twelve days: ties, scores that do not sum to one, missing and impossible ones, unknown classes."""
    rng = np.random.default_rng(21)
    size = 700
    p = rng.dirichlet([0.7, 0.7, 0.7], size)
    p[:300] = p[:300].round(1)
    p[300:400] *= 0.37
    p[:6] = [[0, 0, 0], [1.5, 0, 0], [np.nan, 0.5, 0.5], [-0.1, 0.6, 0.5], [np.inf, 0, 0], [1, 1, 1]]
    drawn = np.array(NAMES, object)[rng.integers(0, 3, size)]
    drawn[10:40], drawn[40:50] = "boat", None
    found = pd.DataFrame({
        "id": np.arange(size),
        "at": oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, size), unit="h").floor("us"),
        "decided": drawn,
        "group": rng.choice(["north", "south"], size),
        "version": rng.choice(["v1", "v2"], size),
        "speed": rng.choice(["slow", "fast"], size),
    })  # fmt: skip
    found[[column.name for column in SCORES]] = p
    return found


@pytest.fixture(scope="module")
def labels(oracle: ModuleType, scored: pd.DataFrame) -> pd.DataFrame:
    """Labels of most rows, late, some of a class that nobody declared; corrected, withdrawn."""
    rng = np.random.default_rng(22)
    first = scored.sample(frac=0.85, random_state=1)
    truth = rng.choice([*NAMES, "boat"], len(first), p=[0.5, 0.3, 0.15, 0.05])
    late = pd.to_timedelta(rng.exponential(40, len(first)), unit="h").floor("us")
    plain = pd.DataFrame({"id": first["id"], "label": truth.astype(object), "known_at": first["at"] + late})
    corrected = plain.sample(80, random_state=2)
    corrected["label"] = rng.permutation(corrected["label"])
    corrected["known_at"] += 30 * HOUR
    withdrawn = plain.sample(30, random_state=3).assign(label=None)
    withdrawn["known_at"] += 31 * HOUR
    return pd.concat([plain, corrected, withdrawn], ignore_index=True).sample(frac=1, random_state=5)


def table(frame: pd.DataFrame) -> pa.Table:
    """With NULL for missing texts, but NaN kept in scores."""
    return pa.table({name: pa.array(frame[name], from_pandas=frame[name].dtype == object) for name in frame})


def dataset(source: Any, *more: Column, slice_by: tuple[str, ...] = ()) -> Dataset:
    # Not in the order of the classes: a score is of the class that its column names.
    return Dataset("p", source, (*SCORES[::-1], *more), "at", entity_key=("id",), slice_by=slice_by)


DECIDED = Column("decided", Kind.CATEGORICAL, Role.PREDICTION)


def index_of(names: Any) -> np.ndarray:
    return np.array([NAMES.index(name) if name in NAMES else len(NAMES) for name in names], np.int64)


def expected(
    oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, known_at: datetime, *, read: bool
) -> LabelledView:
    """The view at a moment; read: the class is read from its column and not found as the highest score."""
    known = oracle.latest_labels(labels, known_at)
    p = scored[[column.name for column in SCORES]].to_numpy()
    valid = ((p >= 0) & (p <= 1)).all(axis=1) & (np.nansum(p, axis=1) > 0)
    if read:
        valid &= scored["decided"].notna().to_numpy()
    valid &= scored["id"].isin(known).to_numpy()
    mine, p = scored[valid], p[valid]
    share = p / (p[:, :1] + p[:, 1:2] + p[:, 2:])
    truth = index_of(known[key] for key in mine["id"])
    view: LabelledView = rows.classified(truth, share, index_of(mine["decided"]) if read else None)
    return replace(view, task=TASK, predictions=len(scored))


def folded(ledger: Any, known_at: datetime) -> Entries:
    return Entries.together([part.upto(known_at) for part in ledger], SUM_NAMES)


@pytest.mark.parametrize("read", [False, True], ids=["highest score", "column"])
def test_what_is_known_at_a_moment_is_what_the_rows_say(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, read: bool
) -> None:
    mine = dataset(table(scored), *([DECIDED] if read else []))
    last = oracle.DAYS[-1].end + 6 * HOUR
    request = oracle.request(mine, oracle.labelled_by(table(labels)), last, task=TASK)
    ledger = engine.label_entries(request).entries
    for known_at in [*(day.end for day in oracle.DAYS[2:]), last]:
        view = folded(ledger.values(), known_at).view(TASK)
        seen = int((scored["at"] < min(known_at, oracle.DAYS[-1].end)).sum())
        wanted = expected(oracle, rows, scored, labels, known_at, read=read)
        assert wanted.n > 50
        assert (wanted.label == 3).any()
        assert (wanted.prediction == 3).any() == read
        oracle.same_view(view, replace(wanted, predictions=seen))


def test_one_day_at_a_time_is_the_same_as_all_at_once(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    mine, source = dataset(table(scored), DECIDED), oracle.labelled_by(table(labels))
    ledger: list[Entries] = []
    since = EVER.start
    for number, day in enumerate(oracle.DAYS):
        upto = day.end + 6 * HOUR
        days = oracle.DAYS[: number + 1]
        request = oracle.request(mine, source, upto, since=since, days=days, stale=days[-1:], task=TASK)
        ledger += engine.label_entries(request).entries.values()
        since = upto
    whole = engine.label_entries(oracle.request(mine, source, since, task=TASK)).entries.values()
    for known_at in [*(day.end for day in oracle.DAYS), since]:
        oracle.same_view(folded(ledger, known_at).view(TASK), folded(whole, known_at).view(TASK))


def test_a_corrected_label_takes_its_losses_back(engine: DuckDB, oracle: ModuleType) -> None:
    scored = pd.DataFrame({"id": [1], "at": [oracle.NOON], "p_car": [0.7], "p_house": [0.2], "p_other": [0.1]})
    times = [oracle.DAY.end, oracle.DAY.end + 24 * HOUR]
    labels = pd.DataFrame({"id": [1, 1], "label": ["house", "car"], "known_at": times})
    request = oracle.request(dataset(scored), oracle.labelled_by(labels), times[1] + HOUR, task=TASK)
    ledger = engine.label_entries(request).entries[oracle.DAY]
    assert sorted(zip(ledger.label.tolist(), ledger.count.tolist(), strict=True)) == [(-1, 1), (0, 1), (1, -1), (1, 1)]
    before, after = (folded([ledger], moment).view(TASK) for moment in times)
    assert [before.total(name) for name in ("log_loss", "brier", "in_top2")] == pytest.approx(
        [-np.log(0.2), 0.7**2 + 0.8**2 + 0.1**2, 1]
    )
    assert [after.total(name) for name in ("log_loss", "brier", "in_top2")] == pytest.approx(
        [-np.log(0.7), 0.3**2 + 0.2**2 + 0.1**2, 1]
    )


def test_slices_strata_and_versions_part_the_rows(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    more = (
        Column("group", Kind.CATEGORICAL),
        Column("version", Kind.CATEGORICAL, Role.VERSION),
        Column("speed", Kind.CATEGORICAL, Role.DELAY_STRATUM),
    )
    mine = dataset(table(scored), *more, slice_by=("group",))
    last = oracle.DAYS[-1].end + 6 * HOUR
    # The reference has no score out of bounds: they would have no place in a layout of numbers.
    layout = engine.layout(replace(mine, columns=more), EVER)
    request = oracle.request(mine, oracle.labelled_by(table(labels)), last, layout=layout, task=TASK)
    ledger = folded(engine.label_entries(request).entries.values(), last)
    assert {stratum for _, stratum, _ in ledger.groups} == {"slow", "fast"}
    for version in (None, "v1", "v2"):
        for slice in (WHOLE, (("group", "north"),), (("group", "south"),)):
            part = scored[(scored["version"] == version) | (version is None)]
            part = part[[slice in (WHOLE, (("group", name),)) for name in part["group"]]]
            wanted = expected(oracle, rows, part, labels, last, read=False)
            oracle.same_view(ledger.view(TASK, slice, version), wanted)


def test_the_codec_gives_back_what_it_was_given(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    last = oracle.DAYS[-1].end
    request = oracle.request(dataset(table(scored)), oracle.labelled_by(table(labels)), last, task=TASK)
    entries = folded(engine.label_entries(request).entries.values(), last)
    back = decode_entries(encode_entries(entries))
    oracle.same_view(back.view(TASK), entries.view(TASK))
    assert back.sums.shape == (entries.size, len(SUM_NAMES))


@pytest.mark.parametrize(
    ("classes", "values"),
    [
        ((1, 2, 7), [7, 1, 2]),
        ((1, 2, 7), [7.0, 1.0, 2.0]),
        (("1", "2", "7"), [7, 1, 2]),
        ((1, 2, 7), ["7", "1", "2"]),
        (("a", "b", "c"), ["c", "a", "b"]),
    ],
)
def test_classes_are_found_as_numbers_and_as_texts(
    engine: DuckDB, oracle: ModuleType, classes: tuple[Any, ...], values: list[Any]
) -> None:
    task = Task(TaskKind.MULTICLASS, classes=classes)
    at, known_at = [oracle.NOON] * 5, [oracle.DAY.end] * 5
    scored = pd.DataFrame({"id": range(5), "at": at, "decided": [*values, values[0], None]})
    mine = Dataset("p", scored, (DECIDED,), "at", entity_key=("id",))
    other = "9" if isinstance(values[0], str) else type(values[0])(9)
    labels = pd.DataFrame({"id": range(5), "label": [*values, other, values[0]], "known_at": known_at})
    request = oracle.request(mine, oracle.labelled_by(labels), oracle.DAY.end + HOUR, task=task)
    view = engine.label_entries(request).entries[oracle.DAY].view(task)
    # The fourth has a label that nobody declared; the fifth, without a prediction, counts as predicted only.
    assert (view.n, view.predictions) == (4, 5)
    assert sorted(zip(view.label.tolist(), view.prediction.tolist(), strict=True)) == [(0, 0), (1, 1), (2, 2), (3, 2)]
    assert set(view.bucket.tolist()) == {SCORELESS}


def test_labels_of_another_type_than_the_classes_are_a_fault_of_the_data(engine: DuckDB, oracle: ModuleType) -> None:
    scored = pd.DataFrame({"id": [1], "at": [oracle.NOON], "decided": ["car"]})
    mine = Dataset("p", scored, (DECIDED,), "at", entity_key=("id",))
    labels = pd.DataFrame({"id": [1], "label": [3.5], "known_at": [oracle.DAY.end]})
    with pytest.raises(WrongType, match="'label' arrived as DOUBLE, but 'car' is one of the classes"):
        engine.label_entries(oracle.request(mine, oracle.labelled_by(labels), oracle.DAY.end, task=TASK))


def test_a_reference_with_its_labels_has_the_entries_of_its_rows(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    known = oracle.latest_labels(labels, oracle.DAYS[-1].end + 999 * HOUR)
    truth = [known.get(key) for key in scored["id"]]
    mine = dataset(table(scored.assign(truth=pd.Series(truth, dtype=object))))
    found = engine.reference_entries(
        mine, TASK, oracle.request(mine, oracle.labelled_by(None), EVER.end).layout, "truth", EVER
    )
    wanted = expected(oracle, rows, scored, labels, oracle.DAYS[-1].end + 999 * HOUR, read=False)
    oracle.same_view(found.view(TASK), wanted)


def test_labels_that_are_declared_are_counted_before_the_first_run(engine: DuckDB, oracle: ModuleType) -> None:
    labels = pd.DataFrame({"id": [1, 2, 3, 4], "label": ["car", "boat", None, "house"], "known_at": [oracle.NOON] * 4})
    assert engine.label_values(TASK, oracle.labelled_by(labels)) == (3, 2, 3)


@pytest.mark.parametrize("size", [3, 30, 100])
def test_so_many_classes_are_still_planned(engine: DuckDB, oracle: ModuleType, rows: ModuleType, size: int) -> None:
    rng = np.random.default_rng(4)
    task = Task(TaskKind.MULTICLASS, classes=tuple(f"c{i}" for i in range(size)))
    p = rng.dirichlet(np.full(size, 0.2), 200)
    p /= np.add.accumulate(p, axis=1)[:, -1:]
    truth = rng.integers(0, size, 200)
    scored = pd.DataFrame(p, columns=[f"p{i}" for i in range(size)]).assign(id=range(200), at=oracle.NOON)
    columns = tuple(Column(f"p{i}", role=Role.SCORE, of=f"c{i}") for i in range(size))
    mine = Dataset("p", scored, columns, "at", entity_key=("id",))
    labels = pd.DataFrame({"id": range(200), "label": [f"c{i}" for i in truth], "known_at": oracle.DAY.end})
    request = oracle.request(mine, oracle.labelled_by(labels), oracle.DAY.end, task=task)
    view = engine.label_entries(request).entries[oracle.DAY].view(task)
    oracle.same_view(view, replace(rows.classified(truth, p), predictions=200))
