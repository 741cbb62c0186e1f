"""Hotel bookings: real labels that come late, week by week, with nothing but what was known on each day.

The model is given: fitted on all bookings made in 2015. It scores those of 2016. The ledger begins on 2015-07-01, the
first day whose bookings are all in the file; those of 2015 have the scores of models that did not see the weeks around
them. Score buckets are quantiles of these, strata are bands of the lead time, which is known on booking. A week is
estimated 0 to 60 days after its last day from what was known then; the truth is what its labels finally were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from airflow_ml_monitor.errors import Immature
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.two_stage import TwoStage
from airflow_ml_monitor.profile.labelled_view import ScoredCells
from airflow_ml_monitor.truth.arrivals import Arrivals, Cells

HERE = Path(__file__).resolve().parent
BOOKINGS = HERE.parents[3] / "shared" / "data" / "hotel_bookings.parquet"
FIRST_DAY, FITTED_ON = pd.Timestamp("2015-07-01"), pd.Timestamp("2015-12-31")
LAST_DAY = pd.Timestamp("2017-01-31")
CATEGORIES = (
    "hotel",
    "meal",
    "market_segment",
    "distribution_channel",
    "reserved_room_type",
    "deposit_type",
    "customer_type",
)
FEATURES = (
    *CATEGORIES,
    "lead_time",
    "arrival_date_week_number",
    "stays_in_weekend_nights",
    "stays_in_week_nights",
    "adults",
    "children",
    "babies",
    "previous_cancellations",
    "previous_bookings_not_canceled",
    "adr",
    "total_of_special_requests",
    "is_repeated_guest",
)
"""What is known on booking; tests/airflow/hotel says what is not, though in the file."""
HORIZON = 365
"""As in tests/airflow/hotel: rooms are booked up to about a year ahead."""
LEAD_TIMES = (6, 29, 89, 179)
BUCKETS, BLOCK, THRESHOLD = 40, 35, 0.5
AGES = (0, 7, 14, 30, 60)
PERIODS = {
    "Apr–Sep 2016": ("2016-04-04", 26),
    "Oct–Dec 2016": ("2016-10-03", 13),
    "Jan–Mar 2016": ("2016-01-04", 13),
}
METRICS = ("base rate", "accuracy", "precision", "recall", "roc auc")
METHODS = ("as arrived", "missing as negative", "score alone", "two stages")

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Hotel:
    """Bookings as arrays of one length. day: of the booking, from FIRST_DAY. age: whole days until its label."""

    day: Counts
    age: Counts
    label: Counts
    score: Floats
    stratum: Counts
    edges: Floats

    @cached_property
    def _cells(self) -> tuple[Cells, Counts]:
        width = len(self.edges) + 1
        bucket = np.searchsorted(self.edges, self.score, side="right")
        names, where = np.unique(self.stratum * width + bucket, return_inverse=True)
        stratum, bucket = np.divmod(names, width)
        prediction = (bucket > np.searchsorted(self.edges, THRESHOLD)).astype(np.int64)
        # The middle of what was seen before the first window: later scores are not known yet.
        past = np.sort(self.score[self.day <= (FITTED_ON - FIRST_DAY).days])
        cut = np.searchsorted(past, np.r_[0.0, self.edges, 1.0])
        middle = np.array([past[a:b].mean() if b > a else np.nan for a, b in pairwise(cut)])
        return Cells(stratum, bucket, prediction, middle[bucket]), where

    def arrivals(self, today: int) -> Arrivals:
        """What was known at the end of a day."""
        cells, where = self._cells
        made = self.day <= today
        predicted = np.zeros((today + 1, len(cells.bucket)))
        np.add.at(predicted, (self.day[made], where[made]), 1.0)
        known = made & (self.day + self.age <= today)
        entries = np.stack([part[known] for part in (self.day, self.age, self.label, where)])
        (day, age, label, cell), count = np.unique(entries, axis=1, return_counts=True)
        return Arrivals(cells, predicted, day, age, label, cell, count.astype(np.float64), today, HORIZON)

    def labelled(self, method: str, first: int, last: int, today: int) -> ScoredCells:
        """Rows of the days first … last: 'truth' (all labels), or as METHODS but the last one see them."""
        rows = (self.day >= first) & (self.day <= last)
        known = self.day + self.age <= today
        if method == "as arrived":
            rows &= known
        positive = {"missing as negative": self.label * known, "score alone": self.score}.get(method, self.label)
        width = len(self.edges) + 1
        bucket = np.searchsorted(self.edges, self.score[rows], side="right")
        total = np.bincount(bucket, minlength=width).astype(np.float64)
        positives = np.bincount(bucket, weights=positive[rows], minlength=width)
        score = np.bincount(bucket, weights=self.score[rows], minlength=width) / np.maximum(total, 1)
        prediction = (np.arange(width) > np.searchsorted(self.edges, THRESHOLD)).astype(np.int64)
        return ScoredCells(np.arange(width), prediction, score, positives, total - positives)


def load(bookings: Path = BOOKINGS) -> Hotel:
    """Fit, score and cut; takes about half a minute."""
    table = pd.read_parquet(bookings)
    table = table[table.prediction_time.between("2015-01-01", LAST_DAY)].copy()
    fitted = table[table.prediction_time <= FITTED_ON]
    table["score"] = _model(fitted).predict_proba(table[list(FEATURES)])[:, 1]
    block = (table.prediction_time - FIRST_DAY).dt.days // BLOCK
    for fold in range((FITTED_ON - FIRST_DAY).days // BLOCK + 1):
        apart = (block == fold) & (table.prediction_time <= FITTED_ON)
        model = _model(fitted[~apart[fitted.index]])
        table.loc[apart, "score"] = model.predict_proba(table.loc[apart, list(FEATURES)])[:, 1]
    table = table[table.prediction_time >= FIRST_DAY]
    past = table.score[table.prediction_time <= FITTED_ON]
    edges = np.unique(np.r_[np.quantile(past, np.linspace(0, 1, BUCKETS)[1:-1]), THRESHOLD])
    return Hotel(
        (table.prediction_time - FIRST_DAY).dt.days.to_numpy(),
        (table.label_time - table.prediction_time).dt.days.to_numpy(),
        table.is_canceled.to_numpy(np.int64),
        table.score.to_numpy(np.float64),
        np.searchsorted(LEAD_TIMES, table.lead_time.to_numpy(), side="left").astype(np.int64),
        edges,
    )


def _model(rows: pd.DataFrame) -> Any:
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((codes, list(CATEGORIES)), remainder="passthrough")
    boosting = HistGradientBoostingClassifier(categorical_features=list(range(len(CATEGORIES))), random_state=0)
    return make_pipeline(columns, boosting).fit(rows[list(FEATURES)], rows.is_canceled)


def values(cells: ScoredCells) -> Floats:
    """METRICS in this order, (5,) or (5, D); NaN where undefined."""
    tp, fp, fn, tn = cells.confusion
    positives, negatives = cells.by_bucket
    area = (positives * (np.cumsum(negatives, axis=-1) - negatives / 2)).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.stack(
            [
                (tp + fn) / (tp + fp + fn + tn),
                (tp + tn) / (tp + fp + fn + tn),
                tp / (tp + fp),
                tp / (tp + fn),
                area / ((tp + fn) * (fp + tn)),
            ]
        )
    return np.asarray(found, np.float64)


def interval(expected: Expected) -> tuple[Floats, Floats]:
    """95 % limits of what the window will finally show, (5,) each, as the package gives them."""
    drawn = logit(np.clip(values(expected.final), 5e-4, 1 - 5e-4))
    middle = logit(np.clip(values(expected.cells), 1e-6, 1 - 1e-6))
    spread = 1.959964 * drawn.std(axis=1, ddof=1)
    return expit(middle - spread), expit(middle + spread)


def weeks(hotel: Hotel, period: str, age: int) -> Iterator[dict[str, Any]]:
    """For each weekly window: errors of every method, and of ours whether the interval holds the truth; or why not."""
    start, count = PERIODS[period]
    for week in range(count):
        first = (pd.Timestamp(start) - FIRST_DAY).days + 7 * week
        last, today = first + 6, first + 6 + age
        truth = values(hotel.labelled("truth", first, last, today))
        row: dict[str, Any] = {"as arrived": None, "refused": "", "first": first}
        for method in METHODS[:3]:
            row[method] = values(hotel.labelled(method, first, last, today)) - truth
        try:
            found = TwoStage.of(hotel.arrivals(today)).nowcast(first, last)
        except Immature as refused:
            row["refused"] = refused.reason
        else:
            low, high = interval(found.expected)
            row["two stages"] = values(found.expected.cells) - truth
            row["covered"], row["half"] = (low <= truth) & (truth <= high), (high - low) / 2
            row["coverage"], row["overdispersion"] = found.coverage, found.overdispersion
        yield row


def hotel_table(hotel: Hotel | None = None, ages: tuple[int, ...] = AGES) -> list[dict[str, Any]]:
    """A row for each period, label age, method and metric: bias and rmse in points, windows, refused; of ours the share
    of windows whose 95 % interval holds the truth, and half its width in points."""
    seen = hotel or load()
    return [row for period in PERIODS for age in ages for row in _summary(period, age, list(weeks(seen, period, age)))]


def _summary(period: str, age: int, found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    refused = [row["refused"] for row in found if row["refused"]]
    for method in METHODS:
        given = [row for row in found if method in row]
        error = 100 * np.array([row[method] for row in given]).reshape(len(given), len(METRICS))
        for place, metric in enumerate(METRICS):
            about: dict[str, Any] = {"period": period, "age": age, "method": method, "metric": metric}
            one = error[np.isfinite(error[:, place]), place]
            about |= {"windows": len(one), "bias": None, "rmse": None}
            if len(one):
                about |= {"bias": round(float(one.mean()), 2), "rmse": round(float(np.sqrt((one**2).mean())), 2)}
            if method == "two stages":
                about |= {"refused": len(refused), "reason": refused[0] if refused else ""}
                if given:
                    about["covered"] = round(100 * float(np.mean([row["covered"][place] for row in given])), 1)
                    about["half"] = round(100 * float(np.mean([row["half"][place] for row in given])), 1)
            yield about
