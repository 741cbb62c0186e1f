"""The ready DAG under a real scheduler, after a demo, as `make ui` starts it: its own processes, ports and database."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory, processes):
    """The variables of an Airflow in a folder of its own, in which a demo of two days was run."""
    folder = tmp_path_factory.mktemp("scheduler")
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    spec = folder / "dags" / "credit.yaml"
    spec.write_text(spec.read_text().replace("contract: inferred", "contract: null"))
    api, worker_logs, trigger_logs = processes.free_ports(3)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    variables = {
        **inherited,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "AIRFLOW_HOME": str(folder / ".demo" / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(api),
        "AIRFLOW__API__BASE_URL": f"http://localhost:{api}",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_logs),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_logs),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    command = (sys.executable, "-m", "airflow_ml_monitor", "demo", "--days", "2", "--faults", "none")
    subprocess.run(
        command, cwd=folder, env=variables, check=True, timeout=processes.PATIENCE, stdout=subprocess.DEVNULL
    )
    return variables


@pytest.fixture(scope="module")
def airflow(environment, processes):
    """A client of the running Airflow; afterwards none of its processes is left."""
    home = Path(environment["AIRFLOW_HOME"])
    with ExitStack() as stack:
        log = stack.enter_context((home / "standalone.log").open("w"))
        started = subprocess.Popen(
            ("airflow", "standalone"), env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        stack.callback(processes.stop, started)
        base = environment["AIRFLOW__API__BASE_URL"].replace("localhost", "127.0.0.1")
        client = stack.enter_context(httpx.Client(base_url=base, timeout=30))

        def healthy():
            assert started.poll() is None, (home / "standalone.log").read_text()[-3000:]
            return processes.healthy(client)

        processes.until(healthy, "Airflow is up")
        token = client.get("/auth/token").json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_the_runs_of_the_demo_are_there_and_green(airflow):
    runs = airflow.get("/api/v2/dags/~/dagRuns").json()["dag_runs"]
    assert sorted(
        (run["dag_id"], run["state"]) for run in runs if run["dag_run_id"].startswith(("sched", "first"))
    ) == [
        ("score_credit", "success"),
        ("score_credit", "success"),
        ("train_credit", "success"),
    ]
    dags = airflow.get("/api/v2/dags").json()["dags"]
    assert {dag["dag_id"] for dag in dags} >= {"monitor_credit", "score_credit", "train_credit", "report_credit"}
    assert airflow.get("/api/v2/importErrors").json()["total_entries"] == 0


def test_the_ready_dag_measures_and_decides_under_a_real_scheduler(airflow, environment, processes):
    conf = {
        "window_start": "2026-01-01T06:00:00+00:00",
        "window_end": "2026-01-02T18:00:00+00:00",
        "known_at": "2026-01-03T00:00:00+00:00",
    }
    made, state, tasks = processes.run_to_end(airflow, "monitor_credit", conf)
    assert (state, tasks) == (
        "success",
        {
            **{
                f"watch.{name}": "success"
                for name in ("labels", "profile", "quality", "drift", "performance", "decide")
            },
            "trigger_train_credit": "skipped",
        },
    )
    with closing(sqlite3.connect(Path(environment["AIRFLOW_HOME"]) / "ml_monitor.db")) as connection:
        (evidence,) = connection.execute("select evidence from decision where run = ?", (made,)).fetchone()
    assert f"{conf['window_start']}/{conf['window_end']}" in evidence
