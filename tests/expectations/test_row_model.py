"""A Pydantic model as contract of a row: fields and kinds of errors become reasons, values never do."""

import sys
from datetime import UTC, datetime
from types import ModuleType
from typing import Annotated, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pydantic
import pytest
from pydantic_core import PydanticCustomError

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.row_model import RowModel
from airflow_ml_monitor.expectations.split_rows import RowContract, split_rows
from airflow_ml_monitor.profile.engines.embedded.row_split import Outputs

SECRET = "secret-7f3a"


class Applicant(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")

    age: Annotated[int, pydantic.Field(ge=18)]
    income: float | None
    purpose: Literal["car", "home"]
    note: Annotated[str, pydantic.Field(alias="remark", max_length=20)] = ""
    owns: dict[str, int] = {}

    @pydantic.field_validator("note")
    @classmethod
    def tells_its_value(cls, value):
        if value == "custom":
            raise PydanticCustomError(SECRET, SECRET)
        if value == "crash":
            raise KeyError(SECRET)
        if value == "wrong":
            raise ValueError(SECRET)
        return value

    @pydantic.model_validator(mode="after")
    def a_home_needs_an_income(self):
        if self.purpose == "home" and self.income is None:
            raise ValueError(SECRET)
        return self


class Event(pydantic.BaseModel):
    at: pydantic.AwareDatetime
    tags: list[str]


@pytest.fixture(autouse=True)
def module(monkeypatch):
    """The user's module, importable by its name."""
    made = ModuleType("users_rows")
    made.Applicant, made.Event, made.number = Applicant, Event, 7
    monkeypatch.setitem(sys.modules, "users_rows", made)


def reasons(**row):
    good = {"age": 30, "income": 1.0, "purpose": "car", "remark": ""}
    found = RowModel.named("users_rows:Applicant").broken(pa.RecordBatch.from_pylist([{**good, **row}]))
    return [reason for reason, rows in found if rows.tolist() == [0]]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({}, []),
        ({"income": None}, []),
        # NaN is missing, as everywhere here: an optional number may be, a needed one may not.
        ({"income": float("nan")}, []),
        ({"age": float("nan")}, ["Applicant.age:int_type"]),
        ({"age": 17}, ["Applicant.age:greater_than_equal"]),
        ({"age": SECRET}, ["Applicant.age:int_parsing"]),
        ({"purpose": SECRET, "age": None}, ["Applicant.age:int_type", "Applicant.purpose:literal_error"]),
        ({"remark": "wrong"}, ["Applicant.remark:value_error"]),
        ({"remark": "custom"}, ["Applicant.remark:custom"]),
        ({"remark": "crash"}, ["Applicant:raised_KeyError"]),
        ({"purpose": "home", "income": None}, ["Applicant:value_error"]),
        ({"unknown": 1}, ["Applicant.unknown:extra_forbidden"]),
        # The key is data, and stays where it is.
        ({"owns": {SECRET: "x"}}, ["Applicant.owns:int_parsing"]),
    ],
)
def test_what_is_wrong_is_told_by_field_and_kind(row, expected):
    found = reasons(**row)
    assert found == expected
    assert SECRET not in str(found)


def test_a_column_that_the_model_needs_and_that_did_not_come_holds_back_every_row():
    found = RowModel.named("users_rows:Event").broken(pa.RecordBatch.from_pylist([{"tags": []}, {"tags": ["a"]}]))
    assert [(reason, rows.tolist()) for reason, rows in found] == [("Event.at:missing", [0, 1])]


def test_a_model_and_a_suite_hold_back_the_rows_of_either_and_give_both_their_reasons(tmp_path):
    frame = pd.DataFrame({"age": [30, 17, 30, 5], "income": [1.0, 2.0, None, None], "purpose": ["car"] * 4})
    rule = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "income"}, "meta": {"rule_id": "paid"}}
    outputs = Outputs(tmp_path / "good.parquet", tmp_path / "quarantine.parquet")
    contract = RowContract.of({"expectations": [rule]}, row_model="users_rows:Applicant")
    found = split_rows(frame, contract, outputs)
    assert (found.good, found.quarantined) == (1, 3)
    assert found.by_reason == {"paid": 2, "Applicant.age:greater_than_equal": 2}
    young = "Applicant.age:greater_than_equal"
    assert pq.read_table(outputs.quarantine)["reasons"].to_pylist() == [[young], ["paid"], ["paid", young]]


def test_times_and_lists_reach_the_model_as_python_has_them():
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    batch = pa.RecordBatch.from_pylist([{"at": moment, "tags": ["a"]}, {"at": None, "tags": [None]}])
    found = {reason: rows.tolist() for reason, rows in RowModel.named("users_rows:Event").broken(batch)}
    assert found == {"Event.at:datetime_type": [1], "Event.tags:string_type": [1]}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("users_rows:Nobody", "cannot be imported"),
        ("nowhere_at_all:Model", "cannot be imported"),
        ("users_rows", "package.module:Model"),
        ("users_rows:number", "is no Pydantic model"),
        ("datetime:datetime", "is no Pydantic model"),
    ],
)
def test_a_model_that_is_none_is_refused_before_data_is_read(path, told):
    with pytest.raises(SpecError, match=told):
        RowModel.named(path)
