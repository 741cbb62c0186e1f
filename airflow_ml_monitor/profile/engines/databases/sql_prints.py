"""What names the rows of a window of a table, without looking into them where they are stored here.

In PostgreSQL a stored row is named by its place and the transaction that wrote it (ctid, xmin): any insert, update or
delete changes the names' sum. So does a table that is written anew with the same rows, which costs no more than a
measurement again. Rows of a view, of a foreign table, or of another database have no such names: the hash of their text
is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.databases.database import Database, moment
from airflow_ml_monitor.profile.engines.databases.place import Place
from airflow_ml_monitor.profile.engines.opening import declared
from airflow_ml_monitor.profile.engines.scan import TIMES, in_terms
from airflow_ml_monitor.profile.queries.dialect import row_hash
from airflow_ml_monitor.profile.queries.query import Expression


@dataclass(frozen=True, slots=True)
class Asked:
    """A table, and the snapshot in which it is asked."""

    connection: sa.Connection
    database: Database
    place: Place

    def summed(self, *by: Expression) -> sa.Select[Any]:
        """(rows, sum of the hashes of their names), by something."""
        place = self.place
        named = [place.table.c[name] for name in place.row_names]
        told = (self.database.told(place.table.c[name], kind) for name, kind in place.columns.items())
        names = sa.cast(row_hash(*named or told), sa.Numeric)
        return sa.select(*by, sa.func.count(), sa.func.sum(names)).select_from(place.table).group_by(*by)

    def by_part(self, column: str, arrived: str, cuts: list[datetime]) -> sa.Select[Any]:
        """The same by part: the first begins at the first cut."""
        at = self.database.read(self.place.table.c[column], self.place.columns[column], arrived)
        held = sa.and_(at >= moment(cuts[0]), at < moment(cuts[-1]))
        return self.summed(self.database.parted(at, cuts)).where(held)

    def ran(self, statement: sa.Select[Any]) -> list[tuple[int, ...]]:
        """Its rows, as whole numbers."""
        with self.database.said():
            rows = self.connection.exec_driver_sql(*self.database.filled(statement, self.database.plain)).all()
        return [tuple(int(x or 0) for x in row) for row in rows]


def fingerprints(asked: Asked, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
    """One for each window, by one scan of what lies between the first and the last."""
    types = asked.database.types(asked.connection, asked.place, (), declared(dataset, EVER))
    shape, arrived = repr(list(asked.place.arrived.items())), types.get(dataset.event_time, "")
    timed = [window for window in windows if window != EVER] if arrived in TIMES else []
    found: dict[Window, str] = {}
    if len(timed) < len(windows):
        every = _digest(shape, asked.ran(asked.summed()))
        found = dict.fromkeys(windows, every)
    ends = {w: [in_terms(at, arrived, dataset.zone) for at in (w.start, w.end)] for w in timed}
    if ends:
        # Between two neighbouring ends all rows are of the same windows.
        cuts = sorted({at for span in ends.values() for at in span})
        parts = asked.ran(asked.by_part(dataset.event_time, arrived, cuts))
        for window, (start, end) in ends.items():
            mine = [(n, total) for part, n, total in parts if start <= cuts[part - 1] < end]
            found[window] = _digest(shape, mine)
    return [found[window] for window in windows]


def _digest(shape: str, parts: Sequence[tuple[int, ...]]) -> str:
    """Of the columns, the rows, and the sum of their names' hashes, over all parts."""
    rows, total = (sum(part[i] for part in parts) for i in (0, 1))
    return hashlib.sha256(f"{shape} {rows} {total}".encode()).hexdigest()[:24]
