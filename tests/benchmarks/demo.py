"""The demo as a newcomer runs it: how long, how much memory, what was decided; and the picture of the README.

    python tests/benchmarks/demo.py

Runs 100 simulated days on a copy of dags/ and writes results/demo.md and results/demo.svg.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import matplotlib as mpl

from airflow_ml_monitor import MetricsStore, history, plot
from airflow_ml_monitor.policy.rule import Action

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
MONITOR = "default/credit"
QUIET = (Action.NONE, Action.WAIT)


def main() -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="ml-monitor-demo-") as name:
        folder = Path(name)
        shutil.copytree(HERE.parents[1] / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
        home = folder / ".demo" / "airflow"
        command = (sys.executable, "-m", "airflow_ml_monitor", "demo", "--dags", str(folder / "dags"))
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "AIRFLOW_HOME": str(home)},
            check=True,
            capture_output=True,
            text=True,
        )
        wall = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        draw(MetricsStore(f"sqlite:///{home}/ml_monitor.db"))
        database = (home / "ml_monitor.db").stat().st_size / 2**20
    told = done.stdout.replace(name, "")
    numbers = (
        f"{wall:.0f} s wall, {used.ru_utime + used.ru_stime:.0f} s CPU, peak memory {used.ru_maxrss / 1024:.0f} MB, "
        f"metrics database {database:.0f} MB; {os.cpu_count()} cores (load {load:.1f} before the run), "
        f"Python {platform.python_version()}."
    )
    (RESULTS / "demo.md").write_text(
        f"# The demo, 100 simulated days\n\n{numbers} Made by `make bench NAME=demo`.\n\n```\n{told.strip()}\n```\n"
    )
    print(numbers)


def draw(store: MetricsStore) -> None:
    """Realised ROC AUC by model version, and the days on which something was to be done."""
    table = history(MONITOR, metric="roc_auc", url=store)
    table = table[table["slice"] == "{}"]
    figure = plot(table)
    figure.set_size_inches(10, 3.6)
    (axes,) = figure.axes
    axes.set_title("realised ROC AUC, day by day", loc="left", pad=22, fontsize=11, fontweight="bold")
    told = [d for d in store.decisions(MONITOR) if d.action not in QUIET]
    colours = dict(zip(dict.fromkeys(d.action for d in told), ("#8a5a00", "#6a3d9a", "#b00020"), strict=False))
    for decision in told:
        at, colour = (decision.known_at - timedelta(days=1)).toordinal(), colours[decision.action]
        axes.axvline(at, color=colour, linewidth=1.2, linestyle=(0, (4, 2)))
        label = decision.action.replace("_", " ")
        axes.text(at - 0.4, axes.get_ylim()[0], label, rotation=90, fontsize=8, ha="right", va="bottom", color=colour)
    store.dispose()
    with mpl.rc_context({"svg.hashsalt": "demo", "svg.fonttype": "none"}):
        figure.savefig(RESULTS / "demo.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
