"""A monitor whose rows are tables of a database: the measurements that it leaves on files of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
import yaml

from airflow_ml_monitor.errors import ScanError, SpecError
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor
from airflow_ml_monitor.monitor.whole import measure_all
from airflow_ml_monitor.onboarding.contract import contract_of_spec
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.store.repository import MetricsStore

pytestmark = [pytest.mark.servers, pytest.mark.slow]

DAYS = 5
SOURCES = {"scores": "predictions", "labels": "labels", "reference": "past"}
KEYS = ["window_start", "family", "dataset", "column", "slice", "metric", "parameters", "model_version"]


@dataclass
class Warehouse:
    url: str
    upload: Callable[..., None]

    def bring(self, rows: pd.DataFrame, name: str) -> None:
        self.upload(self.url, memory.table(rows), name)

    def run(self, statement: str) -> None:
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()


@pytest.fixture(scope="module")
def lender(builders: Callable[[str], ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of the five days one has another unit, one a column less."""
    home = tmp_path_factory.mktemp("lender")
    made = builders("monitor/lender.py").Lender.open(home, days=DAYS, rows=200)
    hit = made.rows["at"].dt.day == (made.at(2)).day
    made.rows.loc[hit, "income"] = made.rows.loc[hit, "income"] * 1000
    made.rows.loc[made.rows["at"].dt.day == made.at(4).day, "country"] = None
    for number in range(DAYS):
        made.land(number)
    # A thousand rows of a reference tell what one in a thousand is.
    past = pd.read_parquet(home / "reference.parquet")
    pd.concat([past, past], ignore_index=True).to_parquet(home / "reference.parquet")
    return made


