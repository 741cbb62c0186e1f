"""What OpenLineage is told: by its provider's own listener, through Airflow's task runner, into a file."""

import json
import sys
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace

import pandas as pd
import pytest

from airflow_ml_monitor import (
    DataQualityOperator,
    DecideOperator,
    DriftOperator,
    FreezeReferenceOperator,
    MeasureOperator,
    MonitorOperator,
    PerformanceOperator,
    ProfileOperator,
    ReportOperator,
    ValidateRowsOperator,
)
from airflow_ml_monitor.airflow_compat import DAG, task
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.metrics.names import fault_names

pytestmark = pytest.mark.airflow_min
LISTENER = "airflow.providers.openlineage.plugins.listener"
STEPS = (ProfileOperator, DataQualityOperator, DriftOperator, PerformanceOperator, DecideOperator)


@pytest.fixture
def tell(run_task, tmp_path, monkeypatch):
    """Run an operator: `result, event = tell(operator, dag_run)`, the event as the file holds it."""
    log = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(log), "append": True}
    # Before there is a transport: the provider's plugin would add its own listener, for all tests that follow.
    manager = import_module("airflow.sdk.execution_time.task_runner").get_listener_manager()
    before = set(manager.pm.get_plugins())
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    manager.add_listener(import_module(LISTENER).OpenLineageListener())

    def run(operator, dag_run):
        result, _ = run_task(operator, dag_run=dag_run)
        text = log.read_text().splitlines()[-1]
        event = json.loads(text)
        assert event["job"]["name"] == f"d.{operator.task_id}"
        inputs, outputs = ({d["name"]: d for d in event[side]} for side in ("inputs", "outputs"))
        return result, SimpleNamespace(type=event["eventType"], inputs=inputs, outputs=outputs, text=text)

    yield run
    for listener in set(manager.pm.get_plugins()) - before:
        manager.pm.unregister(listener)


def step(kind, spec, **arguments):
    with DAG("d", schedule=None):
        return kind(task_id="step", spec=spec, **arguments)


def facets(event, name):
    return event.inputs[str(name)]["inputFacets"]


def assertions(event, name):
    return {(a["name"], a.get("column", "")): a for a in facets(event, name)["dataQualityAssertions"]["assertions"]}


def test_columns_are_told_as_pandas_counts_them_and_of_which_rows(desk, tell):
    desk = desk.own_data()
    path = desk.data / "predictions" / "03.parquet"
    rows = pd.read_parquet(path)
    rows.loc[rows.index[::4], "income"] = None
    rows.to_parquet(path, index=False)
    spec = desk.spec()
    tell(step(DataQualityOperator, spec), desk.run(3))
    result, event = tell(step(ProfileOperator, spec), desk.run(3))
    assert (result.error, event.type) == (None, "COMPLETE")
    told = facets(event, desk.data / "predictions")
    assert event.inputs[str(desk.data / "predictions")]["namespace"] == "file"
    metrics = told["dataQualityMetrics"]
    assert metrics["rowCount"] == len(rows)
    assert set(metrics["columnMetrics"]) == {"income", "debt_ratio", "purpose", "channel", "has_account", "score"}
    for name, found in metrics["columnMetrics"].items():
        values = rows[name].dropna()
        assert (found["nullCount"], found["count"]) == (rows[name].isna().sum(), len(values)), name
    for name in ("income", "debt_ratio", "score"):
        found, values = metrics["columnMetrics"][name], rows[name].dropna()
        assert (found["min"], found["max"]) == (values.min(), values.max())
        # A stored cell's sums are known to 1e-9 of themselves.
        assert found["sum"] == pytest.approx(values.sum(), abs=1e-9 * values.abs().sum())
        assert "distinctCount" not in found
    assert metrics["columnMetrics"]["has_account"]["distinctCount"] == rows["has_account"].nunique()
    # One row's purpose and channel were never seen: how many values there are is not known, and not told.
    assert "distinctCount" not in metrics["columnMetrics"]["purpose"]
    stored = desk.store().history(spec.key, metric="quantiles").query("slice == '{}' and column == 'income'")
    by_point = {p.removeprefix("q="): v for p, v in zip(stored["parameters"], stored["value"], strict=True)}
    assert metrics["columnMetrics"]["income"]["quantiles"] == by_point
    both = told["subset"]["inputCondition"]
    assert [(c["left"]["field"], c["comparison"], c["right"]["value"]) for c in (both["left"], both["right"])] == [
        ("scored_at", "GREATER_EQUAL_THAN", desk.day(3).start.isoformat()),
        ("scored_at", "LESS_THAN", desk.day(3).end.isoformat()),
    ]


RULES = [
    ("expect_column_values_to_not_be_null", {"column": "income"}, "critical"),
    ("expect_column_values_to_be_between", {"column": "score", "min_value": 0, "max_value": 1}, "warning"),
    ("expect_column_values_to_be_between", {"column": "debt_ratio", "min_value": 0}, "warning"),
]


