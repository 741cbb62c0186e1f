"""A monitor whose rows are tables of a warehouse, by its connection: the measurements that it leaves on files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.policy.chart import TOGETHER
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.table import Table

pytestmark = pytest.mark.slow

DAYS = 2
SCATTERED = {*TOGETHER, "reconstruction_error"}


@pytest.fixture
def pretended(builders: Callable[[str], ModuleType]) -> Any:
    """Warehouses that are none; see profile/pretended.py."""
    builders("profile/warehouse_words.py")
    found = builders("profile/pretended.py")
    yield found
    found.retract()


def test_a_warehouse_leaves_the_measurements_and_decisions_that_files_leave(
    builders: Callable[[str], ModuleType], pretended: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laws = builders("monitor/test_tables.py")
    monkeypatch.setattr(laws, "DAYS", DAYS)
    lender = builders("monitor/lender.py").Lender.open(tmp_path, days=DAYS, rows=200)
    for number in range(DAYS):
        lender.land(number)
    url = pretended.pretend("bigquery")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "generic", "host": url}))
    rows, known = lender.rows, lender.rows["known_at"].notna()
    for name, part in {
        "predictions": rows.drop(columns=["label", "known_at"]),
        "labels": rows.loc[known, ["id", "label", "known_at"]],
        "past": pd.read_parquet(tmp_path / "reference.parquet"),
    }.items():
        pretended.bring(url, memory.table(part), name)
    tables, said = laws.measured(
        lender, tmp_path / "tables", **{owner: Table("warehouse", name) for owner, name in laws.SOURCES.items()}
    )
    files, expected = laws.measured(lender, tmp_path / "files")
    # It draws no rows: how products scatter is not known.
    plain, together = (tables[tables["metric"].isin(SCATTERED) == is_mine] for is_mine in (False, True))
    assert set(together["status"]) == {"undefined"}
    laws.same(plain, files[~files["metric"].isin(SCATTERED)])
    assert said == expected
