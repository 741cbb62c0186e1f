"""Insert-or-find on three databases: the statements that let concurrent writers agree on one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select
from sqlalchemy.dialects import mysql, postgresql, sqlite

_BATCH = 500
"""Rows a statement: SQLite takes 32,766 parameters."""


def touch(
    connection: Connection, table: Table, key: Mapping[str, Any], new: Mapping[str, Any]
) -> Row[*tuple[Any, ...]]:
    """The row of a unique key, made if it is missing, locked until the transaction ends.

    Must be the transaction's first statement about this row. `new` is used only for a row that is missing.
    """
    return put(connection, table, key, new, {})


def put(
    connection: Connection, table: Table, key: Mapping[str, Any], new: Mapping[str, Any], changed: Mapping[str, Any]
) -> Row[*tuple[Any, ...]]:
    """As `touch`, and sets the columns `changed`, whether the row is new or not."""
    values = {**key, **new, **changed, "touched": 0}
    update = {"touched": table.c.touched + 1, **changed}
    if connection.dialect.name == "mysql":
        # Not INSERT IGNORE and SELECT … FOR UPDATE, which deadlocks.
        connection.execute(mysql.insert(table).values(values).on_duplicate_key_update(update))
        return connection.execute(select(table).where(*(table.c[name] == value for name, value in key.items()))).one()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(values).on_conflict_do_update(index_elements=list(key), set_=update)
    return connection.execute(statement.returning(table)).one()


def touch_all(
    connection: Connection, table: Table, key: str, rows: Sequence[Mapping[str, Any]]
) -> dict[str, Row[*tuple[Any, ...]]]:
    """As `touch`, of many rows with a key of one column; {key: row}. They are locked in the order of their keys."""
    found: dict[str, Row[*tuple[Any, ...]]] = {}
    in_order = sorted(rows, key=lambda row: str(row[key]))
    for start in range(0, len(in_order), _BATCH):
        values = [{**row, "touched": 0} for row in in_order[start : start + _BATCH]]
        update = {"touched": table.c.touched + 1}
        if connection.dialect.name == "mysql":
            connection.execute(mysql.insert(table).values(values).on_duplicate_key_update(update))
            some = connection.execute(select(table).where(table.c[key].in_([row[key] for row in values])))
        else:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            statement = dialect.insert(table).values(values).on_conflict_do_update(index_elements=[key], set_=update)
            some = connection.execute(statement.returning(table))
        found.update((row._mapping[table.c[key]], row) for row in some)
    return found


def insert_missing(connection: Connection, table: Table, key: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows whose unique key is not there yet; sort them first, so that two writers lock in one order."""
    if not rows:
        return
    if connection.dialect.name == "mysql":
        # Sets a column to itself. INSERT IGNORE would also swallow what is wrong with a row.
        statement = mysql.insert(table).on_duplicate_key_update({key[0]: table.c[key[0]]})
        connection.execute(statement, [dict(row) for row in rows])
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(
        dialect.insert(table).on_conflict_do_nothing(index_elements=list(key)), [dict(row) for row in rows]
    )


def insert_many(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Plain rows, as many as there are."""
    if rows:
        connection.execute(insert(table), [dict(row) for row in rows])
