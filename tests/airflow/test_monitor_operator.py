"""A monitor's whole day in one process: the rows of separate tasks; mapped, each monitor for itself."""

import json
from dataclasses import replace

import pytest
import yaml
from sqlalchemy import create_engine

from airflow_ml_monitor import MonitorOperator, monitor_tasks
from airflow_ml_monitor.airflow_compat import AIRFLOW_VERSION, DAG, AirflowFailException
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.store.table_parts import metadata

AUDIT = {"recorded_at", "saved_at", "touched"}
"""What the wall clock and the locks leave on a row; all else must agree."""


@pytest.fixture
def watch(run_task):
    """Run a MonitorOperator: `value, api = watch(spec, dag_run)`; raises what the task raised."""

    def run(spec, dag_run, index=None, **arguments):
        with DAG("d", schedule=None) as dag:
            if index is None:
                MonitorOperator(task_id="watch", spec=spec, **arguments)
            else:
                MonitorOperator.partial(task_id="watch", **arguments).expand(spec=spec)
        result, api = run_task(dag.task_dict["watch"], dag_run=dag_run, map_index=-1 if index is None else index)
        if result.error is not None:
            raise result.error
        return api.pushed[("watch", "return_value")], api

    return run


def written(desk, name, **changes):
    """A spec of the desk as a YAML file."""
    path = desk.home / f"{name}.yaml"
    path.write_text(yaml.safe_dump(desk.spec(name, **changes).document()))
    return path


def tables(desk):
    """Every row of every table of the metrics database, ids included."""
    engine = create_engine(f"sqlite:///{desk.database}")
    found = {}
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            columns = [column for column in table.columns if column.name not in AUDIT]
            query = table.select().with_only_columns(*columns)
            found[table.name] = sorted(map(tuple, connection.execute(query)), key=repr)
    engine.dispose()
    return found


@pytest.mark.airflow_min
def test_one_task_stores_row_by_row_what_the_separate_tasks_store(desk, desks, run_task, watch):
    spec = desk.spec(rules=desks.broken("alert", "retrain"), slice_by="channel", contract="inferred", mature_at=0.8)
    one = replace(desk, home=desk.home / "one")
    one.home.mkdir()
    with DAG("d", schedule=None) as dag:
        monitor_tasks(spec, group_id="watch")
    steps = ("profile", "quality", "drift", "performance", "decide")
    with pytest.MonkeyPatch.context() as patch:
        for number in range(3):
            run = desk.run(number)
            for name in steps:
                result, api = run_task(dag.task_dict[f"watch.{name}"], dag_run=run)
                assert result.error is None
            patch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", one.connection)
            told, _ = watch(spec, run)
            assert told == api.pushed[("watch.decide", "decision")]
            patch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", desk.connection)
    separate, together = tables(desk), tables(one)
    assert separate == together
    for name in ("profile", "label_entry", "revision", "measurement", "decision", "incident", "action_taken"):
        assert separate[name], name


@pytest.mark.airflow_min
def test_it_follows_the_branch_of_its_decision_and_returns_it_where_it_skips_others(desk, desks, run_task):
    from airflow.providers.standard.operators.empty import EmptyOperator

    with DAG("d", schedule=None):
        spec = desk.spec(rules=desks.broken("alert"))
        task = MonitorOperator(task_id="watch", spec=spec, branches={"alert": ["mail"], "retrain": ["train"]})
        task >> [EmptyOperator(task_id=name) for name in ("mail", "train", "report")]
    result, api = run_task(task, dag_run=desk.run(1))
    assert result.state.value == "success"
    assert [name for name, _ in api.skipped] == ["train"]
    (stored,) = desk.store().decisions(spec.key)
    told = api.pushed[("watch", "return_value")]
    assert told == api.pushed[("watch", "decision")]
    assert (told["id"], told["action"], told["acts"]) == (stored.id, "alert", True)
    assert len(json.dumps(told, allow_nan=False)) < 1024


