"""The table of TensorFlow Data Validation's anomalies is whole, and names only what there is."""

from __future__ import annotations

from pathlib import Path

from airflow_ml_monitor.metrics.names import fault_names, metric_names
from airflow_ml_monitor.metrics.tfdv import TFDV

ANOMALIES = (Path(__file__).parents[1] / "golden" / "tfdv-anomalies.txt").read_text().split()
"""The names of `AnomalyInfo.Type` in tensorflow_metadata/proto/v0/anomalies.proto."""


def test_every_anomaly_has_an_answer_and_no_other() -> None:
    assert sorted(TFDV) == sorted(ANOMALIES)


def test_every_name_is_a_metric_of_ours() -> None:
    assert {name for answer in TFDV.values() for name in answer.names} <= metric_names()


def test_what_has_no_name_here_says_why() -> None:
    assert [code for code, answer in TFDV.items() if not answer.names and not answer.note] == []


def test_anomalies_of_names_types_and_texts_are_faults_that_are_named() -> None:
    named = {name for answer in TFDV.values() for name in answer.names}
    assert named & fault_names() >= {
        *("column_missing", "column_renamed", "column_added", "type_changed"),
        *("category_recoded", "category_split", "category_merged", "encoding_damaged"),
    }
