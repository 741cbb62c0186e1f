"""What strangers have lying around: past rows with scores, scores by day, labels that came late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

MONDAY = pd.Timestamp("2026-03-02")


@dataclass(frozen=True)
class Stranger:
    """The three tables, and where they stand: reference.parquet, predictions/<day>.parquet, labels.parquet."""

    folder: Path
    reference: pd.DataFrame
    predictions: pd.DataFrame
    labels: pd.DataFrame
    time: str

    def write(self) -> Stranger:
        (self.folder / "predictions").mkdir(parents=True, exist_ok=True)
        self.reference.to_parquet(self.folder / "reference.parquet", index=False)
        self.labels.to_parquet(self.folder / "labels.parquet", index=False)
        for day, rows in self.predictions.groupby(self.predictions[self.time].dt.date):
            rows.to_parquet(self.folder / "predictions" / f"{day}.parquet", index=False)
        return self

    def arguments(self, *more: str) -> list[str]:
        """Of `init`."""
        given = ["--predictions", str(self.folder / "predictions"), "--labels", str(self.folder / "labels.parquet")]
        return ["init", str(self.folder / "reference.parquet"), *given, "--out", str(self.folder / "dags"), *more]


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Stranger]:
    """Will an order be sent back? Naive times, a text id, late labels; from day `breaks` on they are chance."""

    def made(days: int = 12, breaks: int = 99, a_day: int = 300) -> Stranger:
        rng = np.random.default_rng(0)
        rows = 2000 + days * a_day
        basket = rng.gamma(2, 30, rows).round(2)
        items, country = rng.integers(1, 7, rows), rng.choice(["DE", "FR", "PL"], rows, p=[0.5, 0.3, 0.2])
        chance = 1 / (1 + np.exp(-(-2.5 + 0.02 * basket + 0.3 * (country == "FR"))))
        day = np.r_[rng.integers(-30, 0, 2000), np.repeat(np.arange(days), a_day)]
        at = MONDAY + pd.to_timedelta(day, unit="D") + pd.to_timedelta(rng.integers(0, 86_400, rows), unit="s")
        sent_back = rng.random(rows) < np.where(day >= breaks, chance.mean(), chance)
        every = pd.DataFrame({
            "order_id": [f"o-{i:05}" for i in range(rows)],
            "ordered_at": at.astype("datetime64[us]"),
            "basket": basket,
            "items": items,
            "country": country,
            "is_new": rng.random(rows) < 0.3,
            "p_return": chance,
            "model_version": "v3",
            "sent_back": sent_back.astype(int),
        })  # fmt: skip
        late = pd.to_timedelta(np.clip(rng.exponential(0.5, rows), 0, 1.9), unit="D").round("s")
        labels = every[["order_id", "sent_back"]].assign(known_at=(every.ordered_at + late).astype("datetime64[us]"))
        past, now = every[:2000], every[2000:].drop(columns="sent_back")
        return Stranger(tmp_path / "shop", past, now, labels[2000:], "ordered_at")

    return made


@pytest.fixture
def taxi(tmp_path: Path) -> Callable[..., Stranger]:
    """How long will a ride take? Aware times, no id: driver and start name a ride."""

    def made(days: int = 6, a_day: int = 300) -> Stranger:
        rng = np.random.default_rng(1)
        rows = 1500 + days * a_day
        day = np.r_[rng.integers(-30, 0, 1500), np.repeat(np.arange(days), a_day)]
        minute = rng.permutation(1440 * 10)[:rows] % 1440
        started = (MONDAY + pd.to_timedelta(day, unit="D") + pd.to_timedelta(minute, unit="min")).tz_localize("UTC")
        driver = np.array([f"d{i % 60:02}" for i in range(rows)])
        km = rng.gamma(3, 3, rows).round(1)
        minutes = 3 + 2.2 * km + rng.normal(0, 6, rows)
        every = pd.DataFrame({
            "driver": driver,
            "started_at": started.astype("datetime64[us, UTC]"),
            "km": km,
            "zone": rng.choice(["north", "south", "centre"], rows),
            "predicted_minutes": 3 + 2.2 * km,
            "minutes": minutes,
        }).drop_duplicates(["driver", "started_at"])  # fmt: skip
        ended = every.started_at + pd.to_timedelta(every.minutes.clip(lower=1).round(), unit="min")
        labels = every[["driver", "started_at", "minutes"]].assign(ended_at=ended.astype("datetime64[us, UTC]"))
        is_past = every.started_at < MONDAY.tz_localize("UTC")
        return Stranger(
            tmp_path / "taxi", every[is_past], every[~is_past].drop(columns="minutes"), labels[~is_past], "started_at"
        )

    return made
