"""Runs rules in the database that holds the rows, with Great Expectations.

All of a window's rows are asked about, in one transaction that only reads: what leaves it are counts, aggregates and,
for rules on distinct values, at most 100,000 of these, which stay in this process. It is not the transaction of the
window's profile: whoever calls compares the table's fingerprint afterwards.

Types are named as the database names them ("DOUBLE PRECISION"), and patterns are of its kind; quantiles are values that
are there, where pandas takes the nearest too but rounds half a place elsewhere.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.expectations.engine import expectations
from airflow_ml_monitor.expectations.gx import load_gx, quiet_context
from airflow_ml_monitor.expectations.outcome import By, Outcome, Ruling, outcome, rule_id, title
from airflow_ml_monitor.expectations.suite import Rules, rule_columns
from airflow_ml_monitor.expectations.told import (
    RESULT_FORMAT,
    Asked,
    from_columns,
    from_result,
    has_failed,
    has_no_provider,
)
from airflow_ml_monitor.expectations.transaction import MOST_VALUES, TooManyValues, Transaction
from airflow_ml_monitor.profile.engines.databases.in_place import InPlace
from airflow_ml_monitor.profile.engines.databases.postgres_database import POSTGRES

RULES_AT_ONCE: Final = 400
"""Great Expectations puts all aggregates of a level into one SELECT; PostgreSQL allows 1,664 of them. No rule has more
than four there."""
_COUNTS_AT_ONCE: Final = 1600
_ROWS_QUERY: Final = "unexpected_rows_query"
_TOO_MANY: Final = f"it takes more than {MOST_VALUES:,} values out of the database; ask for them with a rule on values"


def run_in_place(rules: Rules, place: InPlace) -> dict[str, Outcome]:
    """Outcomes by rule id. A rule is not among them where Great Expectations cannot ask it of a database at all.

    Raises ScanError where the database was lost, or a statement took too long. No outcome, log record or ScanError
    quotes a value of the rows.
    """
    transaction = Transaction(place.connection)
    counts = _counted(place, rules)
    errors: dict[str, str] = {TooManyValues.__name__: _TOO_MANY}
    asked = Asked(list(place.types), counts[""], lambda name: counts[name], By.DATABASE, errors)
    known = {rule_id(rule): _from_names(rule, place, asked) for rule in rules}
    rest = [rule for rule in rules if known[rule_id(rule)] is None and not _is_for_frames(rule)]
    results = _validated(rest, place, transaction) if rest else {}
    if transaction.lost:
        raise ScanError(transaction.lost)
    errors.update(dict.fromkeys(transaction.failed, ""))
    return {
        name: known[name] or from_result(rule, results.get(name), asked)
        for rule in rules
        if known[name := rule_id(rule)] or (rule in rest and not has_no_provider(results.get(name)))
    }


def _is_for_frames(rule: Mapping[str, Any]) -> bool:
    """A condition in another engine's words."""
    return rule["kwargs"].get("condition_parser") in ("pandas", "spark")


def _from_names(rule: Mapping[str, Any], place: InPlace, asked: Asked) -> Outcome | None:
    """What is known without a statement; None where one must be asked."""
    if (found := from_columns(rule, asked)) is not None:
        return found
    if reason := _no_window(rule) or _other_clock(rule, place.types):
        return outcome(rule, Ruling.ERROR, by=By.COLUMNS, reason=f"{title(rule)} was not evaluated: {reason}")
    return None


def _no_window(rule: Mapping[str, Any]) -> str:
    query = rule["kwargs"].get(_ROWS_QUERY)
    return "" if query is None or "{batch" in str(query) else "its query names no {batch}, and would see any window"


def _other_clock(rule: Mapping[str, Any], types: Mapping[str, Any]) -> str:
    """Where a bound names a zone and the column's times do not, or the other way round: it would be guessed."""
    for column in rule_columns(rule):
        if not isinstance(kind := types[column], sa.DateTime | sa.TIMESTAMP):
            continue
        for bound in (rule["kwargs"].get(name) for name in ("min_value", "max_value")):
            at = _moment(bound)
            if at is not None and (at.tzinfo is not None) is not bool(kind.timezone):
                does = "do" if kind.timezone else "do not"
                return f"times of {column!r} {does} name their zone, and its bound is not alike"
    return ""