@pytest.fixture(scope="module", params=["postgresql", "mariadb", "sqlite"])
def warehouse(
    request: pytest.FixtureRequest,
    lender: Any,
    builders: Callable[[str], ModuleType],
    empty_database: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Warehouse]:
    with (
        empty_database(request.param, tmp_path_factory.mktemp("warehouse")) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        scheme, _, place = url.partition("://")
        patch.setenv("AIRFLOW_CONN_WAREHOUSE", f"{scheme.partition('+')[0]}://{place}")
        made = Warehouse(url, builders("profile/database_tables.py").upload)
        made.bring(lender.rows.drop(columns=["label", "known_at"]), "predictions")
        made.bring(lender.rows[lender.rows["known_at"].notna()][["id", "label", "known_at"]], "labels")
        made.bring(pd.read_parquet(lender.home / "reference.parquet"), "past")
        yield made


@pytest.fixture(scope="module")
def files(lender: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, list[str]]:
    """What the monitor leaves on files."""
    return measured(lender, tmp_path_factory.mktemp("files") / "store")


def measured(lender: Any, folder: Path, **sources: Any) -> tuple[pd.DataFrame, list[str]]:
    """What a monitor stores of all days, one after the other, and what it decides."""
    folder.mkdir()
    store = MetricsStore(f"sqlite:///{folder}/metrics.db")
    store.upgrade()
    try:
        spec = lender.spec(contract="inferred").with_sources(sources)
        monitor, said = Monitor(spec, store), []
        for number in range(DAYS):
            run = lender.run(number)
            measure_all(monitor, run)
            said.append(decide(monitor, run, act=False).because)
        return lender.table(store), said
    finally:
        store.dispose()


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """The same rows; values and intervals within 1e-9."""
    assert len(found) == len(expected) > 500
    found, expected = (frame.sort_values(KEYS, ignore_index=True) for frame in (found, expected))
    for name in (*KEYS, "status", "reason"):
        assert found[name].fillna("").tolist() == expected[name].fillna("").tolist(), name
    for name in ("value", "low", "high", "n", "coverage"):
        np.testing.assert_allclose(found[name].astype(float), expected[name].astype(float), rtol=1e-9, atol=1e-9)


def test_tables_leave_the_measurements_and_decisions_that_files_leave(
    lender: Any, warehouse: Warehouse, files: tuple[pd.DataFrame, list[str]], tmp_path: Path
) -> None:
    tables, said = measured(lender, tmp_path / "tables", **{n: Table("warehouse", t) for n, t in SOURCES.items()})
    same(tables, files[0])
    assert "outlier_share" in set(tables[tables["status"] == "ok"]["metric"])
    assert said == files[1]
    # A day in another unit, and one of a column without values, have their names.
    found = tables[(tables["family"] == "fault") & (tables["value"] > 0)]
    assert {"unit_changed of income", "all_missing of country"} <= set(found["metric"] + " of " + found["column"])


def test_rules_that_cells_cannot_answer_are_asked_in_the_database_or_else_of_the_first_rows_and_say_so(
    lender: Any, warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_ml_monitor.monitor.contract.CONTRACT_ROWS", 50)
    asked = [
        ("column_values_to_not_be_null", {"column": "income"}),
        ("compound_columns_to_be_unique", {"column_list": ["id", "income"]}),
        ("column_value_lengths_to_be_between", {"column": "country", "min_value": 1}),
        ("column_values_to_match_regex", {"column": "country", "regex": "^X"}),
        ("column_values_to_be_increasing", {"column": "income"}),
        ("column_values_to_match_regex", {"column": "income", "regex": "^X"}),
    ]
    rules = [{"type": f"expect_{kind}", "kwargs": kwargs, "severity": "info"} for kind, kwargs in asked]
    spec = lender.spec(contract={"expectations": rules})
    spec = spec.with_sources({name: Table("warehouse", table) for name, table in SOURCES.items()})
    store = MetricsStore(f"sqlite:///{tmp_path}/metrics.db")
    store.upgrade()
    try:
        measure_all(Monitor(spec, store), lender.run(0))
        found = store.history("default/lender", metric="expectation").sort_values("parameters")
    finally:
        store.dispose()
    by = {row.parameters: (row.status, row.n, row.reason.rpartition("; contract")[0]) for row in found.itertuples()}
    there, first = (
        "answered by great expectations in the database",
        "answered by great expectations; first 50 of 200 rows",
    )
    assert by["expect_column_values_to_not_be_null:income"] == ("ok", 200, "answered by cells")
    if not warehouse.url.startswith("postgresql"):
        # Great Expectations is not let into other databases.
        rest = [found for rule, found in by.items() if "not_be_null" not in rule and found[0] == "ok"]
        assert len(rest) >= 4
        assert all(n == 50 and reason.endswith(first) for _, n, reason in rest)
        return
    assert by["expect_compound_columns_to_be_unique:id,income"] == ("ok", 200, there)
    assert by["expect_column_value_lengths_to_be_between:country"] == ("ok", 200, there)
    assert by["expect_column_values_to_be_increasing:income"][1] == 50
    assert by["expect_column_values_to_be_increasing:income"][2].endswith(first)
    status, n, reason = by["expect_column_values_to_match_regex:country"]
    assert (status, n, reason.startswith("200 of 200 rows break"), reason.endswith(there)) == ("ok", 200, True, True)
    status, _, reason = by["expect_column_values_to_match_regex:income"]
    assert (status, "(UndefinedFunction)" in reason, reason.endswith(there)) == ("failed", True, True)


def test_labels_in_a_table_are_joined_with_predictions_in_files(
    lender: Any, warehouse: Warehouse, files: tuple[pd.DataFrame, list[str]], tmp_path: Path
) -> None:
    if warehouse.url.startswith("sqlite"):
        pytest.skip("how labels are fetched is asked of every database in profile/test_tables_ledger.py")
    mixed, _ = measured(lender, tmp_path / "mixed", labels=Table("warehouse", "labels"))
    same(mixed, files[0])


def test_the_first_hour_is_the_same_on_tables(lender: Any, warehouse: Warehouse, tmp_path: Path) -> None:
    spec = lender.spec().with_sources({name: Table("warehouse", table) for name, table in SOURCES.items()})
    (tmp_path / "lender.yaml").write_text(yaml.safe_dump(spec.document()))
    of_tables, of_files = (
        {(f.level, f.field, f.what) for f in found if f.field not in ("cost", "store") and "rows in" not in f.what}
        for found in (preflight(tmp_path / "lender.yaml"), preflight(_written(lender, tmp_path)))
    )
    assert {f for f in of_tables if f[0] == Level.ERROR} == set()
    assert len(of_tables & of_files) > 8
    on_tables, on_files = (contract_of_spec(one)["expectations"] for one in (spec, lender.spec()))
    assert [rule["type"] for rule in on_tables] == [rule["type"] for rule in on_files]


def _written(lender: Any, folder: Path) -> Path:
    path = folder / "files.yaml"
    path.write_text(yaml.safe_dump(lender.spec().document()))
    return path


def test_labels_in_files_of_predictions_in_a_table_are_refused_with_the_remedy(
    lender: Any, warehouse: Warehouse, tmp_path: Path
) -> None:
    with pytest.raises(SpecError, match="put its labels into a table of the same connection"):
        measured(lender, tmp_path / "wrong", scores=Table("warehouse", "predictions"))


def test_no_password_is_in_an_error_or_in_a_stored_document(
    lender: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWAY", "postgres://someone:hunter2hunter2@127.0.0.1:1/nowhere")
    with pytest.raises(ScanError, match="cannot be reached") as raised:
        measured(lender, tmp_path / "away", reference=Table("away", "past"))
    assert "hunter2" not in str(raised.value)
    with pytest.raises(SpecError, match="AIRFLOW_CONN_NOWHERE"):
        measured(lender, tmp_path / "nowhere", reference=Table("nowhere", "past"))
    assert b"hunter2" not in (tmp_path / "away" / "metrics.db").read_bytes()