@pytest.fixture
def broken(desk):
    """The desk on day 4 without debt_ratio and half of the incomes, and a spec whose three rules end in three ways."""
    desk = desk.own_data()
    path = desk.data / "predictions" / "04.parquet"
    rows = pd.read_parquet(path).drop(columns="debt_ratio")
    rows.loc[rows.index[::2], "income"] = None
    rows.to_parquet(path, index=False)
    rules = [{"type": t, "kwargs": k, "severity": s, "meta": {"rule_id": k["column"]}} for t, k, s in RULES]
    return desk, desk.spec(contract={"expectations": rules})


@pytest.mark.parametrize("kind", [DataQualityOperator, MeasureOperator, MonitorOperator])
def test_each_stored_rule_and_fault_is_an_assertion_and_what_failed_is_no_success(broken, tell, kind):
    desk, spec = broken
    result, event = tell(step(kind, spec), desk.run(4))
    assert (result.error, event.type) == (None, "COMPLETE")
    assert ("decision" in event.outputs) is (kind is MonitorOperator)
    told = assertions(event, desk.data / "predictions")
    assert {name: (told[name, name]["success"], told[name, name]["severity"]) for name in ("income", "score")} == {
        "income": (False, "error"),
        "score": (True, "warn"),
    }
    assert told["income", "income"]["assertion"] == "expect_column_values_to_not_be_null"
    families = [Family.CONTRACT, Family.FAULT, Family.QUALITY]
    about = {"families": families, "dataset": spec.datasets[0].name, "end": desk.day(4).end}
    rows = [r.measurement for r in desk.store().current(spec.key, **about)]
    asked = {(r.parameters if r.metric == "expectation" else r.metric, r.column): r for r in rows}
    looked_for = {"expectation", "row_count", "duplicate_rows", *fault_names()}
    asked = {key: row for key, row in asked.items() if row.metric in looked_for}
    assert set(asked) == set(told)
    for key, row in asked.items():
        good = {"expectation": 1.0, "row_count": desk.rows_of(4)}.get(row.metric, 0.0)
        assert told[key]["success"] is (row.status is Status.OK and row.estimate.value == good), key
    assert asked["debt_ratio", "debt_ratio"].status is Status.FAILED
    assert {key for key, a in told.items() if not a["success"]} == {
        ("income", "income"),
        ("debt_ratio", "debt_ratio"),
        ("missing_flood", "income"),
        ("column_missing", "debt_ratio"),
    }
    # A column that is not there has no numbers.
    metrics = facets(event, desk.data / "predictions")["dataQualityMetrics"]["columnMetrics"]
    assert "debt_ratio" not in metrics
    assert metrics["income"]["nullCount"] == (desk.rows_of(4) + 1) // 2


def test_of_a_day_without_a_file_nothing_holds_that_needs_rows(desk, tell):
    desk = desk.own_data()
    spec = desk.spec(contract="inferred")
    (desk.data / "predictions" / "05.parquet").unlink()
    result, event = tell(step(DataQualityOperator, spec), desk.run(5))
    assert result.error is None
    told = facets(event, desk.data / "predictions")
    assert told["dataQualityMetrics"]["rowCount"] == 0
    asked = {(a["assertion"], a["success"]) for a in told["dataQualityAssertions"]["assertions"]}
    # The other files tell which columns there are.
    assert asked == {
        ("expect_table_row_count_to_be_between", False),
        ("expect_column_to_exist", True),
        ("row_count", False),
    }


def test_what_one_step_writes_the_next_one_reads_and_no_value_of_the_data_is_told(desk, desks, tell):
    desk = desk.own_data()
    database, predictions = f"sqlite:{desk.database}", str(desk.data / "predictions")
    spec = desk.spec(contract="inferred", slice_by="channel", rules=desks.broken("alert"))
    events = {}
    for kind in (FreezeReferenceOperator, *STEPS):
        result, events[kind] = tell(step(kind, spec), desk.run(0, known_after=timedelta(days=25)))
        assert (result.error, events[kind].type) == (None, "COMPLETE")

    flows = {kind: (set(event.inputs), set(event.outputs)) for kind, event in events.items()}
    outcomes = str(desk.data / "outcomes")
    assert flows == {
        FreezeReferenceOperator: ({str(desk.data / "reference.parquet")}, {"reference", "measurement"}),
        ProfileOperator: ({predictions}, {"profile"}),
        DataQualityOperator: ({predictions, "profile"}, {"measurement"}),
        DriftOperator: ({predictions, "profile"}, {"measurement"}),
        PerformanceOperator: ({predictions, outcomes}, {"label_entry", "measurement"}),
        DecideOperator: ({"measurement"}, {"decision"}),
    }
    page = step(ReportOperator, spec, path=f"{desk.home}/page.html").get_openlineage_facets_on_complete(None)
    assert [d.name for d in (*page.inputs, *page.outputs)] == ["measurement", "decision", f"{desk.home}/page.html"]
    assert events[DecideOperator].inputs["measurement"]["namespace"] == database
    assert events[DriftOperator].outputs["measurement"]["namespace"] == database
    reference = facets(events[FreezeReferenceOperator], desk.data / "reference.parquet")
    assert reference["dataQualityMetrics"]["rowCount"] == len(pd.read_parquet(desk.data / "reference.parquet"))
    assert assertions(events[PerformanceOperator], outcomes)["labels_inverted", ""]["success"] is True

    rows = pd.read_parquet(desk.data / "predictions" / "00.parquet")
    words = {*rows["channel"], *rows["purpose"], *rows["application_id"]}
    texts = json.dumps([[event.inputs, event.outputs] for event in events.values()])
    assert not {str(word) for word in words if f'"{word}"' in texts}
    assert not [event for event in events.values() if desks.CANARY in event.text]


