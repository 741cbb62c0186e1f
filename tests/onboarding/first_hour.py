"""Runs generated DAGs for real, day by day, in an Airflow of their own: python first_hour.py FOLDER NAME=DAYS …

FOLDER holds dags/; prints, as JSON on the last line, the decisions of every monitor in the order in which they fell.
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def settle(folder: Path) -> None:
    """Before Airflow is imported: it reads its configuration then."""
    os.environ |= {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    (folder / "airflow").mkdir()


def drive(folder: Path, days: dict[str, int]) -> dict[str, list[list[str]]]:
    """(action, because) of every decision, by monitor."""
    from airflow_ml_monitor.store.repository import MetricsStore
    from airflow_ml_monitor.trial.dag_driver import DagDriver

    with DagDriver(folder / "dags") as driver:
        for name in days:
            for day in range(1, days[name] + 1):
                end = MONDAY + timedelta(days=day, hours=1)
                conf = {"known_at": end.isoformat()}
                run = driver.run(f"monitor_{name}", run_id=f"day_{day}", run_after=end, conf=conf)
                if run.state != "success":
                    sys.exit(f"{name}, day {day}: {dict(run.task_states)}")
    store = MetricsStore(f"sqlite:///{folder}/airflow/ml_monitor.db")
    told = {name: [[d.action, d.because] for d in store.decisions(f"default/{name}")] for name in days}
    store.dispose()
    return told


if __name__ == "__main__":
    home = Path(sys.argv[1])
    settle(home)
    print(json.dumps(drive(home, {name: int(n) for name, _, n in (a.partition("=") for a in sys.argv[2:])})))
