"""`expect_columns_to_add_up`: a rule that Great Expectations lacks, of the same make."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import pandas as pd
import sqlalchemy as sa

from airflow_ml_monitor.profile.queries.look_query import SUM_TOLERANCE

ADD_UP: Final = "expect_columns_to_add_up"
"""The last column of `column_list` is the sum of the others, to a millionth of their sizes; takes `mostly`."""


def add_up(columns: pd.DataFrame) -> pd.Series[bool]:
    """Row by row, whether the last column is the sum of those before it.

    >>> add_up(pd.DataFrame({"net": [1.0, 2.0], "tax": [0.1, 0.2], "gross": [1.1, 2.3]})).tolist()
    [True, False]
    """
    x = columns.astype("float64")
    *terms, total = (x.iloc[:, i] for i in range(x.shape[1]))
    off = total - sum(terms)
    is_met: pd.Series[bool] = off.abs() <= SUM_TOLERANCE * x.abs().sum(axis=1)
    return is_met


def adds_up(columns: Sequence[sa.ColumnElement[Any]]) -> sa.ColumnElement[bool]:
    """The same in a database: false of a row that lacks one of the values."""
    x = [sa.cast(column, sa.Double) for column in columns]
    off, sizes = x[-1] - sum(x[:-1]), sum(sa.func.abs(one, type_=sa.Double) for one in x)
    met = sa.func.abs(off, type_=sa.Double) <= sa.literal(SUM_TOLERANCE, sa.Double) * sizes
    return sa.func.coalesce(met, sa.false(), type_=sa.Boolean)


@cache
def register() -> None:
    """Make the rule known to Great Expectations, which must be imported: a class of its is registered as it is made."""
    provider = importlib.import_module("great_expectations.expectations.metrics.map_metric_provider")
    expectation = importlib.import_module("great_expectations.expectations.expectation")
    engines = importlib.import_module("great_expectations.execution_engine")

    domain = ("batch_id", "table", "column_list", "row_condition", "condition_parser", "ignore_row_if")

    class MulticolumnValuesAddUp(provider.MulticolumnMapMetricProvider):  # type: ignore[misc, name-defined]
        condition_metric_name = "multicolumn_values.add_up"
        condition_domain_keys = domain
        condition_value_keys = ()

        @provider.multicolumn_condition_partial(engine=engines.PandasExecutionEngine)  # type: ignore[untyped-decorator]
        def _pandas(cls, columns: pd.DataFrame, **_: Any) -> pd.Series[bool]:
            return add_up(columns)

        @provider.multicolumn_condition_partial(engine=engines.SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
        def _sqlalchemy(cls, columns: Sequence[sa.ColumnElement[Any]], **_: Any) -> sa.ColumnElement[bool]:
            return adds_up(columns)

    class ExpectColumnsToAddUp(expectation.MulticolumnMapExpectation):  # type: ignore[misc, name-defined]
        map_metric = "multicolumn_values.add_up"
        args_keys = ("column_list",)
        success_keys = ("mostly",)
