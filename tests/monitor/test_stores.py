"""A monitor whose rows are in a bucket: the measurements and decisions that it leaves on the same files here."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.run import Monitor
from airflow_ml_monitor.monitor.whole import measure_all
from airflow_ml_monitor.profile.file_source import Files
from airflow_ml_monitor.store.repository import MetricsStore

DAYS = 3
KEYS = ["window_start", "family", "dataset", "column", "slice", "metric", "parameters", "model_version"]


@pytest.fixture
def lender(builders: Callable[[str], ModuleType], tmp_path: Path) -> Any:
    return builders("monitor/lender.py").Lender.open(tmp_path / "lender", days=DAYS, rows=150)


def measured(lender: Any, folder: Path, sources: dict[str, Any]) -> tuple[pd.DataFrame, list[str], str]:
    """What a monitor stores of all days, what it decides, and all that is in its database."""
    store = MetricsStore(f"sqlite:///{folder}.db")
    store.upgrade()
    try:
        monitor, said = Monitor(lender.spec().with_sources(sources), store), []
        for number in range(DAYS):
            run = lender.run(number)
            measure_all(monitor, run)
            # Again: the same bytes are the same revision.
            measure_all(monitor, run)
            said.append(decide(monitor, run, act=False).because)
        with closing(sqlite3.connect(f"{folder}.db")) as kept:
            everything = "\n".join(kept.iterdump())
        return lender.table(store).sort_values(KEYS, ignore_index=True), said, everything
    finally:
        store.dispose()


def test_a_bucket_leaves_what_files_leave_and_no_secret(
    lender: Any, object_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", object_store.connection)
    for path in lender.home.rglob("*.parquet"):
        with object_store.files.open_output_stream(f"lake/lender/{path.relative_to(lender.home)}") as out:
            out.write(path.read_bytes())
    here, said, _ = measured(lender, tmp_path / "here", {})
    there = {
        "scores": Files("s3://lake/lender/predictions", "lake"),
        "labels": Files("s3://lake/lender/labels/*.parquet", "lake"),
        "reference": Files("s3://lake/lender/reference.parquet", "lake"),
    }
    found, told, kept = measured(lender, tmp_path / "there", there)
    assert told == said
    assert len(found) == len(here) > 300
    for name in (*KEYS, "status", "reason"):
        assert found[name].fillna("").tolist() == here[name].fillna("").tolist(), name
    for name in ("value", "low", "high", "n"):
        np.testing.assert_allclose(found[name].astype(float), here[name].astype(float), rtol=1e-9, atol=1e-9)
    assert "s3://lake/lender/predictions" in kept
    assert "S3CR3T" not in kept
