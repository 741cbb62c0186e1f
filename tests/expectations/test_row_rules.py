"""What a suite asks of single rows is what Great Expectations asks of them, row by row."""

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.expectations import adding
from airflow_ml_monitor.expectations.gx import load_gx, quiet_context
from airflow_ml_monitor.expectations.row_rules import row_rules
from airflow_ml_monitor.expectations.split_rows import RowContract, split_rows
from airflow_ml_monitor.expectations.suite import rule_columns
from airflow_ml_monitor.measurement import Severity
from airflow_ml_monitor.profile.engines.embedded.row_split import Outputs

MOMENT = "2026-01-02T00:00:00"
FRAME = pd.DataFrame(
    {
        "x": [1.0, np.nan, 3.0, -5.0, np.inf, 0.0, -0.0, 7.5],
        "y": [0.0, np.nan, np.nan, -5.0, np.inf, 1e-9, 0.0, 8.0],
        "z": [2.0, np.nan, 1.0, 13.0, 1.0, 3.0, 3.0, -12.5],
        "sum": [2.0, 2.0, 6.000001, -1.0, np.inf, 9.007e15, np.nan, 7.6],
        "whole": [1, 2, 3, 4, 5, 2**53 + 1, -7, 0],
        "flag": [True, False, True, True, False, False, True, True],
        "text": ["abc", "", None, "éa\n", "12", "２", "{}", "2026-01-01"],
        "code": ["a", "b", "c", None, "a", "", " a", "A"],
        "at": pd.to_datetime(
            [
                "2026-01-01",
                MOMENT,
                None,
                "2026-01-02T00:00:00.000001",
                "1969-12-31",
                "2262-01-01",
                MOMENT,
                "2026-01-03",
            ],
            format="ISO8601",
        ),
        "seen": pd.to_datetime(
            ["2026-01-02", MOMENT, "2026-01-01", "2026-01-01", None, "2262-01-01", MOMENT, "2026-01-02"],
            format="ISO8601",
        ),
    }
)
RULES = [
    ("values_to_not_be_null", {"column": "x"}),
    ("values_to_not_be_null", {"column": "text", "mostly": 0.1}),
    ("values_to_be_null", {"column": "x"}),
    ("values_to_be_between", {"column": "x", "min_value": 0, "max_value": 7.5}),
    ("values_to_be_between", {"column": "x", "min_value": 0, "max_value": 7.5, "strict_min": True, "strict_max": True}),
    ("values_to_be_between", {"column": "whole", "max_value": 4}),
    ("values_to_be_between", {"column": "whole", "min_value": 1.5}),
    ("values_to_be_between", {"column": "at", "min_value": MOMENT}),
    (
        "values_to_be_between",
        {"column": "at", "min_value": MOMENT, "max_value": "2026-01-03T00:00:00", "strict_min": True},
    ),
    ("values_to_be_in_set", {"column": "code", "value_set": ["a", "b"]}),
    ("values_to_be_in_set", {"column": "code", "value_set": []}),
    ("values_to_be_in_set", {"column": "x", "value_set": [1, 3.0, "7.5", 0]}),
    ("values_to_be_in_set", {"column": "whole", "value_set": [1.0, 2, 4]}),
    ("values_to_be_in_set", {"column": "flag", "value_set": [True]}),
    ("values_to_be_in_set", {"column": "flag", "value_set": [0]}),
    ("values_to_not_be_in_set", {"column": "code", "value_set": ["a", ""]}),
    ("value_lengths_to_be_between", {"column": "text", "min_value": 2, "max_value": 3}),
    ("value_lengths_to_be_between", {"column": "text", "min_value": 2, "strict_min": True}),
    ("value_lengths_to_equal", {"column": "text", "value": 2}),
    ("values_to_match_regex", {"column": "text", "regex": r"^\w+$"}),
    ("values_to_match_regex", {"column": "text", "regex": r"^\d+$"}),
    ("values_to_match_regex", {"column": "text", "regex": r"(?<=a)b"}),
    ("values_to_match_regex", {"column": "whole", "regex": "^[0-9]$"}),
    ("values_to_not_match_regex", {"column": "text", "regex": "a"}),
    ("values_to_match_regex_list", {"column": "text", "regex_list": ["a", "b"], "match_on": "all"}),
    ("values_to_match_regex_list", {"column": "text", "regex_list": ["a", "2"], "match_on": "any"}),
    ("values_to_not_match_regex_list", {"column": "text", "regex_list": ["a", "2"]}),
    ("values_to_match_strftime_format", {"column": "text", "strftime_format": "%Y-%m-%d"}),
    ("values_to_be_json_parseable", {"column": "text"}),
    *(
        ("pair_values_a_to_be_greater_than_b", {"column_A": a, "column_B": b, **more})
        for a, b in (("x", "y"), ("at", "seen"), ("whole", "x"))
        for more in (
            {},
            {"or_equal": True},
            {"ignore_row_if": "either_value_is_missing"},
            {"ignore_row_if": "neither", "or_equal": True},
        )
    ),
    ("pair_values_to_be_equal", {"column_A": "x", "column_B": "y"}),
    ("pair_values_to_be_equal", {"column_A": "code", "column_B": "text", "ignore_row_if": "neither"}),
    ("multicolumn_sum_to_equal", {"column_list": ["x", "y", "z"], "sum_total": 3}),
    (
        "multicolumn_sum_to_equal",
        {"column_list": ["x", "y", "z"], "sum_total": 3, "ignore_row_if": "any_value_is_missing"},
    ),
    ("multicolumn_sum_to_equal", {"column_list": ["whole", "whole"], "sum_total": 2}),
    *(
        ("columns_to_add_up", {"column_list": columns, **more})
        for columns in (["x", "whole", "sum"], ["x", "sum"], ["whole", "x", "y", "z"])
        for more in ({}, {"ignore_row_if": "any_value_is_missing"}, {"ignore_row_if": "never", "mostly": 0.5})
    ),
    ("select_column_values_to_be_unique_within_record", {"column_list": ["x", "y", "z"]}),
    ("select_column_values_to_be_unique_within_record", {"column_list": ["x", "y"], "ignore_row_if": "never"}),
    (
        "select_column_values_to_be_unique_within_record",
        {"column_list": ["code", "text"], "ignore_row_if": "any_value_is_missing"},
    ),
]


