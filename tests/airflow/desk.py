"""A small lender on disk: nine days of 150 applications, their outcomes, a reference; and monitors of it.

Loaded by the conftest. What a test wants to be true of a decision it gets by the policy that it chooses, on data that
never changes: an AUC below 1 breaks `min: 1`, whatever the rows.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.simulate.credit import HORIZON, CreditWorld, Purpose
from airflow_ml_monitor.simulate.landing import land_outcomes
from airflow_ml_monitor.store.repository import MetricsStore

MONDAY = date(2026, 1, 5)
DAYS, ROWS, REFERENCE_ROWS = 9, 150, 800
CANARY = "canary-7f3a"
"""In an id and in every text column of one row of every day: must be read, and be seen nowhere else."""
COLUMNS: Mapping[str, Any] = {
    **dict.fromkeys(("income", "debt_ratio"), "numeric"),
    **dict.fromkeys(("purpose", "channel"), "categorical"),
    "has_account": "boolean",
    "score": {"kind": "numeric", "role": "score"},
    "model_version": {"kind": "categorical", "role": "version"},
}

# One rule that every window breaks, for each action that a rule can ask for.
BROKEN: Mapping[str, Mapping[str, Any]] = {
    "investigate_data": {"metric": "completeness", "min": 2},
    "alert": {"metric": "standard_deviation", "max": 0, "columns": ["income"]},
    "retrain": {"metric": "roc_auc", "min": 1},
    "roll_back": {"metric": "brier", "max": 0},
}
KEPT: Mapping[str, Any] = {"metric": "standard_deviation", "min": 0, "action": "alert"}


@dataclass(frozen=True)
class Desk:
    """The lender: `data` is shared by all tests of a process and never written to; `home` is the test's own."""

    data: Path
    home: Path
    world: CreditWorld

    @classmethod
    def open(cls, data: Path, home: Path, *, start: date = MONDAY, days: int = DAYS) -> Desk:
        """The desk whose data is written to a folder, unless it is there already."""
        desk = cls(data, home, CreditWorld(0, start, days=days, rows_per_day=ROWS))
        if not (data / "reference.parquet").exists():
            desk._land()
        return desk

    def _land(self) -> None:
        (self.data / "predictions").mkdir(parents=True)
        for day in range(self.world.days):
            rows = scored(self.world.applications(day))
            rows.loc[rows.index[-1], ["application_id", "purpose", "channel"]] = f"{CANARY}-{day}"
            rows.to_parquet(self.data / "predictions" / f"{day:02}.parquet", index=False)
        for day in range(self.world.days + HORIZON.days):
            land_outcomes(self.world, self.data / "outcomes", day)
        past = scored(self.world.history(REFERENCE_ROWS, Purpose.REFERENCE))
        past.to_parquet(self.data / "reference.parquet", index=False)

    def own_data(self) -> Desk:
        """The same desk on a copy of its data, which the test may break."""
        return replace(self, data=Path(shutil.copytree(self.data, self.home / "data")))

    def spec(self, name: str = "credit", rules: Any = (), **changes: Any) -> MonitorSpec:
        """A monitor of the desk; every label that is there counts as enough unless `mature_at` says otherwise."""
        mature_at, horizon = changes.pop("mature_at", 0.01), changes.pop("horizon", "30d")
        slice_by = changes.pop("slice_by", [])
        return MonitorSpec.from_document(
            {
                "name": name,
                "task": {"kind": "binary", "threshold": 0.3},
                "datasets": [
                    {
                        "name": "predictions",
                        "source": str(self.data / "predictions" / "*.parquet"),
                        "event_time": "scored_at",
                        "entity_key": "application_id",
                        "columns": COLUMNS,
                        "slice_by": slice_by,
                    }
                ],
                "labels": {
                    "name": "outcomes",
                    "source": str(self.data / "outcomes" / "*.parquet"),
                    "key": "application_id",
                    "label": "defaulted",
                    "label_time": "known_at",
                    "horizon": horizon,
                    "mature_at": mature_at,
                },
                "reference": {"source": str(self.data / "reference.parquet"), "label": "defaulted"},
                "contract": None,
                "policy": {"rules": list(rules)},
                **changes,
            }
        )

    def day(self, number: int) -> Window:
        """The window of a day of the world."""
        return Window(self.world.midnight(number), self.world.midnight(number + 1))

    def run(self, number: int, *, known_after: timedelta = timedelta(days=12), **fields: Any) -> dict[str, Any]:
        """A scheduled run about a day, known that much later, as the execution API describes it."""
        window = self.day(number)
        return {
            "run_type": "scheduled",
            "run_id": f"day_{number}",
            "logical_date": _text(window.start),
            "data_interval_start": _text(window.start),
            "data_interval_end": _text(window.end),
            "run_after": _text(window.end),
            "conf": {"known_at": _text(window.end + known_after)},
            **fields,
        }

    def rows_of(self, number: int) -> int:
        """How many applications came on a day."""
        return len(self.world.applications(number))

    @property
    def database(self) -> Path:
        return self.home / "metrics.db"

    @property
    def connection(self) -> str:
        """What the environment variable of Airflow's connection holds."""
        fields = {"conn_type": "ml_monitor", "host": f"sqlite:///{self.database}", "extra": {"create_tables": True}}
        return json.dumps(fields)

    def store(self) -> MetricsStore:
        return MetricsStore(f"sqlite:///{self.database}")


def broken(*actions: str) -> list[dict[str, Any]]:
    """A rule for each action, broken in every window."""
    return [{**BROKEN[action], "action": action, "name": action} for action in actions]


def scored(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with a score that ranks defaults a little better than chance, and the model's version."""
    logit = -1.9 + 4.8 * (rows["debt_ratio"] - 0.355) - (rows["income"] - 45_500) / 38_000
    return rows.assign(score=1 / (1 + np.exp(-logit)), model_version="v1")


def source_of(spec: MonitorSpec) -> str:
    """A spec as the Python of a DAG file."""
    return f"MonitorSpec.from_document({spec.document()!r})"


def _text(moment: datetime) -> str:
    return moment.isoformat()
