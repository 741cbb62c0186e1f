"""Airflow's own database, as the driver needs it: there, fast, its DAGs not paused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import MonitorError

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


def refuse_beside_scheduler(session: Session) -> None:
    """Raise MonitorError while a scheduler works on this database: it would take the driver's runs for its own."""
    from airflow.jobs.job import Job
    from sqlalchemy import select

    schedulers = select(Job).where(Job.job_type == "SchedulerJob", Job.state == "running")
    if alive := [job.hostname for job in session.scalars(schedulers) if job.is_alive()]:
        raise MonitorError(
            f"a scheduler runs on Airflow's database ({alive[0]}); stop it, or give AIRFLOW_HOME a folder of its own"
        )


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
