"""What it costs to restate after one day's labels, by how many labels came and by how far back predictions reach.

    python tests/benchmarks/restatement.py [--rows 200000]

Predictions of so many rows a day lie in a Parquet file a day; labels come within the horizon. A ledger is brought up to
the last day but one, then the last day's labels come, and one run brings the ledger forward and measures what they
touched. Medians of three runs, each on a copy of the same store; ratios are within one execution of this script.
Writes results/restatement.md and .json.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.store.repository import MetricsStore

RESULTS = Path(__file__).resolve().parent / "results"
START = datetime(2026, 1, 1, tzinfo=UTC)
HORIZONS = (15, 30, 60, 90)
PARTS = (0.01, 0.1, 1.0)
"""Of a day's usual labels, how many come on the last day."""
REPEATS = 3


@dataclass(frozen=True)
class Place:
    """A desk on disk: `horizon` days of predictions, whose labels come evenly within the horizon."""

    root: Path
    horizon: int
    rows: int

    def land(self) -> None:
        (self.root / "predictions").mkdir(parents=True)
        random = np.random.default_rng(5)
        reference = self._day(random, -10)
        reference.assign(label=_labels(random, reference)).to_parquet(self.root / "reference.parquet")
        labels = []
        for day in range(self.horizon):
            rows = self._day(random, day)
            rows.to_parquet(self.root / "predictions" / f"{day:03}.parquet")
            delay = random.integers(0, self.horizon, len(rows))
            came = day + delay < self.horizon
            known = rows["at"].dt.normalize() + pd.to_timedelta(delay + 0.9999, unit="D")
            told = pd.DataFrame({"id": rows["id"], "label": _labels(random, rows), "known_at": known.dt.round("us")})
            labels.append(told[came])
        every = pd.concat(labels, ignore_index=True)
        last = every["known_at"] > START + timedelta(days=self.horizon - 1)
        every[~last].to_parquet(self.root / "before.parquet")
        every[last].sample(frac=1.0, random_state=1).to_parquet(self.root / "last.parquet")

    def _day(self, random: np.random.Generator, day: int) -> pd.DataFrame:
        at = START + timedelta(days=day) + pd.to_timedelta(np.sort(random.integers(0, 86_399, self.rows)), unit="s")
        ids = (day + 10) * 10_000_000 + np.arange(self.rows)
        return pd.DataFrame({"id": ids, "at": pd.Series(at).dt.as_unit("us"), "score": random.beta(1.2, 3, self.rows)})

    def monitor(self, url: str) -> Monitor:
        dataset = {
            "name": "scores",
            "source": str(self.root / "predictions" / "*.parquet"),
            "event_time": "at",
            "entity_key": "id",
            "columns": {"score": {"role": "score"}},
        }
        labels = {
            "name": "labels",
            "source": str(self.root / "labels" / "*.parquet"),
            "key": "id",
            "label": "label",
            "label_time": "known_at",
            "horizon": f"{self.horizon}d",
        }
        document = {
            "name": "restated",
            "task": "binary",
            "datasets": [dataset],
            "labels": [labels],
            "reference": {"source": str(self.root / "reference.parquet"), "label": "label"},
            "contract": None,
        }
        return Monitor(MonitorSpec.from_document(document), MetricsStore(url))

    def run(self, url: str, day: int) -> float:
        """Seconds of one day's run."""
        monitor = self.monitor(url)
        window = Window(START + timedelta(days=day), START + timedelta(days=day + 1))
        began = time.perf_counter()
        measure_performance(monitor, Run(window, monitor.spec.rule(), window.end))
        spent = time.perf_counter() - began
        monitor.store.dispose()
        return spent


def _labels(random: np.random.Generator, rows: pd.DataFrame) -> np.ndarray:
    return (random.random(len(rows)) < rows["score"]).astype(int)


def measured(horizon: int, rows: int) -> list[dict[str, Any]]:
    """Seconds by part of the last day's labels, of one horizon."""
    found = []
    with tempfile.TemporaryDirectory(prefix="ml-monitor-restatement-") as folder:
        place = Place(Path(folder) / "desk", horizon, rows)
        place.land()
        (place.root / "labels").mkdir()
        shutil.copy(place.root / "before.parquet", place.root / "labels")
        store = Path(folder) / "before.db"
        MetricsStore(f"sqlite:///{store}").upgrade()
        place.run(f"sqlite:///{store}", 0)
        place.run(f"sqlite:///{store}", horizon - 2)
        last = pd.read_parquet(place.root / "last.parquet")
        for part in PARTS:
            came = last.head(int(len(last) * part))
            came.to_parquet(place.root / "labels" / "last.parquet")
            spent = []
            for number in range(REPEATS):
                copy = Path(folder) / f"copy-{part}-{number}.db"
                shutil.copy(store, copy)
                spent.append(place.run(f"sqlite:///{copy}", horizon - 1))
            found.append({"horizon": horizon, "labels": len(came), "seconds": round(statistics.median(spent), 2)})
            print(found[-1], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000, help="predictions a day")
    asked = parser.parse_args()
    every = [row for horizon in HORIZONS for row in measured(horizon, asked.rows)]
    RESULTS.mkdir(exist_ok=True)
    report = {"rows_a_day": asked.rows, "repeats": REPEATS, "runs": every}
    (RESULTS / "restatement.json").write_text(json.dumps(report, indent=2) + "\n")
    (RESULTS / "restatement.md").write_text(page(asked.rows, every))


def page(rows: int, every: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    by = {(row["horizon"], i): row for i, row in enumerate(every)}
    cells = {h: [row for (horizon, _), row in by.items() if horizon == h] for h in HORIZONS}
    base = cells[HORIZONS[0]][0]["seconds"]
    lines = [
        "# Restating after one day's labels",
        "",
        f"{rows:,} predictions a day, a Parquet file a day, as many days as the horizon; labels come evenly within it.",
        "One run brings the ledger forward and measures the windows that the last day's labels touched: seconds,",
        f"median of {REPEATS}, and in brackets the ratio to the first cell.",
        "",
        "| horizon, days | " + " | ".join(f"{part:.0%} of a day's labels" for part in PARTS) + " |",
        "|---|" + "---|" * len(PARTS),
    ]
    for horizon, found in cells.items():
        shown = (f"{row['labels']:,} labels: {row['seconds']:.2f} ({row['seconds'] / base:.1f})" for row in found)
        lines.append(f"| {horizon} | " + " | ".join(shown) + " |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
