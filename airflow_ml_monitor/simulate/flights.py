"""A simulated airline: flights of every day, and by how many minutes they arrived late, known the day after."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType

import numpy as np
import pandas as pd

from airflow_ml_monitor.errors import SpecError

CARRIERS = MappingProxyType({"ado": (0.4, 0.0), "bel": (0.3, 2.0), "cor": (0.2, -2.0), "dun": (0.1, 4.0)})
"""(share, minutes of delay) of each carrier."""
CANCELLED = 0.03
"""Share of flights that never arrive: their delay stays NULL, whatever is waited for."""
KNOWN_AFTER = timedelta(hours=6)
"""How long after the end of a flight's day its delay is published."""
SLOWER = 6.0
"""Minutes by which every flight arrives later once the fault has begun; nothing that is known before shows it."""

_DEPARTURES = timedelta(hours=18)
_NOISE_SHAPE, _NOISE_SCALE = 2.0, 8.0  # a gamma's: few flights are early, some are very late


@dataclass(frozen=True, slots=True)
class FlightWorld:
    """Flights and their delays, the same for the same seed, whatever is asked for and in which order.

    start: day 0, from 00:00 UTC; days before it are the past. rows_per_day: mean of a Poisson number. slower_from: the
    fault's first day, 0 or later; None: no fault. Errors: SpecError for numbers that are out of range.
    """

    seed: int
    start: date
    rows_per_day: int = field(default=300, kw_only=True)
    slower_from: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name, number, least in (
            ("seed", self.seed, 0),
            ("rows_per_day", self.rows_per_day, 1),
            ("slower_from", self.slower_from or 0, 0),
        ):
            if number < least:
                raise SpecError(f"{number} is too small; use at least {least}", field=name)

    def midnight(self, day: int) -> datetime:
        """The instant at which a day begins."""
        return datetime.combine(self.start, time(0), UTC) + timedelta(days=day)

    def flights(self, day: int) -> pd.DataFrame:
        """One day's flights as they are known before departure: flight_id, departs_at (UTC), carrier, distance (km),
        wind (knots), traffic (share of the destination's slots in use, in [0, 1])."""
        return self._day(day).drop(columns="delay")

    def arrivals(self, day: int) -> pd.DataFrame:
        """What becomes known on a day, of the flights of the day before: flight_id, delay (minutes; NULL for a
        cancelled flight), known_at (UTC)."""
        known_at = self.midnight(day) + KNOWN_AFTER
        return self._day(day - 1)[["flight_id", "delay"]].assign(known_at=pd.Timestamp(known_at).as_unit("us"))

    def history(self, days: int) -> pd.DataFrame:
        """The flights of so many days before day 0, with their delays, oldest first; no fault touches them."""
        if days < 1:
            raise SpecError(f"{days} is not positive; ask for at least 1 day", field="days")
        return pd.concat([self._day(day) for day in range(-days, 0)], ignore_index=True)

    def _day(self, day: int) -> pd.DataFrame:
        """One day from the random numbers of (seed, day) alone."""
        random = np.random.default_rng([self.seed, int(day < 0), abs(day)])
        rows = int(random.poisson(self.rows_per_day))
        after = np.sort(random.integers(0, _DEPARTURES // timedelta(microseconds=1), rows))
        departs_at = pd.Timestamp(self.midnight(day)).as_unit("us") + pd.to_timedelta(after, unit="us")
        shares = [share for share, _ in CARRIERS.values()]
        carrier = np.array(list(CARRIERS), dtype=object)[random.choice(len(CARRIERS), rows, p=shares)]
        distance = np.round(400 + random.gamma(2.0, 500.0, rows))
        wind = np.round(random.gamma(2.0, 5.0, rows), 1)
        traffic = np.round(random.beta(4.0, 4.0, rows), 3)
        usual = -10 + 0.004 * distance + 0.6 * wind + 20 * traffic + [CARRIERS[name][1] for name in carrier]
        delay = usual + random.gamma(_NOISE_SHAPE, _NOISE_SCALE, rows) - _NOISE_SHAPE * _NOISE_SCALE
        if self.slower_from is not None and day >= self.slower_from:
            delay = delay + SLOWER
        return pd.DataFrame(
            {
                "flight_id": pd.Series(
                    [f"{'F' if day >= 0 else 'P'}{abs(day):04d}-{n:04d}" for n in range(rows)], dtype="str"
                ),
                "departs_at": departs_at,
                "carrier": pd.Series(carrier, dtype="str"),
                "distance": distance,
                "wind": wind,
                "traffic": traffic,
                "delay": np.where(random.random(rows) < CANCELLED, np.nan, np.round(delay, 1)),
            }
        )
