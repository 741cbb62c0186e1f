"""Delay strata of the ledger against pandas on the rows: names, numbers, and several columns together."""

from __future__ import annotations

from collections import Counter
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import DataFault, ReferenceMismatch
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Column, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.ledger import PREDICTED

SIZE = 2000


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    rng = np.random.default_rng(41)
    return pd.DataFrame({
        "id": np.arange(SIZE),
        "at": oracle.NOON,
        "score": rng.random(SIZE),
        "speed": rng.choice(["slow", "fast"], SIZE),
        "is_new": rng.random(SIZE) < 0.3,
        "lead": rng.normal(100, 15, SIZE),
    })  # fmt: skip


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.table({name: pa.array(frame[name], from_pandas=name != "lead") for name in frame})


def strata(engine: DuckDB, oracle: ModuleType, reference: pd.DataFrame, frame: pd.DataFrame, *names: str) -> Counter:
    """Predictions by stratum."""
    kinds = {"speed": Kind.CATEGORICAL, "is_new": Kind.BOOLEAN, "lead": Kind.NUMERIC}
    columns = [Column(name, kinds[name], Role.DELAY_STRATUM) for name in names]
    layout = engine.layout(oracle.predictions(table(reference), *columns), EVER)
    labels = oracle.labelled_by(pa.table({"id": [0], "label": [1], "known_at": table(frame)["at"].slice(0, 1)}))
    asked = oracle.request(oracle.predictions(table(frame), *columns), labels, oracle.DAYS[-1].end, layout=layout)
    found: Counter = Counter()
    for (_, stratum, _, _, label, *_), count in oracle.as_rows(engine.label_entries(asked).entries.values()).items():
        found[stratum] += count if label == PREDICTED else 0
    return found


def test_a_number_is_cut_at_the_references_median_and_half_its_interquartile_range_beside_it(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame
) -> None:
    found = strata(engine, oracle, scored, scored, "lead")
    low, middle, high = scored["lead"].quantile([0.25, 0.5, 0.75])
    half = (high - low) / 2
    cut = pd.cut(scored["lead"], [-np.inf, middle - half, middle, middle + half, np.inf], labels=False)
    ordered = sorted(found, key=lambda name: (name.startswith("above"), float(name.split()[-1])))
    assert [found[name] for name in ordered] == cut.value_counts().sort_index().tolist()
    # Of a normal distribution the quartiles.
    assert all(abs(count / SIZE - 0.25) < 0.03 for count in found.values())


def test_what_is_no_number_is_other(engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame) -> None:
    odd = scored.assign(lead=np.r_[[np.nan, np.inf, -np.inf], scored["lead"][3:]])
    assert strata(engine, oracle, scored, odd, "lead")["other"] == 3
    missing = table(scored.head(30)).set_column(5, "lead", pa.nulls(30, pa.float64()))
    assert strata(engine, oracle, scored, missing.to_pandas().astype({"lead": "float64"}), "lead") == {"other": 30}


def test_several_columns_tell_rows_apart_together(engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame) -> None:
    strange = scored.assign(speed=scored["speed"].where(scored["id"] >= 50, "odd"))
    found = strata(engine, oracle, scored, strange, "speed", "is_new", "lead")
    assert len(found) == 2 * 2 * 4 + 2 * 4
    by_two = Counter()
    for name, count in found.items():
        by_two[tuple(name.split(" × ")[:2])] += count
    named = strange["speed"].replace("odd", "other")
    assert by_two == Counter(zip(named, strange["is_new"].astype(str).str.lower(), strict=True))


def test_too_many_strata_are_refused_when_the_reference_is_read(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame
) -> None:
    wide = scored.assign(speed=[f"v{i % 20}" for i in range(SIZE)])
    with pytest.raises(ReferenceMismatch, match="the delay strata speed, lead make 105 kinds of rows, more than 50"):
        strata(engine, oracle, wide, wide, "speed", "lead")
    # One column may have as many values as it has.
    assert len(strata(engine, oracle, wide, wide, "speed")) == 20


def test_a_number_that_arrives_as_text_is_a_fault(engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame) -> None:
    with pytest.raises(DataFault, match="column 'lead'"):
        strata(engine, oracle, scored, scored.assign(lead="long"), "lead")
