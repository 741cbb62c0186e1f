"""What init writes: a spec that loads, a DAG that imports, a contract that holds."""

import ast
import json
from pathlib import Path

import pandas as pd
import pytest

from airflow_ml_monitor import MonitorSpec
from airflow_ml_monitor.errors import NoSource, ScanError, SpecError
from airflow_ml_monitor.expectations.engine import run_suite
from airflow_ml_monitor.onboarding.draft import draft, way_from
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.profile.engines.embedded.files import files_of
from airflow_ml_monitor.profile.engines.embedded.sample import SAMPLE_ROWS, samples

PRESETS = ("basic", "standard", "full")


def written(made, folder):
    made.write(folder)
    return MonitorSpec.from_yaml((folder / f"{made.name}.yaml").resolve())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("importance", ["low", "normal", "high"])
def test_every_preset_loads_with_and_without_labels(shop, taxi, tmp_path, preset, importance):
    for stranger in (shop(days=2), taxi(days=2)):
        tables = (stranger.predictions, stranger.labels), (None, None)
        for number, (predictions, labels) in enumerate(tables):
            asked = {"predictions": predictions, "labels": labels, "preset": preset, "importance": importance}
            made = draft(stranger.reference, name=f"m{number}", **asked)
            spec = written(made, tmp_path / f"{stranger.folder.name}_{number}")
            assert spec.importance == importance
            assert (spec.contract is not None) == (preset != "basic")
            assert bool(spec.dataset().slice_by) == (preset == "full")
            ast.parse(made.dag)


def test_basic_watches_broken_data_and_one_number(shop, tmp_path):
    made = shop(days=2)
    spec = written(draft(made.reference, labels=made.labels, preset="basic", name="m"), tmp_path)
    rules = {rule.metric: rule.action for rule in spec.policy.rules}
    broken = Action.INVESTIGATE_DATA
    assert rules == {"completeness": broken, "unseen_share": broken, "roc_auc": Action.ALERT}
    assert spec.contract is None


def test_importance_asks_for_less_proof(shop, tmp_path):
    made, seen = shop(days=2), {}
    for importance in ("low", "normal", "high"):
        spec = written(
            draft(made.reference, labels=made.labels, importance=importance, name="m"), tmp_path / importance
        )
        [rule] = [rule for rule in spec.policy.rules if rule.action is Action.RETRAIN]
        seen[importance] = (rule.k, rule.least_n)
    assert seen["low"] > seen["normal"] > seen["high"]


def test_without_a_label_in_the_reference_the_bound_is_asked_for(shop):
    made = shop(days=2)
    drafted = draft(made.reference.drop(columns="sent_back"), predictions=made.predictions, labels=made.labels)
    assert any("which roc_auc is still good" in todo for _, todo in drafted.todos)


def test_the_contract_holds_on_the_rows_it_was_inferred_from(shop):
    made = shop(days=2)
    drafted = draft(made.reference, labels=made.labels)
    outcomes = run_suite(json.loads(drafted.files["model_contract.json"]), made.reference)
    assert {outcome.status.value for outcome in outcomes} == {"pass"}


@pytest.mark.parametrize("form", ["file", "glob", "directory", "csv", "frame"])
def test_the_same_table_in_any_form_gives_the_same_guesses(shop, tmp_path, form):
    made = shop(days=2).write()
    made.reference.to_csv(tmp_path / "reference.csv", index=False)
    forms = {
        "file": made.folder / "reference.parquet",
        "glob": str(made.folder / "ref*.parquet"),
        "directory": tmp_path / "parts",
        "csv": tmp_path / "reference.csv",
        "frame": made.reference,
    }
    (tmp_path / "parts" / "deep").mkdir(parents=True)
    for i, half in enumerate((made.reference[:900], made.reference[900:])):
        half.to_parquet(tmp_path / "parts" / "deep" / f"{i}.parquet", index=False)
    found = draft(forms[form], name="m").guesses
    expected = draft(made.reference, name="m").guesses
    assert [(c.name, c.kind, c.role) for c in found.columns] == [(c.name, c.kind, c.role) for c in expected.columns]
    assert found.event_time.value == expected.event_time.value
    assert found.reference_label.value == expected.reference_label.value


def test_of_a_long_file_a_spread_of_rows_is_looked_at(tmp_path):
    rows = 4 * SAMPLE_ROWS
    pd.DataFrame({"i": range(rows)}).to_parquet(tmp_path / "long.parquet", row_group_size=20_000)
    with samples(reference=tmp_path / "long.parquet") as opened:
        sample = opened["reference"]
    assert (sample.rows, len(sample.frame)) == (rows, SAMPLE_ROWS)
    assert (sample.frame.i.min(), sample.frame.i.max()) == (0, rows - 1)


def test_nothing_to_read_is_said_in_words(tmp_path):
    with pytest.raises(NoSource, match="no file matches"):
        draft(tmp_path / "nowhere.parquet")
    with pytest.raises(NoSource, match="no Parquet or CSV file is in the directory"):
        draft(tmp_path)
    with pytest.raises(ScanError, match="no rows"):
        draft(pd.DataFrame({"a": pd.Series([], dtype=float)}))
    with pytest.raises(SpecError, match="is no name"):
        draft(pd.DataFrame({"a": [1.0]}), name="a/b")


@pytest.mark.parametrize("name", ["a: b", "no", 'quo"te', "with # hash", "new\nline", "ünï", "{x}", "- dash", "TODO"])
def test_a_column_of_any_name_comes_back_from_the_spec(shop, tmp_path, name):
    made = shop(days=2)
    spec = written(draft(made.reference.rename(columns={"basket": name}), name="m"), tmp_path)
    assert name in {column.name for column in spec.dataset().columns}


def test_data_and_spec_may_move_together(shop, tmp_path):
    made = shop(days=2).write()
    draft(made.folder / "reference.parquet", predictions=made.folder / "predictions", name="m").write(
        made.folder / "dags"
    )
    made.folder.rename(tmp_path / "elsewhere")
    spec = MonitorSpec.from_yaml(tmp_path / "elsewhere" / "dags" / "m.yaml")
    assert all(files_of(source) for source in spec.sources.values())


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("/repo/data/*.parquet", "../data/*.parquet"),
        ("/mnt/data.parquet", "/mnt/data.parquet"),  # nothing but the root is shared
        ("s3://bucket/data.parquet", "s3://bucket/data.parquet"),
        (None, None),
    ],
)
def test_a_source_is_named_from_the_folder_that_it_shares(source, written):
    assert way_from(Path("/repo/dags"), source) == written


def test_a_link_to_the_newest_data_stays_a_link(shop, tmp_path):
    made = shop(days=2).write()
    (made.folder / "newest").symlink_to(made.folder / "predictions")
    drafted = draft(made.folder / "reference.parquet", predictions=made.folder / "newest", name="m")
    drafted.write(made.folder / "dags")
    assert "source: ../newest/*.parquet" in (made.folder / "dags" / "m.yaml").read_text()
