"""A contract's versions, and rules that look beyond the declared columns."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from airflow_ml_monitor.expectations.version import version_of
from airflow_ml_monitor.measurement import Family, Measurement
from airflow_ml_monitor.monitor.contract import contract_of
from airflow_ml_monitor.monitor.steps import check_contract, measure_quality
from airflow_ml_monitor.onboarding.contract import contract_of_spec
from airflow_ml_monitor.store.records import Recorded

ROWS = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}, "severity": "warning"}


def recorded(world: Any) -> list[Recorded]:
    found: list[Recorded] = world.store.current(world.spec.key, families=[Family.CONTRACT], metrics={"expectation"})
    return found


def answers(world: Any) -> list[Measurement]:
    return [r.measurement for r in recorded(world)]


def test_an_old_answer_names_the_contract_that_gave_it_after_the_contract_was_edited(
    worlds: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "contract.json"
    path.write_text(json.dumps({"name": "loans", "expectations": [ROWS]}))
    world = worlds(days=3, rows=50, contract=str(path))
    check_contract(world.monitor(), world.run(0))
    path.write_text(json.dumps({"name": "loans", "expectations": [{**ROWS, "kwargs": {"min_value": 1000}}]}))
    check_contract(world.monitor(), world.run(1))
    old, new = (contract_of(world.store, world.spec.key, answer) for answer in recorded(world))
    assert old is not None
    assert new is not None
    assert [v.document["expectations"][0]["kwargs"]["min_value"] for v in (old, new)] == [1, 1000]
    assert [a.estimate and a.estimate.value for a in answers(world)] == [1.0, 0.0]
    assert all("contract loans@" in answer.reason for answer in answers(world))
    told = world.store.history(world.spec.key, metric="expectation")
    assert list(told["contract"]) == [old.digest, new.digest]
    assert [v.digest for v in world.store.contracts.listed(world.spec.key)] == [old.digest, new.digest]
    assert old.digest == version_of(old.document)
    # The same contract on another day is no other version.
    check_contract(world.monitor(), world.run(2))
    assert len(world.store.contracts.listed(world.spec.key)) == 2


def test_an_inferred_contract_is_stored_too(worlds: Callable[..., Any]) -> None:
    world = worlds(days=1, rows=50)
    check_contract(world.monitor(), world.run(0))
    for answer in recorded(world):
        found = contract_of(world.store, world.spec.key, answer)
        assert found is not None
        assert answer.measurement.parameters in {rule["meta"]["rule_id"] for rule in found.document["expectations"]}


def test_numbers_that_no_contract_gave_name_none(worlds: Callable[..., Any]) -> None:
    world = worlds(days=1, rows=50)
    measure_quality(world.monitor(), world.run(0))
    found = world.store.current(world.spec.key, families=[Family.QUALITY])
    assert found
    assert {contract_of(world.store, world.spec.key, one) for one in found} == {None}
    assert set(world.store.history(world.spec.key)["contract"]) == {""}


def test_keys_event_times_and_undeclared_columns_are_checked(worlds: Callable[..., Any], tmp_path: Path) -> None:
    world = worlds(days=32, rows=300)
    world.predictions["note"] = "x-1"
    for number in range(32):
        world.write_day(number)
    suite = contract_of_spec(world.spec)
    listed = [
        *suite["expectations"],
        {"type": "expect_column_value_lengths_to_equal", "kwargs": {"column": "note", "value": 3}},
    ]
    path = tmp_path / "contract.json"
    path.write_text(json.dumps({**suite, "expectations": listed}))
    mine = worlds(days=32, rows=300, contract=str(path))
    mine.predictions["note"] = "x-1"
    mine.write_day(31)
    check_contract(mine.monitor(), mine.run(31))
    told = {a.parameters: (a.status, a.estimate and a.estimate.value, a.reason) for a in answers(mine)}
    assert {value for _, value, _ in told.values()} == {1.0}, told
    assert {"expect_column_values_to_be_unique:id", "expect_column_max_to_be_between:at"} <= set(told)
    # Half the rows lost, the others twice, and none of the evening.
    day = mine.predictions[mine.predictions["at"] >= mine.day(31).start]
    half = day.sort_values("at").head(75)
    mine.predictions = half.loc[half.index.repeat(2)]
    mine.write_day(31)
    check_contract(mine.monitor(), mine.run(31))
    found = {a.parameters for a in answers(mine) if a.estimate is not None and a.estimate.value == 0}
    assert found == {
        "expect_table_row_count_to_be_between",
        "expect_column_max_to_be_between:at",
        "expect_column_values_to_be_unique:id",
    }
