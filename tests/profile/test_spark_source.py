"""Spark as a source is written in specs; and what is sent to executors: no Spark is needed to say so."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.monitor.document import validated
from airflow_ml_monitor.monitor.places import Place, place_of
from airflow_ml_monitor.profile.engines.spark.spark_session import archive
from airflow_ml_monitor.profile.spark_source import Spark, is_frame, is_spark

ROWS = {"path": "s3a://lake/rows", "remote": "sc://spark:15002"}


def document(**more: Any) -> dict[str, Any]:
    columns = {"x": "numeric", "score": {"role": "score"}}
    rows = {"name": "rows", "source": {"spark": ROWS}, "columns": columns, "event_time": "at", "entity_key": "id"}
    known = {"name": "l", "key": "id", "label": "y", "label_time": "known", "horizon": "3d"}
    labels = {**known, "source": more.get("labels", {"spark": ROWS})}
    reference = {"source": {"spark": {"table": "lake.past"}}}
    return {"name": "m", "task": "binary", "datasets": [rows], "labels": [labels], "reference": reference}


def test_a_document_names_what_spark_reads() -> None:
    spec = validated(document())
    assert spec.dataset().source == spec.labels[0].source == Spark(path="s3a://lake/rows", remote="sc://spark:15002")
    assert spec.reference.source == Spark(table="lake.past")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ("labels.parquet", "cannot be joined with predictions that Spark reads"),
        ({"connection": "warehouse", "table": "labels"}, "cannot be joined with predictions that Spark reads"),
        ({"spark": {"path": "s3a://lake/labels"}}, "its predictions by the one at 'sc://spark:15002'"),
        ({"spark": {"paht": "s3a://lake/labels"}}, "unknown field 'paht'; did you mean 'path'?"),
        ({"spark": {"path": 3}}, "labels.0.source.spark.path"),
        (
            {"spark": {"remote": "sc://spark:15002"}},
            "labels.0.source.spark.table: names both a table and a path, or neither",
        ),
    ],
)
def test_labels_that_cannot_be_joined_are_refused_before_anything_is_read(labels: Any, told: str) -> None:
    with pytest.raises(SpecError) as refused:
        validated(document(labels=labels))
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"path": "a", "table": "b"},
        {"path": "a", "remote": "sc://h", "master": "yarn"},
        {"path": "a", "remote": "https://h"},
        {"path": "a", "remote": "sc://h:443/;token=canary"},
    ],
)
def test_a_source_says_one_place_and_no_secret(wrong: dict[str, str]) -> None:
    with pytest.raises(SpecError) as refused:
        Spark(**wrong)
    assert "canary" not in str(refused.value)


def test_a_frame_of_pandas_is_none_of_sparks() -> None:
    assert not is_frame(pd.DataFrame())
    assert not is_spark("s3a://lake/rows")


def test_lineage_names_the_path_that_spark_reads() -> None:
    assert place_of(Spark(path="s3a://lake/credit"), "") == Place("s3://lake", "credit")


def test_what_executors_are_sent_needs_numpy_and_pyarrow_alone() -> None:
    """Nothing else of this environment is let in, and of the package no file but those of the archive."""
    others = ("scipy", "sqlalchemy", "pandas", "duckdb", "pydantic", "yaml", "airflow", "pyspark")
    code = f"""
import sys
for name in {others!r}:
    sys.modules[name] = None
sys.path.insert(0, {str(archive())!r})
from airflow_ml_monitor.profile import wanted
from airflow_ml_monitor.profile.kernel import batch_cells
assert {archive().name!r} in batch_cells.__file__, batch_cells.__file__
print(len(batch_cells.added_up(wanted.Wanted(), ())))
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5
