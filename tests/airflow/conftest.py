"""Airflow for tests, in three layers: a task through the real runner on an API in memory (milliseconds); DAGs
stored in a database copied from a template; whole runs through the driver.
"""

import json
import os
import re
import shutil
import sqlite3
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import httpx
import pytest

from airflow_ml_monitor import airflow_compat

# Modules of the season, which import each other once their folder is on the path; no tests.
collect_ignore_glob = ["hotel/*"]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def airflow_home() -> Path:
    """The AIRFLOW_HOME of this process, made by the conftest at the root."""
    return Path(os.environ["AIRFLOW_HOME"])


@pytest.fixture(scope="session")
def airflow_db(airflow_home: Path) -> Path:
    """Airflow's own database, migrated: a copy of a template that is made once per version of Airflow."""
    target, template = airflow_home / "airflow.db", _template()
    if target.exists():
        return target
    if template.exists():
        shutil.copy(template, target)
        return target
    from airflow import settings
    from airflow.utils import db

    db.initdb()
    settings.engine.dispose()
    template.parent.mkdir(exist_ok=True)
    made = template.with_suffix(f".{uuid.uuid4().hex}")
    # A plain copy would lose what is still in the write-ahead log.
    with closing(sqlite3.connect(target)) as source, closing(sqlite3.connect(made)) as copy:
        source.backup(copy)
    made.replace(template)
    return target


def _template() -> Path:
    from importlib.metadata import version

    return ROOT / ".airflow" / f"template-{version('apache-airflow-core')}-{version('sqlalchemy')}.db"


@dataclass
class ExecutionApi:
    """Airflow's execution API in memory: answers with the run it was given, remembers what the task told it."""

    dag_run: dict[str, Any]
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    pushed: dict[tuple[str, str], Any] = field(default_factory=dict)
    states: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[Any] = field(default_factory=list)
    triggered: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, json.loads(request.content) if request.content else None
        if path.endswith("/run"):
            started = {"dag_run": self.dag_run, "max_tries": 0, "should_retry": False, "task_reschedule_count": 0}
            return httpx.Response(200, json=started)
        if path.endswith("/state"):
            self.states.append(body)
            return httpx.Response(204)
        if path.endswith("/skip-downstream"):
            self.skipped = body["tasks"]
            return httpx.Response(204)
        if path.startswith("/dag-runs/") and request.method == "POST":
            self.triggered.append((path, body))
            return httpx.Response(204)
        if found := re.match(r"/connections/([^/]+)$", path):
            return self._connection(found[1])
        if path.startswith("/xcoms/"):
            return self._xcom(request.method, path, body)
        return httpx.Response(200, json={"ok": True})

    def _connection(self, conn_id: str) -> httpx.Response:
        if conn_id not in self.connections:
            return _missing()
        fields = dict.fromkeys(("host", "schema", "login", "password", "port", "extra"))
        return httpx.Response(200, json={"conn_id": conn_id, **fields, **self.connections[conn_id]})

    def _xcom(self, method: str, path: str, body: Any) -> httpx.Response:
        key = tuple(path.removesuffix("/slice").split("/")[-2:])
        if method == "POST":
            self.pushed[key] = body  # type: ignore[index]
            return httpx.Response(201, json={"message": "ok"})
        if path.endswith("/slice"):  # what `ti.xcom_pull` without map indexes asks for
            return httpx.Response(200, json=[self.xcoms[key]] if key in self.xcoms else [])  # type: ignore[index]
        if key in self.xcoms:
            return httpx.Response(200, json={"key": key[1], "value": self.xcoms[key]})  # type: ignore[index]
        return _missing()


def _missing() -> httpx.Response:
    return httpx.Response(404, json={"detail": {"reason": "not_found", "message": "not there"}})


def run_fields(**given: Any) -> dict[str, Any]:
    """A run as the API describes it; fields that this Airflow does not know are left out."""
    from airflow.sdk.api.datamodels._generated import DagRun

    fields = {
        "dag_id": "d",
        "run_id": "manual__x",
        "logical_date": None,
        "data_interval_start": None,
        "data_interval_end": None,
        "run_after": "2026-11-01T00:00:00Z",
        "start_date": "2026-11-01T00:00:00Z",
        "end_date": None,
        "run_type": "manual",
        "state": "running",
        "consumed_asset_events": [],
        "conf": {},
        "partition_key": None,
        **given,
    }
    return {name: value for name, value in fields.items() if name in DagRun.model_fields}


RunTask = Callable[..., tuple[Any, ExecutionApi]]


@pytest.fixture
def run_task() -> RunTask:
    """Run one operator through Airflow's task runner; no database.

    `result, api = run_task(operator, dag_run={...}, xcoms={(task, key): value}, connections={id: {...}})`;
    `result.state.value`, `result.error`, `api.pushed[(task, "return_value")]`, `api.skipped`, `api.states`.
    map_index: of a mapped operator, which of its tasks.
    """

    def run(
        task: Any, *, dag_run: dict[str, Any] | None = None, map_index: int = -1, **given: Any
    ) -> tuple[Any, ExecutionApi]:
        from airflow.sdk.api.datamodels._generated import TaskInstance

        api = ExecutionApi(run_fields(**(dag_run or {})), **given)
        instance = TaskInstance(
            id=uuid.uuid4(),
            task_id=task.task_id,
            dag_id=task.dag.dag_id,
            run_id=api.dag_run["run_id"],
            try_number=1,
            map_index=map_index,
            dag_version_id=uuid.uuid4(),
        )
        return airflow_compat.run_task(instance, task, httpx.MockTransport(api)), api

    return run


