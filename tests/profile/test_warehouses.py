"""Warehouses of which no server is here: every statement is of their dialect's grammar and words, and means what ours
mean, as far as sqlglot's reading of the dialect is right. See pretended.py."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile import queries
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.databases.sql_scan import SQLScan
from airflow_ml_monitor.profile.engines.databases.warehouse_values import filled
from airflow_ml_monitor.profile.engines.databases.warehouses import WAREHOUSES
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.preview import Preview

pytestmark = pytest.mark.slow

NOT_ASKED = {
    "query.values": "rows themselves, for the kernel",
    "preview_query.partners": "rows of files, where a source is guessed at",
    "preview_query.spans": "as partners",
    "category_query.distinct_values": "of several columns at once, where rows are read from their first column on",
    "category_query.several_categories": "as distinct_values",
    "scatter_query.scattered": "of rows drawn at random, which no warehouse is asked for",
    "query.spread": "rank_query.spread is asked in its place",
    "preview_query.arrivals": "rank_query.arrivals is asked in its place",
    "hash_query.key_hashes": "of keys of files, whose groups would not fit into memory",
}
"""Statements that no warehouse is asked."""
OF_DUCKDB = {"single_join_query"}
"""Modules of which no warehouse is asked any: predictions and labels of files are joined once."""
PAIRS = {
    "bigquery": [("multiclass and features", "explicit"), ("ranking", "explicit")],
    "redshift": [("binary and features", "implicit"), ("ranking", "explicit")],
    "trino": [("binary", "censored"), ("multilabel", "explicit"), ("regression and features", "explicit")],
    "databricks": [("forecast", "explicit"), ("multiclass", "majority"), ("regression and features", "explicit")],
}
"""Ledgers that are made in each of them; in Snowflake's words all are."""


@pytest.fixture(scope="module")
def made(builders: Callable[[str], ModuleType], pretended: ModuleType) -> Callable[[str], Any]:
    """The engine of tables in a warehouse, which brings what it is given in memory into it first."""

    def there(name: str) -> Any:
        return builders("profile/database_tables.py").InDatabase(pretended.pretend(name), pretended.bring)

    return there


@pytest.fixture(scope="module", params=[*PAIRS])
def there(request: pytest.FixtureRequest, made: Callable[[str], Any]) -> Any:
    return made(request.param)


def agree(there: Any, oracle: ModuleType, rows: ModuleType, builders: Callable[[str], ModuleType]) -> None:
    """What is counted of every type, and of texts, is what it is elsewhere."""
    laws = builders("profile/test_tables_agree.py")
    laws.test_every_type_is_cut_like_numpy_cuts_it(there, oracle, rows, builders)
    laws.test_texts_are_told_apart_letter_by_letter(there, oracle, rows)


def differ(there: Any, oracle: ModuleType, builders: Callable[[str], ModuleType]) -> None:
    """What is broken, and what differs from its replay, is what it is elsewhere."""
    laws = builders("profile/test_tables_agree.py")
    laws.test_a_fault_reads_as_it_does_of_a_file(there, oracle)
    laws.test_a_replay_beside_the_rows_differs_where_it_does(there, oracle)


def ledgers(there: Any, oracle: ModuleType, builders: Callable[[str], ModuleType], pairs: Any) -> None:
    """Entries are those of the same rows in memory."""
    laws = builders("profile/test_tables_ledger.py")
    predictions = drawn(laws.predictions, oracle)
    labels = drawn(laws.labels, predictions)
    for kind, source in pairs:
        laws.test_entries_are_those_of_the_same_rows_in_memory(there, oracle, predictions, labels, kind, source)
    task, columns, _ = laws.TASKS["binary and features"]
    rows = Dataset("p", predictions, (*columns, laws.GROUP), "at", slice_by=("group",), label_moments=True)
    about = (rows, task, DuckDB(small=-1).layout(rows, EVER), "said", EVER)
    mine, theirs = (laws.as_rows(engine.reference_entries(*about)) for engine in (there, DuckDB(small=-1)))
    assert mine.keys() == theirs.keys()
    for key, values in theirs.items():
        np.testing.assert_allclose(mine[key], values, rtol=1e-9, atol=1e-9)


def drawn(fixture: Any, *given: Any) -> Any:
    """What a fixture of another file makes."""
    return fixture.__wrapped__(*given)


def plain(seen: Any) -> Any:
    """What was seen, in one order."""
    return replace(seen, steps=tuple(sorted(seen.steps))) if isinstance(seen, Preview) else seen


