"""What check says of files elsewhere: whether they are there, and why they cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from airflow_ml_monitor import MonitorSpec
from airflow_ml_monitor.onboarding.finding import Finding, Level
from airflow_ml_monitor.onboarding.preflight import preflight

_SPEC = """
name: loans
task: {kind: binary, positive: 1}
datasets:
  - name: scores
    source: {path: 's3://lake/check/scores', connection: lake}
    event_time: at
    entity_key: id
    columns: {score: {role: score}}
labels:
  - {name: labels, source: {path: 's3://lake/check/labels/*.parquet', connection: lake}, key: id, label: label,
     label_time: at, horizon: 1d}
reference: {source: {path: 's3://lake/check/past', connection: PAST, format: FORMAT}, label: label}
"""


@pytest.fixture
def written(object_store: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A spec on a bucket; `written(PAST=…, FORMAT=…)`."""
    monkeypatch.setenv("AIRFLOW_CONN_LAKE", object_store.connection)
    at = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(24)]
    rows = pa.table(
        {"at": at, "id": range(24), "score": [i / 24 for i in range(24)], "label": [i % 2 for i in range(24)]}
    )
    object_store.put("check/scores/1.parquet", rows)
    object_store.put("check/past/1.parquet", rows)

    def write(**words: str) -> dict[str, Finding]:
        text = _SPEC
        for old, new in words.items():
            text = text.replace(old, new)
        (tmp_path / "loans.yaml").write_text(text)
        found = preflight(MonitorSpec.from_yaml(tmp_path / "loans.yaml"))
        return {finding.field: finding for finding in found if finding.field.endswith(".source")}

    return write


def test_files_of_a_bucket_are_counted_and_labels_may_come_later(written: Any) -> None:
    found = written(PAST="lake", FORMAT="files")
    assert {name: one.level for name, one in found.items()} == {
        "datasets.scores.source": Level.OK, "labels.labels.source": Level.WARNING, "reference.source": Level.OK,
    }  # fmt: skip
    assert "24 rows in 1 file" in found["datasets.scores.source"].what


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"PAST": "nobody", "FORMAT": "files"}, "connection 'nobody' is not known outside Airflow"),
        ({"PAST": "lake", "FORMAT": "iceberg"}, "no Parquet or CSV file matches"),
    ],
)
def test_what_cannot_be_read_is_an_error_in_words(words: dict[str, str], told: str, written: Any) -> None:
    found = written(**words)["reference.source"]
    assert found.level is Level.ERROR
    assert told in found.what
    assert "S3CR3T" not in str(found)
