"""Row rules asked of Arrow batches: by DuckDB, and texts by Python where only it reads them as Python does."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from airflow_ml_monitor.errors import DataFault, ScanError, WrongType
from airflow_ml_monitor.profile.kernel import outlying
from airflow_ml_monitor.profile.queries.dialect import DUCKDB
from airflow_ml_monitor.profile.queries.row_query import Forms, check_forms, verdicts
from airflow_ml_monitor.profile.row_tests import Form, How, Reads, RowRule, Usual, columns_of

Rows = NDArray[np.int64]
"""Positions of rows in their batch."""

_NUMBER: Final = "row number"


class RowVerdicts:
    """The rules of one split, on its batches.

    unanswered: rules that cannot be asked of what arrived, and why; they hold back every row, or a batch without the
    column that a rule speaks of would pass it.
    """

    def __init__(self, rules: Sequence[RowRule], schema: pa.Schema) -> None:
        self.unanswered: dict[str, str] = {}
        self._forms: Forms = {part.name: _form(part.type) for part in schema}
        self._asked = [rule for rule in rules if self._can_ask(rule)]
        self._columns = list(dict.fromkeys(name for rule in self._asked for name in columns_of(rule.test)))
        number = _NUMBER
        while number in self._columns:
            number += " "
        self._number = number
        statement = verdicts([rule.test for rule in self._asked], self._forms, number)
        self._statement = statement.compile(dialect=DUCKDB, compile_kwargs={"render_postcompile": True})
        self._connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        self._connection.execute("SET TimeZone = 'UTC'")

    def close(self) -> None:
        """Let go of the engine."""
        self._connection.close()

    def broken(self, batch: pa.RecordBatch) -> Iterator[tuple[str, Rows]]:
        """For each rule the rows that break it."""
        for name in self.unanswered:
            yield name, np.arange(batch.num_rows)
        if not self._asked:
            return
        table = self._told(batch)
        for i, rule in enumerate(self._asked):
            if isinstance(rule.test, Reads):
                yield rule.name, _unread(rule.test, batch.column(rule.test.column))
            elif isinstance(rule.test, Usual):
                u = np.stack([table[f"b{i}u{j}"] for j in range(len(rule.test.binnings))])
                yield from _unusual(rule.name, rule.test, u)
            else:
                yield rule.name, np.flatnonzero(table[f"b{i}"])

    def _can_ask(self, rule: RowRule) -> bool:
        try:
            check_forms(rule.test, self._forms)
        except DataFault as fault:
            self.unanswered[rule.name] = fault.reason
            return False
        return True

    def _told(self, batch: pa.RecordBatch) -> dict[str, NDArray[Any]]:
        """The statement's columns, in the order of the batch."""
        arrays = {name: _comparable(batch.column(name), self._forms[name]) for name in self._columns}
        self._connection.register("source", pa.table({self._number: np.arange(batch.num_rows), **arrays}))
        filled = self._statement.construct_params()
        bound = [filled[name] for name in self._statement.positiontup or ()]
        try:
            found = self._connection.execute(str(self._statement), bound).fetchnumpy()
        except duckdb.DataError as error:
            # Not chained, here and below: DuckDB's message may quote a value of the data.
            told = f"a value of the batch cannot be compared ({type(error).__name__}); is each of its type?"
            raise WrongType(told) from None
        except duckdb.Error as error:
            raise ScanError(f"DuckDB gave up on the rules with {type(error).__name__}") from None
        finally:
            self._connection.unregister("source")
        order = np.argsort(found.pop(self._number))
        return {name: _unmasked(column)[order] for name, column in found.items()}


def _unmasked(column: Any) -> NDArray[Any]:
    """Verdicts are there for every row; a missing u is NaN."""
    return np.asarray(np.ma.filled(column, np.nan)) if column.dtype.kind == "f" else np.asarray(column, bool)


def _unusual(name: str, test: Usual, u: NDArray[np.float64]) -> Iterator[tuple[str, Rows]]:
    """The rows whose distance is too large, then part by part: by the two columns that explain most of it."""
    found = outlying.buckets(outlying.distances(test.ellipsoid, test.columns, u))
    rows = np.flatnonzero(found >= test.bucket)
    yield name, rows
    explained = outlying.explained(test.ellipsoid, test.columns, u[:, rows])
    pairs = np.sort(np.argsort(-explained, axis=0, kind="stable")[:2], axis=0)
    for a, b in sorted(set(zip(*pairs.tolist(), strict=True))):
        yield f"{name}:{test.columns[a]}+{test.columns[b]}", rows[(pairs[0] == a) & (pairs[1] == b)]


def _form(kind: pa.DataType) -> Form:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    checks: tuple[tuple[Callable[[pa.DataType], bool], Form], ...] = (
        (pa.types.is_null, Form.EMPTY),
        (pa.types.is_boolean, Form.BOOLEAN),
        (pa.types.is_integer, Form.INTEGER),
        (pa.types.is_floating, Form.FRACTION),
        (pa.types.is_decimal128, Form.FRACTION),
        (_is_text, Form.TEXT),
        (pa.types.is_date, Form.NAIVE_TIME),
    )
    if pa.types.is_timestamp(kind):
        return Form.ZONED_TIME if kind.tz else Form.NAIVE_TIME
    return next((form for check, form in checks if check(kind)), Form.OTHER)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _comparable(column: pa.Array, form: Form) -> pa.Array:
    """A column as the statement compares it: NaN is NULL, times are in microseconds, the rest only there or not."""
    column = _plain(column)
    if form is Form.OTHER:
        return pc.if_else(column.is_valid(), True, pa.scalar(None, pa.bool_()))
    if form in (Form.NAIVE_TIME, Form.ZONED_TIME):
        zone = "UTC" if form is Form.ZONED_TIME else None
        return column.cast(pa.timestamp("us", zone), safe=False)
    if pa.types.is_floating(column.type):
        column = column.cast(pa.float64())
        return pc.if_else(pc.is_nan(column), pa.scalar(None, pa.float64()), column)
    return column.cast(pa.float64()) if form is Form.EMPTY else column


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _unread(test: Reads, column: pa.Array) -> Rows:
    """The rows whose text cannot be read as it must; every different text is read once."""
    coded = _plain(column).cast(pa.string()).dictionary_encode()
    reads = [_reader(test.how, way) for way in test.ways]
    hits = (sum(read(value) for read in reads) for value in coded.dictionary.to_pylist())
    most = len(reads) if test.most is None else test.most
    wrong = np.array([not test.least <= hit <= most for hit in hits], bool)
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    there = np.flatnonzero(codes >= 0)
    return there[wrong[codes[there]]] if len(wrong) else there


def _reader(how: How, way: str) -> Callable[[str], bool]:
    match how:
        case How.PATTERN:
            search = re.compile(way).search
            return lambda value: search(value) is not None
        case How.TIME:
            return lambda value: _parses(lambda text: datetime.strptime(text, way), value)
        case How.JSON:
            return lambda value: _parses(json.loads, value)


def _parses(parse: Callable[[str], Any], value: str) -> bool:
    try:
        parse(value)
    except (ValueError, OverflowError, RecursionError):
        return False
    return True
