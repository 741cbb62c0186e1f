"""What a monitor's day costs as six tasks, as three, and as one; and what 500 monitors in one DAG cost.

    python tests/benchmarks/one_process.py [--rows 5000] [--monitors 50 200 500]

Every task is a process of its own that does what Airflow's worker makes it do: parse the DAG's file, run one task
through Airflow's task runner, here on an execution API in memory. CPU is the process's own, user and system; the
machine may be busy, so wall time says less. The same days in every way, each way on a metrics database of its own.
Writes results/one_process.md and .json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from worker.process import HISTORY, START

RESULTS = Path(__file__).resolve().parent / "results"
WORKER = Path(__file__).resolve().parent / "worker" / "process.py"
DAYS = HISTORY + 3
SMALL = 500
"""Rows a day where it is the number of monitors that counts."""
STEPS = ("labels", "profile", "quality", "drift", "performance", "decide")
ONE = "one task, `MonitorOperator`"
WAYS = {
    "six tasks, `monitor_tasks`": ("monitor_credit", [f"watch.{step}" for step in STEPS]),
    "three tasks, `compact=True`": ("compact", [f"watch.{step}" for step in ("labels", "measure", "decide")]),
    ONE: ("one", ["watch"]),
}
DAGS = """
from datetime import UTC, datetime
from airflow.sdk import DAG, task
from airflow_ml_monitor import MonitorOperator, MonitorSpec, monitoring_dag
start = datetime(2026, 1, 1, tzinfo=UTC)
credit = MonitorSpec.from_yaml("credit.yaml")
six = monitoring_dag(credit, start)
three = monitoring_dag(credit, start, dag_id="compact", compact=True)
with DAG("one", schedule=None):
    MonitorOperator(task_id="watch", spec=credit)
with DAG("nothing", schedule=None):
    @task
    def nothing(): return None
    nothing()
"""
MANY = {
    "`monitors_dag` over a folder": 'monitors_dag("monitors", start)',
    "`monitors_dag` over specs": "monitors_dag([MonitorSpec.from_yaml(path) for path in paths], start)",
    "`monitoring_dag` for each": "[monitoring_dag(MonitorSpec.from_yaml(path), start) for path in paths]",
}
MANY_DAGS = """
from datetime import UTC, datetime
from pathlib import Path
from airflow_ml_monitor import MonitorSpec, monitoring_dag, monitors_dag
start = datetime(2026, 1, 1, tzinfo=UTC)
paths = sorted(Path(__file__).parent.glob("monitors/*.yaml"))
made = {made}
for number, dag in enumerate(made if isinstance(made, list) else [made]):
    globals()[f"dag_{{number}}"] = dag
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000, help="predictions a day of the one monitor")
    parser.add_argument("--monitors", type=int, nargs="+", default=[50, 200, 500])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ml-monitor-one-process-") as name:
        root = Path(name)
        land(root / "data", asked.rows)
        land(root / "small", SMALL)
        report = {"rows_a_day": asked.rows, "rows_a_day_of_many": SMALL, "cores": os.cpu_count()}
        report |= {"load": round(os.getloadavg()[0], 1), "day": days(root)}
        report |= {"parse": parsed(root, asked.monitors), "many": many(root, asked.monitors)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "one_process.json").write_text(json.dumps(report, indent=2) + "\n")
    (RESULTS / "one_process.md").write_text(page(report))
    print(page(report))


