"""Four simulated worlds whose labels come late, each in another way: what may be known when, and what is true."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.simulate.label_delays import WORLDS, WorldKind

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_DAY = timedelta(days=1)
_MICROSECONDS_PER_DAY = 86_400_000_000
_CORRECTION_SCALE = 12.0  # days, of an exponential: a wrong label stands for about as long as a label takes to come
_OUTAGE_ENDS = 0.25  # of a day: what an outage held back is there at six in the morning


@dataclass(frozen=True, slots=True)
class Concept:
    """From a day on the logit of the true probability is shift + slope × the score's, about its mean of all rows."""

    day: int
    shift: float = 0.35
    slope: float = 0.7


@dataclass(frozen=True, slots=True)
class Outage:
    """No label arrives for so many days from a day on; on the day after them all come at once."""

    day: int
    days: int = 10


@dataclass(frozen=True, slots=True)
class Slowdown:
    """From a day on the labels of some classes take `factor` times as long.

    is_pending_slowed: what is awaited on that day slows too (whoever brings the labels became slower); else only the
    labels of rows predicted from then on. Silence that means a label is never slowed: it is a rule, not a delivery.
    """

    day: int
    factor: float
    labels: tuple[int, ...] = (0, 1)
    is_pending_slowed: bool = True


@dataclass(frozen=True, slots=True)
class LabelFaults:
    """What changes and what goes wrong. corrected: the share of labels that are first wrong, and put right later."""

    concept: Concept | None = None
    corrected: float = 0.0
    outage: Outage | None = None
    slowdown: Slowdown | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LateRows:
    """Rows as they truly are, arrays of one length, in the order of `day`.

    day: of the prediction. scored: the part of that day that was over. score: what the model says, in [0, 1]; right
    until the concept changes. prediction: score ≥ the world's threshold. stratum: 0, 1, …; what the delay depends on.
    label: the true one. known: days from the midnight that begins day 0 to the moment at which a label is known.
    first_label: what is known then. corrected: the moment, in the same days, at which that is put right; NaN if never.
    """

    day: Counts
    scored: Floats
    score: Floats
    prediction: Counts
    stratum: Counts
    probability: Floats
    label: Counts
    known: Floats
    first_label: Counts
    corrected: Floats

    @property
    def delay(self) -> Floats:
        """Days from the prediction to the first label."""
        return self.known - self.day - self.scored