def _moment(bound: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(bound) if isinstance(bound, str) else None
    except ValueError:
        return None


def _counted(place: InPlace, rules: Rules) -> dict[str, int]:
    """The rows, under '', and the values of each column that a rule reads."""
    named = dict.fromkeys(name for rule in rules for name in rule_columns(rule) if name in place.types)
    rows, found = place.rows.subquery("counted"), {"": 0}
    for some in _parts(list(named), _COUNTS_AT_ONCE) or [()]:
        counts = [sa.func.count(rows.c[name]) for name in some]
        with POSTGRES.said():
            [values] = place.connection.execute(sa.select(sa.func.count(), *counts).select_from(rows)).all()
        found |= dict(zip(("", *some), map(int, values), strict=True))
    return found


def _parts(items: Sequence[Any], size: int) -> list[tuple[Any, ...]]:
    rest = iter(items)
    parts: Iterator[tuple[Any, ...]] = iter(lambda: tuple(islice(rest, size)), ())
    return list(parts)


def _validated(rules: Rules, place: InPlace, transaction: Transaction) -> dict[str, Any]:
    """Great Expectations' results by rule id."""
    load_gx()
    wanted = [one.configuration for one in expectations([_without_rows(rule) for rule in rules])]
    results: dict[str, Any] = {}
    with quiet_context() as context:
        validator = _validator(place, transaction, context)

        def ask(some: Sequence[Any]) -> None:
            form = {"result_format": dict(RESULT_FORMAT)}
            told = validator.graph_validate(configurations=list(some), runtime_configuration=form)
            results.update({str(one.expectation_config.meta["rule_id"]): one for one in told})

        for some in _parts(wanted, RULES_AT_ONCE):
            ask(some)
        # Of several that fail together one's exception is told of all; alone each has its own, and no statement is new.
        for one in wanted if len(wanted) > 1 else ():
            if (result := results.get(str(one.meta["rule_id"]))) and has_failed(result) and not has_no_provider(result):
                ask([one])
    return results


def _without_rows(rule: Mapping[str, Any]) -> Mapping[str, Any]:
    """A rule by a query of its own counts rows; what is in them it would take too."""
    if (query := rule["kwargs"].get(_ROWS_QUERY)) is None:
        return rule
    counted = f"SELECT 1 AS broken FROM ({str(query).rstrip().rstrip(';')}\n) AS breaking"  # noqa: S608
    return {**rule, "kwargs": {**rule["kwargs"], _ROWS_QUERY: counted}}


def _validator(place: InPlace, transaction: Transaction, context: Any) -> Any:
    """Great Expectations' validator over a statement.

    Not its query asset, which fetches all rows to learn the columns' names; nor a table's, which is all windows.
    """
    engines = importlib.import_module("great_expectations.execution_engine")
    data = importlib.import_module("great_expectations.execution_engine.sqlalchemy_batch_data").SqlAlchemyBatchData
    batch = importlib.import_module("great_expectations.core.batch").Batch
    validator = importlib.import_module("great_expectations.validator.validator").Validator
    engine = engines.SqlAlchemyExecutionEngine(engine=transaction, create_temp_table=False)
    engine._inspector = _Columns(place, transaction.dialect)
    name = quoted_name("rows", True)
    rows = data(execution_engine=engine, selectable=place.rows, create_temp_table=False, source_table_name=name)
    return validator(execution_engine=engine, batches=[batch(data=rows)], data_context=context)


class _Columns:
    """An SQLAlchemy inspector that knows one table: the columns that were selected, and their types."""

    def __init__(self, place: InPlace, dialect: sa.Dialect) -> None:
        self._types, self.dialect = place.types, dialect

    def get_columns(self, **_: Any) -> list[dict[str, Any]]:
        return [{"name": quoted_name(name, True), "type": kind} for name, kind in self._types.items()]

    def get_pk_constraint(self, **_: Any) -> dict[str, Any]:
        return {}
