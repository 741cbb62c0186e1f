"""What a look at a reference's rows counts, by hand and by pandas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.look import Look, RelationLook


def look(frame: pd.DataFrame, *key: str, columns: tuple[Column, ...] = ()) -> Look:
    return DuckDB().look(Dataset("d", frame, columns, event_time="", entity_key=key), EVER, list(frame.columns))


def test_texts_are_counted_by_length_form_and_damage() -> None:
    text = look(pd.DataFrame({"c": ["AB1", "CDE", "f@g.de", None, "Köln", "KÃ¶ln", "K\ufffdln", ""]})).texts["c"]
    assert text.lengths == {0: 1, 3: 2, 4: 2, 5: 1, 6: 1}
    assert (text.n, text.damaged, text.foreign) == (7, 2, 3)
    forms = {name: rows for name, rows in text.forms.items() if rows}
    assert forms == {"capital letters": 1, "capital letters and digits": 2, "e-mail address": 1, "code": 2}


@pytest.mark.parametrize("word", ["é", "Ñandú", "Ü", "’", "“ja”", "–", "É", "привет", "à la", "Škoda"])
def test_text_that_lost_its_encoding_is_seen_and_whole_text_is_not(word: str) -> None:
    for lost in ("latin-1", "cp1252"):
        try:
            damaged = word.encode().decode(lost)
        except UnicodeDecodeError:
            continue
        found = look(pd.DataFrame({"c": [word, damaged]})).texts["c"].damaged
        assert found == (0 if word == "Škoda" else 1), (lost, damaged)


def test_whole_words_of_many_languages_show_no_damage() -> None:
    words = ["SÃO PAULO", "NÂO", "marché »", "ESPAÑA", "“ÂME”", "Ðorđe", "10 °C", "naïve café", "CHÂTEAU", "MAÑANA…"]
    assert look(pd.DataFrame({"c": words})).texts["c"].damaged == 0


def test_values_are_there_unless_null_or_nan() -> None:
    frame = pd.DataFrame(
        {"x": [1.0, np.nan, np.inf], "t": pd.to_datetime(["2026-01-01", None, None]), "c": ["a", None, ""]}
    )
    assert look(frame).present == {"x": 2, "t": 1, "c": 2}


def test_keys_are_counted_where_they_are_whole() -> None:
    frame = pd.DataFrame({"a": [1, 1, 1, 2, None], "b": [1, 2, 2, 1, 1]})
    assert look(frame, "a", "b").keys == RelationLook(4, 3)
    assert look(frame, "a").keys == RelationLook(4, 2)
    assert look(frame).keys is None
    assert look(frame, "missing").keys is None


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = 20_000
    net = random.gamma(2, 30, rows).round(2)
    start = pd.Timestamp("2026-01-01") + pd.to_timedelta(random.random(rows) * 30, unit="D")
    frame = pd.DataFrame(
        {
            "low": net - random.gamma(2, 5, rows),
            "net": net,
            "high": net + random.gamma(2, 5, rows),
            "tax": (net * 0.19).round(2),
            "age": random.normal(70, 40, rows),
            "start": start,
            "end": start + pd.to_timedelta(random.exponential(9, rows), unit="D"),
        }
    )
    frame["gross"] = (frame["net"] + frame["tax"]).round(2)
    frame.loc[::2_000, "high"] = -5
    frame.loc[::50, "net"] = np.nan
    return frame


def test_orders_and_sums_that_are_no_chance_are_counted_in_all_rows(orders: pd.DataFrame, tmp_path: Path) -> None:
    found = look(orders)
    assert {("low", "net"), ("start", "end")} <= set(found.orders)
    assert not any("age" in pair for pair in found.orders)
    # What follows from two others is left out.
    assert ("low", "high") not in found.orders
    for (a, b), relation in found.orders.items():
        both = orders[[a, b]].dropna()
        assert relation == RelationLook(len(both), int((both[a] <= both[b]).sum())), (a, b)
    assert found.sums == {("net", "tax", "gross"): RelationLook(19_600, 19_600)}
    orders.to_parquet(tmp_path / "orders.parquet")
    read = Dataset("d", str(tmp_path / "orders.parquet"), (), event_time="")
    assert DuckDB().look(read, EVER, list(orders.columns)) == found


def test_numbers_of_every_type_are_compared_and_a_column_without_a_type_is_not() -> None:
    random = np.random.default_rng(0)
    small = random.integers(0, 1_000, 5_000)
    counts = {"small": small.astype(np.uint64), "great": (small + random.integers(0, 300, 5_000)).astype(np.uint64)}
    table = pa.table({**counts, "nothing": pa.nulls(5_000)})
    found = DuckDB().look(Dataset("d", table, (), event_time=""), EVER, table.column_names)
    assert found.present == {"small": 5_000, "great": 5_000, "nothing": 0}
    assert found.orders == {("small", "great"): RelationLook(5_000, 5_000)}


def test_an_order_by_chance_is_none() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"small": random.normal(0, 1, 5_000), "great": random.normal(100, 1, 5_000)})
    assert look(frame).orders == {}


def test_codes_of_a_declared_category_are_looked_at_as_they_lie_there() -> None:
    frame = pd.DataFrame({"code": [1.0, 2.0, np.nan]})
    found = look(frame, columns=(Column("code", Kind.CATEGORICAL),))
    assert (found.present, found.texts) == ({"code": 2}, {})
