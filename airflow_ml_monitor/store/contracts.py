"""Contracts by digest: each version that ever answered, as it was."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from airflow_ml_monitor.keys import utc
from airflow_ml_monitor.store.records import ContractVersion
from airflow_ml_monitor.store.tables import contract
from airflow_ml_monitor.store.transactions import Transactions
from airflow_ml_monitor.store.upsert import insert_missing


class Contracts:
    """The contracts of a store's monitors. Each method is one transaction."""

    def __init__(self, store: Transactions) -> None:
        self._store = store

    def save(self, monitor: str, digest: str, document: dict[str, Any], seen_at: datetime) -> None:
        """Store a contract unless its digest is there."""
        # Read first: every step of every run comes by.
        if self.of(monitor, digest) is None:
            self._store._write(monitor, _save, digest, document, utc(seen_at))

    def of(self, monitor: str, digest: str) -> ContractVersion | None:
        """The contract of a digest, as results name it."""
        return self._store._read(monitor, _of, digest)

    def listed(self, monitor: str) -> list[ContractVersion]:
        """Every contract that answered, in the order in which they were first used."""
        return self._store._read(monitor, _listed)


def _save(connection: Connection, monitor_id: int, digest: str, document: dict[str, Any], seen_at: datetime) -> None:
    """Store a contract unless its digest is there."""
    row = {"monitor_id": monitor_id, "digest": digest, "document": document, "seen_at": seen_at}
    insert_missing(connection, contract, ["monitor_id", "digest"], [row])


def _of(connection: Connection, monitor_id: int, digest: str) -> ContractVersion | None:
    """The contract of a digest."""
    c = contract.c
    row = connection.execute(
        select(c.digest, c.document, c.seen_at).where(c.monitor_id == monitor_id, c.digest == digest)
    ).first()
    return None if row is None else ContractVersion(*row)


def _listed(connection: Connection, monitor_id: int) -> list[ContractVersion]:
    """Every contract of a monitor, in the order in which they were first used."""
    c = contract.c
    rows = connection.execute(
        select(c.digest, c.document, c.seen_at).where(c.monitor_id == monitor_id).order_by(c.seen_at, c.digest)
    )
    return [ContractVersion(*row) for row in rows]
