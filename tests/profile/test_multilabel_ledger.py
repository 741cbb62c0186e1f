"""The ledger of a model of several labels a row against numpy on the rows: at every moment, by every part."""

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
from airflow_ml_monitor.profile.label_sets import STATES
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind

HOUR = timedelta(hours=1)
# One holds what LIKE takes for any letter, and one is the end of another.
NAMES = ("sport", "politics", "s_ort", "motorsport")
TASK = Task(TaskKind.MULTILABEL, classes=NAMES, threshold=0.4)
SCORES = tuple(Column(f"p_{name}", role=Role.SCORE, of=name) for name in NAMES)
SUM_NAMES = SUMS[TaskKind.MULTILABEL]
DECIDED = Column("decided", Kind.CATEGORICAL, Role.PREDICTION)
Sets = list[tuple[str, ...] | None]


def sets(rng: np.random.Generator, size: int, share: float) -> Sets:
    """Sets of labels in any order, now and then with one twice or of a class that nobody declared."""
    found: Sets = []
    for row in rng.random((size, len(NAMES))) < share:
        names = [name for name, is_in in zip(NAMES, row, strict=True) if is_in]
        names += ["ski"] * (rng.random() < 0.05) + names[:1] * (rng.random() < 0.05)
        found.append(tuple(rng.permutation(names)))
    return found


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    """Predictions of twelve days: ties, missing and impossible scores, missing sets."""
    rng = np.random.default_rng(21)
    size = 700
    p = rng.beta(0.6, 0.9, (size, len(NAMES)))
    p[:300] = p[:300].round(1)
    p[:4, 1] = [1.5, np.nan, -0.1, np.inf]
    decided = sets(rng, size, 0.4)
    decided[40:50] = [None] * 10
    found = pd.DataFrame({
        "id": np.arange(size),
        "at": oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, size), unit="h").floor("us"),
        "decided": pd.Series(decided, dtype=object),
        "group": rng.choice(["north", "south"], size),
        "version": rng.choice(["v1", "v2"], size),
        "speed": rng.choice(["slow", "fast"], size),
    })  # fmt: skip
    found[[column.name for column in SCORES]] = p
    return found


@pytest.fixture(scope="module")
def labels(oracle: ModuleType, scored: pd.DataFrame) -> pd.DataFrame:
    """Labels of most rows, late; corrected, withdrawn."""
    rng = np.random.default_rng(22)
    first = scored.sample(frac=0.85, random_state=1)
    late = pd.to_timedelta(rng.exponential(40, len(first)), unit="h").floor("us")
    truth = pd.Series(sets(rng, len(first), 0.35), dtype=object).to_numpy()
    plain = pd.DataFrame({"id": first["id"], "label": truth, "known_at": first["at"] + late})
    corrected = plain.sample(80, random_state=2)
    corrected["label"] = pd.Series(sets(rng, 80, 0.35), dtype=object).to_numpy()
    corrected["known_at"] += 30 * HOUR
    withdrawn = plain.sample(30, random_state=3).assign(label=None)
    withdrawn["known_at"] += 31 * HOUR
    return pd.concat([plain, corrected, withdrawn], ignore_index=True).sample(frac=1, random_state=5)


def table(frame: pd.DataFrame, form: str = "list") -> pa.Table:
    """With sets as lists or, joined by a separator, as text; NULL where missing, but NaN kept in scores."""
    frame = frame.copy()
    for name in {"decided", "label", "truth"}.intersection(frame):
        if form != "list":
            frame[name] = [None if x is None else form.join(x) for x in frame[name]]
        else:
            frame[name] = [None if x is None else list(x) for x in frame[name]]
    return pa.table({name: pa.array(frame[name], from_pandas=frame[name].dtype == object) for name in frame})


def dataset(source: Any, *more: Column, slice_by: tuple[str, ...] = ()) -> Dataset:
    # Not in the order of the classes: a score is of the class that its column names.
    return Dataset("p", source, (*SCORES[::-1], *more), "at", entity_key=("id",), slice_by=slice_by)


def indicators(found: Any) -> np.ndarray:
    """1 where a set holds a class; the last column: where it holds one that nobody declared."""
    return np.array([[*(name in one for name in NAMES), "ski" in one] for one in found], np.int64).reshape(-1, 5)


