"""What columns and thresholds add to the ledger's sums, against pandas on the rows: at every moment, by every part."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.profile.codec import decode_entries, encode_entries
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.sums import sums_of
from airflow_ml_monitor.profile.task import Task, TaskKind

HOUR = timedelta(hours=1)
AMOUNT, WEIGHT = Column("price", role=Role.AMOUNT), Column("w", role=Role.WEIGHT)
TASK = Task(TaskKind.BINARY, threshold=0.5, thresholds=(0.3, 0.7))


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    """Predictions of twelve days; scores on the thresholds and beside them; amounts and weights that are none."""
    rng = np.random.default_rng(31)
    size = 500
    score = rng.random(size)
    near = [0.3, np.nextafter(0.3, 0), 0.7, np.nextafter(0.7, 1), 0.5, np.nan, 1.5, 0.0]
    score[:160] = near * 20
    price, weight = rng.lognormal(3, 1, size), rng.exponential(2, size)
    price[::9], price[1::50], price[2::50] = np.nan, np.inf, -20.0
    weight[::7], weight[3::50], weight[4::50], weight[5::50] = np.nan, np.inf, -1.0, 0.0
    return pd.DataFrame({
        "id": np.arange(size),
        "at": oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, size), unit="h").floor("us"),
        "score": score,
        "price": price,
        "w": weight,
        "group": rng.choice(["north", "south"], size),
        "version": rng.choice(["v1", "v2"], size),
    })  # fmt: skip


@pytest.fixture(scope="module")
def labels(scored: pd.DataFrame) -> pd.DataFrame:
    """Labels of most rows, late; corrected, withdrawn."""
    rng = np.random.default_rng(32)
    first = scored.sample(frac=0.85, random_state=1)
    late = pd.to_timedelta(rng.exponential(40, len(first)), unit="h").floor("us")
    truth = rng.integers(0, 2, len(first)).astype(float)
    plain = pd.DataFrame({"id": first["id"], "label": truth, "known_at": first["at"] + late})
    again = plain.sample(80, random_state=2)
    corrected = again.assign(label=1 - again["label"], known_at=again["known_at"] + 30 * HOUR)
    withdrawn = plain.sample(30, random_state=3).assign(label=None)
    withdrawn["known_at"] += 31 * HOUR
    return pd.concat([plain, corrected, withdrawn], ignore_index=True).astype({"label": float})


def table(frame: pd.DataFrame) -> pa.Table:
    """With NULL for missing labels and amounts, but NaN kept in scores and weights."""
    return pa.table({name: pa.array(frame[name], from_pandas=name in ("label", "price")) for name in frame})


def dataset(source: Any, *more: Column, slice_by: tuple[str, ...] = ()) -> Dataset:
    columns = (Column("score", role=Role.SCORE), AMOUNT, WEIGHT, *more)
    return Dataset("p", source, columns, "at", entity_key=("id",), slice_by=slice_by)


def known_rows(oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, known_at: datetime) -> pd.DataFrame:
    known = oracle.latest_labels(labels, known_at)
    mine = scored[scored["id"].isin(known) & scored["score"].between(0, 1)]
    return mine.assign(label=[known[key] for key in mine["id"]])


def view_of(rows: ModuleType, mine: pd.DataFrame, predictions: int) -> LabelledView:
    view: LabelledView = rows.labelled(
        mine["label"], mine["score"], amount=mine["price"], weight=mine["w"], thresholds=TASK.thresholds
    )
    return replace(view, predictions=predictions)


def by_decision(view: LabelledView) -> dict[tuple[int, int, str], float]:
    """Sums by (label, decision, name), hashes left out: a slice's buckets are wider than the whole's."""
    parts = {name: part for name, part in view.sums.items() if name != "state"} | {"count": view.count}
    places = [(label, decision) for label in (0, 1) for decision in (0, 1)]
    at = {place: (view.label == place[0]) & (view.prediction == place[1]) for place in places}
    return {(*place, name): float(part[at[place]].sum()) for place in places for name, part in parts.items()}


def test_sums_known_at_a_moment_are_those_of_the_rows(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    mine, last = dataset(table(scored)), oracle.DAYS[-1].end + 6 * HOUR
    request = oracle.request(mine, oracle.labelled_by(table(labels)), last, task=TASK)
    names = sums_of(TASK, mine)
    ledger = [decode_entries(encode_entries(part)) for part in engine.label_entries(request).entries.values()]
    assert {part.names for part in ledger} == {names}
    for known_at in [*(day.end for day in oracle.DAYS[2:]), last]:
        view = Entries.together([part.upto(known_at) for part in ledger], names).view(TASK)
        seen = int((scored["at"] < min(known_at, oracle.DAYS[-1].end)).sum())
        wanted = view_of(rows, known_rows(oracle, scored, labels, known_at), seen)
        assert wanted.n > 20
        oracle.same_view(view, wanted)


def test_day_by_day_or_at_once_the_sums_are_the_same(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    mine, source, last = dataset(table(scored)), oracle.labelled_by(table(labels)), oracle.DAYS[-1].end
    names, since, parts = sums_of(TASK, mine), EVER.start, []
    for day in oracle.DAYS:
        stale = frozenset([day])
        days = tuple(d for d in oracle.DAYS if d <= day)
        request = oracle.request(mine, source, day.end, since=since, stale=stale, task=TASK, days=days)
        parts += engine.label_entries(request).entries.values()
        since = day.end
    view = Entries.together(parts, names).view(TASK)
    oracle.same_view(view, view_of(rows, known_rows(oracle, scored, labels, last), len(scored)))


def test_a_slice_and_a_version_have_sums_of_their_own_and_exact_thresholds(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    more = (Column("group", Kind.CATEGORICAL, Role.SLICE), Column("version", Kind.CATEGORICAL, Role.VERSION))
    mine, last = dataset(table(scored), *more, slice_by=("group",)), oracle.DAYS[-1].end
    layout = engine.layout(mine, EVER)
    request = oracle.request(mine, oracle.labelled_by(table(labels)), last, task=TASK, layout=layout)
    entries = Entries.together(engine.label_entries(request).entries.values(), sums_of(TASK, mine))
    known = known_rows(oracle, scored, labels, last)
    for slice, version, picked in [
        ((("group", "north"),), None, known["group"] == "north"),
        ((("group", "south"),), "v2", (known["group"] == "south") & (known["version"] == "v2")),
        (WHOLE, "v1", known["version"] == "v1"),
    ]:
        view, wanted = entries.view(TASK, slice, version), view_of(rows, known[picked], 0)
        assert by_decision(view) == pytest.approx(by_decision(wanted), rel=1e-9, abs=1e-9)
        for threshold in TASK.thresholds:
            frame = known[picked]
            yes, truth = frame["score"] >= threshold, frame["label"] == 1
            counts = [int((a & b).sum()) for a, b in ((truth, yes), (~truth, yes), (truth, ~yes), (~truth, ~yes))]
            assert list(view.at(threshold).confusion()) == counts


def test_rows_that_carry_their_label_bring_the_same_sums(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame
) -> None:
    labelled = scored.assign(label=np.random.default_rng(33).integers(0, 2, len(scored)).astype(float))
    mine = dataset(table(labelled))
    entries = engine.reference_entries(mine, TASK, engine.layout(mine, EVER), "label", EVER)
    known = labelled[labelled["score"].between(0, 1)]
    oracle.same_view(entries.view(TASK), view_of(rows, known, len(scored)))


def test_an_amount_that_arrives_as_text_is_a_fault_of_the_data(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    mine = dataset(pa.Table.from_pandas(scored.assign(price="12 EUR"), preserve_index=False))
    with pytest.raises(DataFault, match="price"):
        engine.label_entries(oracle.request(mine, oracle.labelled_by(table(labels)), oracle.DAYS[-1].end, task=TASK))