def land(folder: Path, rows: int) -> None:
    """A small lender's predictions, outcomes and reference."""
    import numpy as np

    from airflow_ml_monitor.simulate.credit import CreditWorld, Purpose
    from airflow_ml_monitor.simulate.landing import land_outcomes

    world = CreditWorld(0, START.date(), days=DAYS, rows_per_day=rows)

    def scored(frame: Any) -> Any:
        logit = -1.9 + 4.8 * (frame["debt_ratio"] - 0.355) - (frame["income"] - 45_500) / 38_000
        return frame.assign(score=1 / (1 + np.exp(-logit)), model_version="v1")

    (folder / "predictions").mkdir(parents=True)
    scored(world.history(4 * rows, Purpose.REFERENCE)).to_parquet(folder / "reference.parquet", index=False)
    for day in range(DAYS):
        scored(world.applications(day)).to_parquet(folder / "predictions" / f"{day:02}.parquet", index=False)
        land_outcomes(world, folder / "outcomes", day)


def spec_of(name: str, data: Path, example: str = "credit") -> str:
    """An example's spec on the data of a folder: `credit` is a whole one, `monitors/applicants` a small one."""
    text = (RESULTS.parents[2] / "dags" / f"{example}.yaml").read_text()
    text = text.replace(f"name: {Path(example).name}\n", f"name: {name}\n", 1)
    return text.replace("../../.demo/data", str(data)).replace("../.demo/data", str(data))


def child(root: Path, database: Path, *arguments: Any) -> tuple[dict[str, float], str]:
    """Run what a worker does as a process: what it cost, and what it said last."""
    connection = {"conn_type": "ml_monitor", "host": f"sqlite:///{database}", "extra": {"create_tables": True}}
    environment = {
        # Airflow's own processes find compiled files.
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "AIRFLOW_HOME": str(root / "home"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW_CONN_ML_MONITOR_DEFAULT": json.dumps(connection),
    }
    command = [sys.executable, "-W", "ignore", str(WORKER), *map(str, arguments)]
    began = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}\n{said}")
    wall = time.perf_counter() - began
    cost = {"cpu": used.ru_utime + used.ru_stime, "wall": wall, "peak_mb": used.ru_maxrss / 1024}
    return cost, (said.splitlines() or [""])[-1]


def days(root: Path) -> dict[str, Any]:
    """CPU, wall and peak memory of a monitor's day in every way, medians of the days; and of a task without work."""
    (root / "dags").mkdir()
    (root / "dags" / "dags.py").write_text(DAGS)
    (root / "dags" / "credit.yaml").write_text(spec_of("credit", root / "data"))
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for dag_id, _ in WAYS.values():
        # The day before, not counted: tables, reference, the ledger's past, compiled files.
        child(root, root / f"{dag_id}.db", "task", "one", "watch", HISTORY)
    idle = []
    for day in range(HISTORY + 1, DAYS):
        idle.append(child(root, root / "idle.db", "task", "nothing", "nothing", day)[0])
        for way, (dag_id, tasks) in WAYS.items():
            costs = [child(root, root / f"{dag_id}.db", "task", dag_id, task, day)[0] for task in tasks]
            whole = {name: sum(cost[name] for cost in costs) for name in ("cpu", "wall")}
            found[way].append({**whole, "peak_mb": max(cost["peak_mb"] for cost in costs)})
            print(way, day, found[way][-1], flush=True)
    return {way: medians(costs) for way, costs in found.items()} | {"one task that does nothing": medians(idle)}


def medians(costs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(cost[name] for cost in costs), 2) for name in costs[0]}


def folder_of(root: Path, made: str, monitors: int, example: str = "credit") -> None:
    """The DAG folder with so many monitors and one DAG file."""
    home = root / "dags"
    for path in (*home.glob("*.*"), *home.glob("monitors/*")):
        path.unlink()
    (home / "monitors").mkdir(exist_ok=True)
    (home / "many.py").write_text(MANY_DAGS.format(made=made))
    for number in range(monitors):
        (home / "monitors" / f"m{number:03}.yaml").write_text(spec_of(f"m{number:03}", root / "small", example))


def parsed(root: Path, counts: Sequence[int]) -> dict[str, Any]:
    """What parsing and keeping the DAG file costs, by how its DAGs are made and by the number of monitors."""
    found: dict[str, Any] = {}
    for way, made in MANY.items():
        for count in counts:
            folder_of(root, made, count)
            said = json.loads(child(root, root / "none.db", "parse")[1])
            found.setdefault(way, {})[count] = said
            print(way, count, said, flush=True)
    return found