def suite_of(*rules, severity="critical"):
    """A suite whose rules are named r0, r1, …"""
    return {
        "expectations": [
            {"type": _type(kind), "kwargs": kwargs, "severity": severity, "meta": {"rule_id": f"r{i}"}}
            for i, (kind, kwargs) in enumerate(rules)
        ]
    }


def _type(kind):
    return (
        f"expect_{kind}" if kind.startswith(("multicolumn", "select", "columns", "table")) else f"expect_column_{kind}"
    )


@pytest.fixture
def broken_by(tmp_path):
    """The rows (by position) that each rule holds back."""

    def split(frame, rules):
        outputs = Outputs(tmp_path / "good.parquet", tmp_path / "quarantine.parquet")
        found = split_rows(frame.assign(nth=range(len(frame))), RowContract.of(suite_of(*rules)), outputs)
        assert found.unanswered == {}
        held = pq.read_table(outputs.quarantine).to_pylist()
        return [[row["nth"] for row in held if f"r{i}" in row["reasons"]] for i in range(len(rules))]

    return split


def great_expectations(frame, rules):
    """The rows that Great Expectations finds unexpected, rule by rule."""
    gx = load_gx()
    adding.register()
    with quiet_context() as context:
        asset = context.data_sources.add_pandas("frame").add_dataframe_asset("frame")
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        made = gx.expectations.registry.get_expectation_impl
        asked = [made(_type(kind))(**kwargs, meta={"rule_id": f"r{i}"}) for i, (kind, kwargs) in enumerate(rules)]
        results = batch.validate(gx.ExpectationSuite(name="s", expectations=asked), result_format="COMPLETE")
    found = {}
    for result in results.results:
        name = result.expectation_config.meta["rule_id"]
        assert "unexpected_index_list" in result.result, (name, rules[int(name[1:])], result.exception_info)
        found[name] = sorted(result.result["unexpected_index_list"])
    return [found[f"r{i}"] for i in range(len(rules))]


