"""The ledger of a ranking against pandas and numpy on the rows: at every moment, by every part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import MissingColumn, WrongType
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.codec import decode_entries, encode_entries
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.label_source import LabelMode
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.sums import task_sums
from airflow_ml_monitor.profile.task import Task, TaskKind

HOUR = timedelta(hours=1)
AT = (1, 3, 5)
TASK = Task(TaskKind.RANKING, at=AT)
QUERY = Column("query", Kind.CATEGORICAL, Role.QUERY)
SCORE = Column("score", role=Role.SCORE)
VERSION = Column("version", Kind.CATEGORICAL, Role.VERSION)
GROUP = Column("group", Kind.CATEGORICAL)
SPEED = Column("speed", Kind.CATEGORICAL, Role.DELAY_STRATUM)


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    """Items of 160 queries in twelve days, one to nine each: ties, no scores, no query, queries over midnight, items
    that stand there twice."""
    rng = np.random.default_rng(31)
    size = rng.integers(1, 10, 160)
    of = np.repeat(np.arange(160), size)
    count = len(of)
    begins = rng.uniform(0, 12 * 24 - 2, 160)
    begins[:11] = 24 * np.arange(1, 12) - 0.5
    score = rng.normal(0, 3, count).round(1)
    score[rng.random(count) < 0.04] = np.nan
    score[rng.random(count) < 0.02] = np.inf
    score[of == 20] = np.nan
    name = np.array([f"q{i % 120}" for i in of], object)
    name[rng.random(count) < 0.02] = None
    key = rng.permutation(count)
    twice = np.flatnonzero(of[1:] == of[:-1])[::50]
    key[twice + 1] = key[twice]
    return pd.DataFrame({
        "id": key,
        "at": oracle.DAY.start + pd.to_timedelta(begins[of] + rng.random(count), unit="h").floor("us"),
        "query": name,
        "score": score,
        "group": rng.choice(["north", "south"], 120)[of % 120],
        "version": np.where(of % 10 == 9, rng.choice(["v1", "v2"], count), "v1"),
        "speed": rng.choice(["slow", "fast"], 120)[of % 120],
    })  # fmt: skip


@pytest.fixture(scope="module")
def labels(oracle: ModuleType, scored: pd.DataFrame) -> pd.DataFrame:
    """Relevance of a third of the items, late: 0 to 3, or below; corrected, withdrawn, of nobody, before its item."""
    rng = np.random.default_rng(32)
    first = scored.sample(frac=0.35, random_state=1)
    late = pd.to_timedelta(rng.exponential(40, len(first)) - 3, unit="h").floor("us")
    grade = rng.choice([0, 0, 1, 2, 3, -1, 0.3], len(first))
    plain = pd.DataFrame({"id": first["id"], "label": grade, "known_at": first["at"] + late})
    corrected = plain.sample(60, random_state=2)
    corrected = corrected.assign(label=rng.permutation(corrected["label"]), known_at=corrected["known_at"] + 30 * HOUR)
    withdrawn = plain.sample(30, random_state=3).assign(label=np.nan)
    withdrawn["known_at"] += 31 * HOUR
    orphans = plain.head(5).assign(id=[9000, 9001, 9002, 9003, 9004])
    return pd.concat([plain, corrected, withdrawn, orphans], ignore_index=True).sample(frac=1, random_state=5)


def dataset(source: Any, *columns: Column, slice_by: tuple[str, ...] = ()) -> Dataset:
    found = source if isinstance(source, pa.Table) else pa.Table.from_pandas(source, preserve_index=False)
    return Dataset("p", found, (QUERY, *(columns or (SCORE,))), "at", entity_key=("id",), slice_by=slice_by)


def lists(scored: pd.DataFrame, known: Mapping[Any, float]) -> tuple[list[list[float]], int]:
    """(labels in the order of the items, of each query that is labelled and has a score; queries in all)."""
    named = scored[scored["query"].notna()].assign(day=scored["at"].dt.floor("D"))
    found, number = [], 0
    for _, items in named.groupby(["day", "version", "query"]):
        number += 1
        placed = items[np.isfinite(items["score"])].sort_values(["score", "id"], ascending=[False, True])
        others = items[~np.isfinite(items["score"])]
        if placed.empty or not any(key in known for key in items["id"]):
            continue
        # What has no score is behind every place that is looked at.
        keys = [*placed["id"], *[None] * max(AT), *others["id"]]
        found.append([known.get(key, 0.0) for key in keys])
    return found, number


def expected(
    rows: ModuleType, scored: pd.DataFrame, known: Mapping[Any, float], seen: datetime | None = None
) -> LabelledView:
    """seen: predictions are counted up to it; a label may come before its prediction's day is over."""
    found, number = lists(scored, known)
    if seen:
        _, number = lists(scored[scored["at"] < seen], {})
    view: LabelledView = rows.ranked(found, AT)
    return replace(view, predictions=number)


