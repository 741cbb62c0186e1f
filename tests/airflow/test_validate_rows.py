"""A batch is split before it is scored: good rows go on, what is held back is counted, stored, judged, never shown."""

import json

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor import DecideOperator, ProfileOperator, ValidateRowsOperator
from airflow_ml_monitor.airflow_compat import DAG, AirflowFailException
from airflow_ml_monitor.errors import SpecError

RULES = {
    "expectations": [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "income"},
            "severity": "critical",
            "meta": {"rule_id": "income is there"},
        },
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "channel", "value_set": ["web", "branch", "app", "broker"]},
            "severity": "warning",
            "meta": {"rule_id": "known channel"},
        },
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "score"},
            "severity": "critical",
            "meta": {"rule_id": "scored"},
        },
        {
            "type": "expect_column_mean_to_be_between",
            "kwargs": {"column": "income", "min_value": 0},
            "severity": "critical",
            "meta": {"rule_id": "mean income"},
        },
    ]
}
ROWS, BROKEN = 150, 30


@pytest.fixture
def applications(desk):
    """A day's rows before they are scored, the income of every fifth missing."""
    rows = desk.world.applications(2).head(ROWS).drop(columns=["score", "model_version"], errors="ignore")
    rows.loc[rows.index[::5], "income"] = None
    path = desk.home / "in" / f"{desk.day(2).start.date()}.parquet"
    path.parent.mkdir()
    rows.to_parquet(path, index=False)
    return rows


@pytest.fixture
def validate(desk, run_task):
    """Run the operator about day 2: `result, api = validate(severity=…)`; own: its contract, if not the spec's."""

    def run(rules=(), contract=RULES, own=None, **arguments):
        with DAG("d", schedule=None):
            task = ValidateRowsOperator(
                task_id="step",
                spec=desk.spec(contract=contract, rules=rules),
                contract=own,
                **{
                    "source": f"{desk.home}/in/{{{{ data_interval_start | ds }}}}.parquet",
                    "good": f"{desk.home}/good/{{{{ data_interval_start | ds }}}}.parquet",
                    "quarantine": f"{desk.home}/held/{{{{ data_interval_start | ds }}}}.parquet",
                    **arguments,
                },
            )
        return run_task(task, dag_run=desk.run(2))

    return run


def stored(desk):
    """(status, value, n, reason, column) of what was stored, by rule."""
    table = desk.store().history("default/credit", metric="quarantined_rows")
    by = r"(?:; )?contract contract@[0-9a-f]{24}$"
    assert table["reason"].str.contains(by).all()
    table["why"] = table["reason"].str.replace(by, "", regex=True)
    return {r.parameters: (r.status, r.value, r.n, r.why, r.column) for r in table.itertuples()}


@pytest.mark.airflow_min
def test_rows_that_break_a_critical_rule_are_held_back_counted_and_stored_with_an_interval(
    desk, applications, validate
):
    result, api = validate()
    assert result.error is None
    day = desk.day(2).start.date()
    good, held = (pd.read_parquet(desk.home / part / f"{day}.parquet") for part in ("good", "held"))
    assert [*good["application_id"], *held["application_id"]] == [
        *applications["application_id"][applications["income"].notna()],
        *applications["application_id"][applications["income"].isna()],
    ]
    assert [[*why] for why in held["reasons"]] == [["income is there"]] * BROKEN
    assert api.pushed["step", "return_value"] == {
        "rows": ROWS,
        "good": ROWS - BROKEN,
        "quarantined": BROKEN,
        "by_reason": {"income is there": BROKEN},
        # Of scores nothing is asked before there are any; of a mean no row can answer.
        "left_out": ["scored", "mean income"],
        "failed": "",
    }
    assert stored(desk) == {
        "": ("ok", 0.2, ROWS, "", ""),
        "income is there": ("ok", 0.2, ROWS, "", "income"),
    }
    (whole,) = desk.store().history("default/credit", metric="quarantined_rows").query("parameters == ''").itertuples()
    # Wilson: 31.9207 / 153.8415 ± 1.96 √(24 + 0.9604) / 153.8415.
    assert (whole.low, whole.high) == pytest.approx((0.14384, 0.27114), abs=1e-5)


