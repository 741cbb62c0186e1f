"""What a worker, or the DAG processor, does with the folder `dags` beside AIRFLOW_HOME; each call is a process.

python tests/benchmarks/worker/process.py task one watch 30
python tests/benchmarks/worker/process.py parse
python tests/benchmarks/worker/process.py day 50 200 500
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2026, 1, 5, tzinfo=UTC)
HISTORY = 30
"""Days of predictions and labels before the first one that is watched."""
HOME = Path(os.environ.get("AIRFLOW_HOME", "home")).parent


def run_of(day: int) -> dict[str, Any]:
    """A scheduled run about a day, as the execution API describes it."""
    at = [(START + timedelta(days=number)).isoformat() for number in (day, day + 1)]
    run = {"dag_id": "d", "run_id": f"day_{day}", "logical_date": at[0], "run_type": "scheduled", "state": "running"}
    run |= {"data_interval_start": at[0], "data_interval_end": at[1], "run_after": at[1], "start_date": at[1]}
    return {**run, "end_date": None, "consumed_asset_events": [], "conf": {"known_at": at[1]}, "partition_key": None}


def run_tasks(dag_id: str, task_id: str, run: str, indexes: Sequence[int] = (-1,)) -> Iterator[int]:
    """Parse the folder of the working DAG, and run one of its tasks as Airflow does; yields after each index."""
    import httpx
    from airflow.sdk.api.datamodels._generated import DagRun, TaskInstance

    from airflow_ml_monitor.airflow_compat import parse_folder, run_task

    about = {name: value for name, value in run_of(int(run)).items() if name in DagRun.model_fields}
    started = {"dag_run": about, "max_tries": 0, "should_retry": False, "task_reschedule_count": 0}

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("/run"):
            return httpx.Response(200, json=started)
        if path.endswith(("/state", "/skip-downstream")):
            return httpx.Response(204)
        if path.endswith("/slice"):
            return httpx.Response(200, json=[])
        if path.startswith("/xcoms/") and request.method == "GET":
            return httpx.Response(404, json={"detail": {"reason": "not_found", "message": "not there"}})
        return httpx.Response(200, json={"ok": True})

    bag = parse_folder(HOME / "dags")
    task = bag.dags[dag_id].task_dict[task_id]
    for index in indexes:
        names = {"task_id": task_id, "dag_id": dag_id, "run_id": about["run_id"], "try_number": 1, "map_index": index}
        instance = TaskInstance(id=uuid.uuid4(), dag_version_id=uuid.uuid4(), **names)
        result = run_task(instance, task, httpx.MockTransport(answer))
        if result.state.value != "success":
            raise SystemExit(f"{task_id}: {result.error!r}")
        yield index


def one_task(dag_id: str, task_id: str, run: str) -> None:
    list(run_tasks(dag_id, task_id, run))


def parse() -> None:
    """Parse the folder as the DAG processor does, twice: the second time imports are paid."""
    import psutil
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    from airflow_ml_monitor.airflow_compat import parse_folder

    folder = HOME / "dags"
    before, began = psutil.Process().memory_info().rss, time.process_time()
    bag = parse_folder(folder)
    assert not bag.import_errors, bag.import_errors
    first, grown = time.process_time() - began, psutil.Process().memory_info().rss - before
    gc.collect()
    began = time.process_time()
    again = parse_folder(folder)
    second = time.process_time() - began
    kept = sum(len(json.dumps(LazyDeserializedDAG.from_dag(dag).data)) for dag in again.dags.values())
    said = {"first": first, "again": second, "grown_mb": grown / 2**20, "kept_kb": kept / 1024}
    print(json.dumps({name: round(value, 3) for name, value in said.items()}))


def day(*given: str) -> None:
    import psutil

    counts, found = [*map(int, given)], []
    for index in run_tasks("monitors", "watch", str(HISTORY), range(max(counts))):
        if index == 0:
            # The first one pays the imports.
            began = time.process_time()
        if index + 1 in counts:
            spent, rss = time.process_time() - began, psutil.Process().memory_info().rss
            store = (HOME / "many.db").stat().st_size
            found.append({"monitors": index + 1, "cpu": spent, "rss_mb": rss / 2**20, "store_mb": store / 2**20})
    print(json.dumps([{name: round(value, 3) for name, value in one.items()} for one in found]))


if __name__ == "__main__":
    {"task": one_task, "parse": parse, "day": day}[sys.argv[1]](*sys.argv[2:])