@pytest.fixture
def sync_dag(airflow_db: Path) -> Callable[[Any], Any]:
    """Store a DAG object that stands in a test, so that `dag.test()` finds it."""

    def sync(dag: Any) -> Any:
        from airflow.dag_processing.collection import update_dag_parsing_results_in_db
        from airflow.serialization.serialized_objects import LazyDeserializedDAG
        from airflow.utils.session import create_session

        with create_session() as session:
            airflow_compat.store_bundles(session)
            stored = [LazyDeserializedDAG.from_dag(dag)]
            update_dag_parsing_results_in_db("dags-folder", None, stored, {}, None, set(), session)
        return dag

    return sync


@pytest.fixture
def driver(airflow_db: Path, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """`driver("from airflow…")` writes DAG files (texts, or paths to copy) to a folder and drives what is in them."""
    from contextlib import ExitStack

    from airflow_ml_monitor.trial.dag_driver import DagDriver

    folder = tmp_path / "dags"
    folder.mkdir()
    with ExitStack() as stack:

        def drive(*files: str | Path, **options: Any) -> DagDriver:
            for number, file in enumerate(files):
                text = file.read_text() if isinstance(file, Path) else textwrap.dedent(file)
                (folder / f"dag_{number}_{uuid.uuid4().hex[:6]}.py").write_text(text)
            return stack.enter_context(DagDriver(folder, **options))

        yield drive


def _loaded(name: str) -> ModuleType:
    """A module beside this file: test folders are no packages, so it is loaded by its place."""
    spec = spec_from_file_location(f"tests_airflow_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def processes() -> ModuleType:
    """Airflow's own processes, for tests under a real scheduler."""
    return _loaded("processes")


@pytest.fixture(scope="session")
def desks(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The module of the desk, and the folder where its data is kept for this process."""
    return SimpleNamespace(**vars(_loaded("desk")), home=tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(desks: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The small lender with a metrics database of its own behind the default connection."""
    made = desks.Desk.open(desks.home / "monday", tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", made.connection)
    return made


@pytest.fixture(scope="module")
def example_world(airflow_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """The DAGs of dags/ on a world of their own: `made = example_world(days=5, edits={})`; then `made.driver` …

    At most one in a module: their ids, and the name under which their tasks import the model's file, are fixed.
    edits: texts to replace in credit.yaml, e.g. to leave out the contract.
    """
    from contextlib import ExitStack

    from airflow_ml_monitor.demo import World, land_the_past
    from airflow_ml_monitor.trial.dag_driver import DagDriver

    home = tmp_path_factory.mktemp("example")
    path, sqlite = list(sys.path), f"sqlite:///{home}/metrics.db"
    fields = {"conn_type": "ml_monitor", "host": sqlite, "extra": {"create_tables": True}}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_ML_MONITOR_DEFAULT", json.dumps(fields))
        stack.callback(sys.modules.pop, "credit_model", None)
        stack.callback(sys.path.__setitem__, slice(None), path)

        def make(*, edits: Mapping[str, str], **world: Any) -> SimpleNamespace:
            shutil.copytree(ROOT / "dags", home / "dags", ignore=shutil.ignore_patterns("__pycache__"))
            spec = home / "dags" / "credit.yaml"
            for old, new in edits.items():
                assert old in spec.read_text()
                spec.write_text(spec.read_text().replace(old, new))
            made = World(home / "dags", home / ".demo", **world)
            simulated = made.simulated
            land_the_past(made, simulated)
            _forget_runs(airflow_db)
            driver = stack.enter_context(DagDriver(made.dags))
            return SimpleNamespace(driver=driver, world=made, simulated=simulated, metrics=sqlite, airflow=airflow_db)

        yield make


@pytest.fixture(scope="module")
def scored_by_one_model() -> Callable[[Any, int], None]:
    """`scored_by_one_model(made, days)`: an example's first days, scored by its first model; all labels landed."""

    def score(made: Any, days: int) -> None:
        import pandas as pd

        from airflow_ml_monitor.lifecycle.registry import ModelRegistry
        from airflow_ml_monitor.simulate.credit import HORIZON
        from airflow_ml_monitor.simulate.landing import land_applications, land_outcomes

        made.driver.run("train_credit", run_id="first_model", run_after=made.simulated.midnight(0))
        import credit_model as model

        champion = model.from_bytes(ModelRegistry(model.MODELS).load("v1"))
        for day in range(days):
            landed = pd.read_parquet(land_applications(made.simulated, model.APPLICATIONS, day))
            path = model.PREDICTIONS / f"{made.simulated.midnight(day).date()}.parquet"
            model.write(model.scored(landed, champion, "v1"), path)
        for day in range(days + HORIZON.days):
            land_outcomes(made.simulated, model.OUTCOMES, day)

    return score


def _forget_runs(database: Path) -> None:
    """Airflow's database as it is before its first DAG."""
    with closing(sqlite3.connect(_template())) as source, closing(sqlite3.connect(database)) as copy:
        source.backup(copy)


@pytest.fixture(scope="module")
def days_of(example_world: Callable[..., Any]) -> Iterator[Callable[[str, int], Any]]:
    """Runs an example's DAG on the first days of 2026, each as known at its end; the store that this leaves behind."""
    from airflow_ml_monitor.store.repository import MetricsStore

    opened = []

    def run(dag_id: str, days: int) -> Any:
        made = example_world(days=1, faults="", edits={})
        for day in range(days):
            start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
            end = start + timedelta(days=1)
            conf = {"known_at": end.isoformat()}
            result = made.driver.run(dag_id, run_type="scheduled", data_interval=(start, end), conf=conf)
            assert result.state == "success", result.task_states
        opened.append(MetricsStore(made.metrics))
        return opened[-1]

    yield run
    for store in opened:
        store.dispose()