def same(oracle: ModuleType, found: LabelledView, wanted: LabelledView) -> None:
    """Without the sum that no metric reads."""
    oracle.same_view(found, wanted)


def folded(ledger: Any, known_at: datetime) -> Entries:
    return Entries.together([part.upto(known_at) for part in ledger], task_sums(TASK))


def test_what_is_known_at_a_moment_is_what_the_rows_say(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    last = oracle.DAYS[-1].end + 6 * HOUR
    mine = dataset(scored, SCORE, VERSION)
    ledger = engine.label_entries(oracle.request(mine, oracle.labelled_by(labels), last, task=TASK)).entries
    for known_at in [*(day.end for day in oracle.DAYS[2:]), last]:
        wanted = expected(rows, scored, oracle.latest_labels(labels, known_at), known_at)
        assert wanted.n > 10
        assert 0 < wanted.total("no_relevant") < wanted.n
        same(oracle, folded(ledger.values(), known_at).view(TASK), wanted)


def test_one_day_at_a_time_and_backwards_are_the_same_as_all_at_once(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    mine, source = dataset(scored, SCORE, VERSION), oracle.labelled_by(labels)
    ledger: list[Entries] = []
    since = EVER.start
    for number, day in enumerate(oracle.DAYS):
        upto = day.end + 6 * HOUR
        days = oracle.DAYS[: number + 1]
        request = oracle.request(mine, source, upto, since=since, days=days, stale=days[-1:], task=TASK)
        ledger += engine.label_entries(request).entries.values()
        since = upto
    whole = engine.label_entries(oracle.request(mine, source, since, task=TASK)).entries.values()
    backwards: list[Entries] = []
    for day in reversed(oracle.DAYS):
        backwards += engine.label_entries(oracle.request(mine, source, since, days=(day,), task=TASK)).entries.values()
    for known_at in [*(day.end for day in oracle.DAYS), since]:
        wanted = folded(whole, known_at).view(TASK)
        for other in (ledger, backwards):
            found = folded(other, known_at).view(TASK)
            oracle.same_view(found, wanted)
            assert found.total("state") == wanted.total("state")


@pytest.mark.parametrize("at_once", [True, False])
def test_a_click_takes_back_what_its_query_was_worth(engine: DuckDB, oracle: ModuleType, at_once: bool) -> None:
    scored = pd.DataFrame({"id": [1, 2, 3], "query": "q", "at": oracle.NOON, "score": [0.9, 0.5, 0.1]})
    times = [oracle.DAY.end, oracle.DAY.end + 24 * HOUR, oracle.DAY.end + 48 * HOUR]
    # The second item first, then the best one; then the first click was none.
    labels = pd.DataFrame({"id": [2, 1, 2], "label": [1.0, 1.0, None], "known_at": times})
    source, mine = oracle.labelled_by(labels), dataset(scored)
    if at_once:
        parts = [engine.label_entries(oracle.request(mine, source, times[-1], task=TASK)).entries[oracle.DAY]]
    else:
        spans = [(EVER.start, times[0], oracle.DAYS), (times[0], times[1], ()), (times[1], times[2], ())]
        requests = [oracle.request(mine, source, to, since=after, stale=stale, task=TASK) for after, to, stale in spans]
        parts = [engine.label_entries(request).entries[oracle.DAY] for request in requests]
    whole = Entries.together(parts, task_sums(TASK))
    changes = [whole.picked((whole.label == 0) & (whole.known == known)) for known in np.unique(whole.known)]
    assert [part.count.tolist() for part in changes] == [[1], [0], [0]]
    found = []
    for moment in times:
        view = whole.upto(moment).view(TASK)
        assert (view.n, view.predictions) == (1, 1)
        found.append(
            [view.total(f"{name}_at_3") for name in ("ndcg", "average_precision", "reciprocal_rank", "recall")]
        )
    assert found[0] == pytest.approx([1 / math.log2(3), 1 / 2, 1 / 2, 1])
    assert found[1] == pytest.approx([1, 1, 1, 1])
    assert found[2] == pytest.approx([1, 1, 1, 1])
    assert whole.upto(times[1]).view(TASK).total("precision_at_3") == pytest.approx(2 / 3)
    assert whole.view(TASK).total("precision_at_3") == pytest.approx(1 / 3)


def test_slices_strata_and_versions_part_the_queries(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    mine = dataset(scored, SCORE, VERSION, GROUP, SPEED, slice_by=("group",))
    last = oracle.DAYS[-1].end + 6 * HOUR
    layout = engine.layout(replace(mine, columns=(VERSION, GROUP, SPEED)), EVER)
    request = oracle.request(mine, oracle.labelled_by(labels), last, layout=layout, task=TASK)
    ledger = folded(engine.label_entries(request).entries.values(), last)
    assert {stratum for _, stratum, _ in ledger.groups} == {"slow", "fast"}
    for version in (None, "v1", "v2"):
        for slice in (WHOLE, (("group", "north"),), (("group", "south"),)):
            part = scored[(scored["version"] == version) | (version is None)]
            part = part[[slice in (WHOLE, (("group", name),)) for name in part["group"]]]
            same(oracle, ledger.view(TASK, slice, version), expected(rows, part, oracle.latest_labels(labels, last)))


def test_a_query_of_two_slices_is_of_that_of_its_first_item(engine: DuckDB, oracle: ModuleType) -> None:
    scored = pd.DataFrame({"id": [1, 2], "query": "q", "at": oracle.NOON, "score": [0.1, 0.9], "group": ["a", "b"]})
    mine = dataset(scored, SCORE, GROUP, slice_by=("group",))
    layout = engine.layout(replace(dataset(pd.concat([scored] * 30)), columns=(GROUP,), slice_by=("group",)), EVER)
    labels = pd.DataFrame({"id": [1], "label": [1], "known_at": [oracle.DAY.end]})
    request = oracle.request(mine, oracle.labelled_by(labels), oracle.DAY.end, layout=layout, task=TASK)
    found = engine.label_entries(request).entries[oracle.DAY]
    views = [found.view(TASK, (("group", name),)) for name in "ab"]
    assert [(view.n, view.predictions) for view in views] == [(0, 0), (1, 1)]


def test_the_same_reader_on_two_days_is_two_queries_in_the_ledger_and_in_a_reference(
    engine: DuckDB, oracle: ModuleType
) -> None:
    times = [oracle.NOON, oracle.NOON, oracle.NOON + 24 * HOUR, oracle.NOON + 24 * HOUR]
    scored = pd.DataFrame({"id": [1, 2, 3, 4], "query": "reader", "at": times, "score": [0.9, 0.1, 0.2, 0.8]})
    labels = pd.DataFrame({"id": [1, 3], "label": [1, 1], "known_at": oracle.DAYS[1].end})
    mine = dataset(scored.assign(label=[1.0, None, 1.0, None]))
    found = engine.label_entries(oracle.request(mine, oracle.labelled_by(labels), oracle.DAYS[1].end, task=TASK))
    ranks = [found.entries[day].view(TASK).total("reciprocal_rank_at_3") for day in oracle.DAYS[:2]]
    assert ranks == [1, 0.5]
    layout = oracle.request(mine, oracle.labelled_by(None), EVER.end).layout
    whole = engine.reference_entries(mine, TASK, layout, "label", EVER).view(TASK)
    assert (whole.n, whole.predictions, whole.total("reciprocal_rank_at_3")) == (2, 2, 1.5)
    timeless = replace(mine, source=scored.drop(columns="at").assign(label=[1.0, None, 1.0, None]))
    whole = engine.reference_entries(timeless, TASK, layout, "label", EVER).view(TASK)
    assert (whole.n, whole.predictions, whole.total("precision_at_3")) == (1, 1, pytest.approx(2 / 3))


def test_of_equal_scores_the_first_key_comes_first_and_a_rank_goes_before_a_score(
    engine: DuckDB, oracle: ModuleType
) -> None:
    scored = pd.DataFrame({"id": [3, 10, 2], "query": "q", "at": oracle.NOON, "score": 0.5, "rank": [2, 1, 3]})
    labels = pd.DataFrame({"id": [3], "label": [True], "known_at": oracle.DAY.end})
    rank = Column("rank", role=Role.PREDICTION)
    for more, place in (((SCORE,), 2), ((rank,), 2), ((SCORE, rank), 2)):
        request = oracle.request(dataset(scored, *more), oracle.labelled_by(labels), oracle.DAY.end, task=TASK)
        view = engine.label_entries(request).entries[oracle.DAY].view(TASK)
        assert view.total("reciprocal_rank_at_3") == 1 / place
    request = oracle.request(dataset(scored.assign(rank=[1, 2, 3]), SCORE, rank), oracle.labelled_by(labels),
                             oracle.DAY.end, task=TASK)  # fmt: skip
    assert engine.label_entries(request).entries[oracle.DAY].view(TASK).total("reciprocal_rank_at_3") == 1


def test_labels_without_a_time_are_known_from_first_sight(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    once = labels.dropna().drop_duplicates("id")
    last = oracle.DAYS[-1].end
    request = oracle.request(
        dataset(scored, SCORE, VERSION), oracle.labelled_by(once, label_time=None), last, task=TASK
    )
    found = folded(engine.label_entries(request).entries.values(), last).view(TASK)
    same(oracle, found, expected(rows, scored, dict(zip(once["id"], once["label"], strict=True))))


def test_silence_makes_every_query_a_labelled_one_when_the_horizon_has_passed(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    clicks, horizon = labels.dropna(), timedelta(days=2)
    source = oracle.labelled_by(clicks, mode=LabelMode.IMPLICIT, horizon=horizon)
    mine, last = dataset(scored, SCORE, VERSION), oracle.DAYS[-1].end + 6 * HOUR
    whole = engine.label_entries(oracle.request(mine, source, last, task=TASK)).entries.values()
    ledger: list[Entries] = []
    since = EVER.start
    for number, day in enumerate(oracle.DAYS):
        upto = day.end + 6 * HOUR
        days = oracle.DAYS[: number + 1]
        request = oracle.request(mine, source, upto, since=since, days=days, stale=days[-1:], task=TASK)
        ledger += engine.label_entries(request).entries.values()
        since = upto
    for known_at in [*(day.end for day in oracle.DAYS[2:]), last]:
        known = dict.fromkeys(scored["id"][scored["at"].dt.floor("D") + timedelta(days=3) <= known_at], 0.0)
        known |= oracle.latest_labels(clicks, known_at)
        wanted = expected(rows, scored, known, known_at)
        for found in (whole, ledger):
            same(oracle, folded(found, known_at).view(TASK), wanted)


def test_a_reference_with_its_labels_has_the_entries_of_its_rows(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    known = oracle.latest_labels(labels, oracle.DAYS[-1].end + 999 * HOUR)
    mine = dataset(scored.assign(truth=[known.get(key) for key in scored["id"]]), SCORE, VERSION)
    layout = oracle.request(mine, oracle.labelled_by(None), EVER.end).layout
    same(oracle, engine.reference_entries(mine, TASK, layout, "truth", EVER).view(TASK), expected(rows, scored, known))


def test_the_codec_gives_back_what_it_was_given(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    last = oracle.DAYS[-1].end
    request = oracle.request(dataset(scored), oracle.labelled_by(labels), last, task=TASK)
    entries = folded(engine.label_entries(request).entries.values(), last)
    back = decode_entries(encode_entries(entries))
    oracle.same_view(back.view(TASK), entries.view(TASK))
    assert back.names == task_sums(TASK)


def test_what_does_not_fit_a_ranking_is_a_fault_of_the_data(engine: DuckDB, oracle: ModuleType) -> None:
    scored = pd.DataFrame({"id": [1], "query": "q", "at": oracle.NOON, "score": [0.5]})
    labels = pd.DataFrame({"id": [1], "label": ["good"], "known_at": oracle.DAY.end})
    with pytest.raises(WrongType, match="'label' arrived as VARCHAR; a ranking needs numbers"):
        engine.label_entries(oracle.request(dataset(scored), oracle.labelled_by(labels), oracle.DAY.end, task=TASK))
    bare = dataset(scored.drop(columns="query"))
    with pytest.raises(MissingColumn, match="'query' is missing"):
        engine.label_entries(
            oracle.request(bare, oracle.labelled_by(labels.assign(label=1)), oracle.DAY.end, task=TASK)
        )
