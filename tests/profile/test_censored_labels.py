"""Predictions that are no longer observed, against pandas on the rows at every moment, day by day and at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import MissingColumn, WrongType
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource, Several
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import TaskKind

HOUR = timedelta(hours=1)
SIZE = 200
NAMES = SUMS[TaskKind.BINARY]


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    rng = np.random.default_rng(31)
    at = oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, SIZE), unit="h").floor("us")
    return pd.DataFrame({"id": np.arange(SIZE), "at": at, "score": rng.random(SIZE)})


@pytest.fixture(scope="module")
def labels(scored: pd.DataFrame) -> pd.DataFrame:
    """Up to four rows of each prediction: labels, rows withdrawn, and the word that it is no longer observed."""
    rng = np.random.default_rng(32)
    rows = scored.loc[np.repeat(np.arange(SIZE), rng.integers(0, 5, SIZE)), ["id", "at"]].reset_index(drop=True)
    kind = rng.choice(["label", "withdrawn", "closed"], len(rows), p=[0.5, 0.1, 0.4])
    late = pd.to_timedelta(rng.uniform(0, 150, len(rows)), unit="h").floor("us")
    label = np.where(kind == "label", rng.integers(0, 2, len(rows)).astype(float), np.nan)
    # A label beside which the account is closed is a label.
    closed = (kind == "closed") | ((kind == "label") & (rng.random(len(rows)) < 0.2))
    return pd.DataFrame({"id": rows["id"], "label": label, "closed": closed, "known_at": rows["at"] + late})


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.table({name: pa.array(frame[name], from_pandas=True) for name in frame})


def in_force(labels: pd.DataFrame, known_at: datetime) -> tuple[dict[Any, float], set[Any]]:
    """(label by key, keys that are censored): the last word, but none that a row is closed once it has had a label."""
    known, censored = {}, set()
    for key, mine in labels[labels["known_at"] <= known_at].groupby("id"):
        given = mine.sort_values("known_at")
        had = given["label"].notna().cumsum() > 0
        last = given[~(had & given["label"].isna() & given["closed"])].iloc[-1]
        if not pd.isna(last["label"]):
            known[key] = last["label"]
        elif last["closed"]:
            censored.add(key)
    return known, censored


def daily(engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: LabelSource) -> dict[Window, list[Entries]]:
    ledger: dict[Window, list[Entries]] = {}
    since, dataset = EVER.start, oracle.predictions(table(scored))
    for number, day in enumerate(oracle.DAYS):
        days, upto = oracle.DAYS[: number + 1], day.end + 6 * HOUR
        request = oracle.request(dataset, labels, upto, since=since, days=days, stale=days[-1:])
        for of, entries in engine.label_entries(request).entries.items():
            ledger.setdefault(of, []).append(entries)
        since = upto
    return ledger


def test_what_is_no_longer_observed_is_neither_labelled_nor_awaited_at_any_moment(
    engine: DuckDB, oracle: ModuleType, rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    source, last = oracle.labelled_by(table(labels), censored="closed"), oracle.DAYS[-1].end + 6 * HOUR
    at_once = engine.label_entries(oracle.request(oracle.predictions(table(scored)), source, last)).entries
    most = 0
    for ledger in (daily(engine, oracle, scored, source), {day: [e] for day, e in at_once.items()}):
        for known_at in (*(day.end for day in oracle.DAYS[1::3]), last):
            # Of days that are over: in the others a word can be known before its prediction is counted.
            made = scored[scored["at"] < min(known_at, oracle.DAYS[-1].end)]
            over = [e.upto(known_at) for day, parts in ledger.items() if day.end <= known_at for e in parts]
            known, censored = in_force(labels, known_at)
            pairs = [(known[k], s) for k, s in zip(made["id"], made["score"], strict=True) if k in known]
            never = int(made["id"].isin(censored).sum())
            expected = rows.labelled([label for label, _ in pairs], [score for _, score in pairs])
            view = Entries.together(over, NAMES).view(oracle.BINARY)
            oracle.same_view(view, replace(expected, predictions=len(made) - never))
            assert view.censored == never
            most = max(most, never)
    assert most > 20


def test_silence_of_a_row_that_is_no_longer_observed_is_no_label_and_an_event_of_it_is(
    engine: DuckDB, oracle: ModuleType
) -> None:
    # Closed before the horizon (0), after it (1), before it and yet reported later (2); silent (3).
    theirs = pa.table({
        "id": [0, 1, 2, 2],
        "label": pa.array([None, None, None, 1], pa.int64()),
        "closed": [True, True, True, None],
        "known_at": pa.array([oracle.NOON + h * HOUR for h in (5, 70, 6, 80)], pa.timestamp("us", "UTC")),
    })  # fmt: skip
    at = pa.array([oracle.NOON] * 4, pa.timestamp("us", "UTC"))
    predictions = oracle.predictions(pa.table({"at": at, "score": [0.9] * 4, "id": [0, 1, 2, 3]}))
    for several in (Several.LAST, Several.ANY):
        about = {"mode": LabelMode.IMPLICIT, "horizon": 36 * HOUR, "several": several, "censored": "closed"}
        batch = engine.label_entries(
            oracle.request(predictions, oracle.labelled_by(theirs, **about), oracle.DAYS[-1].end)
        )
        entries = Entries.together(batch.entries.values(), NAMES)
        found = []
        for day in (0, 2, 4):
            view = entries.upto(oracle.DAYS[day].end).view(oracle.BINARY)
            found.append((*(int(view.count[view.label == one].sum()) for one in (1, 0)), view.censored))
        assert found == [(0, 0, 2), (0, 2, 2), (1, 2, 1)]


def test_what_says_that_a_row_is_censored_must_be_there_and_true_or_false(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame
) -> None:
    predictions, upto = oracle.predictions(table(scored)), oracle.DAYS[-1].end
    with pytest.raises(MissingColumn, match="column 'sold'"):
        engine.label_entries(oracle.request(predictions, oracle.labelled_by(table(labels), censored="sold"), upto))
    texts = table(labels.assign(closed="no"))
    with pytest.raises(WrongType, match=r"column 'closed' \(censored\) arrived as VARCHAR"):
        engine.label_entries(oracle.request(predictions, oracle.labelled_by(texts, censored="closed"), upto))
