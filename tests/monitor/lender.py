"""A small lender on disk: predictions land a file a day, labels a file a day on which they became known.

Its score is honest until `flip`, from when on it ranks the wrong way round: a model gone bad, seen in labels only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.store.repository import MetricsStore

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
DAY = timedelta(days=1)
COLUMNS = {
    "income": "numeric",
    "country": "categorical",
    "score": {"kind": "numeric", "role": "score"},
    "model_version": {"kind": "categorical", "role": "version"},
}
RULES = ({"metric": "roc_auc", "fall": 0.1, "action": "retrain", "sure": False},)


@dataclass
class Lender:
    """home: where its files are. rows: all predictions with their labels, as the lender knows them in the end."""

    home: Path
    days: int
    rows: pd.DataFrame

    @classmethod
    def open(cls, home: Path, *, days: int = 6, rows: int = 150, flip: int = 99, seed: int = 0) -> Lender:
        """Land everything; labels take between an hour and four days."""
        random = np.random.default_rng(seed)
        parts = [_drawn(random, number, rows, is_lost=number >= flip) for number in range(days)]
        lender = cls(home, days, pd.concat(parts, ignore_index=True))
        past = _drawn(random, -60, 900, is_lost=False).drop(columns=["known_at"])
        (home / "predictions").mkdir(parents=True)
        (home / "labels").mkdir()
        past.to_parquet(home / "reference.parquet")
        for number in range(days):
            lender.land(number)
        lender.land_labels()
        return lender

    def land(self, number: int) -> None:
        """(Re)write a day's predictions."""
        at = self.rows["at"]
        mine = self.rows[(at >= START + number * DAY) & (at < START + (number + 1) * DAY)]
        mine.drop(columns=["label", "known_at"]).to_parquet(self.home / "predictions" / f"{number:02}.parquet")

    def land_labels(self) -> None:
        """(Re)write all labels, a file a day on which they became known."""
        for old in (self.home / "labels").glob("*.parquet"):
            old.unlink()
        known = self.rows[self.rows["known_at"].notna()]
        for day, part in known.groupby(known["known_at"].dt.date):
            part[["id", "label", "known_at"]].to_parquet(self.home / "labels" / f"{day}.parquet")

    def document(self, **changes: Any) -> dict[str, Any]:
        """The monitor's document; `labels` and `datasets` are changed field by field."""
        labels = {
            "name": "labels",
            "source": str(self.home / "labels" / "*.parquet"),
            "key": "id",
            "label": "label",
            "label_time": "known_at",
            "horizon": "10d",
            "mature_at": 0.5,
            **changes.pop("labels", {}),
        }
        dataset = {
            "name": "scores",
            "source": str(self.home / "predictions" / "*.parquet"),
            "event_time": "at",
            "entity_key": "id",
            "columns": COLUMNS,
            "slice_by": "country",
            **changes.pop("dataset", {}),
        }
        return {
            "name": "lender",
            "task": "binary",
            "datasets": [dataset],
            "labels": [labels],
            "reference": {"source": str(self.home / "reference.parquet"), "label": "label"},
            "contract": None,
            "policy": {"rules": list(RULES)},
            **changes,
        }

    def spec(self, **changes: Any) -> MonitorSpec:
        from airflow_ml_monitor.monitor.document import validated

        return validated(self.document(**changes))

    def monitor(self, store: MetricsStore, **changes: Any) -> Monitor:
        return Monitor(self.spec(**changes), store)

    @staticmethod
    def at(number: float) -> datetime:
        """The moment so many days after the start."""
        return START + number * DAY

    @staticmethod
    def day(number: int) -> Window:
        return Window(START + number * DAY, START + (number + 1) * DAY)

    @staticmethod
    def run(number: int, known: float | None = None, *, unit: str = "day", **fields: Any) -> Run:
        """A run about a day, known so many days after the start (as a rule, when the window is over)."""
        rule = WindowRule(WindowUnit(unit))
        window = rule.containing(START + number * DAY)
        known_at = window.end if known is None else START + known * DAY
        return Run(window, rule, known_at, fields.pop("run_id", f"run-{number}"), **fields)

    @staticmethod
    def table(store: MetricsStore, as_of: datetime | None = None, **wanted: Any) -> pd.DataFrame:
        """What is known, without what may differ from run to run: times of recording and numbers of revisions."""
        found = store.history("default/lender", as_of=as_of, **wanted)
        return found.drop(columns=["recorded_at", "revision"]).reset_index(drop=True)


def _drawn(random: np.random.Generator, number: int, rows: int, *, is_lost: bool) -> pd.DataFrame:
    at = START + number * DAY + pd.to_timedelta(np.sort(random.uniform(0, 86_399, rows)), unit="s").round("us")
    income = random.normal(40, 12, rows)
    chance = 1 / (1 + np.exp(-(income - 45) / 6))
    delay = pd.to_timedelta(random.uniform(3_600, 4 * 86_400, rows), unit="s").round("us")
    return pd.DataFrame(
        {
            "id": [f"{number}-{i}" for i in range(rows)],
            "at": at,
            "income": income,
            "country": np.where(random.random(rows) < 0.6, "DE", "FR"),
            "score": chance,
            "model_version": "v1",
            "label": (random.random(rows) < (np.roll(chance, rows // 2) if is_lost else chance)).astype(int),
            "known_at": at + delay,
        }
    )
