"""A spec says what is wrong with it: field, value, remedy; before any data is read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.keys import WindowUnit
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.file_source import Files, Format
from airflow_ml_monitor.profile.table import Table


def plain(**changes: Any) -> dict[str, Any]:
    """A spec that is right, with some of its fields changed."""
    return {
        "name": "credit",
        "task": "binary",
        "datasets": [
            {
                "name": "predictions",
                "source": "predictions/*.parquet",
                "event_time": "at",
                "zone": "Europe/Lisbon",
                "entity_key": "id",
                "columns": {"x": "numeric", "c": "categorical", "score": {"role": "score"}},
                "slice_by": "c",
            }
        ],
        "labels": [{"name": "outcomes", "source": "y.parquet", "key": "id", "label": "y", "horizon": "30d"}],
        "reference": "reference.parquet",
        "windows": ["day", "week"],
        "policy": {"rules": [{"metric": "psi", "max": 0.2, "columns": "x", "action": "alert"}]},
        **changes,
    }


def test_yaml_and_python_give_the_same_spec(tmp_path: Path) -> None:
    (tmp_path / "credit.yaml").write_text(yaml.safe_dump(plain(), sort_keys=False))
    read = MonitorSpec.from_yaml(tmp_path / "credit.yaml")
    again = MonitorSpec.from_document(read.document())
    assert again == read
    assert read.datasets[0].source == str(tmp_path / "predictions" / "*.parquet")
    assert read.datasets[0].columns[2].role is Role.SCORE
    assert read.datasets[0].columns[1].kind is Kind.CATEGORICAL
    assert read.labels[0].horizon == timedelta(days=30)
    assert [rule.unit for rule in read.windows] == [WindowUnit.DAY, WindowUnit.WEEK]
    assert {rule.zone for rule in read.windows} == {"Europe/Lisbon"}
    assert read.policy.rules[0].action is Action.ALERT


def test_a_relative_path_is_relative_to_the_file_that_reads_it(tmp_path: Path) -> None:
    (tmp_path / "credit.yaml").write_text(yaml.safe_dump(plain(), sort_keys=False))
    reader: dict[str, Any] = {"__file__": str(tmp_path / "dag.py"), "MonitorSpec": MonitorSpec}
    exec("spec = MonitorSpec.from_yaml('credit.yaml')", reader)
    assert reader["spec"].key == "default/credit"


RULE = {"metric": "psi", "max": 0.2}
DATASET = plain()["datasets"][0]
LABELS = plain()["labels"][0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"naem": "x"}, ["unknown field 'naem'", "did you mean 'name'"]),
        ({"task": "clustering"}, ["task.kind", "'clustering'"]),
        ({"windows": ["fortnight"]}, ["windows", "'fortnight'"]),
        ({"windows": [{"unit": "day", "zone": "Mars/Olympus"}]}, ["unknown time zone 'Mars/Olympus'", "IANA"]),
        ({"windows": [{"unit": "day"}, {"unit": "week", "zone": "UTC"}]}, ["share one zone"]),
        ({"measurements": ["rocauc"]}, ["unknown metric 'rocauc'", "roc_auc"]),
        ({"policy": {"rules": [{"metric": "p_s_i", "max": 1}]}}, ["unknown metric 'p_s_i'"]),
        ({"policy": {"rules": [{**RULE, "action": "panic"}]}}, ["action", "'panic'"]),
        ({"policy": {"rules": [{**RULE, "columns": ["z"]}]}}, ["unknown column 'z'"]),
        ({"policy": {"rules": [{"metric": "psi"}]}}, ["no bound", "min, max"]),
        ({"policy": {"rules": [{**RULE, "min": 3}]}}, ["min 3.0 is above max 0.2"]),
        ({"policy": {"rules": [{**RULE, "k": 4, "m": 2}]}}, ["k = 4 of m = 2"]),
        ({"policy": {"rules": [RULE, RULE]}}, ["two rules are called 'psi'"]),
        ({"labels": [{**LABELS, "horizon": "soon"}]}, ["labels.0.horizon", "'soon'", "30d"]),
        ({"labels": [{**LABELS, "mature_at": 1.5}]}, ["mature_at", "1.5"]),
        ({"labels": [{**LABELS, "key": ["id", "day"]}]}, ["cannot match the entity_key"]),
        ({"datasets": [{**DATASET, "columns": {"c": "categorical"}}], "policy": {}}, ["role 'score'"]),
        ({"datasets": [{**DATASET, "slice_by": "x"}]}, ["slice_by", "categorical"]),
        ({"datasets": []}, ["at least one"]),
        ({"name": "a/b"}, ["is no name"]),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_remedy(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_document(plain(**changes))
    for word in words:
        assert word in str(caught.value)


def test_a_missing_field_is_named() -> None:
    document = plain()
    del document["reference"]
    with pytest.raises(SpecError, match="reference"):
        MonitorSpec.from_document(document)


def test_a_missing_file_is_named_with_where_it_was_looked_for() -> None:
    with pytest.raises(SpecError, match=r"no spec at .*nowhere\.yaml"):
        MonitorSpec.from_yaml("nowhere.yaml")


def test_an_unknown_rule_or_dataset_lists_those_that_exist() -> None:
    spec = MonitorSpec.from_document(plain())
    with pytest.raises(UnknownName, match="predictions"):
        spec.dataset("features")
    with pytest.raises(UnknownName, match="week@Europe/Lisbon"):
        spec.rule("month")


def test_a_table_of_a_database_is_a_source_in_every_place_and_comes_back_from_the_document() -> None:
    table = {"connection": "warehouse", "table": 'scores."Of 2026"'}
    [dataset], [labels] = plain()["datasets"], plain()["labels"]
    document = plain(
        datasets=[{**dataset, "source": table}], labels=[{**labels, "source": table}], reference={"source": table}
    )
    spec = MonitorSpec.from_document(document)
    assert set(spec.sources.values()) == {Table("warehouse", 'scores."Of 2026"')}
    assert (spec.dataset().source.schema, spec.dataset().source.name) == ("scores", "Of 2026")
    assert MonitorSpec.from_document(spec.document()) == spec
    assert spec.document()["reference"]["source"] == table


def test_files_of_a_store_are_a_source_in_every_place_and_come_back_from_the_document(tmp_path: Path) -> None:
    there = {"path": "s3://lake/rows", "connection": "lake", "format": "delta", "version": 7}
    [dataset], [labels] = plain()["datasets"], plain()["labels"]
    document = plain(
        datasets=[{**dataset, "source": there, "replay": there}],
        labels=[{**labels, "source": "gs://lake/labels/*.parquet"}],
        reference={"source": {"path": "past.parquet"}},
    )
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(document))
    spec = MonitorSpec.from_yaml(tmp_path / "spec.yaml")
    assert spec.dataset().source == spec.dataset().replayed.source == Files("s3://lake/rows", "lake", Format.DELTA, 7)
    assert spec.labels[0].source == "gs://lake/labels/*.parquet"
    assert spec.reference.source == Files(str(tmp_path / "past.parquet"))
    assert MonitorSpec.from_document(spec.document()) == spec
    assert spec.document()["datasets"][0]["source"] == there
    catalogued = plain(reference={"source": {"path": "prod.scores.past", "format": "iceberg"}})
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(catalogued))
    assert MonitorSpec.from_yaml(tmp_path / "spec.yaml").reference.source.path == "prod.scores.past"


def table_in(connection: str) -> dict[str, str]:
    return {"connection": connection, "table": "scores.rows"}


@pytest.mark.parametrize(
    ("rows", "labels", "replay", "field"),
    [
        (table_in("w"), "labels.parquet", None, "labels.outcomes.source"),
        (table_in("w"), table_in("other"), None, "labels.outcomes.source"),
        (table_in("w"), table_in("w"), "features/*.parquet", "datasets.predictions.replay.source"),
        (table_in("w"), table_in("w"), table_in("other"), "datasets.predictions.replay.source"),
        ("rows/*.parquet", "labels.parquet", table_in("w"), "datasets.predictions.replay.source"),
    ],
)
def test_what_cannot_be_joined_with_rows_that_stay_where_they_are_is_refused(
    rows: Any, labels: Any, replay: Any, field: str
) -> None:
    [dataset], [outcomes] = plain()["datasets"], plain()["labels"]
    document = plain(datasets=[{**dataset, "source": rows, "replay": replay}], labels=[{**outcomes, "source": labels}])
    with pytest.raises(SpecError, match=field.replace(".", r"\.")):
        MonitorSpec.from_document(document)


def test_labels_in_a_table_may_be_of_rows_in_files_and_a_replay_in_a_table_of_the_same_connection() -> None:
    [dataset], [outcomes] = plain()["datasets"], plain()["labels"]
    of_files = plain(labels=[{**outcomes, "source": table_in("w")}])
    MonitorSpec.from_document(of_files)
    of_tables = {**dataset, "source": table_in("w"), "replay": table_in("w")}
    spec = MonitorSpec.from_document(plain(datasets=[of_tables], labels=[{**outcomes, "source": table_in("w")}]))
    assert spec.dataset().replayed.source == Table("w", "scores.rows")
