"""The ready DAG under a real scheduler, after a demo, as `make ui` starts it: its own processes, ports and database."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import psutil
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 240
"""Seconds for each of: all components up, the run done. On an idle machine 15 and 30."""


def free_ports(number):
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def until(found, what):
    """What `found()` returns as soon as it is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if answer := found():
            return answer
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {PATIENCE} s")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The variables of an Airflow in a folder of its own, in which a demo of two days was run."""
    folder = tmp_path_factory.mktemp("scheduler")
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    spec = folder / "dags" / "credit.yaml"
    spec.write_text(spec.read_text().replace("contract: inferred", "contract: null"))
    api, worker_logs, trigger_logs = free_ports(3)
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
    subprocess.run(command, cwd=folder, env=variables, check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL)
    return variables


@pytest.fixture(scope="module")
def airflow(environment):
    """A client of the running Airflow; afterwards none of its processes is left."""
    home = Path(environment["AIRFLOW_HOME"])
    with ExitStack() as stack:
        log = stack.enter_context((home / "standalone.log").open("w"))
        started = subprocess.Popen(
            ("airflow", "standalone"), env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        stack.callback(stop, started)
        base = environment["AIRFLOW__API__BASE_URL"].replace("localhost", "127.0.0.1")
        client = stack.enter_context(httpx.Client(base_url=base, timeout=30))

        def healthy():
            assert started.poll() is None, (home / "standalone.log").read_text()[-3000:]
            try:
                health = client.get("/api/v2/monitor/health").json()
            except (httpx.HTTPError, ValueError):
                return False
            return all(health[name]["status"] == "healthy" for name in ("metadatabase", "scheduler", "dag_processor"))

        until(healthy, "Airflow is up")
        token = client.get("/auth/token").json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def stop(started):
    """Interrupt Airflow as Ctrl-C does; what is left of it after half a minute is killed."""
    family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
    started.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(family[1:], timeout=30)
    alive = [process for process in (*alive, family[0]) if process.is_running()]
    for process in alive:
        process.kill()
    _, left = psutil.wait_procs(alive, timeout=10)
    started.wait(timeout=10)
    assert [process for process in left if process.pid != started.pid] == []


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


def test_the_ready_dag_measures_and_decides_under_a_real_scheduler(airflow, environment):
    conf = {
        "window_start": "2026-01-01T06:00:00+00:00",
        "window_end": "2026-01-02T18:00:00+00:00",
        "known_at": "2026-01-03T00:00:00+00:00",
    }
    assert airflow.patch("/api/v2/dags/monitor_credit", json={"is_paused": False}).status_code == 200
    runs = "/api/v2/dags/monitor_credit/dagRuns"
    made = airflow.post(runs, json={"logical_date": None, "conf": conf}).json()["dag_run_id"]

    def ended():
        state = airflow.get(f"{runs}/{made}").json()["state"]
        return state if state in ("success", "failed") else None

    state = until(ended, "the run is done")
    tasks = airflow.get(f"{runs}/{made}/taskInstances").json()["task_instances"]
    assert (state, {task["task_id"]: task["state"] for task in tasks}) == (
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