def test_each_rule_holds_back_the_rows_that_great_expectations_finds_unexpected(broken_by):
    ours, theirs = broken_by(FRAME, RULES), great_expectations(FRAME, RULES)
    differing = [found for found in zip(RULES, ours, theirs, strict=True) if found[1] != found[2]]
    assert differing == []
    # Not by being empty: most rules are broken by some rows, and kept by others.
    assert sum(0 < len(rows) < len(FRAME) for rows in ours) > 0.8 * len(RULES)


@pytest.mark.parametrize(
    "frame", [FRAME.iloc[:0], FRAME.iloc[[1, 1]][["x", "y", "z"]].reset_index()], ids=["no rows", "all missing"]
)
def test_the_same_where_there_is_nothing_to_ask(broken_by, frame):
    read = [rule_columns({"type": _type(kind), "kwargs": kwargs}) for kind, kwargs in RULES]
    rules = [rule for rule, columns in zip(RULES, read, strict=True) if {*columns} <= {*frame}]
    assert len(rules) > 8
    assert broken_by(frame, rules) == great_expectations(frame, rules)


def test_a_whole_bound_is_exact_where_great_expectations_takes_the_next_float(broken_by):
    # 2⁵³ + 1 is no float: compared as floats it is 2⁵³, and kept.
    assert broken_by(FRAME, [("values_to_be_between", {"column": "whole", "max_value": 2**53})]) == [[5]]


def test_rules_on_many_rows_types_conditions_and_columns_to_come_are_left_out_by_name():
    rules = [
        ("values_to_not_be_null", {"column": "x"}),
        ("mean_to_be_between", {"column": "x", "min_value": 0}),
        ("values_to_be_unique", {"column": "x"}),
        ("values_to_be_of_type", {"column": "x", "type_": "float"}),
        ("values_to_not_be_null", {"column": "y", "row_condition": "x > 0", "condition_parser": "pandas"}),
        ("values_to_not_be_null", {"column": "score"}),
    ]
    found, left_out = row_rules(suite_of(*rules), without={"score"})
    assert [rule.name for rule in found] == ["r0"]
    assert left_out == ["r1", "r2", "r3", "r4", "r5"]


@pytest.mark.parametrize(("severity", "asked"), [("critical", 1), ("warning", 2), ("info", 3)])
def test_a_severity_asks_its_rules_and_the_graver_ones(severity, asked):
    rules = [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": name}, "severity": name}
        for name in ("info", "warning", "critical")
    ]
    assert len(row_rules({"expectations": rules}, Severity(severity))[0]) == asked


def test_a_contract_that_would_ask_nothing_is_refused():
    mean = suite_of(("mean_to_be_between", {"column": "x", "min_value": 0}))
    with pytest.raises(SpecError, match=r"no rule of severity critical .*left out: r0.*every row would pass"):
        RowContract.of(mean)
    with pytest.raises(SpecError, match="no rule of severity critical"):
        RowContract.of(suite_of(("values_to_not_be_null", {"column": "x"}), severity="warning"))
    with pytest.raises(SpecError, match="every row would pass"):
        RowContract.of(None)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (("values_to_match_regex", {"column": "x", "regex": "("}), "r0: its arguments cannot be understood"),
        (("values_to_match_regex_list", {"column": "x", "regex_list": []}), "regex_list is empty"),
        (("values_to_be_between", {"column": "x"}), "neither min_value nor max_value"),
        (("values_to_be_between", {"min_value": 1}), "KeyError: 'column'"),
        (("values_to_be_in_set", {"column": "x", "value_set": [{}]}), "is no number or text"),
        (("multicolumn_sum_to_equal", {"column_list": ["x"]}), "KeyError: 'sum_total'"),
    ],
)
def test_wrong_arguments_are_refused_before_data_is_read(rule, told):
    with pytest.raises(SpecError, match=told):
        row_rules(suite_of(rule))


def test_a_misspelt_type_or_argument_is_refused_and_not_left_out():
    kept = ("values_to_not_be_null", {"column": "x"})
    with pytest.raises(UnknownName, match="did you mean 'expect_column_values_to_be_unique'"):
        RowContract.of(suite_of(kept, ("values_to_be_uniqe", {"column": "x"})))
    with pytest.raises(SpecError, match="mosty"):
        RowContract.of(suite_of(kept, ("values_to_be_null", {"column": "x", "mosty": 0.9})))
