"""One transaction in the clothes of an SQLAlchemy engine, which is all that Great Expectations knows of databases.

Left to itself it takes another connection for every statement, so that each sees another moment of the table; asks a
failed statement's whole level three times again; and takes what a statement finds to the worker, whatever its length.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.profile.engines.databases.postgres_database import POSTGRES, state

MOST_VALUES: Final = 100_000
"""So many rows of an answer come to the worker at most: rules on distinct values count them there."""
_KEPT: Final = 100
"""Longer answers are not kept to be given again."""
_OF_THE_SERVER: Final = ("08", "53", "57", "58")
"""Classes of SQLSTATE: connection lost, no resources, cancelled or shut down, system error. No other statement would
fare better; a timeout would be waited for again and again."""


class TooManyValues(Exception):
    """A rule needs more values on the worker than may leave the database."""


class Transaction:
    """Great Expectations' engine and its connections: statements run in one transaction, each text once.

    Each has a savepoint, so that one that fails leaves the others alone. failed: the classes of what the database
    raised. lost: why no other statement is run; '' while all is well.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._answers: dict[str, Answer | Exception] = {}
        self.dialect = _own(connection.dialect)
        self.driver, self.name = connection.dialect.driver, connection.dialect.name
        self.failed: set[str] = set()
        self.lost = ""

    @property
    def engine(self) -> Transaction:
        return self

    closed: Final = False

    def connect(self) -> Transaction:
        return self

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, *_: object) -> None:
        """The transaction is not ours to end."""

    def dispose(self) -> None:
        """Nor is its connection."""

    def execute(self, statement: sa.Executable) -> Answer:
        """What a statement finds. Raises what the database raised, as SQLAlchemy has it."""
        if self.lost:
            raise ScanError(self.lost)
        if getattr(statement, "_limit", None) == 0:
            # What values break a rule is asked for, with the rule, and is wanted of none.
            return Answer(())
        in_full = {"render_postcompile": True}
        compiled = statement.compile(dialect=self.dialect, compile_kwargs=in_full)  # type: ignore[attr-defined]
        text, values = str(compiled), dict(compiled.construct_params())
        key = f"{text} {values!r}"
        found = self._answers.get(key) or self._asked(text, values)
        if isinstance(found, Exception) or len(found.rows) <= _KEPT:
            self._answers[key] = found
        if isinstance(found, Exception):
            raise found
        return Answer(found.rows)

    def _asked(self, text: str, values: Mapping[str, Any]) -> Answer | Exception:
        try:
            with self._connection.begin_nested():
                streaming = {"stream_results": True, "max_row_buffer": MOST_VALUES}
                result = self._connection.exec_driver_sql(text, values, execution_options=streaming)
                try:
                    return Answer(result.fetchmany(MOST_VALUES + 1))
                finally:
                    result.close()
        except DBAPIError as error:
            self.failed |= {type(error).__name__, type(error.orig).__name__}
            if error.orig is not None:
                # Else the exception that was being handled, another rule's, would be told with it.
                error.orig.__context__ = None
            if error.connection_invalidated or state(error)[:2] in _OF_THE_SERVER:
                self.lost = _told(error)
            return error


class Answer:
    """A statement's rows, as a result of SQLAlchemy hands them out."""

    def __init__(self, rows: Sequence[sa.Row[Any]]) -> None:
        self.rows = rows
        self._next = 0

    def fetchall(self) -> list[sa.Row[Any]]:
        """The rows that were not yet taken. Raises TooManyValues."""
        if len(self.rows) > MOST_VALUES:
            raise TooManyValues
        return self.fetchmany(MOST_VALUES)

    def fetchmany(self, size: int) -> list[sa.Row[Any]]:
        found = self.rows[self._next : self._next + size]
        self._next += len(found)
        return list(found)

    def fetchone(self) -> sa.Row[Any] | None:
        return next(iter(self.fetchmany(1)), None)

    def first(self) -> sa.Row[Any] | None:
        return self.fetchone()

    def scalar(self) -> Any:
        row = self.fetchone()
        return None if row is None else row[0]

    def all(self) -> list[sa.Row[Any]]:
        return self.fetchall()

    def __iter__(self) -> Iterator[sa.Row[Any]]:
        return iter(self.fetchall())


def _own(dialect: sa.Dialect) -> sa.Dialect:
    """A dialect with a memory of its own for how names are written.

    Great Expectations names PostgreSQL's columns by strings that are equal in any case, and what "A" was written as
    would be said of a, in whatever statement comes next.
    """
    made = copy.copy(dialect)
    made.identifier_preparer = made.preparer(made)
    return made


def _told(error: DBAPIError) -> str:
    try:
        with POSTGRES.said():
            raise error
    except ScanError as told:
        return str(told)