@pytest.fixture
def batch(desk):
    """A validating task on 150 rows of which every fifth has no income."""
    rows = desk.world.applications(2).head(150)
    rows.loc[rows.index[::5], "income"] = None
    rows.to_parquet(desk.home / "in.parquet", index=False)
    kinds = {"income": "critical", "debt_ratio": "critical"}
    rules = [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": c}, "severity": s, "meta": {"rule_id": c}}
        for c, s in kinds.items()
    ]

    def make(**arguments):
        paths = {name: f"{desk.home}/{name}.parquet" for name in ("good", "quarantine")}
        source = f"{desk.home}/in.parquet"
        spec = desk.spec(contract={"expectations": rules})
        return step(ValidateRowsOperator, spec, source=source, **paths, **arguments)

    return make


@pytest.mark.parametrize(("most", "kind"), [(None, "COMPLETE"), (0.1, "FAIL")])
def test_a_batch_tells_its_rules_and_its_parts_their_rows_also_where_it_is_refused(desk, tell, batch, most, kind):
    _, event = tell(batch(most_quarantined=most), desk.run(2))
    assert event.type == kind
    told = {name: a["success"] for (name, _), a in assertions(event, desk.home / "in.parquet").items()}
    assert told["income"] is False
    assert told.get("debt_ratio", True) is True
    assert facets(event, desk.home / "in.parquet")["dataQualityMetrics"]["rowCount"] == 150
    parts = {name: d["outputFacets"].get("outputStatistics", {}).get("rowCount") for name, d in event.outputs.items()}
    assert parts == {f"{desk.home}/good.parquet": 120, f"{desk.home}/quarantine.parquet": 30, "measurement": None}


@pytest.mark.parametrize("kind", ["frame", "path"])
def test_rows_that_a_function_returns_are_told_by_their_path_or_by_the_monitors_name(desk, tell, kind):
    path = desk.data / "predictions" / "03.parquet"
    document = desk.spec(labels=[]).document()
    document["datasets"][0].pop("source")

    def score():
        return pd.read_parquet(path) if kind == "frame" else path

    with DAG("d", schedule=None):
        made = task.monitored(spec=document, task_id="score")(score)().operator
    result, event = tell(made, desk.run(3))
    assert result.error is None
    (place,) = event.inputs.values()
    named = ("airflow_ml_monitor", "default/credit/predictions") if kind == "frame" else ("file", str(path))
    assert (place["namespace"], place["name"]) == named
    assert place["inputFacets"]["dataQualityMetrics"]["rowCount"] == desk.rows_of(3)


def test_a_task_that_failed_tells_names_and_no_numbers_of_an_earlier_run(desk, tell):
    desk = desk.own_data()
    contract = desk.data / "contract.json"
    rule = {"type": RULES[0][0], "kwargs": RULES[0][1]}
    contract.write_text(json.dumps({"expectations": [rule]}))
    spec = desk.spec(contract=str(contract))
    _, event = tell(step(DataQualityOperator, spec), desk.run(3))
    assert facets(event, desk.data / "predictions")["dataQualityMetrics"]["rowCount"] > 0
    contract.unlink()
    result, event = tell(step(DataQualityOperator, spec), desk.run(3))
    assert result.error is not None
    assert event.type == "FAIL"
    assert [d["inputFacets"] for d in event.inputs.values()] == [{}, {}]
    assert set(event.inputs) == {str(desk.data / "predictions"), "profile"}


class Silent(ProfileOperator):
    """A step whose lineage cannot be told."""

    def lineage(self, monitor, run):
        raise RuntimeError("the metrics database is gone")


def test_lineage_that_cannot_be_told_leaves_the_task_as_it_is(desk, tell):
    result, event = tell(step(Silent, desk.spec()), desk.run(3))
    assert (result.error, result.state.value, event.type) == (None, "success", "COMPLETE")
    assert (event.inputs, event.outputs) == ({}, {})


def test_without_the_provider_a_step_runs_and_has_nothing_to_tell(desk, run_task, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("airflow.providers.openlineage", "openlineage"))]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("airflow.providers.openlineage", "airflow.providers.openlineage.extractors", "openlineage"):
        monkeypatch.setitem(sys.modules, name, None)
    operator = step(MeasureOperator, desk.spec())
    result, api = run_task(operator, dag_run=desk.run(3))
    assert result.error is None
    assert api.pushed["step", "return_value"]["profile"]["predictions"]["rows"] == desk.rows_of(3)
    assert operator.get_openlineage_facets_on_complete(None) is None
