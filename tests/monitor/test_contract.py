"""What broken rules of a contract come to: the worst severity decides, and a rule that cannot be evaluated shows."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from airflow_ml_monitor.errors import SpecError, StoreError
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.steps import check_contract, measure_quality, scan
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.store.repository import MetricsStore

NOT_NULL, BETWEEN = "expect_column_values_to_not_be_null", "expect_column_values_to_be_between"


@pytest.fixture
def lender(builders: Callable[[str], ModuleType], tmp_path: Path) -> Any:
    return builders("monitor/lender.py").Lender.open(tmp_path / "lender", days=2)


@pytest.fixture
def metrics_store(tmp_path: Path) -> MetricsStore:
    store = MetricsStore(f"sqlite:///{tmp_path}/metrics.db")
    store.upgrade()
    return store


def rule(severity: str, kind: str = BETWEEN, **kwargs: Any) -> dict[str, Any]:
    """A rule that the lender's rows break, unless its arguments say otherwise."""
    broken = {"max_value": 10} if kind == BETWEEN else {}
    return {"type": kind, "severity": severity, "kwargs": {"column": "income", **(kwargs or broken)}}


def judged(lender: Any, store: MetricsStore, *rules: dict[str, Any], day: int = 0, **changes: Any) -> Decision:
    monitor = lender.monitor(store, contract={"expectations": list(rules)}, policy={"rules": []}, **changes)
    run = lender.run(day)
    for step in (scan, measure_quality, check_contract):
        step(monitor, run)
    return decide(monitor, run)


def expectations(store: MetricsStore) -> pd.DataFrame:
    return store.history("default/lender", metric="expectation")


def test_a_critical_rule_that_is_broken_asks_to_investigate_without_a_rule_of_the_policy(
    lender: Any, metrics_store: MetricsStore
) -> None:
    decision = judged(lender, metrics_store, rule("critical"), rule("info", NOT_NULL))
    assert decision.action == "investigate_data"
    assert "1 critical rule of the contract is broken: expect_column_values_to_be_between:income" in decision.because
    assert [one["severity"] for one in decision.evidence["contract"]] == ["critical"]
    row = expectations(metrics_store).query("parameters.str.startswith('expect_column_values_to_be_between')")
    assert (row["value"].item(), row["status"].item()) == (0.0, "ok")
    assert "severity critical; answered by cells; contract " in row["reason"].item()


def test_a_warning_is_stored_and_stands_in_the_evidence_of_a_decision_that_does_nothing(
    lender: Any, metrics_store: MetricsStore
) -> None:
    decision = judged(lender, metrics_store, rule("warning"))
    assert decision.action == "none", decision.because
    [told] = decision.evidence["contract"]
    assert (told["severity"], told["broken"], told["dataset"]) == ("warning", 1, "scores")
    assert expectations(metrics_store)["value"].tolist() == [0.0]


def test_what_is_info_is_stored_only(lender: Any, metrics_store: MetricsStore) -> None:
    decision = judged(lender, metrics_store, rule("info"))
    assert (decision.action, decision.evidence["contract"]) == ("none", [])
    counted = metrics_store.history("default/lender", metric="broken_rules")
    assert counted[["parameters", "value", "n"]].to_numpy().tolist() == [["severity=info", 1.0, 1]]


def test_a_rule_of_the_policy_may_make_more_of_warnings(lender: Any, metrics_store: MetricsStore) -> None:
    louder = {"metric": "broken_rules", "parameters": "severity=warning", "max": 0, "action": "alert"}
    monitor = lender.monitor(metrics_store, contract={"expectations": [rule("warning")]}, policy={"rules": [louder]})
    run = lender.run(0)
    for step in (scan, measure_quality, check_contract):
        step(monitor, run)
    decision = decide(monitor, run)
    assert decision.action == "alert"
    assert "broken_rules [severity=warning] 1 above 0" in decision.because


def test_kept_rules_ask_for_nothing_whatever_their_severity(lender: Any, metrics_store: MetricsStore) -> None:
    decision = judged(lender, metrics_store, rule("critical", NOT_NULL), rule("warning", max_value=1e6))
    assert (decision.action, decision.evidence["contract"]) == ("none", [])


