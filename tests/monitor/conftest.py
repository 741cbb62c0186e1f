"""A small world on disk: predictions a file a day, one labels file, a labelled reference, and a monitor of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Measurement, Status, base_of
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import measure_drift, measure_quality, scan
from airflow_ml_monitor.store.repository import MetricsStore

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class World:
    """Predictions and labels in memory, and their files; what is changed in memory is written when asked."""

    root: Path
    store: MetricsStore
    predictions: pd.DataFrame
    labels: pd.DataFrame
    spec: MonitorSpec
    days: int
    opened: list[MetricsStore] = field(default_factory=list)

    def day(self, number: int) -> Window:
        return Window(MONDAY + number * DAY, MONDAY + (number + 1) * DAY)

    def run(self, number: int, hours: float = 6, **more: Any) -> Run:
        """The run about a day, that knows what was known some hours after the day's end."""
        window = self.day(number)
        return Run(window, self.spec.rule(), window.end + timedelta(hours=hours), **more)

    def monitor(self, spec: MonitorSpec | None = None, store: MetricsStore | None = None) -> Monitor:
        return Monitor(spec or self.spec, store or self.store)

    def new_store(self, name: str) -> MetricsStore:
        """Another empty metrics database."""
        self.opened.append(MetricsStore(f"sqlite:///{self.root}/{name}.db"))
        self.opened[-1].upgrade()
        return self.opened[-1]

    def write_day(self, number: int) -> None:
        window = self.day(number)
        inside = self.predictions["at"].between(window.start, window.end, inclusive="left")
        self.predictions[inside].to_parquet(self.root / "predictions" / f"{number:03}.parquet")

    def write_labels(self, upto: datetime | None = None) -> None:
        """The labels file; upto: as it was then."""
        known = self.labels if upto is None else self.labels[self.labels["known_at"] <= upto]
        known.to_parquet(self.root / "labels.parquet")

    def known(self, window: Window, moment: datetime) -> pd.DataFrame:
        """A window's predictions with the labels known at a moment, by pandas alone: each row's newest, if not NULL."""
        arrived = self.labels[(self.labels["known_at"] <= moment) & self.labels["y"].notna()]
        newest = arrived.sort_values("known_at", kind="stable").drop_duplicates("id", keep="last")
        inside = self.predictions["at"].between(window.start, window.end, inclusive="left")
        return self.predictions[inside].merge(newest, on="id")

    def revisions(self) -> dict[tuple[str, ...], int]:
        """How many revisions each family of each window has."""
        found = {}
        for r in self.store.current(self.spec.key):
            h = r.head
            key = (h.family.value, h.dataset, h.rule, f"{h.window.start:%m-%d}", h.model_version, h.reference)
            found[key] = max(found.get(key, 0), len(self.store.revisions(self.spec.key, h)))
        return found

    def grown(self, before: dict[tuple[str, ...], int]) -> dict[tuple[str, str, str], int]:
        """{(family, dataset, day): revisions that are new} since `before`."""
        return {
            (*key[:2], key[3]): n - before.get(key, 0) for key, n in self.revisions().items() if n != before.get(key)
        }


