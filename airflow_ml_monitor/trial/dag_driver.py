"""Real DAG runs in one process: Airflow's own scheduling decisions, task runner and database, no daemon, no waiting.

`dag.test()` runs one manual run and parses the whole folder anew for it; it cannot be told the run's type, id or
interval, and leaves triggered runs lying. A simulated season needs all of these.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airflow_ml_monitor.airflow_compat import execution_api, parse_folder, run_task, store_dags
from airflow_ml_monitor.errors import MonitorError, UnknownName
from airflow_ml_monitor.trial.airflow_database import (
    make_tables,
    refuse_beside_scheduler,
    session_of_airflow,
    set_paused,
    write_lazily,
)

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.serialization.definitions.dag import SerializedDAG
    from sqlalchemy.orm import Session


_LOADING_RUNS = 3
"""So many runs go by before every task of a few DAGs has imported what it needs."""


class DagsBroken(MonitorError):
    """A DAG file cannot be imported; the message holds Airflow's account of it."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run stands: `state` success, failed, or running where a task still waits (a sensor, a deferral)."""

    dag_id: str
    run_id: str
    state: str
    task_states: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a scheduler would know of a run before it starts; what is left out is derived as Airflow does."""

    run_type: str = "manual"
    run_id: str = ""
    logical_date: datetime | None = None
    data_interval: tuple[datetime, datetime] | None = None
    run_after: datetime | None = None
    conf: Mapping[str, Any] = field(default_factory=dict)


class DagDriver:
    """Parses a folder of DAGs once, stores them in Airflow's database under AIRFLOW_HOME, and runs them.

    A context manager. Sensors that ask to be called again and tasks that are up for retry are called again at once,
    at most `patience` times in a row; then the run is left as it is, and `rerun` goes on with it.
    """

    def __init__(self, folder: str | Path, *, patience: int = 20, unpause: bool = True) -> None:
        self.folder = Path(folder).resolve()
        self.patience = patience
        self.unpause = unpause
        self._stack = ExitStack()
        self._driven = 0

    def __enter__(self) -> Self:
        from airflow.models.dagbag import DBDagBag

        self._bag = parse_folder(self.folder)
        if self._bag.import_errors:
            raise DagsBroken("\n".join(f"{file}: {error}" for file, error in self._bag.import_errors.items()))
        stored: Any = DBDagBag(load_op_links=False)
        self._transport = self._stack.enter_context(execution_api(stored))
        with session_of_airflow() as session:
            make_tables(session)
            refuse_beside_scheduler(session)
            write_lazily(session)
            store_dags(self._bag, session)
            if self.unpause:
                set_paused(session, self._bag.dags, False)
            # Read once: what is stored does not change while we run.
            find = stored.get_latest_version_of_dag
            self._dags: dict[str, SerializedDAG] = {name: find(name, session=session) for name in self._bag.dags}
        self._stack.callback(gc.unfreeze)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def dag_ids(self) -> list[str]:
        return sorted(self._dags)

    def run(self, dag_id: str, request: RunRequest | None = None, /, **given: Any) -> RunResult:
        """Create a run and drive it to its end; takes a request, or its fields as keywords."""
        with session_of_airflow() as session:
            run = self._create(session, dag_id, request or RunRequest(**given))
            return self._drive(session, run)

    def rerun(self, dag_id: str, run_id: str) -> RunResult:
        """Drive a run that exists: one that was cleared, triggered, or left waiting."""
        with session_of_airflow() as session:
            return self._drive(session, self._find(session, dag_id, run_id))

    def clear(self, dag_id: str, run_id: str, task_ids: Iterable[str] | None = None) -> None:
        """Forget the outcome of some tasks of a run (all, if none are named), as the Clear button does."""
        with session_of_airflow() as session:
            self._find(session, dag_id, run_id)
            chosen = None if task_ids is None else list(task_ids)
            self._dag(dag_id).clear(run_id=run_id, task_ids=chosen, session=session)

    def pause(self) -> None:
        """Pause every DAG, so that a scheduler started afterwards runs nothing by itself."""
        with session_of_airflow() as session:
            set_paused(session, self._dags, True)

    def run_triggered(self) -> list[RunResult]:
        """Drive every queued run, oldest first, and those that they trigger in turn."""
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        results: list[RunResult] = []
        with session_of_airflow() as session:
            queued = select(DagRun).where(DagRun.state == "queued", DagRun.dag_id.in_(self._dags)).order_by(DagRun.id)
            while run := session.scalars(queued.limit(1)).first():
                results.append(self._drive(session, run))
        return results

    def backfill(
        self,
        dag_id: str,
        start: datetime,
        end: datetime,
        *,
        reprocess: bool = False,
        conf: Mapping[str, Any] | None = None,
    ) -> list[RunResult]:
        """One run of type backfill for every tick of the schedule in [start, end], oldest first.

        A day that has a run is left alone; with `reprocess` that run is cleared, becomes a backfill and runs again
        under its old id, as Airflow's reprocess behaviour 'completed' has it.
        """
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        results = []
        with session_of_airflow() as session:
            for info in self._dag(dag_id).iter_dagrun_infos_between(_moment(start), _moment(end)):
                day = select(DagRun).where(DagRun.dag_id == dag_id, DagRun.logical_date == info.logical_date)
                run = session.scalars(day).first()
                if run is None:
                    request = RunRequest(
                        run_type="backfill",
                        logical_date=info.logical_date,
                        data_interval=info.data_interval and (info.data_interval.start, info.data_interval.end),
                        run_after=info.run_after,
                        conf=conf or {},
                    )
                    results.append(self._drive(session, self._create(session, dag_id, request)))
                elif reprocess:
                    self._dag(dag_id).clear(run_id=run.run_id, session=session)
                    run.run_type, run.conf = "backfill", dict(run.conf or {} if conf is None else conf)
                    results.append(self._drive(session, run))
        return results

    def _dag(self, dag_id: str) -> SerializedDAG:
        if dag_id not in self._dags:
            raise UnknownName("DAG", dag_id, self._dags)
        return self._dags[dag_id]

    def _find(self, session: Session, dag_id: str, run_id: str) -> DagRun:
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        self._dag(dag_id)
        run = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).first()
        if run is None:
            known = session.scalars(select(DagRun.run_id).where(DagRun.dag_id == dag_id)).all()
            raise UnknownName("run", run_id, known)
        return run

    def _create(self, session: Session, dag_id: str, request: RunRequest) -> DagRun:
        from airflow.models.dagrun import DagRun
        from airflow.sdk import timezone
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType

        dag = self._dag(dag_id)
        logical_date, interval = _moment(request.logical_date), request.data_interval
        run_after = _moment(request.run_after or (interval[1] if interval else None)) or timezone.utcnow()
        if logical_date is None and interval:
            logical_date = _moment(interval[0])
        if logical_date is not None and interval is None:
            interval = dag.timetable.infer_manual_data_interval(run_after=logical_date)
        run_type = DagRunType(request.run_type)
        run_id = request.run_id or DagRun.generate_run_id(
            run_type=run_type, logical_date=logical_date, run_after=run_after
        )
        return dag.create_dagrun(
            run_id=run_id,
            logical_date=logical_date,
            data_interval=interval,
            run_after=run_after,
            conf=dict(request.conf),
            run_type=run_type,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.QUEUED,
            session=session,
        )

    def _drive(self, session: Session, run: DagRun) -> RunResult:
        from airflow.sdk import timezone
        from airflow.utils.state import DagRunState

        run.dag = self._dag(run.dag_id)
        run.state = DagRunState.RUNNING
        run.start_date = run.start_date or timezone.utcnow()
        session.commit()
        waited = 0
        while True:
            session.expire_all()
            ready, _ = run.update_state(session=session, execute_callbacks=False)
            waited = 0 if ready else waited + 1
            if run.state != DagRunState.RUNNING or waited > self.patience:
                break
            # Nothing is ready: only time holds back the others, and time is not waited for here.
            run.schedule_tis(ready or _waiting(session, run), session=session)
            session.commit()
            for instance in _queued(session, run):
                run_task(instance, self._bag.dags[run.dag_id].task_dict[instance.task_id], self._transport)
        session.commit()
        self._driven += 1
        if self._driven <= _LOADING_RUNS:
            # Airflow and what tasks import are a million objects that stay; looking through them for garbage over and
            # over takes an eighth of a simulated day.
            gc.collect()
            gc.freeze()
        return _result(session, run)


def _waiting(session: Session, run: DagRun) -> list[Any]:
    """Task instances that only wait for time to pass: the next poke, the next try."""
    found = run.get_task_instances(state=["up_for_reschedule", "up_for_retry"], session=session)  # type: ignore[list-item]
    for instance in found:
        instance.task = run.get_dag().get_task(instance.task_id)
    return found


def _queued(session: Session, run: DagRun) -> list[Any]:
    """Hand over what was scheduled, as an executor would: as the task runner knows task instances."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.sdk.api.datamodels._generated import TaskInstance as Instance
    from sqlalchemy import select, update

    ours = (TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id, TaskInstance.state == "scheduled")
    names = ("id", "task_id", "dag_id", "run_id", "try_number", "map_index", "dag_version_id")
    rows = session.execute(select(*(getattr(TaskInstance, name) for name in names)).where(*ours)).mappings().all()
    queue = update(TaskInstance).where(*ours).values(state="queued").execution_options(synchronize_session=False)
    session.execute(queue)
    session.commit()
    return [Instance.model_validate(dict(row)) for row in rows]


def _result(session: Session, run: DagRun) -> RunResult:
    """Mapped task instances are told apart as `task[0]`."""
    states = {
        ti.task_id if ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]": str(ti.state or "none")
        for ti in run.get_task_instances(session=session)
    }
    return RunResult(run.dag_id, run.run_id, str(run.state), states)


def _moment(value: datetime | None) -> Any:
    from airflow.sdk import timezone

    return timezone.coerce_datetime(value)
