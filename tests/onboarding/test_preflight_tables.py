"""What check says of tables: the remedy is one of tables, and labels may come later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from airflow_ml_monitor import MonitorSpec, Table
from airflow_ml_monitor.onboarding.finding import Finding, Level
from airflow_ml_monitor.onboarding.preflight import preflight

_SPEC = """
name: loans
task: {kind: binary, positive: 1}
datasets:
  - name: scores
    source: {connection: warehouse, table: scores}
    event_time: at
    entity_key: id
    columns: {score: {role: score}}
labels:
  - {name: labels, source: {connection: warehouse, table: labels}, key: id, label: label, label_time: at, horizon: 1d}
reference: {source: {connection: warehouse, table: past}, label: label}
"""


@pytest.fixture
def spec(tmp_path: Path) -> MonitorSpec:
    path = tmp_path / "loans.yaml"
    path.write_text(_SPEC)
    return MonitorSpec.from_yaml(path)


def _of_sources(spec: MonitorSpec) -> dict[str, Finding]:
    return {f.field: f for f in preflight(spec) if f.field.endswith(".source")}


def test_the_remedy_of_a_database_that_cannot_be_asked_is_none_of_files(
    spec: MonitorSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_WAREHOUSE", raising=False)
    unknown = _of_sources(spec)["datasets.scores.source"]
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://someone@127.0.0.1:1/nowhere")
    unreachable = _of_sources(spec)["datasets.scores.source"]
    assert "AIRFLOW_CONN_WAREHOUSE" in unknown.what
    assert "does the server answer" in unreachable.remedy
    for found in (unknown, unreachable):
        assert found.level is Level.ERROR
        assert not re.search("Parquet|CSV", found.remedy)


@pytest.fixture
def empty(empty_database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with empty_database("postgresql", tmp_path) as url:
        monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", url.replace("postgresql+psycopg2", "postgres"))
        yield url


@pytest.mark.servers
def test_a_table_of_labels_may_come_later_and_one_of_predictions_may_not(spec: MonitorSpec, empty: str) -> None:
    engine = sa.create_engine(empty)
    rows = pd.DataFrame({"id": range(100), "score": [i / 100 for i in range(100)], "label": [0, 1] * 50})
    rows.to_sql("past", engine, index=False)
    engine.dispose()
    found = _of_sources(spec)
    assert found["labels.labels.source"].level is Level.WARNING
    assert found["datasets.scores.source"].level is Level.ERROR
    assert "schema.table" in found["datasets.scores.source"].remedy
    assert found["reference.source"].level is Level.OK
    elsewhere = spec.with_sources({"reference": Table("warehouse", "nowhere")})
    assert _of_sources(elsewhere)["reference.source"].level is Level.ERROR


def test_a_table_of_a_warehouse_is_told_to_be_read_by_statements_that_nobody_has_run(
    spec: MonitorSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", '{"conn_type": "generic", "host": "redshift://me@127.0.0.1:1/dev"}')
    warned = {f.field: f for f in preflight(spec) if f.level is Level.WARNING}
    for field in ("datasets.scores.source", "labels.labels.source", "reference.source"):
        assert "a table of Redshift: statements are generated" in warned[field].what
        assert "the same rows in a file" in warned[field].remedy
