"""What every table of the store is made of: names of keys, ids, and how MariaDB keeps it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, MetaData, Table

from airflow_ml_monitor.store.columns import Id

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def table_of(name: str, *parts: Any, **options: Any) -> Table:
    # utf8mb4_bin: 'US' and 'us' are two slices, also on MariaDB.
    return Table(
        name,
        metadata,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        **options,
    )


def own_id() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def id_of(parent: str, *, key: bool = False) -> Column[int]:
    return Column(f"{parent}_id", Id, ForeignKey(f"{parent}.id"), nullable=False, primary_key=key)


def required(name: str, type_: Any) -> Column[Any]:
    return Column(name, type_, nullable=False)


def touched() -> Column[int]:
    """Raised by every writer before it reads: the row is the lock."""
    return Column("touched", BigInteger, nullable=False, default=0)
