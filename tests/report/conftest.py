"""A small shop on disk, measured and judged day by day through the real steps; and a reader of pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import measure_performance
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import check_contract, measure_drift, measure_quality, scan
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.store.repository import MetricsStore

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = [
    {"metric": "roc_auc", "fall": 0.15, "action": "retrain", "sure": False},
    {"metric": "psi", "max": 0.5, "action": "alert"},
]
OWNERS = {"data": "data people", "drift": "risk people", "model": "model people"}


def drawn(seed: int, start: datetime, rows: int, *, is_lost: bool = False) -> pd.DataFrame:
    """A day's rows with their labels, which take up to three days. is_lost: the relation of score and label is gone."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    chance = 1 / (1 + np.exp(-2 * x))
    at = start + pd.to_timedelta(np.sort(rng.uniform(0, 86_000, rows)), unit="s").round("us")
    return pd.DataFrame(
        {
            "id": [f"{seed}-{i}" for i in range(rows)],
            "at": at,
            "x": x,
            "cards": rng.integers(0, 4, rows).astype(float),
            "city": rng.choice(["lima", "oslo"], rows, p=[0.7, 0.3]),
            "score": chance,
            "version": "v1",
            "y": (rng.random(rows) < (np.roll(chance, rows // 2) if is_lost else chance)).astype(int),
            "known": at + pd.to_timedelta(rng.uniform(3600, 3 * 86_400, rows), unit="s").round("us"),
        }
    )


@dataclass
class Shop:
    """edit: changes a day's rows before they land. columns, rules, overlook, zone: of the monitor."""

    home: Path
    edit: Callable[[pd.DataFrame, int], pd.DataFrame] = lambda frame, day: frame
    columns: dict[str, Any] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=lambda: RULES)
    overlook: tuple[str, ...] = ()
    zone: str = "UTC"
    rows: int = 250
    has_labels: bool = True
    contract: str | None = None
    task: str = "binary"
    unit: str = "day"
    owners: dict[str, str] = field(default_factory=lambda: OWNERS)
    besides: dict[str, Any] = field(default_factory=dict)
    """A second label source on the same files: what is different about it."""
    dataset: dict[str, Any] = field(default_factory=dict)
    """What else the dataset declares."""

    def __post_init__(self) -> None:
        (self.home / "predictions").mkdir(parents=True)
        (self.home / "labels").mkdir()
        self.rule = WindowRule(WindowUnit(self.unit), self.zone)
        self.edit(drawn(900, MONDAY - 30 * DAY, 1500), -1).to_parquet(self.home / "reference.parquet")
        self.store = MetricsStore(f"sqlite:///{self.home}/metrics.db")
        self.store.upgrade()

    @property
    def spec(self) -> MonitorSpec:
        columns = {
            "x": "numeric",
            "cards": "numeric",
            "city": "categorical",
            **self.columns,
            "score": {"kind": "numeric", "role": "score" if self.task == "binary" else "prediction"},
            "version": {"kind": "categorical", "role": "version"},
        }
        labels = {"name": "labels", "source": f"{self.home}/labels/*.parquet", "key": "id", "label": "y"}
        labels |= {"label_time": "known", "horizon": "4d", "mature_at": 0.75}
        sources = [labels, {**labels, **self.besides}] if self.besides else [labels]
        dataset = {"name": "rows", "source": f"{self.home}/predictions/*.parquet", "event_time": "at"}
        return MonitorSpec.from_document(
            {
                "name": "shop",
                "task": self.task,
                "datasets": [{**dataset, "entity_key": "id", "columns": columns, "slice_by": "city", **self.dataset}],
                "labels": sources if self.has_labels else [],
                "reference": {"source": f"{self.home}/reference.parquet", "label": "y"},
                "windows": [{"unit": self.unit, "zone": self.zone}],
                "contract": self.contract,
                "owners": self.owners,
                "policy": {"rules": self.rules, "overlook": self.overlook},
            }
        )

    def window(self, number: int) -> Window:
        return self.rule.containing(MONDAY + number * DAY + DAY / 2)

    def live(self, *days: int, judge: bool = True, is_lost: bool = False) -> Shop:
        """Land, measure and judge days, each known when its window is over; labels as they came by then."""
        for number in days:
            day = WindowRule(WindowUnit.DAY, self.zone).containing(MONDAY + number * DAY + DAY / 2)
            frame = drawn(number, day.start, self.rows, is_lost=is_lost)
            frame = self.edit(frame, number)
            frame.drop(columns=["y", "known"]).to_parquet(self.home / "predictions" / f"{number:02}.parquet")
            frame[["id", "y", "known"]].to_parquet(self.home / "labels" / f"{number:02}.parquet")
            monitor, run = Monitor(self.spec, self.store), Run(self.window(number), self.rule, self.window(number).end)
            for step in (scan, measure_quality, check_contract, measure_drift, measure_performance):
                step(monitor, run)
            if judge:
                decide(monitor, run)
        return self

    def page(self, **about: Any) -> Read:
        return Read(report(self.store, "default/shop", **about))


class Read(HTMLParser):
    """A page as a reader meets it. Fails where tags do not match or two elements share an id."""

    VOID = ("meta", "br", "link", "img", "input", "path", "use")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.html, self.open, self.ids = text, [], set()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if name := given.get("id"):
            assert name not in self.ids, name
            self.ids.add(name)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"] and data.strip():
            self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def lights(self) -> dict[str, tuple[str, str]]:
        """{section: (light, word)}"""
        pattern = r'<section id="(\w+)".*?class="light (\w+)"><span[^>]*>.</span>([^<]*)</span>'
        return {name: (light, word) for name, light, word in re.findall(pattern, self.html, re.DOTALL)}

    def section(self, name: str) -> str:
        found = re.search(rf'<section id="{name}".*?</section>', self.html, re.DOTALL)
        assert found is not None
        return found[0]

    def pictures(self, name: str) -> list[str]:
        """The text alternatives of a section's pictures."""
        return re.findall(r'role="img" aria-label="([^"]*)"', self.section(name))


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Seven sound days; read only."""
    shop = Shop(tmp_path_factory.mktemp("quiet")).live(*range(7))
    yield shop
    shop.store.dispose()


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes shops of one's own; keywords are a Shop's fields."""
    made: list[Shop] = []

    def make(**fields: Any) -> Shop:
        made.append(Shop(tmp_path / f"shop-{len(made)}", **fields))
        return made[-1]

    yield make
    for shop in made:
        shop.store.dispose()
