"""What the profile answers is what Great Expectations answers on the same rows: verdict, values checked, values broken.

Both look through the engine: cells at the profile, Great Expectations at the frame of the same table.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_ml_monitor.expectations.cells import ANSWERED, from_cells, is_known
from airflow_ml_monitor.expectations.engine import expectations, run_suite
from airflow_ml_monitor.expectations.outcome import By, Ruling
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

pytestmark = pytest.mark.usefixtures("great_expectations")

Rule = tuple[str, dict[str, Any]]
ENGINE = DuckDB()
BY_STATEMENT = DuckDB(small=-1)
"""As large windows are cut: in SQL, not by the kernel."""
INF, NAN = float("inf"), float("nan")
IN_SET = "expect_column_values_to_be_in_set"
BETWEEN = "expect_column_values_to_be_between"
NOT_NULL = "expect_column_values_to_not_be_null"
SHARE = "expect_column_proportion_of_non_null_values_to_be_between"
STATISTICS = tuple(f"expect_column_{of}_to_be_between" for of in ("min", "max", "mean", "median", "stdev", "sum"))
SET_RULES = tuple(f"expect_column_{of}_set" for of in ("values_to_be_in", "values_to_not_be_in"))
DISTINCT = tuple(f"expect_column_distinct_values_to_{of}_set" for of in ("be_in", "contain", "equal"))


def table(values: Any, kind: pa.DataType | None = None) -> pa.Table:
    return pa.table({"x": values if isinstance(values, pa.Array) else pa.array(values, kind)})


SPREAD = table(np.random.default_rng(0).normal(0, 10, 500))
FEW = table(np.repeat([0.0, 0.1, 0.5, 1, 2, 7], 50))


def answers(reference: pa.Table, current: pa.Table, kind: Kind, rules: Sequence[Rule]) -> tuple[int, list[str]]:
    """How many rules cells answered, and where they contradict Great Expectations."""
    then, now = (Dataset("d", source, (Column("x", kind),), "at") for source in (reference, current))
    layout = ENGINE.layout(then, EVER)
    profile, other = (engine.profile(now, layout, EVER) for engine in (ENGINE, BY_STATEMENT))
    listed = [{"type": t, "kwargs": {**k}, "meta": {"rule_id": str(i)}} for i, (t, k) in enumerate(rules)]
    suite = load_suite({"expectations": listed})
    found = [from_cells(rule, layout, profile) for rule in suite["expectations"]]
    assert found == [from_cells(rule, layout, other) for rule in suite["expectations"]]
    asked = [rule for rule, one in zip(suite["expectations"], found, strict=True) if one is not None]
    if not asked:
        return 0, []
    told = run_suite({"expectations": asked}, ENGINE.frame(now, EVER, 10**6))
    wrong = []
    for rule, mine, theirs in zip(asked, (one for one in found if one is not None), told, strict=True):
        same = (mine.status, mine.checked, mine.unexpected, mine.share, mine.reason)
        if same != (theirs.status, theirs.checked, theirs.unexpected, theirs.share, theirs.reason):
            wrong.append(f"{rule['type']} {rule['kwargs']}: cells {same}, Great Expectations {theirs}")
    return len(asked), wrong


def on_counts() -> list[Rule]:
    column = {"column": "x"}
    rules: list[Rule] = [("expect_column_to_exist", column)]
    for part in (0, 0.25, 0.5, 0.75, 0.9, 1):
        rules += [(NOT_NULL, {**column, "mostly": part})]
        rules += [("expect_column_values_to_be_null", {**column, "mostly": part})]
        rules += [(SHARE, {**column, "min_value": part}), (SHARE, {**column, "max_value": part, "strict_max": True})]
    for rows in (0, 1, 3, 4, 5):
        between = "expect_table_row_count_to_be_between"
        rules += [("expect_table_row_count_to_equal", {"value": rows})]
        rules += [(between, {"min_value": rows, "strict_min": True}), (between, {"max_value": rows})]
    return rules


def on_bounds(bounds: Sequence[float], mostly: float = 0.5) -> list[Rule]:
    column = {"column": "x"}
    rules: list[Rule] = []
    for bound, strict in itertools.product(bounds, (False, True)):
        above, below = {"min_value": bound, "strict_min": strict}, {"max_value": bound, "strict_max": strict}
        rules += [(BETWEEN, {**column, **above}), (BETWEEN, {**column, **below, "mostly": mostly})]
        rules += [(of, {**column, **side}) for of in STATISTICS for side in (above, below)]
    for low, high in itertools.combinations(sorted(bounds), 2):
        rules.append((BETWEEN, {**column, "min_value": low, "max_value": high, "mostly": mostly}))
    return rules


def on_sets(*sets: list[Any]) -> list[Rule]:
    rules: list[Rule] = []
    for value_set in sets:
        asked = {"column": "x", "value_set": value_set}
        rules += [(of, {**asked, **more}) for of in SET_RULES for more in ({}, {"mostly": 0.5})]
        rules += [(of, asked) for of in DISTINCT]
    return rules


NUMBERS = {
    "plain": [1.0, 2, 3, 4],
    "missing": [1.0, None, 2, None],
    "both kinds of missing": [1, NAN, None, 3.0],
    "infinite": [1, INF, -INF, 2.0, 2],
    "empty": [],
    "nothing but missing": [None] * 4,
    "one value": [7.0],
    "constant": [0.1] * 6,
    "few": [0, 0.1, 0.1, 0.5, 0.5, 0.3],
    "huge": [1e18, 1e18 + 1000, 5],
    "signs": [1e-300, 0.0, -0.0],
    "unseen on both sides of known ones": [-1.0, 9, 9, 0, 0.5, 1, 2],
}


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.int64(), pa.decimal128(10, 2)], ids=str)
@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_agree(name: str, kind: pa.DataType) -> None:
    values: list[Any] = NUMBERS[name]
    if kind not in (pa.float64(), pa.float32()):
        try:
            values = pa.array(values, pa.float64()).cast(kind)
        except pa.ArrowInvalid:
            pytest.skip("no such number of this type")
    rules = [*on_counts(), *on_bounds([0.1, 1, 2.5, 7, 1e18]), *on_sets([1], [0.1, 0.5, 0, 0.3], [2, 7], [9])]
    answered, wrong = answers(FEW, table(values, kind), Kind.NUMERIC, rules)
    assert not wrong
    assert answered > len(rules) / 3


def test_integers_that_no_double_tells_apart_are_left_to_great_expectations() -> None:
    large = 2**53
    rules = [*on_sets([large], [large, 5]), *on_bounds([large, large + 2])]
    _, wrong = answers(SPREAD, table([large + 1, large, 5], pa.int64()), Kind.NUMERIC, rules)
    assert not wrong


def test_texts_that_may_be_times_are_left_to_great_expectations() -> None:
    day = datetime(2026, 1, 1)
    sets = on_sets(["2026-01-01 00:00:00"], ["2026-01-01"], ["2026-01-01 00:00:00", "2026-01-01"])
    for values in ([day] * 30, ["2026-01-01 00:00:00"] * 30):
        _, wrong = answers(table([day] * 30), table(values), Kind.CATEGORICAL, sets)
        assert not wrong


@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_numbers_agree_wherever_bounds_and_buckets_lie(data: st.DataObject) -> None:
    number = st.floats(-30, 30, width=32) | st.integers(-5, 5).map(float) | st.sampled_from([0.1, 0.2, INF, 1e9])
    values = data.draw(st.lists(st.none() | number, max_size=60))
    mine = [v for v in values if v is not None and v != INF]
    bounds = data.draw(st.lists(st.sampled_from(mine) if mine else number, min_size=1, max_size=3, unique=True))
    bounds = [b for b in {*bounds, data.draw(st.floats(-40, 40))} if b != INF]
    kind = data.draw(st.sampled_from([pa.float64(), pa.float32()]))
    rules = [*on_bounds(bounds, data.draw(st.floats(0, 1))), *on_sets(bounds)]
    _, wrong = answers(data.draw(st.sampled_from([SPREAD, FEW])), table(values, kind), Kind.NUMERIC, rules)
    assert not wrong


WORDS = table(["web", "shop", "phone"] * 30 + ["rare"])
CODES = table([1, 2, 3] * 30)
SETS = [["web", "shop"], ["web", "shop", "phone"], ["web", "rare"], ["gone"], ["web", 7], ["1", "2"]]
SETS += [[1, 2], ["1", 1, "2", 2], [True], [False, True], ["true", True, "false", False], [1.5], [7]]
CATEGORIES = {
    "kept": ["web", "shop", "shop", None],
    "rare": ["web", "rare", "shop"],
    "unseen": ["web", "new"],
    "all unseen": ["new", "newer"],
    "empty": pa.array([], pa.string()),
    "nothing but missing": pa.array([None, None], pa.string()),
    "one": ["web"],
    "digits": ["1", "2", "7"],
    "digits padded": ["01", "2"],
    "numbers": [1, 2, 3, 1],
    "numbers unseen": [1, 9],
    "numbers missing": [1, None, 2],
    "fractions": [1.0, 2.5, NAN],
    "decimals": pa.array([1.0, 2.0], pa.float64()).cast(pa.decimal128(5, 2)),
    "truths": [True, False, True],
    "truths missing": [True, None],
    "truth in words": ["true", "false"],
    "days": [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)],
    "days in words": ["2026-01-01", "2026-01-02"],
    "lists": [["web"], ["shop"]],
    "names of no numbers": ["nan", "web", "inf", "NULL", ""],
    "dictionary": pa.array(["web", "shop", "web"]).dictionary_encode(),
}


@pytest.mark.parametrize("reference", [WORDS, CODES, table([True, False] * 20)], ids=["words", "codes", "truths"])
@pytest.mark.parametrize("name", CATEGORIES)
def test_categories_agree(name: str, reference: pa.Table) -> None:
    counted: list[Rule] = [(NOT_NULL, {"column": "x", "mostly": 0.5})]
    answered, wrong = answers(reference, table(CATEGORIES[name]), Kind.CATEGORICAL, [*counted, *on_sets(*SETS)])
    assert not wrong
    assert answered >= len(counted)


@pytest.mark.parametrize("values", [[True, False, True], [True, None], [1, 0, 1], [0, 2, 1], [None], [True]], ids=str)
def test_booleans_agree(values: list[Any]) -> None:
    rules = [*on_counts(), *on_sets([True], [False, True], [0, 1], [1]), *on_bounds([0, 1])]
    answered, wrong = answers(table([True, False] * 20), table(values), Kind.BOOLEAN, rules)
    assert not wrong
    assert answered >= len(on_counts()) + len(on_sets([True], [False, True])) - 4


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_datetimes_are_counted_and_their_bounds_left_to_great_expectations(zone: str | None) -> None:
    at = pa.array([datetime(2026, 1, 1), None, datetime(2026, 1, 3)], pa.timestamp("us", zone))
    bounds: list[Rule] = [
        (of, {"column": "x", "min_value": "2026-01-01"}) for of in (BETWEEN, "expect_column_max_to_be_between")
    ]
    answered, wrong = answers(table(at), table(at), Kind.DATETIME, [*on_counts(), *bounds, *on_sets(["2026-01-01"])])
    assert not wrong
    assert answered == len(on_counts())


def outcome(
    current: pa.Table, kind: str, *, reference: pa.Table = SPREAD, of: Kind = Kind.NUMERIC, **kwargs: Any
) -> Any:
    then, now = (Dataset("d", source, (Column("x", of),), "at") for source in (reference, current))
    layout = ENGINE.layout(then, EVER)
    [rule] = load_suite({"expectations": [{"type": kind, "kwargs": {"column": "x", **kwargs}}]})["expectations"]
    return from_cells(rule, layout, ENGINE.profile(now, layout, EVER))


def test_a_bound_inside_a_bucket_is_not_answered_and_one_between_buckets_is() -> None:
    # Two neighbours share a bucket of the reference's grid (width about 0.02 near 0); 5.0 has another.
    rows = table([1.0, 1.000001, 5.0])
    assert outcome(rows, BETWEEN, max_value=1.0000005) is None
    assert outcome(rows, BETWEEN, max_value=3.0).unexpected == 1


def test_a_value_of_the_set_inside_a_bucket_is_not_answered() -> None:
    rows = table([1.0, 1.000001, 5.0])
    assert outcome(rows, IN_SET, value_set=[1.0000005, 5.0]) is None
    assert outcome(rows, IN_SET, value_set=[5.0]).unexpected == 2


def test_unseen_categories_are_all_broken_only_if_the_whole_set_has_buckets() -> None:
    rows = table(["web", "new", "rare"])
    kept = outcome(rows, IN_SET, reference=WORDS, of=Kind.CATEGORICAL, value_set=["web", "shop"])
    assert (kept.unexpected, kept.checked, kept.by) == (2, 3, By.CELLS)
    # "rare" had too few rows in the reference for a bucket: how many of the two are it is not known.
    assert outcome(rows, IN_SET, reference=WORDS, of=Kind.CATEGORICAL, value_set=["web", "rare"]) is None


def test_rules_on_some_rows_are_not_answered() -> None:
    condition = {"type": "comparison", "column": {"name": "x"}, "operator": ">", "parameter": 0}
    assert outcome(FEW, NOT_NULL, row_condition=condition) is None


def test_a_mean_so_close_to_its_bound_that_rounding_decides_is_not_answered() -> None:
    rows = table([0.1, 0.2, 0.3])
    mean = "expect_column_mean_to_be_between"
    assert outcome(rows, mean, min_value=0.2) is None
    assert outcome(rows, mean, min_value=0.2001).status is Ruling.FAIL


def test_a_column_that_did_not_arrive_as_declared_is_not_answered() -> None:
    assert outcome(table(["a"]), NOT_NULL) is None
    assert outcome(pa.table({"y": [1.0]}), "expect_column_to_exist") is None


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        (BETWEEN, {"column": "x"}),
        (BETWEEN, {"column": "x", "min_value": "1"}),
        (BETWEEN, {"column": "x", "min_value": 1, "strict_min": "yes"}),
        (BETWEEN, {"column": "x", "min_value": True}),
        (NOT_NULL, {"column": "x", "mostly": 2}),
        (NOT_NULL, {"column": "x", "mostli": 1}),
        (NOT_NULL, {"mostly": 1}),
        (IN_SET, {"column": "x", "value_set": []}),
        (IN_SET, {"column": "x", "value_set": None}),
        ("expect_column_to_exist", {"column": "x", "column_index": 1}),
        ("expect_table_row_count_to_be_between", {"min_value": 1.5}),
        ("expect_column_values_to_be_unique", {"column": "x"}),
    ],
)
def test_arguments_that_great_expectations_may_read_otherwise_are_left_to_it(kind: str, kwargs: dict[str, Any]) -> None:
    assert not is_known({"type": kind, "kwargs": kwargs})


def test_great_expectations_accepts_every_rule_that_cells_know() -> None:
    rules = [*on_counts(), *on_bounds([0.5]), *on_sets(["a", 1, True])]
    suite = load_suite({"expectations": [{"type": t, "kwargs": k} for t, k in rules]})["expectations"]
    assert all(map(is_known, suite))
    assert {rule["type"] for rule in suite} == set(ANSWERED)
    assert len(expectations(suite)) == len(suite)


def test_a_suite_that_cells_answer_neither_imports_great_expectations_nor_reads_rows() -> None:
    code = """
import sys
import pyarrow as pa
from airflow_ml_monitor.expectations.contract import Answering, evaluate
from airflow_ml_monitor.expectations.suite import load_suite
from airflow_ml_monitor.keys import EVER, WindowRule, WindowUnit
from airflow_ml_monitor.profile.dataset import Column, Dataset
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
table = pa.table({"x": [float(i) for i in range(100)], "id": list(range(100))})
engine, rows = DuckDB(), Dataset("d", table, (Column("x"),), "at", entity_key=("id",))
layout = engine.layout(rows, EVER)
suite = load_suite({"expectations": [
    {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}},
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "max_value": 50}},
    {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}},
]})
by = Answering(rows, WindowRule(WindowUnit.DAY), layout, engine.profile(rows, layout, EVER), sys.exit, sys.exit)
print([o.status.value for o in evaluate(suite, by)])
print("great_expectations" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "['pass', 'fail', 'pass']\nFalse\n", done.stderr