def many(root: Path, counts: Sequence[int]) -> list[dict[str, float]]:
    """One day of the most monitors, each index in turn, in one process: what the n-th costs beside the first."""
    folder_of(root, MANY["`monitors_dag` over a folder"], max(counts), "monitors/applicants")
    said: list[dict[str, float]] = json.loads(child(root, root / "many.db", "day", *counts)[1])
    return said


def page(report: dict[str, Any]) -> str:
    """The results as Markdown."""
    idle, one = report["day"]["one task that does nothing"]["cpu"], report["day"][ONE]["cpu"]
    lines = [
        "# A monitor's day in one process, and many monitors in one DAG",
        "",
        f"{report['rows_a_day']:,} predictions a day of 12 columns, labels over 30 days, an inferred contract, rules",
        "and charts (`dags/credit.yaml`). Every task is a process that parses the DAG's file and runs the task through",
        f"Airflow's task runner. CPU is user and system, medians of {DAYS - HISTORY - 1} days, the same in every way,",
        f"on {report['cores']} shared cores (load {report['load']} before the run), so that wall time says less. In",
        f"brackets without the {idle:.1f} s of a task that does nothing, most of which a worker saves that forks from",
        "a process which has loaded Airflow.",
        "",
        "| a monitor's day as | CPU, s | ratio | wall, s | peak memory of a process, MB |",
        "|---|---|---|---|---|",
    ]
    for way, cost in report["day"].items():
        own, mine = cost["cpu"] - idle * len(WAYS.get(way, ("", [""]))[1]), one - idle
        shown = f"{cost['cpu']:.1f} ({own:.1f}) | {cost['cpu'] / one:.1f} ({own / mine:.1f})"
        lines.append(f"| {way} | {shown} | {cost['wall']:.1f} | {cost['peak_mb']:.0f} |")
    lines += [
        "",
        "## Parsing the DAG file",
        "",
        "The same monitor under so many names. CPU seconds of a parse when imports are paid, which the DAG processor",
        "takes every half minute **and every task once more**; what the process grew by at its first parse; what",
        "Airflow keeps of it.",
        "",
        "| made by | monitors | parse, s | each, ms | grown by, MB | kept, kB |",
        "|---|---|---|---|---|---|",
    ]
    for way, by in report["parse"].items():
        for count, cost in by.items():
            each = 1000 * cost["again"] / int(count)
            shown = f"{cost['again']:.2f} | {each:.2f} | {cost['grown_mb']:.0f} | {cost['kept_kb']:.0f}"
            lines.append(f"| {way} | {count} | {shown} |")
    lines += [
        "",
        "## A day of many monitors",
        "",
        f"A small one (`dags/monitors/applicants.yaml`, {report['rows_a_day_of_many']} rows a day, its reference",
        "frozen on the same day), one mapped `MonitorOperator` after another in one process and one SQLite file,",
        "imports left out: what another monitor costs once so many are stored. Under Airflow each has its own process.",
        "",
        "| monitors | CPU, s | each since the row above, ms | memory, MB | metrics database, MB |",
        "|---|---|---|---|---|",
    ]
    before = {"monitors": 1, "cpu": 0.0}
    for cost in report["many"]:
        each = 1000 * (cost["cpu"] - before["cpu"]) / (cost["monitors"] - before["monitors"])
        shown = f"{cost['cpu']:.1f} | {each:.0f} | {cost['rss_mb']:.0f} | {cost['store_mb']:.1f}"
        lines.append(f"| {cost['monitors']:.0f} | {shown} |")
        before = cost
    return "\n".join([*lines, "", "Made by `make bench NAME=one_process`.", ""])


if __name__ == "__main__":
    main()
