"""A simulated lender: applications that arrive every day, and outcomes that become known weeks later."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum, StrEnum

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import utc
from airflow_ml_monitor.simulate.applicants import (
    AFTER,
    BEFORE,
    FEATURES,
    MISSING_EMPLOYMENT,
    Values,
    default_probability,
    draw_applicants,
)
from airflow_ml_monitor.simulate.faults import FaultKind, Faults

HORIZON = timedelta(days=30)
"""No outcome becomes known later than this after the application."""
NEVER_SHARE = 0.03
"""Share of applications whose outcome never becomes known, whatever it is."""
# (shape, scale in days) of the gamma-distributed delay; medians 11 days without, 6 days with a default.
_DELAYS = {0: (8.0, 1.435), 1: (3.0, 2.245)}
_MICROSECONDS_PER_DAY = 86_400_000_000
_UNKNOWN = np.iinfo(np.int64).max


class Purpose(StrEnum):
    """What past applications are for; no application is in two of them."""

    TRAIN = "train"
    REFERENCE = "reference"


class _Stream(IntEnum):
    """Keeps the random numbers of different draws apart."""

    LIVE = 0
    TRAIN = 1
    REFERENCE = 2


@dataclass(frozen=True, slots=True)
class _Day:
    """One day's applications as they truly are. Times in microseconds since 1970; never known is _UNKNOWN."""

    ids: NDArray[np.generic]
    scored_at: NDArray[np.int64]
    values: Values
    is_employment_missing: NDArray[np.bool_]
    probability: NDArray[np.float64]
    defaulted: NDArray[np.int64]
    known_at: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CreditWorld:
    """Applications, outcomes and history, the same for the same seed, whatever is asked for and in which order.

    start: day 0, from 00:00 UTC. days: applications arrive on days 0 … days − 1; outcomes for up to 30 days more.
    rows_per_day: mean of a Poisson number. Errors: SpecError for a fault that begins after the last day (then use
    `faults_within`), or for numbers that are not positive.
    """

    seed: int
    start: date
    days: int = field(kw_only=True)
    faults: Faults = field(default=(), kw_only=True)
    rows_per_day: int = field(default=600, kw_only=True)
    _drawn: dict[tuple[_Stream, int], _Day] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise SpecError(f"{self.seed} is negative; use 0, 1, 2, …", field="seed")
        for name, number in (("days", self.days), ("rows_per_day", self.rows_per_day)):
            if number < 1:
                raise SpecError(f"{number} is not positive; use at least 1", field=name)
        for fault in self.faults:
            if fault.day >= self.days:
                raise SpecError(
                    f"{fault} begins after the last day {self.days - 1}; use an earlier day, or more days",
                    field="faults",
                )

    def midnight(self, day: int) -> datetime:
        """The instant at which a day begins."""
        return datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC) + timedelta(days=day)

    def applications(self, day: int) -> pd.DataFrame:
        """One day's applications as they arrive: application_id, scored_at (UTC), features; faults of the feed in them.

        Errors: SpecError for a day on which nothing arrives.
        """
        drawn = self._live(day)
        frame = _frame(drawn)
        if self._is_active(FaultKind.FEED, day):
            frame["income"] = frame["income"] * 1000
            frame["employment_years"] = np.nan
        return frame

    def probabilities(self, day: int) -> NDArray[np.float64]:
        """What only the world knows: the true probability of a default, in the order of `applications`."""
        return self._live(day).probability.copy()

    def outcomes(self, known_from: datetime, known_until: datetime) -> pd.DataFrame:
        """Outcomes that became known in [known_from, known_until): application_id, defaulted (0, 1), known_at (UTC)."""
        low, high = _microseconds(utc(known_from)), _microseconds(utc(known_until))
        origin = _microseconds(self.midnight(0))
        first = max(0, (low - origin) // _MICROSECONDS_PER_DAY - HORIZON.days)
        last = min(self.days - 1, (high - origin - 1) // _MICROSECONDS_PER_DAY)
        parts = []
        for day in range(first, last + 1):
            drawn = self._live(day)
            known = (drawn.known_at >= low) & (drawn.known_at < high)
            parts.append((drawn.ids[known], drawn.defaulted[known], drawn.known_at[known]))
        ids, defaulted, known_at = (
            (np.concatenate(column) for column in zip(*parts, strict=True))
            if parts
            else (np.array([], dtype=object), np.array([], dtype=np.int64), np.array([], dtype=np.int64))
        )
        order = np.argsort(known_at, kind="stable")
        return pd.DataFrame(
            {
                "application_id": pd.Series(ids[order], dtype="str"),
                "defaulted": defaulted[order],
                "known_at": _times(known_at[order]),
            }
        )

    def history(self, rows: int, purpose: Purpose | str = Purpose.TRAIN) -> pd.DataFrame:
        """Past applications whose outcome is known, oldest first: the columns of `applications`, defaulted, known_at.

        The newest so many that were scored more than the horizon before day 0, so that every one of their outcomes
        that will ever come has come. No fault touches them. Purposes share the days, never an application.
        """
        if rows < 1:
            raise SpecError(f"{rows} is not positive; ask for at least 1 row", field="rows")
        parts: list[pd.DataFrame] = []
        stream, day, found = _Stream[Purpose(purpose).name], -HORIZON.days - 1, 0
        while found < rows:
            drawn = self._draw(stream, day)
            frame = _frame(drawn).assign(defaulted=drawn.defaulted, known_at=_times(drawn.known_at))
            parts.append(frame[drawn.known_at != _UNKNOWN])
            found, day = found + len(parts[-1]), day - 1
        return pd.concat(parts[::-1]).tail(rows).reset_index(drop=True)

    def _is_active(self, kind: FaultKind, day: int) -> bool:
        return any(fault.kind is kind and fault.is_active(day) for fault in self.faults)

    def _live(self, day: int) -> _Day:
        if not 0 <= day < self.days:
            raise SpecError(f"nothing arrives on day {day}; this world has days 0 to {self.days - 1}", field="day")
        if (_Stream.LIVE, day) not in self._drawn:
            self._drawn[_Stream.LIVE, day] = self._draw(_Stream.LIVE, day)
        return self._drawn[_Stream.LIVE, day]

    def _draw(self, stream: _Stream, day: int) -> _Day:
        """One day from the random numbers of (seed, stream, day) alone."""
        random = np.random.default_rng([self.seed, int(stream), abs(day)])
        rows = int(random.poisson(self.rows_per_day))
        scored_at = _microseconds(self.midnight(day)) + np.sort(random.integers(0, _MICROSECONDS_PER_DAY, rows))
        values = draw_applicants(random, rows, is_shifted=self._is_active(FaultKind.SHIFT, day))
        is_missing = random.random(rows) < MISSING_EMPLOYMENT
        relation = AFTER if self._is_active(FaultKind.CONCEPT, day) else BEFORE
        probability = default_probability(values, relation)
        defaulted = (random.random(rows) < probability).astype(np.int64)
        delays = {label: random.gamma(shape, scale, rows) for label, (shape, scale) in _DELAYS.items()}
        delay = np.where(defaulted == 1, delays[1], delays[0])
        is_known = (random.random(rows) >= NEVER_SHARE) & (delay < HORIZON.days)
        known_at = np.where(is_known, scored_at + (delay * _MICROSECONDS_PER_DAY).astype(np.int64), _UNKNOWN)
        ids = np.array([f"{stream.name[0]}{abs(day):04d}-{row:05d}" for row in range(rows)], dtype=object)
        return _Day(ids, scored_at, values, is_missing, probability, defaulted, known_at)


def _frame(drawn: _Day) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "application_id": pd.Series(drawn.ids, dtype="str"),
            "scored_at": _times(drawn.scored_at),
            **{column.name: drawn.values[column.name] for column in FEATURES},
        }
    )
    text = dict.fromkeys(("purpose", "region", "channel"), "str")
    return frame.assign(employment_years=frame["employment_years"].mask(drawn.is_employment_missing)).astype(text)


def _microseconds(moment: datetime) -> int:
    # Integer arithmetic: a float of seconds would lose microseconds.
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _times(microseconds: NDArray[np.int64]) -> pd.Series:
    known = np.where(microseconds == _UNKNOWN, np.iinfo(np.int64).min, microseconds)
    return pd.Series(known.view("datetime64[us]")).dt.tz_localize("UTC")