@pytest.mark.airflow_min
def test_a_second_try_knows_what_the_first_knew_and_asks_for_the_same_action(desk, desks, watch):
    spec = desk.spec(rules=desks.broken("retrain"))
    first, _ = watch(spec, desk.run(1, conf={}))
    before = tables(desk)
    again, _ = watch(spec, desk.run(1, conf={}))
    assert (first, before) == (again, tables(desk))
    assert (first["action"], first["acts"]) == ("retrain", True)
    assert first["known_at"] == "2026-11-01T00:00:00+00:00"  # when the run was started
    cleared, _ = watch(spec, desk.run(1, conf={}, start_date="2026-11-02T00:00:00Z"))
    assert cleared["action"] == "wait"
    assert first["id"] in cleared["because"]


@pytest.mark.airflow_min
def test_a_file_is_read_by_the_task_that_watches_it_and_a_broken_one_fails_that_task_alone(desk, watch):
    (desk.home / "broken.yaml").write_text("name: broken\ntask: {kind: binary}\ndatasets: 3\n")
    paths = [str(written(desk, "first")), str(desk.home / "broken.yaml"), str(desk.home / "absent.yaml")]
    told, _ = watch(paths, desk.run(1), index=0)
    assert told["monitor"] == "default/first"
    for index, problem in ((1, "datasets"), (2, "no spec at")):
        with pytest.raises(AirflowFailException, match=problem):
            watch(paths, desk.run(1), index=index, retries=2)
    assert list(desk.store().monitors()) == ["default/first"]


def test_a_path_is_relative_to_the_file_of_the_dag_and_a_document_is_a_spec_too(desk, watch, tmp_path):
    with pytest.raises(AirflowFailException, match=r"tests/airflow/nowhere\.yaml"):
        watch("nowhere.yaml", desk.run(1))
    told, _ = watch([{**desk.spec("told").document()}], desk.run(1), index=0)
    assert told["monitor"] == "default/told"
    with pytest.raises(AirflowFailException, match="a int is no spec"):
        watch([3], desk.run(1), index=0)


def test_each_of_the_mapped_tasks_is_called_by_its_monitors_name(desk, watch, monkeypatch):
    from airflow.sdk.api.client import TaskInstanceOperations

    names = []
    if AIRFLOW_VERSION >= (3, 2):
        monkeypatch.setattr(
            TaskInstanceOperations, "set_rendered_map_index", lambda _, __, name: names.append(name) or None
        )
    _, api = watch([desk.spec("a"), desk.spec("b")], desk.run(1), index=1)
    assert {*names, api.states[-1].get("rendered_map_index", "b")} == {"b"}


def test_a_mapped_task_returns_each_decision_and_may_have_no_branch(desk, desks, watch, run_task):
    from airflow.providers.standard.operators.empty import EmptyOperator

    specs = [desk.spec("sound"), desk.spec("worse", desks.broken("alert"))]
    assert [watch(specs, desk.run(1), index=index)[0]["action"] for index in (0, 1)] == ["none", "alert"]
    with DAG("d", schedule=None) as dag:
        mapped = MonitorOperator.partial(task_id="watch", branches={"alert": ["mail"]}).expand(spec=specs)
        mapped >> EmptyOperator(task_id="mail")
    result, _ = run_task(dag.task_dict["watch"], dag_run=desk.run(2), map_index=1)
    assert "map what is to follow over its output" in str(result.error)
    assert len(desk.store().decisions("default/worse")) == 1


def test_what_is_wrong_in_a_spec_that_is_given_is_told_when_the_dag_is_parsed(desk):
    with pytest.raises(SpecError, match="unknown window rule 'week'"):
        MonitorOperator(task_id="watch", spec=desk.spec(), rule="week")
    with pytest.raises(SpecError, match="unknown action 'retrian'"):
        MonitorOperator(task_id="watch", spec=desk.spec(), branches={"retrian": ["train"]})