def looked_at(there: Any, oracle: ModuleType, zone: str = "Europe/Berlin") -> None:
    """What is seen before a first run is what is seen of the same rows in memory."""
    here, at = DuckDB(small=-1), pd.date_range("2026-03-29", periods=300, freq="13min")
    net, tax = np.random.default_rng(2).integers(1, 900, (2, 300)) / 4
    frame = pd.DataFrame({"id": range(300), "at": at, "x": net, "tax": tax, "y": net + tax})
    frame["mail"] = [f"a{i}@b.org" if i % 3 else "Ã©" for i in range(300)]
    frame["label"] = (frame["x"] > 100).astype(int)
    frame["known_at"] = frame["at"] + pd.to_timedelta(np.arange(300) % 5, unit="h")
    dataset = replace(oracle.dataset(frame, {"x": Kind.NUMERIC, "y": Kind.NUMERIC}), zone=zone, entity_key=("id",))
    truth = replace(oracle.labelled_by(frame), zone=zone)
    for ask in (
        lambda e: e.preview(dataset),
        lambda e: e.preview(truth),
        lambda e: e.look(dataset, EVER, ("x", "tax", "y", "mail", "id")),
        lambda e: e.label_values(oracle.BINARY, truth),
        lambda e: e.arrivals(dataset, oracle.BINARY, truth),
    ):
        assert plain(ask(there)) == plain(ask(here))
    pd.testing.assert_frame_equal(there.frame(dataset, EVER, 300), here.frame(dataset, EVER, 300))


@pytest.fixture(scope="module")
def asked(
    made: Callable[[str], Any], oracle: ModuleType, rows: ModuleType, builders: Callable[[str], ModuleType]
) -> Iterator[dict[tuple[Any, ...], Any]]:
    """Every statement that Snowflake was asked while all laws were held over it: (build, arguments) → shared values."""
    found: dict[tuple[Any, ...], Any] = {}
    plain = SQLScan._built

    def noted(scan: SQLScan, build: Any, *about: Any) -> Any:
        found[build, *about] = scan.shared
        return plain(scan, build, *about)

    there = made("snowflake")
    totals, outlying = (builders(f"profile/test_{name}.py") for name in ("aggregate_labels", "tables_distances"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SQLScan, "_built", noted)
        agree(there, oracle, rows, builders)
        differ(there, oracle, builders)
        of_ledgers = builders("profile/test_tables_ledger.py")
        ledgers(there, oracle, builders, [pair for pair in of_ledgers.PAIRS if pair not in of_ledgers.SAID_ELSEWHERE])
        looked_at(there, oracle)
        builders("profile/test_drawn_rows.py").check_draws(there, oracle.DAY)
        four = drawn(totals.four, oracle)
        totals.test_a_total_stands_beside_what_was_predicted_of_its_rows(there, oracle, four)
        totals.test_totals_of_several_models_are_of_none_alone(there, oracle, four)
        shapes = builders("profile/test_outlying.py")
        outlying.test_the_shape_of_a_table_is_that_of_a_file_whatever_its_rows_lack(there, oracle, shapes)
        outlying.test_rows_are_counted_by_their_distance_as_those_of_a_file_are(there, oracle, shapes, ("b",))
    return found


def test_every_statement_is_asked(asked: dict[tuple[Any, ...], Any]) -> None:
    written = set()
    for path in sorted(Path(queries.__file__).parent.glob("*.py")):
        if path.stem in OF_DUCKDB:
            continue
        for function in ast.parse(path.read_text(encoding="utf-8")).body:
            told = ast.unparse(function.returns) if isinstance(function, ast.FunctionDef) and function.returns else ""
            if told == "sa.SelectBase" and not function.name.startswith("_"):
                written.add(f"{path.stem}.{function.name}")
    instead = WAREHOUSES["snowflake"].instead
    named = {instead.get(build, build) for build, *_ in asked}
    missing = written - {f"{build.__module__.rpartition('.')[2]}.{build.__name__}" for build in named}
    assert missing == NOT_ASKED.keys() & written


@pytest.mark.parametrize("name", [*PAIRS])
def test_every_statement_is_of_the_words_of_every_warehouse(
    asked: dict[tuple[Any, ...], Any], pretended: ModuleType, name: str
) -> None:
    warehouse, seen = WAREHOUSES[name], set()
    none: Any = None
    for (build, *about), shared in asked.items():
        statement = warehouse.built(none, warehouse.instead.get(build, build)(*about))
        text = filled(statement, warehouse.plain, shared)
        if text not in seen:
            pretended.checked(text, name)
        seen.add(text)
    assert len(seen) > 100


def test_counts_and_sums_are_those_of_the_same_rows_elsewhere(
    there: Any, oracle: ModuleType, rows: ModuleType, builders: Callable[[str], ModuleType]
) -> None:
    agree(there, oracle, rows, builders)
    looked_at(there, oracle)
    builders("profile/test_drawn_rows.py").check_draws(there, oracle.DAY)


def test_parts_by_value_add_up_to_the_whole(
    there: Any, oracle: ModuleType, builders: Callable[[str], ModuleType]
) -> None:
    builders("profile/test_among.py").test_parts_by_value_hold_their_rows_alone_and_add_up_to_the_whole(there, oracle)


def test_entries_are_those_of_the_same_rows_elsewhere(
    there: Any, oracle: ModuleType, builders: Callable[[str], ModuleType]
) -> None:
    ledgers(there, oracle, builders, PAIRS[there.backend])
