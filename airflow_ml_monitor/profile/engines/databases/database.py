"""What differs from database to database, besides the words of its statements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.profile.engines.databases.place import Place
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import Array, Build, time_column
from airflow_ml_monitor.profile.label_source import Several
from airflow_ml_monitor.profile.queries.query import Expression, text, whole
from airflow_ml_monitor.profile.table import Table
from airflow_ml_monitor.profile.task import TaskKind

if TYPE_CHECKING:
    import pyarrow as pa

NOTHING_SHARED: Final[Mapping[str, Any]] = MappingProxyType({})


class Database(ABC):
    """A kind of database: its name, its text of the statements, how a snapshot is taken and a table is read.

    plain: the dialect of statements. guarded: that of a statement whose arithmetic went out of range, where there is
    another. instead: statements that it is asked in place of others, whose words it has not. coded: types whose
    values are written otherwise than as categories. answers_rules: whether Great Expectations asks it about a
    contract's rules. draws_rows: whether it looks at rows drawn at random, for how products scatter. is_proven: whether
    its statements were run on a server of its kind. most_numbers: that a statement may bring with it. most_sets: by
    which one may group categories, each on its own; 1 where that is not asked. refused_tasks: those whose ledger it
    cannot make. refused_several: ways to read several labels of a prediction that it has no words for.
    """

    name: str
    extra: str
    """What is installed for its driver; '' where nothing is."""
    plain: sa.Dialect
    guarded: sa.Dialect | None = None
    instead: ClassVar[Mapping[Build, Build]] = {}
    coded: frozenset[str] = frozenset({"FLOAT", "DOUBLE"})
    answers_rules: ClassVar[bool] = False
    draws_rows: ClassVar[bool] = False
    is_proven: ClassVar[bool] = True
    most_numbers: ClassVar[int] = 10**6
    most_sets: ClassVar[int] = 1
    refused_tasks: frozenset[TaskKind] = frozenset()
    refused_several: frozenset[Several] = frozenset()

    def engine(self, url: sa.URL) -> sa.Engine:
        """Of connections that are closed after each call: workers fork, and a warehouse's are counted."""
        return sa.create_engine(url, poolclass=sa.pool.NullPool)

    @abstractmethod
    def snapshot(self, connection: sa.Connection, timeout: timedelta) -> AbstractContextManager[None]:
        """A transaction that only reads, and in which all statements see one moment of the database, by UTC's clock.

        Raises ScanError where the database cannot be asked."""

    @abstractmethod
    def found(self, connection: sa.Connection, table: Table) -> Place:
        """A table or view, by its name. NoSource where there is none."""

    @abstractmethod
    def listed(self, connection: sa.Connection, name: str, table: pa.Table) -> sa.CTE | None:
        """A small table for statements to name; None where it stands in the connection by now."""

    @abstractmethod
    def refusal(self, error: DBAPIError) -> ScanError:
        """What it raised, in our words; its message may quote a value of the data."""

    @abstractmethod
    def is_out_of_range(self, error: DBAPIError) -> bool:
        """Whether the guarded form of the statement may be answered."""

    def types(self, connection: sa.Connection, place: Place, chosen: Sequence[str], opening: Opening) -> dict[str, str]:
        """DuckDB's names of the types that columns are read as, and of the event time's."""
        return {name: kind for name, kind in place.arrived.items() if name in (*chosen, time_column(opening.owner))}

    def read(self, column: Expression, kind: Any, arrived: str) -> Expression:
        """How a column is read, where not as it is."""
        return column

    def bound(self, value: Any) -> Any:
        """A value as it is given to the driver."""
        return value

    def told(self, column: Expression, kind: Any) -> Expression:
        """A column as the text that names its rows."""
        return text(column)

    def filled(
        self, statement: sa.SelectBase, dialect: sa.Dialect, shared: Mapping[str, Any] = NOTHING_SHARED
    ) -> tuple[str, Mapping[str, Any]]:
        """A statement's text, and what is bound to it. shared: values of the parameters that all statements share."""
        compiled = statement.compile(dialect=dialect)
        values = compiled.construct_params({name: value for name, value in shared.items() if name in compiled.binds})
        return str(compiled), {name: self.bound(value) for name, value in values.items()}

    def built(self, connection: sa.Connection, statement: sa.SelectBase) -> sa.SelectBase:
        """A statement of which it knows all words. SpecError where it does not, before any row is read."""
        return statement

    def returned(self, row: Sequence[Any], dialect: sa.Dialect) -> tuple[Any, ...]:
        """A row as statements mean it."""
        return tuple(row)

    def parted(self, at: Expression, cuts: Sequence[datetime]) -> Expression:
        """By how many ascending moments a time has been passed."""
        passed = ((at < moment(cut), whole(i)) for i, cut in enumerate(cuts))
        return sa.case(*passed, else_=whole(len(cuts)))

    def savepoint(self, connection: sa.Connection) -> AbstractContextManager[Any]:
        """Around a statement that may fail and be asked in another form."""
        return _nothing()

    def arrays(
        self, statement: sa.SelectBase, rows: Sequence[Sequence[Any]], description: Sequence[Any]
    ) -> dict[str, Array]:
        """A statement's columns, NULL masked; their types are the statement's, for a driver may not know."""
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(description)
        kinds = [column.type for column in statement.selected_columns]
        return {
            str(name): masked(values, _held(values, kind))
            for values, (name, *_), kind in zip(columns, description, kinds, strict=True)
        }

    @contextmanager
    def said(self) -> Iterator[None]:
        """What the database raises, in our words; never chained."""
        try:
            yield
        except DBAPIError as error:
            raise self.refusal(error) from None


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def moment(at: datetime) -> Expression:
    """A time with its type."""
    return sa.literal(at, sa.TIMESTAMP(timezone=at.tzinfo is not None))


def masked(values: Sequence[Any], kind: type[Any]) -> Array:
    """A column as numpy has it, NULL masked; kind: int, float or object."""
    missing = np.fromiter((value is None for value in values), bool, len(values))
    if kind is int:
        plain: Array = np.array([0 if value is None else int(value) for value in values], np.int64)
    elif kind is float:
        plain = np.array([0.0 if value is None else float(value) for value in values], np.float64)
    else:
        plain = np.array(values, object)
    return np.ma.MaskedArray(plain, missing) if missing.any() else plain


def _held(values: Collection[Any], kind: sa.types.TypeEngine[Any]) -> type[Any]:
    if isinstance(kind, sa.Integer | sa.Boolean):
        return int
    if isinstance(kind, sa.Numeric | sa.Float):
        return float
    present = [value for value in values if value is not None]
    if all(isinstance(value, int) for value in present):
        return int
    return float if all(isinstance(value, int | float) for value in present) else object
