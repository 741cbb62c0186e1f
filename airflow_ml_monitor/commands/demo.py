"""A simulated credit model, monitored through real DAG runs."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

HELP = "a simulated credit model, monitored through real DAG runs"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=int(os.environ.get("DAYS") or 100))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or 0))
    parser.add_argument("--faults", default=os.environ.get("FAULTS", ""), help="none, or e.g. feed@40,concept@70")
    parser.add_argument("--dags", type=Path, default=Path("dags"), help="the folder of the example DAGs")


def run(options: argparse.Namespace) -> int:
    # The simulated days have a store of their own; they are not to stand in that of the user.
    os.environ.pop("ML_MONITOR_STORE", None)
    dags = options.dags.resolve()
    home = dags.parent / ".demo"
    os.environ.setdefault("AIRFLOW_HOME", str(home / "airflow"))
    for name, value in (
        ("CORE__DAGS_FOLDER", str(dags)),
        ("CORE__LOAD_EXAMPLES", "False"),
        ("LOGGING__LOGGING_LEVEL", "ERROR"),
    ):
        os.environ.setdefault(f"AIRFLOW__{name}", value)
    from airflow_ml_monitor.demo import World, run

    return run(World(dags, home, options.days, options.seed, options.faults))
