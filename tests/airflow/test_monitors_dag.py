"""Many monitors as one DAG, run for real: each for itself, and what follows for those that ask."""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from airflow_ml_monitor import monitors_dag
from airflow_ml_monitor.errors import SpecError

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 1, 1, tzinfo=UTC)
TRAINS = """
from airflow.sdk import DAG, task
from airflow_ml_monitor import ClaimRetrainingOperator, SettleRetrainingOperator
with DAG("train_credit", schedule=None):
    @task
    def train(dag_run=None):
        return dag_run.conf["monitor"]
    trained = train()
    ClaimRetrainingOperator(task_id="claim") >> trained >> SettleRetrainingOperator(task_id="settle", outcome="done")
"""


@pytest.fixture
def example(desk, driver, tmp_path):
    """The example on the desk's data, with more files in its folder; what drives it."""
    shutil.copytree(desk.data, tmp_path / ".demo" / "data")

    def made(dag_id, **files):
        folder = Path(shutil.copytree(ROOT / "dags" / "monitors", tmp_path / "dags" / "monitors"))
        for name, text in files.items():
            (folder / f"{name}.yaml").write_text(text)
        # Under a name of its own: what Airflow stored of a DAG is renewed after half a minute at the earliest.
        text = (ROOT / "dags" / "many_monitors.py").read_text()
        return driver(text.replace('dag_id="watch_every_model"', f'dag_id="{dag_id}"'), TRAINS), dag_id

    return made


@pytest.fixture
def day(desk):
    """Run the example about a day of the desk."""

    def run(dags, dag_id, number):
        window = desk.day(number)
        known = desk.run(number)["conf"]
        return dags.run(dag_id, run_type="scheduled", data_interval=(window.start, window.end), conf=known)

    return run


def asked(database, query):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.airflow_min
def test_every_file_is_a_monitor_and_a_quiet_day_does_nothing(desk, example, day, airflow_db):
    dags, name = example("watch_every_model")
    result = day(dags, name, 2)
    assert result.state == "success"
    assert result.task_states == {
        **dict.fromkeys(("watch[0]", "watch[1]", "all_watched"), "success"),
        **dict.fromkeys(("asking_to_investigate_data", "asking_to_retrain"), "skipped"),
        **dict.fromkeys(("tell_the_desk", "trigger_train_credit"), "skipped"),
    }
    assert {key: [d.action.value for d in desk.store().decisions(key)] for key in desk.store().monitors()} == {
        "default/applicants": ["none"],
        "default/ranking": ["wait"],
    }
    names = "select rendered_map_index from task_instance where dag_id = 'watch_every_model' and task_id = 'watch'"
    assert {name for (name,) in asked(airflow_db, names)} == {"applicants", "ranking"}


@pytest.mark.airflow_min
def test_a_monitor_that_fails_fails_alone_and_the_others_actions_are_taken(desk, desks, example, day, airflow_db):
    worse, broken = (desk.spec(name, desks.broken("retrain")).document() for name in ("worse", "broken"))
    broken["task"]["kind"] = "binray"
    dags, name = example(
        "watch_with_a_broken_one",
        broken=yaml.safe_dump(broken),
        worse=yaml.safe_dump(worse),
        zany=yaml.safe_dump({**worse, "name": "z"}),
    )
    result = day(dags, name, 1)
    assert result.state == "failed"
    assert result.task_states == {
        **dict.fromkeys((f"watch[{index}]" for index in (0, 2, 3, 4)), "success"),
        "watch[1]": "failed",
        "all_watched": "upstream_failed",
        "asking_to_retrain": "success",
        "trigger_train_credit[0]": "success",
        "trigger_train_credit[1]": "success",
        "asking_to_investigate_data": "skipped",
        "tell_the_desk": "skipped",
    }
    trained = dags.run_triggered()
    actions = [desk.store().actions(f"default/{name}") for name in ("worse", "z")]
    assert sorted(run.run_id for run in trained) == sorted(f"retrain__{action.decision}" for [action] in actions)
    assert {action.state for [action] in actions} == {"done"}
    told = asked(airflow_db, "select run_id, value from xcom where dag_id = 'train_credit' and task_id = 'train'")
    runs = {run.run_id for run in trained}
    assert {json.loads(value) for run, value in told if run in runs} == {"default/worse", "default/z"}

    dags.clear(name, result.run_id, None)
    again = dags.rerun(name, result.run_id)
    assert again.task_states["watch[1]"] == "failed"
    assert dags.run_triggered() == []
    assert [desk.store().actions(f"default/{name}") for name in ("worse", "z")] == actions


def folder_of(tmp_path, **files):
    (tmp_path / "specs").mkdir()
    for name, text in files.items():
        (tmp_path / "specs" / f"{name}.yaml").write_text(text)
    return tmp_path / "specs"


def test_no_file_is_read_as_yaml_when_the_dag_is_parsed_and_paths_keep_their_order(tmp_path):
    dag = monitors_dag(folder_of(tmp_path, b="name: b\n\tno: yaml", a="name: a"), START)
    mapped = dag.task_dict["watch"].expand_input.value["spec"]
    assert [Path(path).name for path in mapped] == ["a.yaml", "b.yaml"]
    assert not any(Path(path).is_absolute() for path in mapped)
    assert set(dag.task_dict) == {"watch"}


def test_what_airflow_keeps_of_five_hundred_specs_is_their_names_and_is_the_same_at_every_parse(desk):
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    def parsed():
        return LazyDeserializedDAG.from_dag(monitors_dag([desk.spec(f"m{n}") for n in range(20)], START))

    one, other = parsed(), parsed()
    assert one.hash == other.hash
    kept = json.dumps(one.data)
    assert "default/m19" in kept
    assert "debt_ratio" not in kept


@pytest.mark.parametrize(
    "texts", [{"a": "name: x", "b": "name: 'x'  # copied"}, {"a": "name: x", "b": "namespace: default\nname: x"}]
)
def test_a_copied_file_whose_name_was_not_changed_is_refused(tmp_path, texts):
    with pytest.raises(SpecError, match=r"a.yaml and .*b.yaml are both called 'default/x'; name one otherwise"):
        monitors_dag(folder_of(tmp_path, **texts), START)


def test_one_name_in_two_namespaces_is_two_monitors(tmp_path):
    dag = monitors_dag(folder_of(tmp_path, a="name: x", b="name: x\nnamespace: other"), START)
    assert len(dag.task_dict["watch"].expand_input.value["spec"]) == 2


def test_a_folder_without_specs_and_an_unknown_action_are_refused(desk, tmp_path):
    with pytest.raises(SpecError, match="no YAML file in"):
        monitors_dag(tmp_path, START)
    with pytest.raises(SpecError, match="unknown action 'call_me'"):
        monitors_dag([desk.spec()], START, on={"call_me": print})
    with pytest.raises(SpecError, match="both called 'default/credit'"):
        monitors_dag([desk.spec(), desk.spec().document()], START)