def test_a_lower_severity_asks_more_and_a_retry_stores_nothing_new(desk, applications, validate):
    applications.loc[applications.index[1], "channel"] = "pigeon"
    applications.to_parquet(desk.home / "in" / f"{desk.day(2).start.date()}.parquet", index=False)
    for _ in range(2):
        _, api = validate(severity="warning")
    found = api.pushed["step", "return_value"]
    assert found["by_reason"] == {"income is there": BROKEN, "known channel": 1}
    assert found["good"] == ROWS - BROKEN - 1
    table = desk.store().history("default/credit", metric="quarantined_rows")
    assert len(table) == len(found["by_reason"]) + 1
    assert len(desk.store().contracts.listed("default/credit")) == 1
    assert "pigeon" not in table.to_string() + json.dumps(found)


def test_too_large_a_share_fails_the_task_after_the_evidence_is_stored(desk, applications, validate):
    result, _ = validate(most_quarantined=0.2)
    assert result.error is None
    result, _ = validate(most_quarantined=0.19)
    assert isinstance(result.error, AirflowFailException)
    assert "30 of 150 rows are held back, more than 19.0%" in str(result.error)
    assert stored(desk)[""][:2] == ("ok", 0.2)
    assert len(pd.read_parquet(desk.home / "held" / f"{desk.day(2).start.date()}.parquet")) == BROKEN


def test_a_rule_on_what_is_held_back_investigates_the_data(desk, applications, validate, run_task):
    rules = [{"name": "too many held back", "metric": "quarantined_rows", "max": 0.1, "action": "investigate_data"}]
    validate(rules)
    spec = desk.spec(contract=RULES, rules=rules)
    for kind in (ProfileOperator, DecideOperator):
        with DAG("d", schedule=None):
            task = kind(task_id="step", spec=spec)
        result, api = run_task(task, dag_run=desk.run(2))
        assert result.error is None
    decision = api.pushed["step", "decision"]
    assert decision["action"] == "investigate_data"
    assert "quarantined_rows 0.2 [0.1438, 0.2711] above 0.1" in decision["because"]


def test_a_missing_column_holds_back_every_row_and_is_broken_data(desk, applications, validate, run_task):
    path = desk.home / "in" / f"{desk.day(2).start.date()}.parquet"
    applications.drop(columns="income").to_parquet(path, index=False)
    _, api = validate()
    assert api.pushed["step", "return_value"]["good"] == 0
    status, _, _, reason, column = stored(desk)["income is there"]
    assert (status, column) == ("failed", "income")
    assert reason == "column 'income' is missing: every row is held back by income is there"
    with DAG("d", schedule=None):
        task = DecideOperator(task_id="step", spec=desk.spec(contract=RULES))
    _, api = run_task(task, dag_run=desk.run(2))
    assert api.pushed["step", "decision"]["action"] == "investigate_data"
    assert "column 'income' is missing" in api.pushed["step", "decision"]["because"]


def test_outliers_are_held_back_on_request_by_the_frozen_reference(desk, applications, validate):
    # As many debts as some have, and as large an income as others have; the days' usual rows are not touched.
    applications["income"] = applications["income"].fillna(applications["income"].median())
    odd = applications.index[:3]
    applications.loc[odd, ["income", "debt_ratio", "purpose", "channel"]] = [[1e7, 9.0, "car", "broker"]] * 3
    applications.to_parquet(desk.home / "in" / f"{desk.day(2).start.date()}.parquet", index=False)
    for _ in range(2):
        _, api = validate(outliers=0.01)
    found = api.pushed["step", "return_value"]
    day = desk.day(2).start.date()
    good, held = (pd.read_parquet(desk.home / part / f"{day}.parquet") for part in ("good", "held"))
    assert len(good) + len(held) == found["rows"] == ROWS
    assert 3 <= len(held) == found["by_reason"]["outlier"] <= 12
    assert set(applications.loc[odd, "application_id"]) <= set(held["application_id"])
    assert all(len(why) == 2 and why[1].startswith("outlier:") for why in held["reasons"])
    assert stored(desk)["outlier"][:3] == ("ok", len(held) / ROWS, ROWS)


