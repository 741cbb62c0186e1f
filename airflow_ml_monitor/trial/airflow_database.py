"""Airflow's own database, as the driver needs it: there, fast, its DAGs not paused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


@contextmanager
def session_of_airflow() -> Iterator[Session]:
    """A session that is committed at the end."""
    from airflow.utils.session import create_session

    with create_session() as session:
        yield session


def make_tables(session: Session) -> None:
    """Airflow's tables, where there are none."""
    from airflow.utils import db
    from sqlalchemy import inspect

    if not inspect(session.get_bind()).has_table("dag_run"):
        db.initdb()


def write_lazily(session: Session) -> None:
    """SQLite may answer before the disk has: a simulated world can be run again. A third of a run's time."""
    from sqlalchemy import Engine, event

    engine = session.get_bind()
    if isinstance(engine, Engine) and engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        session.commit()
        engine.dispose()


def set_paused(session: Session, dag_ids: Iterable[str], is_paused: bool) -> None:
    """Pause DAGs, or let them run."""
    from airflow.models.dag import DagModel
    from sqlalchemy import update

    session.execute(update(DagModel).where(DagModel.dag_id.in_(list(dag_ids))).values(is_paused=is_paused))
    session.commit()