def expected(
    oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, known_at: datetime, *, read: bool
) -> LabelledView:
    """The view at a moment; read: the set is read from its column and not decided by the scores."""
    known = labels[labels["known_at"] <= known_at].sort_values("known_at", kind="stable")
    known = known.drop_duplicates("id", keep="last").dropna(subset="label").set_index("id")["label"]
    p = scored[[column.name for column in SCORES]].to_numpy()
    valid = ((p >= 0) & (p <= 1)).all(axis=1) & scored["id"].isin(known.index).to_numpy()
    if read:
        valid &= scored["decided"].notna().to_numpy()
    mine = scored[valid]
    decided = indicators(mine["decided"]) if read else None
    view: LabelledView = rows.tagged(indicators(known[mine["id"]]), p[valid], decided, TASK.threshold, NAMES)
    return replace(view, predictions=len(scored))


def folded(ledger: Any, known_at: datetime) -> Entries:
    return Entries.together([part.upto(known_at) for part in ledger], SUM_NAMES)


def same_view(oracle: ModuleType, found: LabelledView, wanted: LabelledView) -> None:
    """The same rows, the same pairs of states, the same scores of each class."""
    oracle.same_view(found, wanted)
    np.testing.assert_array_equal(found.sets.states, wanted.sets.states)
    assert found.sets.undeclared == wanted.sets.undeclared
    for mine, theirs in zip(found.classes.values(), wanted.classes.values(), strict=True):
        oracle.same_view(*(replace(view, sums={"score": view.sums["score"]}) for view in (mine, theirs)))


@pytest.mark.parametrize("form", ["list", "|", " und "])
@pytest.mark.parametrize("read", [False, True], ids=["scores", "column"])
def test_what_is_known_at_a_moment_is_what_the_rows_say(
    engine: DuckDB,
    oracle: ModuleType,
    rows: ModuleType,
    scored: pd.DataFrame,
    labels: pd.DataFrame,
    read: bool,
    form: str,
) -> None:
    task = replace(TASK, separator=form if form != "list" else "|")
    mine = dataset(table(scored, form), *([DECIDED] if read else []))
    last = oracle.DAYS[-1].end + 6 * HOUR
    request = oracle.request(mine, oracle.labelled_by(table(labels, form)), last, task=task)
    ledger = engine.label_entries(request).entries
    for known_at in [*(day.end for day in oracle.DAYS[2::3]), last]:
        view = folded(ledger.values(), known_at).view(task)
        seen = int((scored["at"] < min(known_at, oracle.DAYS[-1].end)).sum())
        wanted = expected(oracle, rows, scored, labels, known_at, read=read)
        assert wanted.n > 50
        assert wanted.sets.undeclared[0] > 0
        assert (wanted.sets.undeclared[1] > 0) == read
        same_view(oracle, view, replace(wanted, predictions=seen))


