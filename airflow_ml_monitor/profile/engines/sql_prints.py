"""What names the rows of a window of a table, without looking into them where they are stored here.

A stored row is named by its place and the transaction that wrote it (ctid, xmin): any insert, update or delete changes
the names' sum. So does a table that is written anew with the same rows, which costs no more than a measurement again.
Rows of a view, or of a foreign table, have no such names: the hash of their text is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.dialect import row_hash
from airflow_ml_monitor.profile.engines import postgres
from airflow_ml_monitor.profile.engines.scan import TIMES, in_terms
from airflow_ml_monitor.profile.engines.sql_opening import ROW_NAMES, Place, moment
from airflow_ml_monitor.profile.engines.sql_scan import said
from airflow_ml_monitor.profile.query import Expression, text


def fingerprints(connection: sa.Connection, place: Place, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
    """One for each window, by one scan of what lies between the first and the last."""
    shape, arrived = repr(list(place.arrived.items())), place.arrived.get(dataset.event_time, "")
    timed = [window for window in windows if window != EVER] if arrived in TIMES else []
    found: dict[Window, str] = {}
    if len(timed) < len(windows):
        every = _digest(shape, [tuple(part) for part in _ran(connection, _summed(place))])
        found = dict.fromkeys(windows, every)
    ends = {w: [in_terms(at, arrived, dataset.zone) for at in (w.start, w.end)] for w in timed}
    if ends:
        # Between two neighbouring ends all rows are of the same windows.
        cuts = sorted({at for span in ends.values() for at in span})
        parts = _ran(connection, _by_part(place, dataset.event_time, cuts))
        for window, (start, end) in ends.items():
            mine = [(n, total) for part, n, total in parts if start <= cuts[part - 1] < end]
            found[window] = _digest(shape, mine)
    return [found[window] for window in windows]


def _summed(place: Place, *by: Expression) -> sa.Select[Any]:
    names = sa.cast(row_hash(*_named(place)), sa.Numeric)
    return sa.select(*by, sa.func.count(), sa.func.sum(names)).select_from(place.table).group_by(*by)


def _by_part(place: Place, column: str, cuts: list[datetime]) -> sa.Select[Any]:
    """The same by part: the first begins at the first cut."""
    kind = sa.TIMESTAMP(timezone=cuts[0].tzinfo is not None)
    at = sa.cast(place.table.c[column], kind)
    part = sa.func.width_bucket(at, sa.literal(cuts, sa.ARRAY(kind)))
    held = sa.and_(place.table.c[column] >= moment(cuts[0]), place.table.c[column] < moment(cuts[-1]))
    return _summed(place, part).where(held)


def _ran(connection: sa.Connection, statement: sa.Select[Any]) -> list[tuple[int, ...]]:
    compiled = statement.compile(dialect=postgres.PLAIN)
    with said():
        rows = connection.exec_driver_sql(str(compiled), compiled.params).all()
    return [tuple(int(x or 0) for x in row) for row in rows]


def _named(place: Place) -> list[Expression]:
    if place.is_stored:
        return [place.table.c[name] for name in ROW_NAMES]
    return [text(place.table.c[name]) for name in place.columns]


def _digest(shape: str, parts: Sequence[tuple[int, ...]]) -> str:
    """Of the columns, the rows, and the sum of their names' hashes, over all parts."""
    rows, total = (sum(part[i] for part in parts) for i in (0, 1))
    return hashlib.sha256(f"{shape} {rows} {total}".encode()).hexdigest()[:24]