def test_a_reference_too_small_for_the_share_of_outliers_is_said_before_data_is_read(desk, validate):
    result, _ = validate(outliers=0.001)
    assert isinstance(result.error, AirflowFailException)
    assert "has 800 rows, too few to know what 1 in 1,000 is" in str(result.error)


def test_a_batch_that_did_not_come_is_stored_and_skips_what_follows(desk, validate):
    result, _ = validate()
    assert result.state.value == "skipped"
    status, _, _, reason, _ = stored(desk)[""]
    assert (status, reason) == ("failed", "no file matches the source of the batch")
    assert not (desk.home / "good").exists()


def test_a_batch_with_a_value_that_cannot_be_read_is_stored_and_skips_what_follows(desk, applications, validate):
    path = desk.home / "in" / f"{desk.day(2).start.date()}.parquet"
    rows = pa.Table.from_pandas(applications)
    broken = pa.array([b"\xffsecret"] * len(rows)).view(pa.string())
    pq.write_table(rows.set_column(rows.column_names.index("channel"), "channel", broken), path)
    form = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "channel", "regex": "^[a-z]+$"}}
    result, _ = validate(contract={"expectations": [form]})
    assert result.state.value == "skipped"
    status, _, _, reason, _ = stored(desk)[""]
    assert (status, "cannot be looked at (UnicodeDecodeError)" in reason) == ("failed", True)
    assert "secret" not in reason
    assert not list((desk.home / "good").glob("*"))


def test_an_inferred_contract_asks_its_rules_on_features(desk, applications, validate):
    result, api = validate(contract="inferred", severity="warning")
    assert result.error is None
    found = api.pushed["step", "return_value"]
    assert found["by_reason"]["expect_column_values_to_not_be_null:income"] == BROKEN
    assert "expect_column_to_exist:score" in found["left_out"]
    assert not [name for name in found["by_reason"] if "score" in name]


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ({"own": RULES}, ["income is there", "scored"]),
        (
            {"own": {"suite": RULES, "failed_rows": {"table": "broken", "columns": ["id"]}}},
            ["income is there", "scored"],
        ),
        ({"own": "inferred", "severity": "warning", "contract": None}, ["expect_column_values_to_not_be_null:income"]),
    ],
)
def test_a_contract_of_its_own_is_written_as_a_specs_is(desk, applications, validate, arguments, asked):
    result, api = validate(**arguments)
    assert result.error is None
    found = api.pushed["step", "return_value"]
    assert {*asked} <= {*found["by_reason"]}
    # All rules of one that is written for the batch are meant; an inferred one knows no batch without scores.
    assert found["by_reason"].get("scored", found["quarantined"]) == found["quarantined"]
    assert found["quarantined"] == (ROWS if arguments["own"] != "inferred" else found["quarantined"])
    assert not [name for name in found["by_reason"] if name.endswith(":score")]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"contract": None}, "every row would pass"),
        ({"contract": "inferred"}, "no rule of severity critical"),
        ({"row_model": "nowhere:Model"}, "cannot be imported"),
        ({"good": "{{ 'x' }}/a.parquet", "quarantine": "x/a.parquet"}, "name two files"),
    ],
)
def test_what_the_user_wrote_wrong_fails_at_once(desk, applications, validate, arguments, told):
    result, _ = validate(**arguments)
    assert isinstance(result.error, AirflowFailException)
    assert told in str(result.error)


def test_wrong_arguments_are_refused_when_the_dag_is_parsed(desk, validate):
    with pytest.raises(SpecError, match="none of info, warning, critical"):
        validate(severity="grave")
    with pytest.raises(SpecError, match="give gx_project, and either suite or checkpoint"):
        validate(own={"suite": "credit.json"})
    with pytest.raises(SpecError, match="no share"):
        validate(most_quarantined=5)
    with pytest.raises(SpecError, match="share between 0 and 1"):
        validate(outliers=1)