def test_a_rule_that_cannot_be_evaluated_shows_whatever_its_severity(lender: Any, metrics_store: MetricsStore) -> None:
    decision = judged(lender, metrics_store, rule("info", column="gone", max_value=1))
    assert decision.action == "investigate_data"
    assert "column 'gone' is missing" in decision.because
    [status] = metrics_store.history("default/lender", metric="broken_rules")["status"]
    assert status == "too_few"


def test_a_day_whose_critical_rule_holds_again_ends_the_incident(lender: Any, metrics_store: MetricsStore) -> None:
    limit = rule("critical", max_value=float(lender.rows["income"][lender.rows["at"] >= lender.at(1)].max()))
    lender.rows.loc[0, "income"] = 1e6
    lender.land(0)
    first = judged(lender, metrics_store, limit)
    assert first.action == "investigate_data"
    second = judged(lender, metrics_store, limit, day=1)
    assert second.evidence["contract"] == []
    assert second.action != "investigate_data"


def test_broken_rules_quote_no_value_anywhere(
    lender: Any, metrics_store: MetricsStore, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    canary, number = "c4n4ry-of-one-person", 8675309.25
    lender.rows.loc[lender.rows.index[:40], "country"] = [f"{canary}-{i % 30}" for i in range(40)]
    lender.rows.loc[5, "income"] = number
    lender.land(0)
    caplog.set_level(logging.DEBUG)
    known, only = {"values": ["DE", "FR"], "weights": [0.5, 0.5]}, {"column": "country", "value_set": ["DE"]}
    leaky = [
        ("expect_column_most_common_value_to_be_in_set", only),
        (
            "expect_column_kl_divergence_to_be_less_than",
            {"column": "country", "partition_object": known, "threshold": 0},
        ),
        ("expect_column_distinct_values_to_equal_set", only),
        ("expect_column_distinct_values_to_be_in_set", only),
        ("expect_column_values_to_be_in_set", only),
        ("expect_column_values_to_match_regex", {"column": "country", "regex": "^X"}),
        ("expect_column_values_to_be_unique", {"column": "country"}),
        ("expect_column_values_to_be_json_parseable", {"column": "country"}),
        ("expect_column_mean_to_be_between", {"column": "country", "min_value": 0}),
        ("expect_column_values_to_be_between", {"column": "country", "min_value": 0}),
        ("expect_column_max_to_be_between", {"column": "income", "max_value": 1}),
        ("expect_column_values_to_be_in_set", {"column": "income", "value_set": [1]}),
    ]
    rules = [{"type": kind, "kwargs": kwargs} for kind, kwargs in leaky]
    monitor = lender.monitor(metrics_store, contract={"expectations": rules}, policy={"rules": []})
    run = lender.run(0)
    measure_quality(monitor, run)
    told = [check_contract(monitor, run).document(), decide(monitor, run)]
    rows = metrics_store.history("default/lender").query("family == 'contract'")
    assert (rows.query("metric == 'expectation'")["value"] == 0).sum() >= 8
    assert (rows["status"] == "failed").any()
    metrics_store.dispose()
    stored = b"".join(path.read_bytes() for path in lender.home.parent.glob("metrics.db*"))
    assert b"expect_column_values_to_match_regex" in stored
    assert canary.encode() not in stored
    for text in (repr(told), rows.to_csv(), caplog.text, *capfd.readouterr()):
        assert canary not in text
        assert str(number) not in text


@pytest.mark.parametrize(
    "contract",
    [
        {"expectations": []},
        {"expectations": [{"type": "expect_column_values_to_be_nul", "kwargs": {"column": "income"}}]},
        {"expectations": [rule("info"), rule("critical")]},
        {"expectations": [{"expectation_type": NOT_NULL, "kwargs": {"column": "income"}}]},
        {"gx_project": "nowhere", "suite": "s"},
        "nowhere.json",
        "no_such_module:suite",
    ],
)
def test_a_contract_that_is_wrong_is_refused_before_any_data_is_read(
    lender: Any, metrics_store: MetricsStore, contract: Any
) -> None:
    monitor = lender.monitor(metrics_store, contract=contract)
    for file in (lender.home / "predictions").glob("*"):
        file.unlink()
    with pytest.raises(SpecError):
        check_contract(monitor, lender.run(0))
    # Not even a reference was frozen for it.
    assert metrics_store.reference_at("default/lender", "scores", lender.at(0)) is None


@pytest.mark.parametrize(
    "contract",
    ["inferred", None, "checks.orders:suite", {"gx_project": "p", "checkpoint": "c"}, {"expectations": [rule("info")]}],
)
def test_a_contract_comes_back_from_the_spec_as_it_was_written(lender: Any, contract: Any) -> None:
    spec = lender.spec(contract=contract)
    assert type(spec).from_document(spec.document()).contract == contract


def test_files_and_projects_are_relative_to_the_spec_and_functions_are_not(lender: Any, tmp_path: Path) -> None:
    from airflow_ml_monitor.monitor.document import validated

    def read(contract: Any) -> Any:
        return validated(lender.document(contract=contract), tmp_path).contract

    assert read("suite.yaml") == str(tmp_path / "suite.yaml")
    assert read({"gx_project": "p", "suite": "s"}) == {"gx_project": str(tmp_path / "p"), "suite": "s"}
    assert read("checks.orders:suite") == "checks.orders:suite"


KEYED = {
    "columns": {"id": {"kind": "categorical", "role": "entity_key"}, "income": "numeric", "score": {"role": "score"}}
}
SAMPLED = {"table": "broken", "columns": ["id"], "limit": 7}


def kept_rows(store: MetricsStore, table: str = "broken") -> list[dict[str, Any]]:
    engine = sa.create_engine(store.url)
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(sa.text(f"SELECT * FROM {table}")).mappings()]  # noqa: S608
    engine.dispose()
    return rows


