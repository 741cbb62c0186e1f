"""The table of rows that break a contract: the user's, in the metrics database, filled only where it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from airflow_ml_monitor.errors import StoreError
from airflow_ml_monitor.store.connection import Database

Row = Mapping[str, str | None]


def replace(
    database: Database, name: str, *, about: Mapping[str, str], columns: Sequence[str], rows: Sequence[Row]
) -> None:
    """Put the rows in place of those that the table has about the same monitor, dataset and window.

    Makes the table where it is missing, all its columns text. StoreError where one of the name has other columns.
    """
    mine = [sa.Column(key, sa.String(255), nullable=False) for key in (*about, "rule")]
    table = sa.Table(name, sa.MetaData(), *mine, *(sa.Column(column, sa.Text) for column in columns), quote=True)
    # Apart from the rows: some databases end a transaction where a table is made.
    database.write(lambda connection: table.create(connection, checkfirst=True))
    with database.reading() as connection:
        there = {c["name"] for c in sa.inspect(connection).get_columns(name)}
    if missing := [column.name for column in table.columns if column.name not in there]:
        raise StoreError(
            f"the table {name!r} has no column {missing[0]!r}; name another in contract.failed_rows, or drop this one"
        )
    same = sa.and_(*(table.c[key] == value for key, value in about.items()))

    def write(connection: sa.Connection) -> None:
        connection.execute(sa.delete(table).where(same))
        if rows:
            connection.execute(sa.insert(table), [{**about, **row} for row in rows])

    database.write(write)