@dataclass(frozen=True, slots=True)
class LateLabels:
    """Predictions and labels, the same for the same seed, whatever is asked for and in which order.

    start: day 0, from 00:00 UTC. days: predictions are made on days 0 … days − 1; labels come for as long as they
    take. rows_per_day: mean of a Poisson number. Errors: SpecError for numbers that are out of range, UnknownName for
    an unknown world.
    """

    kind: WorldKind
    seed: int
    start: date
    days: int = field(kw_only=True)
    rows_per_day: int = field(default=400, kw_only=True)
    faults: LabelFaults = field(default=LabelFaults(), kw_only=True)

    def __post_init__(self) -> None:
        for name, number, least in (
            ("seed", self.seed, 0),
            ("days", self.days, 1),
            ("rows_per_day", self.rows_per_day, 1),
            ("faults.outage.days", self.faults.outage.days if self.faults.outage else 1, 1),
        ):
            if number < least:
                raise SpecError(f"{number} is too small; use at least {least}", field=name)
        if not 0 <= self.faults.corrected < 0.5:
            raise SpecError(f"{self.faults.corrected} is no share in [0, 0.5)", field="faults.corrected")
        if self.faults.slowdown and not self.faults.slowdown.factor > 0:
            raise SpecError(f"{self.faults.slowdown.factor} is not positive", field="faults.slowdown.factor")

    @property
    def threshold(self) -> float:
        """The score from which on a row is predicted positive."""
        return WORLDS[self.kind].threshold

    @property
    def horizon(self) -> int:
        """Days after a prediction from which on no label is awaited; unless delays are slowed none comes later."""
        return WORLDS[self.kind].horizon

    def midnight(self, day: int) -> datetime:
        """The instant at which a day begins."""
        return datetime.combine(self.start, time(0), UTC) + timedelta(days=day)

    def rows(self, first: int, last: int) -> LateRows:
        """All rows predicted on the days first … last, with what only the world knows."""
        if not 0 <= first <= last < self.days:
            raise SpecError(f"{first} to {last} are no days of this world; it has 0 to {self.days - 1}", field="day")
        drawn = [self._day(day) for day in range(first, last + 1)]
        parts = ([getattr(day, name) for day in drawn] for name in LateRows.__slots__)
        return LateRows(*(np.concatenate(part) for part in parts))

    def predictions(self, day: int) -> pd.DataFrame:
        """One day's predictions as they are logged: row_id, scored_at (UTC), stratum ('0', '1', …), score,
        prediction (0, 1)."""
        rows = self.rows(day, day)
        return pd.DataFrame(
            {
                "row_id": _ids(rows.day),
                "scored_at": self._moments(rows.day + rows.scored),
                "stratum": pd.Series(rows.stratum.astype(str), dtype="str"),
                "score": rows.score,
                "prediction": rows.prediction,
            }
        )

    def labels(self, known_from: datetime, known_until: datetime) -> pd.DataFrame:
        """Labels that became known in [known_from, known_until), oldest first: row_id, label (0, 1), known_at (UTC).

        A corrected label is a second row of the same row_id; the last one holds.
        """
        rows = self.rows(0, self.days - 1)
        ids = _ids(rows.day)
        fixed = ~np.isnan(rows.corrected)
        frame = pd.DataFrame(
            {
                "row_id": pd.concat([ids, ids[fixed]], ignore_index=True),
                "label": np.r_[rows.first_label, rows.label[fixed]],
                "known_at": self._moments(np.r_[rows.known, rows.corrected[fixed]]),
            }
        )
        frame = frame[(frame["known_at"] >= known_from) & (frame["known_at"] < known_until)]
        return frame.sort_values("known_at", kind="stable", ignore_index=True)

    def _moments(self, days: Floats) -> pd.Series:
        # Upwards: a moment cut to whole microseconds must not fall before the one it follows from.
        after = pd.to_timedelta(np.ceil(days * _MICROSECONDS_PER_DAY).astype(np.int64), unit="us")
        return pd.Series(pd.Timestamp(self.midnight(0)).as_unit("us") + after)

    def _day(self, day: int) -> LateRows:
        """One day from the random numbers of (seed, day) alone; what goes wrong changes none of them."""
        world, random = WORLDS[self.kind], np.random.default_rng([self.seed, day])
        rows = int(random.poisson(self.rows_per_day))
        scored = np.sort(random.random(rows))
        logit = world.centre + world.spread * random.standard_normal(rows)
        score = 1 / (1 + np.exp(-logit))
        stratum = world.strata(logit, random.random(rows))
        probability = score
        concept = self.faults.concept
        if concept is not None and day >= concept.day:
            middle = world.centre
            probability = 1 / (1 + np.exp(-(middle + concept.shift + concept.slope * (logit - middle))))
        label = (random.random(rows) < probability).astype(np.int64)
        known = day + scored + np.where(label == 1, *(world.delays(of, stratum, random) for of in (1, 0)))
        known = self._slowed(known, day + scored, label)
        # What is late beyond the horizon is silence at first, where silence is a label, and put right when it comes.
        expired = np.full(rows, world.is_silence_negative) & (label == 1) & (known > day + scored + world.horizon)
        wrong = (random.random(rows) < self.faults.corrected) & ~expired
        waited = random.exponential(_CORRECTION_SCALE, rows)
        corrected = np.where(expired, known, np.where(wrong, known + waited, np.nan))
        known = np.where(expired, day + scored + world.horizon, known)
        first = np.where(expired | wrong, 1 - label, label)
        known, corrected = self._held_back(known), self._held_back(corrected)
        prediction = (score >= world.threshold).astype(np.int64)
        days = np.full(rows, day, np.int64)
        return LateRows(days, scored, score, prediction, stratum, probability, label, known, first, corrected)

    def _slowed(self, known: Floats, scored: Floats, label: Counts) -> Floats:
        slowdown = self.faults.slowdown
        if slowdown is None:
            return known
        silent = WORLDS[self.kind].is_silence_negative
        classes = [of for of in slowdown.labels if not (silent and of == 0)]
        begins = np.maximum(scored, slowdown.day) if slowdown.is_pending_slowed else scored
        touched = np.isin(label, classes) & (known > slowdown.day) & (begins >= slowdown.day)
        return np.where(touched, begins + slowdown.factor * (known - begins), known)

    def _held_back(self, moment: Floats) -> Floats:
        outage = self.faults.outage
        if outage is None:
            return moment
        end = outage.day + outage.days
        return np.where((moment >= outage.day) & (moment < end), end + _OUTAGE_ENDS, moment)


def _ids(day: Counts) -> pd.Series:
    """Ids of rows in the order of their days, each day's numbered from 0."""
    number = np.arange(len(day)) - np.searchsorted(day, day)
    return pd.Series([f"R{d:05d}-{n:05d}" for d, n in zip(day, number, strict=True)], dtype="str")
