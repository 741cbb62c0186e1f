"""How a call of the store becomes a transaction, and where it keeps what never changes: ids of monitors and series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from airflow_ml_monitor.measurement import HeadKey, Measurement
from airflow_ml_monitor.store import monitors, series
from airflow_ml_monitor.store.connection import Database
from airflow_ml_monitor.store.records import Numbers

P = ParamSpec("P")
T = TypeVar("T")


def _now() -> datetime:
    return datetime.now(UTC)


class Transactions:
    """A database and its clock; each piece of work is one transaction, about one monitor."""

    def __init__(self, url: str, *, clock: Callable[[], datetime] = _now, origin: str = "") -> None:
        self._database = Database(url, origin)
        self._clock = clock
        self._monitors: dict[str, int] = {}
        self._series: dict[series.Key, int] = {}

    @property
    def url(self) -> str:
        """Where the database is, with its password."""
        return self._database.url.render_as_string(hide_password=False)

    @property
    def schema(self) -> str:
        """The schema that its tables are in, as the database says."""
        with self._database.reading() as connection:
            return str(connection.dialect.default_schema_name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database.url.render_as_string(hide_password=True)!r})"

    def __str__(self) -> str:
        return str(self._database)

    def dispose(self) -> None:
        """Close the connections; the next call opens new ones."""
        self._database.dispose()

    def _read(
        self, monitor: str, work: Callable[Concatenate[Connection, int, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self._database.reading() as connection:
            known = self._monitors.get(monitor) or monitors.find(connection, monitor)
            return work(connection, known, *args, **kwargs)

    def _write(
        self, monitor: str, work: Callable[Concatenate[Connection, int, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        known = self._monitor(monitor)
        return self._database.write(lambda connection: work(connection, known, *args, **kwargs))

    def _monitor(self, key: str) -> int:
        # In a transaction of its own: the first statement of the next one is to be its lock.
        if key not in self._monitors:
            self._monitors[key] = self._database.write(lambda connection: monitors.ensure(connection, key))
        return self._monitors[key]

    def _series_ids(self, monitor: str, made: Sequence[Numbers]) -> Callable[[HeadKey, Measurement], int]:
        # Ahead of the heads' transaction, which then holds no lock but the heads'.
        known = self._monitor(monitor)
        keys = {series.key_of(known, of.head, one) for of in made for one in of.measurements}
        if missing := {key: series.row_of(key) for key in keys if key not in self._series}:
            with self._database.reading() as connection:
                found = series.find(connection, [row["digest"] for row in missing.values()])
            if new := [row for row in missing.values() if row["digest"] not in found]:
                found |= self._database.write(lambda connection: series.add(connection, new))
            self._series |= {key: found[row["digest"]] for key, row in missing.items()}
        return lambda head, measurement: self._series[series.key_of(known, head, measurement)]