def test_one_day_at_a_time_is_the_same_as_all_at_once_and_as_backwards(
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
    backwards = []
    for day in oracle.DAYS[::-1]:
        request = oracle.request(mine, source, since, stale=[day], since=since, task=TASK)
        backwards += engine.label_entries(request).entries.values()
    whole = engine.label_entries(oracle.request(mine, source, since, task=TASK)).entries.values()
    for known_at in [*(day.end for day in oracle.DAYS[2::3]), since]:
        wanted = folded(whole, known_at).view(TASK)
        for parts in (ledger, backwards):
            same_view(oracle, folded(parts, known_at).view(TASK), wanted)


def test_a_corrected_set_takes_its_sums_back(engine: DuckDB, oracle: ModuleType) -> None:
    named = dict(zip(("p_sport", "p_politics", "p_s_ort", "p_motorsport"), (0.9, 0.8, 0.1, 0.1), strict=True))
    scored = pd.DataFrame({"id": [1], "at": [oracle.NOON], **named})
    times = [oracle.DAY.end + hours * HOUR for hours in (0, 24, 48)]
    # Then it is told again, in another order: nothing has changed.
    labels = pd.DataFrame({"id": 1, "label": ["sport", "politics|sport", "sport|politics"], "known_at": times})
    request = oracle.request(dataset(scored), oracle.labelled_by(labels), times[2] + HOUR, task=TASK)
    ledger = engine.label_entries(request).entries[oracle.DAY]
    before, after, again = (folded([ledger], moment).view(TASK) for moment in times)
    assert [(view.n, view.total("exact"), view.total("jaccard")) for view in (before, after)] == [
        (1, 0, 0.5),
        (1, 1, 1),
    ]
    assert before.sets.labels.tolist() == [1, 0, 0, 0, 0]
    assert after.sets.right.tolist() == [1, 1, 0, 0]
    same_view(oracle, again, after)


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
            same_view(oracle, ledger.view(TASK, slice, version), wanted)


def test_the_codec_gives_back_what_it_was_given(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    last = oracle.DAYS[-1].end
    request = oracle.request(dataset(table(scored)), oracle.labelled_by(table(labels)), last, task=TASK)
    entries = folded(engine.label_entries(request).entries.values(), last)
    same_view(oracle, decode_entries(encode_entries(entries)).view(TASK), entries.view(TASK))


def test_sets_without_scores_have_no_entries_by_score(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    mine = Dataset("p", table(scored), (DECIDED,), "at", entity_key=("id",))
    last = oracle.DAYS[-1].end
    request = oracle.request(mine, oracle.labelled_by(table(labels, "|")), last, task=TASK)
    view = folded(engine.label_entries(request).entries.values(), last).view(TASK)
    whole = scored.assign(**dict.fromkeys((column.name for column in SCORES), 0.5))
    wanted = expected(oracle, rows, whole, labels, last, read=True)
    same_view(oracle, view, replace(wanted, parts={STATES: wanted.parts[STATES]}, predictions=len(scored)))


@pytest.mark.parametrize("values", [[[], []], ["", ""], pd.Categorical(["", ""])], ids=["lists", "text", "categories"])
def test_sets_that_are_all_empty_are_labels(engine: DuckDB, oracle: ModuleType, values: Any) -> None:
    scored = pd.DataFrame({"id": [1, 2], "at": oracle.NOON, "decided": ["", "sport"]})
    labels = pd.DataFrame({"id": [1, 2], "label": values, "known_at": oracle.DAY.end})
    mine = Dataset("p", scored, (DECIDED,), "at", entity_key=("id",))
    request = oracle.request(mine, oracle.labelled_by(labels), oracle.DAY.end, task=TASK)
    view = engine.label_entries(request).entries[oracle.DAY].view(TASK)
    assert (view.n, view.total("exact"), view.sets.labels.tolist()) == (2, 1, [0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("classes", "values"), [((1, 2, 7), [[7, 1], [], [2, 9]]), (("1", "2", "7"), ["7|1", "", "2|9"])]
)
def test_classes_are_found_as_numbers_and_as_texts(
    engine: DuckDB, oracle: ModuleType, classes: tuple[Any, ...], values: list[Any]
) -> None:
    task = Task(TaskKind.MULTILABEL, classes=classes)
    scored = pd.DataFrame({"id": range(3), "at": oracle.NOON, "decided": values})
    mine = Dataset("p", scored, (DECIDED,), "at", entity_key=("id",))
    labels = pd.DataFrame({"id": range(3), "label": values, "known_at": oracle.DAY.end})
    request = oracle.request(mine, oracle.labelled_by(labels), oracle.DAY.end + HOUR, task=task)
    view = engine.label_entries(request).entries[oracle.DAY].view(task)
    assert (view.n, view.total("exact"), view.sets.right.tolist(), view.sets.undeclared) == (3, 3, [1, 1, 1], (1, 1))


@pytest.mark.parametrize(
    ("separator", "classes", "decided", "labels", "right"),
    [
        ("--", ("0", "-1", "1"), ["-1", "0---1"], ["1", "0--1"], [1, 0, 0]),
        ("::", ("a", ":a"), [":a", "a"], ["a", "a"], [1, 0]),
        ("aa", ("b", "ab"), ["baab", "ab"], ["b", "b"], [1, 0]),
    ],
)
def test_a_text_is_read_as_it_is_split_whatever_its_separator_shares_with_a_class(
    engine: DuckDB,
    oracle: ModuleType,
    separator: str,
    classes: tuple[str, ...],
    decided: list[str],
    labels: list[str],
    right: list[int],
) -> None:
    task = Task(TaskKind.MULTILABEL, classes=classes, separator=separator)
    view = view_of(engine, oracle, task, decided, labels)
    assert (view.n, view.sets.right.tolist(), view.sets.undeclared) == (2, right, (0, 0))


def test_a_list_of_nothing_but_null_is_a_set_without_labels(engine: DuckDB, oracle: ModuleType) -> None:
    view = view_of(engine, oracle, Task(TaskKind.MULTILABEL, classes=("a", "b")), [["a"], [None]], [["a"], [None]])
    assert (view.n, view.total("exact"), view.sets.right.tolist()) == (2, 2, [1, 0])


def view_of(engine: DuckDB, oracle: ModuleType, task: Task, decided: list[Any], labels: list[Any]) -> LabelledView:
    """Of rows whose sets are read from their column."""
    ids = range(len(decided))
    scored = pa.table({"id": ids, "at": pa.array([oracle.NOON] * len(decided)), "decided": decided})
    told = pa.table({"id": ids, "label": labels, "known_at": pa.array([oracle.DAY.end] * len(decided))})
    mine = Dataset("p", scored, (DECIDED,), "at", entity_key=("id",))
    request = oracle.request(mine, oracle.labelled_by(told), oracle.DAY.end + HOUR, task=task)
    return engine.label_entries(request).entries[oracle.DAY].view(task)


@pytest.mark.parametrize(
    ("column", "values", "arrived"),
    [
        ("label", pa.array([["a"]], pa.list_(pa.string(), 1)), r"VARCHAR\[1\]"),
        ("label", [3.5], "DOUBLE"),
        ("label", [[0.5]], r"DOUBLE\[\]"),
        ("decided", [1], "BIGINT"),
        ("label", [True], "BOOLEAN"),
    ],
)
def test_what_can_hold_no_set_is_a_fault_of_the_data(
    engine: DuckDB, oracle: ModuleType, column: str, values: list[Any], arrived: str
) -> None:
    given = {"decided": ["sport"], "label": ["sport"], column: values}
    mine = Dataset("p", pd.DataFrame({"id": [1], "at": oracle.NOON, "decided": given["decided"]}), (DECIDED,), "at")
    labels = pa.table({"id": [1], "label": given["label"], "known_at": pa.array([oracle.DAY.end])})
    request = oracle.request(replace(mine, entity_key=("id",)), oracle.labelled_by(labels), oracle.DAY.end, task=TASK)
    with pytest.raises(WrongType, match=f"{column!r} arrived as {arrived}; a multilabel task needs lists of labels"):
        engine.label_entries(request)


def test_a_reference_with_its_labels_has_the_entries_of_its_rows(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    last = oracle.DAYS[-1].end + 999 * HOUR
    known = labels.sort_values("known_at").drop_duplicates("id", keep="last").set_index("id")["label"]
    mine = dataset(table(scored.assign(truth=[known.get(key) for key in scored["id"]]).astype({"truth": object})))
    layout = oracle.request(mine, oracle.labelled_by(None), EVER.end).layout
    found = engine.reference_entries(mine, TASK, layout, "truth", EVER)
    same_view(oracle, found.view(TASK), expected(oracle, rows, scored, labels, last, read=False))


def test_sets_of_declared_classes_are_counted_before_the_first_run(engine: DuckDB, oracle: ModuleType) -> None:
    values = ["sport|politics", "ski|sport", None, "", "politics"]
    labels = pd.DataFrame({"id": range(5), "label": values, "known_at": oracle.NOON})
    assert engine.label_values(TASK, oracle.labelled_by(labels)) == (4, 3, 4)


@pytest.mark.parametrize("size", [2, 30, 100])
def test_so_many_classes_are_still_planned(engine: DuckDB, oracle: ModuleType, rows: ModuleType, size: int) -> None:
    rng = np.random.default_rng(4)
    task = Task(TaskKind.MULTILABEL, classes=tuple(f"c{i}" for i in range(size)))
    p = rng.beta(0.3, 3, (200, size))
    y = (rng.random((200, size)) < p).astype(int)
    scored = pd.DataFrame(p, columns=[f"p{i}" for i in range(size)]).assign(id=range(200), at=oracle.NOON)
    columns = tuple(Column(f"p{i}", role=Role.SCORE, of=f"c{i}") for i in range(size))
    mine = Dataset("p", scored, columns, "at", entity_key=("id",))
    truth = ["|".join(f"c{i}" for i in row.nonzero()[0]) for row in y]
    labels = pd.DataFrame({"id": range(200), "label": truth, "known_at": oracle.DAY.end})
    request = oracle.request(mine, oracle.labelled_by(labels), oracle.DAY.end, task=task)
    view = engine.label_entries(request).entries[oracle.DAY].view(task)
    same_view(oracle, view, replace(rows.tagged(y, p), predictions=200))
