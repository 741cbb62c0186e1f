"""Categories that PostgreSQL counts several at a time, against those of a file of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.databases.postgres_database import Postgres
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.table import Table

pytestmark = pytest.mark.servers

KINDS = {f"c{i}": Kind.CATEGORICAL for i in range(5)} | {"flag": Kind.BOOLEAN, "x": Kind.NUMERIC}
ROWS = 6_000


@pytest.fixture(scope="module")
def there(
    builders: Callable[[str], ModuleType], empty_database: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The engine of tables, which brings what it is given in memory into a database first."""
    with empty_database("postgresql", tmp_path_factory.mktemp("categories")) as url:
        yield builders("profile/database_tables.py").InDatabase(url)


@pytest.fixture
def grouped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Statements by grouping sets, as they are asked."""
    asked: list[str] = []
    filled = Postgres.filled

    def noted(self: Postgres, statement: sa.SelectBase, *more: Any) -> Any:
        text, values = filled(self, statement, *more)
        if "GROUPING SETS" in text and "LIMIT" not in text.partition("GROUPING SETS")[0]:
            asked.append(text)
        return text, values

    monkeypatch.setattr(Postgres, "filled", noted)
    return asked


def drawn(oracle: ModuleType, seed: int, *new: str) -> pd.DataFrame:
    """Columns of three to sixty values, NULL in some; new: values that stand in each besides."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"at": [oracle.NOON] * ROWS, "x": rng.normal(size=ROWS), "flag": rng.random(ROWS) < 0.2})
    for i, levels in enumerate((3, 5, 8, 20, 60)):
        names = np.array([*(f"level {level}" for level in range(levels)), *new], object)
        values = names[rng.integers(0, len(names), ROWS)]
        frame[f"c{i}"] = np.where(rng.random(ROWS) < 0.05 * i, None, values)
    return frame


def both(there: Any, oracle: ModuleType, dataset: Dataset, layout: Layout) -> tuple[Profile, Profile]:
    return there.profile(dataset, layout, oracle.DAY), DuckDB(small=-1).profile(dataset, layout, oracle.DAY)


def assert_same(found: Profile, expected: Profile) -> None:
    assert found.rows == expected.rows
    assert found.cells.keys() == expected.cells.keys()
    for key, cells in expected.cells.items():
        np.testing.assert_array_equal(found.cells[key].bucket, cells.bucket)
        np.testing.assert_array_equal(found.cells[key].count, cells.count)
    assert (found.traces.unseen, found.traces.damaged) == (expected.traces.unseen, expected.traces.damaged)


@pytest.mark.parametrize("slices", [(), ("c1",), ("flag", "c2")])
def test_a_statement_of_several_columns_counts_what_a_file_does(
    there: Any, oracle: ModuleType, grouped: list[str], slices: tuple[str, ...]
) -> None:
    layout = DuckDB().layout(oracle.dataset(drawn(oracle, 1), KINDS, slice_by=slices), EVER)
    # Unseen, among the first categories of a column, and wrongly decoded; a rare one as well.
    now = drawn(oracle, 2, "nowhere", "level 0", "dÃ©cembre")
    now.loc[7:9, "c3"] = "rare"
    found, expected = both(there, oracle, oracle.dataset(now, KINDS, slice_by=slices), layout)
    assert_same(found, expected)
    assert set(found.traces.unseen) == set(found.traces.damaged) == {f"c{i}" for i in range(5)}
    assert "rare" not in found.traces.unseen["c3"]
    together = [text for text in grouped if "grouping(" in text]
    assert [all(f'"c{i}"' in text for i in range(5)) for text in together] == [True]


def test_a_column_of_many_values_has_a_statement_to_itself(there: Any, oracle: ModuleType, grouped: list[str]) -> None:
    frame = drawn(oracle, 3)
    layout = DuckDB().layout(oracle.dataset(frame, KINDS), EVER)
    now = frame.assign(c2=[f"id {i}" for i in range(ROWS)])
    assert_same(*both(there, oracle, oracle.dataset(now, KINDS), layout))
    [together] = grouped
    assert '"c2"' not in together
    assert all(f'"c{i}"' in together for i in (0, 1, 3, 4))


def test_more_columns_than_a_statement_groups_by_are_shared_out(
    there: Any, oracle: ModuleType, grouped: list[str]
) -> None:
    frame = drawn(oracle, 4)
    kinds = dict.fromkeys((f"k{i}" for i in range(Postgres.most_sets + 3)), Kind.CATEGORICAL)
    frame = frame.assign(**{name: frame[f"c{i % 5}"] for i, name in enumerate(kinds)})
    dataset = oracle.dataset(frame, kinds)
    assert_same(*both(there, oracle, dataset, DuckDB().layout(dataset, EVER)))
    assert [text.partition("GROUPING SETS(")[2].partition("))")[0].count("),") + 1 for text in grouped] == [16, 3]


@pytest.mark.parametrize(
    "view",
    ["c1, c4, c4 AS twin", 'c1 COLLATE "C" AS c1, c4 COLLATE "POSIX" AS c4, c4 COLLATE "en-x-icu" AS twin'],
    ids=["one column under two names", "columns of different orders"],
)
def test_a_view_is_counted_as_the_rows_that_it_shows(
    there: Any, oracle: ModuleType, grouped: list[str], view: str
) -> None:
    frame = drawn(oracle, 5, "nowhere")
    kinds = dict.fromkeys(("c1", "c4", "twin"), Kind.CATEGORICAL)
    expected = oracle.dataset(frame.assign(twin=frame["c4"]), kinds)
    layout = DuckDB().layout(oracle.dataset(drawn(oracle, 1).assign(twin="level 1"), kinds), EVER)
    engine = sa.create_engine(there.url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP VIEW IF EXISTS shown")
        connection.exec_driver_sql(f"CREATE VIEW shown AS SELECT at, {view} FROM {there.table(frame).name}")  # noqa: S608
    engine.dispose()
    found = there.profile(replace(expected, source=Table("warehouse", "shown")), layout, oracle.DAY)
    assert_same(found, DuckDB(small=-1).profile(expected, layout, oracle.DAY))
    assert len(grouped) == 1