def sampled(lender: Any, store: MetricsStore, day: int = 0, **wanted: Any) -> None:
    contract = {"expectations": [rule("warning", max_value=40), rule("info", NOT_NULL)]}
    contract["failed_rows"] = {**SAMPLED, **wanted}  # type: ignore[assignment]
    monitor = lender.monitor(store, contract=contract, dataset={**KEYED, "slice_by": []}, policy={"rules": []})
    check_contract(monitor, lender.run(day))


def test_rows_that_break_a_rule_are_kept_only_where_asked_for_and_of_them_the_named_columns_up_to_the_limit(
    lender: Any, metrics_store: MetricsStore
) -> None:
    sampled(lender, metrics_store)
    rows = kept_rows(metrics_store)
    assert len(rows) == 7
    assert set(rows[0]) == {"monitor", "dataset", "window_start", "window_end", "rule", "id"}
    assert {row["rule"] for row in rows} == {"expect_column_values_to_be_between:income"}
    poor = lender.rows.set_index("id")["income"]
    assert all(poor[row["id"]] > 40 for row in rows)


def test_a_rerun_replaces_the_rows_of_its_window_and_leaves_others_alone(
    lender: Any, metrics_store: MetricsStore
) -> None:
    sampled(lender, metrics_store, 0)
    sampled(lender, metrics_store, 1)
    sampled(lender, metrics_store, 0)
    starts = [row["window_start"][:10] for row in kept_rows(metrics_store)]
    assert {day: starts.count(day) for day in starts} == {"2026-03-02": 7, "2026-03-03": 7}


def test_without_being_asked_no_row_is_kept(lender: Any, metrics_store: MetricsStore) -> None:
    judged(lender, metrics_store, rule("warning"))
    engine = sa.create_engine(metrics_store.url)
    assert "broken" not in sa.inspect(engine).get_table_names()
    engine.dispose()


def test_a_table_of_other_columns_is_refused_with_its_remedy(lender: Any, metrics_store: MetricsStore) -> None:
    engine = sa.create_engine(metrics_store.url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE broken (of_another TEXT)"))
    engine.dispose()
    with pytest.raises(StoreError, match=r"'broken' has no column 'monitor'; name another"):
        sampled(lender, metrics_store)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"table": "a; DROP TABLE x"}, "is no name"),
        ({"table": "ml_monitor_measurements"}, "not our own"),
        ({"columns": []}, "name the columns"),
        ({"columns": ["rule"]}, "is a column of ours"),
        ({"columns": ["passport"]}, "no declared column of 'scores'"),
        ({"limit": 10**9}, "is no limit"),
        ({"limt": 1}, "give table, columns"),
    ],
)
def test_a_sample_that_is_wrongly_asked_for_is_refused_with_the_spec(
    lender: Any, wrong: dict[str, Any], words: str
) -> None:
    contract = {"suite": "inferred", "failed_rows": {**SAMPLED, **wrong}}
    with pytest.raises(SpecError, match=words):
        lender.spec(contract=contract, dataset={**KEYED, "slice_by": []})
