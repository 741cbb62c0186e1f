"""Row tests → a statement that tells, row by row, which of them are broken.

Columns come without NaN: what is missing is NULL. A missing value breaks no test but those that ask for it, and those
of several columns that do not skip it: the verdicts of Great Expectations on a DataFrame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from itertools import combinations
from operator import add
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.errors import MissingColumn, WrongType
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries.ledger_columns import KeyReading, read_key
from airflow_ml_monitor.profile.queries.look_query import adds_up
from airflow_ml_monitor.profile.queries.product_query import u_of
from airflow_ml_monitor.profile.queries.query import Expression, source, text
from airflow_ml_monitor.profile.row_tests import (
    Absent,
    AddsUp,
    Among,
    Between,
    Bounds,
    Distinct,
    Exists,
    Form,
    Ordered,
    Present,
    Reads,
    RowTest,
    Scalar,
    Skipped,
    Total,
    Usual,
    columns_of,
)

Forms = Mapping[str, Form]

_NUMBERS: Final = frozenset({Form.INTEGER, Form.FRACTION})
_TIMES: Final = frozenset({Form.NAIVE_TIME, Form.ZONED_TIME})
_OF_KIND: Final = {
    Kind.NUMERIC: _NUMBERS,
    Kind.BOOLEAN: frozenset({Form.BOOLEAN, Form.INTEGER}),
    Kind.CATEGORICAL: frozenset({Form.TEXT, Form.BOOLEAN, *_NUMBERS}),
}
_NO: Final = sa.false()


def verdicts(tests: Sequence[RowTest], forms: Forms, number: str) -> sa.Select[Any]:
    """The column `number`, and for each test whether the row breaks it: b0, b1, … never NULL.

    Of a test of what is usual it is told by the columns' u: b0u0, b0u1, … NULL where a value is missing.
    """
    rows = source(number, *dict.fromkeys(name for test in tests for name in columns_of(test)))
    found: list[Expression] = []
    for i, test in enumerate(tests):
        if isinstance(test, Usual):
            told = (u_of(_value(b, forms[b.column]), b) for b in test.binnings)
            found += [u.label(f"b{i}u{j}") for j, u in enumerate(told)]
        else:
            found.append(sa.func.coalesce(_broken(test, forms), _NO).label(f"b{i}"))
    return sa.select(rows.c[number], *found).select_from(rows)


def check_forms(test: RowTest, forms: Forms) -> None:
    """Raise MissingColumn or WrongType where a test cannot be answered on what arrived."""
    for name in columns_of(test):
        if name not in forms:
            raise MissingColumn(f"column {name!r} is missing")
    match test:
        case Between(column, bounds, of_length):
            asked = [value for value in (bounds.low, bounds.high) if value is not None]
            wanted = frozenset({Form.TEXT}) if of_length else frozenset.intersection(*map(_fitting, asked))
            _need(column, forms, wanted)
        case Reads(column):
            _need(column, forms, frozenset({Form.TEXT, Form.INTEGER}))
        case Among(column):
            _need(column, forms, _NUMBERS | {Form.TEXT, Form.BOOLEAN})
        case Total(columns) | AddsUp(columns):
            for column in columns:
                _need(column, forms, _NUMBERS)
        case Usual(_, binnings):
            for binning in binnings:
                _need(binning.column, forms, _OF_KIND[binning.kind])
        case Ordered(columns) | Distinct(columns):
            kinds = {_kind(forms[name]) for name in columns} - {Form.EMPTY}
            if len(kinds) > 1 or Form.OTHER in kinds:
                raise WrongType(f"columns {', '.join(map(repr, columns))} arrived as types that cannot be compared")


def _need(column: str, forms: Forms, wanted: frozenset[Form]) -> None:
    if forms[column] not in {*wanted, Form.EMPTY}:
        raise WrongType(f"column {column!r} arrived as {forms[column]}, which the rule cannot be asked of")


def _kind(form: Form) -> Form:
    """Integers and fractions compare with each other; nothing else does with another form."""
    return Form.FRACTION if form is Form.INTEGER else form


def _fitting(bound: Scalar) -> frozenset[Form]:
    """The forms whose values a bound can be compared with; a text may be a time."""
    if isinstance(bound, (int, float)):
        return _NUMBERS
    moment = _moment(bound)
    if moment is None:
        return frozenset({Form.TEXT})
    zoned = Form.ZONED_TIME if moment.tzinfo else Form.NAIVE_TIME
    return frozenset({zoned} if isinstance(bound, datetime) else {zoned, Form.TEXT})


def _moment(bound: Scalar) -> datetime | None:
    if isinstance(bound, datetime):
        return bound
    try:
        return datetime.fromisoformat(str(bound))
    except ValueError:
        return None


def _broken(test: RowTest, forms: Forms) -> Expression:
    match test:
        case Present(column):
            return _column(column).is_(None)
        case Absent(column):
            return _column(column).is_not(None)
        case Between(column, bounds, of_length) if forms[column] is not Form.EMPTY:
            x = sa.func.length(_column(column), type_=sa.BigInteger) if of_length else _column(column)
            return sa.not_(_within(x, bounds, Form.INTEGER if of_length else forms[column]))
        case Among(column, values, refused) if forms[column] is not Form.EMPTY:
            return _listed(column, values, forms[column], refused)
        case Ordered(columns, or_equal, equal, skipped):
            a, b = map(_column, columns)
            kept = a == b if equal else a >= b if or_equal else a > b
            # A column without any value has no type that another could be compared with.
            known = _NO if Form.EMPTY in (forms[name] for name in columns) else sa.func.coalesce(kept, _NO)
            return sa.and_(_looked_at(columns, skipped), sa.not_(known))
        case Total(columns, total, skipped):
            exact = all(forms[name] is Form.INTEGER for name in columns)
            kind: sa.types.TypeEngine[Any] = sa.Numeric(38, 0) if exact else sa.Double()
            sums: Expression = reduce(add, (sa.cast(_column(name), kind) for name in columns))
            wrong = sums != sa.literal(total, sa.Double if isinstance(total, float) else sa.BigInteger)
            return sa.and_(_looked_at(columns, skipped), sa.func.coalesce(wrong, sa.true()))
        case AddsUp(columns, skipped):
            is_met = adds_up([sa.cast(_column(name), sa.Double) for name in columns])
            return sa.and_(_looked_at(columns, skipped), sa.not_(sa.func.coalesce(is_met, _NO)))
        case Distinct(columns, skipped):
            pairs = (_same(*pair, forms) for pair in combinations(columns, 2))
            return sa.and_(_looked_at(columns, skipped), sa.or_(_NO, *pairs))
        case Exists() | Reads() | Between() | Among() | Usual():
            # Of rows nothing is asked, it is answered beside the statement, or there is no value to ask.
            return _NO


def _column(name: str) -> Expression:
    return sa.column(quoted_name(name, True))


def _value(binning: Binning, form: Form) -> Expression:
    """As profiles read it: a missing value makes a column of whole codes float, 7.0 is still the category '7'."""
    x = _column(binning.column)
    if binning.kind is not Kind.CATEGORICAL or form is not Form.FRACTION:
        return x
    # Decimals, which are fractions too, are the category that they are written as.
    is_first = text(x) == sa.literal(binning.categories[0], sa.String)
    return sa.case((is_first, text(x)), else_=read_key(x, KeyReading.WHOLE_AS_TEXT))


def _within(x: Expression, bounds: Bounds, form: Form) -> Expression:
    parts = []
    if bounds.low is not None:
        low = _literal(bounds.low, form)
        parts.append(x > low if bounds.above_low else x >= low)
    if bounds.high is not None:
        high = _literal(bounds.high, form)
        parts.append(x < high if bounds.below_high else x <= high)
    return sa.and_(*parts)


def _literal(value: Scalar, form: Form) -> Expression:
    """A value with the type that it is compared as."""
    if form in _TIMES:
        moment = _moment(value)
        assert moment is not None  # check_forms
        zoned = moment.tzinfo is not None
        return sa.cast(sa.literal(moment.astimezone(UTC) if zoned else moment), sa.DateTime(timezone=zoned))
    if isinstance(value, bool):
        return sa.literal(int(value), sa.BigInteger)
    if isinstance(value, float):
        return sa.literal(value, sa.Double)
    return sa.literal(value)


def _listed(column: str, values: Sequence[Scalar], form: Form, refused: bool) -> Expression:
    """Values of another kind than the column's equal none of its values."""
    kind = str if form is Form.TEXT else (int, float)
    fitting = [_literal(value, form) for value in values if isinstance(value, kind)]
    x = _column(column)
    if form is Form.BOOLEAN:
        x = sa.cast(x, sa.BigInteger)
    hit = sa.or_(_NO, *(x == value for value in fitting))
    return hit if refused else sa.and_(x.is_not(None), sa.not_(hit))


def _looked_at(columns: Sequence[str], skipped: Skipped) -> Expression:
    if skipped is Skipped.NONE:
        return sa.true()
    there = [_column(name).is_not(None) for name in columns]
    return sa.or_(*there) if skipped is Skipped.ALL_MISSING else sa.and_(*there)


def _same(a: str, b: str, forms: Forms) -> Expression:
    one, other = _column(a), _column(b)
    both_missing = sa.and_(one.is_(None), other.is_(None))
    if Form.EMPTY in (forms[a], forms[b]):
        return both_missing
    return sa.or_(both_missing, sa.func.coalesce(one == other, _NO))