def make_predictions(days: int, rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    count = days * rows
    seconds = np.repeat(np.arange(days) * 86_400, rows) + rng.integers(0, 86_400, count)
    x = rng.normal(size=count)
    return pd.DataFrame(
        {
            "id": [f"a{seed}-{i}" for i in range(count)],
            "at": MONDAY + pd.to_timedelta(seconds, unit="s"),
            "x": x,
            "purpose": rng.choice(["car", "house", "other"], count),
            "score": 1 / (1 + np.exp(-x + rng.normal(scale=0.5, size=count))),
            "model_version": "v1",
        }
    )


def make_labels(predictions: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A label for nearly every prediction, hours to six days after it."""
    rng = np.random.default_rng(seed)
    count = len(predictions)
    late = pd.to_timedelta(rng.integers(3_600, 6 * 86_400, count), unit="s")
    y = (rng.uniform(size=count) < predictions["score"]).astype(float)
    labels = pd.DataFrame({"id": predictions["id"], "y": y, "known_at": predictions["at"] + late})
    return labels[rng.uniform(size=count) < 0.95].reset_index(drop=True)


def document(root: Path, **changes: Any) -> dict[str, Any]:
    columns = {
        "x": "numeric",
        "purpose": "categorical",
        "score": {"role": "score"},
        "model_version": {"kind": "categorical", "role": "version"},
    }
    dataset = {
        "name": "predictions",
        "source": f"{root}/predictions/*.parquet",
        "event_time": "at",
        "entity_key": "id",
        "columns": columns,
    }
    outcomes = {
        "name": "outcomes",
        "source": f"{root}/labels.parquet",
        "key": "id",
        "label": "y",
        "label_time": "known_at",
        "horizon": "5d",
        "mature_at": 0.5,
    }
    return {
        "name": "small",
        "task": {"kind": "binary", "threshold": 0.5},
        "datasets": [{**dataset, **changes.pop("dataset", {})}],
        "labels": [{**outcomes, **changes.pop("outcomes", {})}],
        "reference": {"source": f"{root}/reference.parquet", "label": "y"},
        **changes,
    }


Worlds = Callable[..., World]


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Worlds]:
    """Makes worlds, each with a migrated store of its own; keywords change the spec's document."""
    made: list[World] = []

    def make(*, days: int = 8, rows: int = 150, store: MetricsStore | None = None, **changes: Any) -> World:
        root = tmp_path / f"world-{len(made)}"
        (root / "predictions").mkdir(parents=True)
        reference = make_predictions(1, 1500, 99)
        reference["y"] = (np.random.default_rng(98).uniform(size=1500) < reference["score"]).astype(float)
        reference.to_parquet(root / "reference.parquet")
        predictions = make_predictions(days, rows, 1)
        spec = MonitorSpec.from_document(document(root, **changes))
        opened = store or MetricsStore(f"sqlite:///{root}/monitor.db")
        opened.upgrade()
        made.append(World(root, opened, predictions, make_labels(predictions, 2), spec, days, [opened]))
        for number in range(days):
            made[-1].write_day(number)
        made[-1].write_labels()
        return made[-1]

    yield make
    for world in made:
        for store in world.opened:
            store.dispose()


@pytest.fixture
def world(worlds: Worlds) -> World:
    return worlds()


@pytest.fixture
def measure() -> Callable[[Monitor, Run], int]:
    """Scan, quality, drift and performance of one run; how many revisions were new."""

    def work(monitor: Monitor, run: Run) -> int:
        scan(monitor, run)
        return sum(step(monitor, run).revisions for step in (measure_quality, measure_drift, measure_performance))

    return work


@pytest.fixture
def values() -> Callable[[list[Measurement]], dict[str, tuple[float, int]]]:
    """{metric: (value, n)} of the whole, of the labels at hand: naive until they are final."""

    def work(rows: list[Measurement]) -> dict[str, tuple[float, int]]:
        found = [r for r in rows if r.estimate is not None and not r.slice and r.status is not Status.FAILED]
        plain, naive = ([r for r in found if r.metric.startswith("naive.") is wanted] for wanted in (False, True))
        both = [*plain, *naive]
        return {base_of(r.metric): (r.estimate.value, r.estimate.n) for r in both if r.estimate is not None}

    return work


@pytest.fixture
def stored(values: Any) -> Callable[..., dict[Window, dict[str, tuple[float, int]]]]:
    """The performance that the store holds, by window: {metric: (value, n)}; what else it takes is a selection."""

    def work(store: MetricsStore, key: str, **wanted: Any) -> dict[Window, dict[str, tuple[float, int]]]:
        found: dict[Window, list[Measurement]] = {}
        for r in store.current(key, families=[Family.PERFORMANCE], **wanted):
            found.setdefault(r.head.window, []).append(r.measurement)
        return {window: values(rows) for window, rows in found.items()}

    return work


@pytest.fixture
def history() -> Callable[..., pd.DataFrame]:
    """What the store holds, without what tells when and in which order it was written."""

    def work(store: MetricsStore, key: str, **wanted: Any) -> pd.DataFrame:
        frame = store.history(key, **wanted).drop(columns=["recorded_at", "revision"])
        return frame.sort_values([str(c) for c in frame.columns[:11]], ignore_index=True)

    return work


@pytest.fixture
def edited() -> Callable[..., MonitorSpec]:
    """A spec with another threshold."""

    def work(spec: MonitorSpec, threshold: float) -> MonitorSpec:
        return replace(spec, task=replace(spec.task, threshold=threshold))

    return work


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MetricsStore]:
    """An empty metrics database of its own."""
    found = MetricsStore(f"sqlite:///{tmp_path}/metrics.db")
    found.upgrade()
    yield found
    found.dispose()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def database(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Any) -> Iterator[MetricsStore]:
    """An empty, migrated store on each kind of database."""
    with empty_database(request.param, tmp_path) as url:
        store = MetricsStore(url)
        store.upgrade()
        yield store
        store.dispose()
