"""Airflow's own processes, started and stopped by a test: ports, patience, and nothing left behind."""

import signal
import socket
import time
from contextlib import ExitStack, closing

import httpx
import psutil

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


def healthy(client):
    """True once the scheduler and the DAG processor have told the API server that they live."""
    try:
        health = client.get("/api/v2/monitor/health").json()
    except (httpx.HTTPError, ValueError):
        return False
    return all(health[name]["status"] == "healthy" for name in ("metadatabase", "scheduler", "dag_processor"))


def run_to_end(client, dag_id, conf):
    """Unpause a DAG, start a run of it by REST; (run id, its state at the end, the state of every task)."""
    assert client.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": False}).status_code == 200
    runs = f"/api/v2/dags/{dag_id}/dagRuns"
    made = client.post(runs, json={"logical_date": None, "conf": conf}).json()["dag_run_id"]

    def ended():
        state = client.get(f"{runs}/{made}").json()["state"]
        return state if state in ("success", "failed") else None

    state = until(ended, "the run is done")
    tasks = client.get(f"{runs}/{made}/taskInstances").json()["task_instances"]
    return made, state, {task["task_id"]: task["state"] for task in tasks}


def stop(started):
    """Interrupt a process as Ctrl-C does; what is left of its family after half a minute is killed."""
    family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
    started.send_signal(signal.SIGINT)
    _, alive = psutil.wait_procs(family[1:], timeout=30)
    alive = [process for process in (*alive, family[0]) if process.is_running()]
    for process in alive:
        process.kill()
    _, left = psutil.wait_procs(alive, timeout=10)
    started.wait(timeout=10)
    assert [process for process in left if process.pid != started.pid] == []
