"""A simulated chain of shops: forecasts of every day's sales, made one, three and seven days ahead, and the sales."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Final

import numpy as np
import pandas as pd
from scipy.special import ndtri

from airflow_ml_monitor.errors import SpecError

LEADS = MappingProxyType({1: 0.12, 3: 0.08, 7: 0.10})
"""By lead in days, the deviation on the log scale of what is learnt of a day's sales between the next shorter lead (at
last the day itself) and this one: the further ahead, the less is known."""
LEVELS: Final = (0.1, 0.5, 0.9)
UNSTEADY: Final = 3.5
"""By how much what is learnt in the last four days before varies more once the fault has begun; what is forecast seven
days ahead is as sure of itself as ever."""
KNOWN_AFTER: Final = MappingProxyType({1: 0.8, 2: 0.15, 4: 0.05})
"""Shares of the shops that report a day's sales so many days later, six hours after midnight."""

_OPENS = timedelta(hours=8)
_WEEK = np.array([0.8, 0.8, 0.85, 0.95, 1.2, 1.5, 0.9])


@dataclass(frozen=True, slots=True)
class DemandWorld:
    """Forecasts and sales, the same for the same seed, whatever is asked for and in which order.

    start: day 0, from 00:00 UTC; days before it are the past. shops: how many. unsteady_from: the fault's first day, 0
    or later; None: no fault. Errors: SpecError for numbers that are out of range.
    """

    seed: int
    start: date
    shops: int = field(default=80, kw_only=True)
    unsteady_from: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name, number, least in (
            ("seed", self.seed, 0),
            ("shops", self.shops, 1),
            ("unsteady_from", self.unsteady_from or 0, 0),
        ):
            if number < least:
                raise SpecError(f"{number} is too small; use at least {least}", field=name)

    def midnight(self, day: int) -> datetime:
        """The instant at which a day begins."""
        return datetime.combine(self.start, time(0), UTC) + timedelta(days=day)

    def forecasts(self, day: int) -> pd.DataFrame:
        """What was forecast of one day's sales: forecast_id, sold_at (UTC, that day), shop, lead (days, as text),
        sold_week_ago (units), q10, q50, q90 (units)."""
        return self._day(day).drop(columns=["sold", "known_at"])

    def sales(self, day: int) -> pd.DataFrame:
        """What becomes known on a day of earlier ones: forecast_id, sold (units), known_at (UTC)."""
        told = pd.concat([self._day(day - late) for late in KNOWN_AFTER], ignore_index=True)
        mine = told["known_at"].between(self.midnight(day), self.midnight(day + 1), inclusive="left")
        return told.loc[mine, ["forecast_id", "sold", "known_at"]].reset_index(drop=True)

    def history(self, days: int) -> pd.DataFrame:
        """The forecasts of so many days before day 0, with what was sold, oldest first; no fault touches them."""
        if days < 1:
            raise SpecError(f"{days} is not positive; ask for at least 1 day", field="days")
        return pd.concat([self._day(day).drop(columns="known_at") for day in range(-days, 0)], ignore_index=True)

    def _learnt(self, day: int) -> dict[int, np.ndarray]:
        """What is learnt of a day's sales at each lead, by shop, on the log scale."""
        random = self._random(day, 0)
        is_unsteady = self.unsteady_from is not None and day >= self.unsteady_from
        deviation = {lead: sd * (UNSTEADY if is_unsteady and lead == max(LEADS) else 1) for lead, sd in LEADS.items()}
        return {lead: random.normal(0, sd, self.shops) for lead, sd in deviation.items()}

    def _usual(self, day: int) -> np.ndarray:
        size = np.random.default_rng([self.seed, 2]).lognormal(4.5, 0.5, self.shops)
        return np.asarray(size * _WEEK[self.midnight(day).weekday()], np.float64)

    def _sold(self, day: int) -> np.ndarray:
        return np.round(self._usual(day) * np.exp(sum(self._learnt(day).values())))

    def _random(self, day: int, what: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, what, int(day < 0), abs(day)])

    def _day(self, day: int) -> pd.DataFrame:
        """One day's forecasts of all leads, from the random numbers of (seed, day) alone."""
        late = self._random(day, 1).choice(list(KNOWN_AFTER), self.shops, p=list(KNOWN_AFTER.values()))
        after = pd.to_timedelta(late * 24 + 6, unit="h")
        of_shop = pd.DataFrame(
            {
                "shop": [str(shop) for shop in range(self.shops)],
                "sold_at": pd.Timestamp(self.midnight(day) + _OPENS) + pd.to_timedelta(range(self.shops), unit="min"),
                "sold_week_ago": self._sold(day - 7),
                "sold": self._sold(day),
                "known_at": pd.Timestamp(self.midnight(day)) + after,
            }
        ).astype({"sold_at": "datetime64[us, UTC]", "known_at": "datetime64[us, UTC]", "shop": "str"})
        found = pd.concat([of_shop.assign(lead=str(lead), **self._quantiles(day, lead)) for lead in LEADS])
        named = f"{self.midnight(day).date()}-" + found["shop"] + "-" + found["lead"]
        return found.assign(forecast_id=named.astype("str")).astype({"lead": "str"}).reset_index(drop=True)

    def _quantiles(self, day: int, lead: int) -> dict[str, np.ndarray]:
        """By shop: q10, q50, q90, from what is known so many days ahead."""
        seen = [learnt for longer, learnt in self._learnt(day).items() if longer > lead]
        middle = self._usual(day) * np.exp(sum(seen, np.zeros(self.shops)))
        deviation = np.sqrt(sum(sd**2 for shorter, sd in LEADS.items() if shorter <= lead))
        return {f"q{100 * q:.0f}": np.round(middle * np.exp(ndtri(q) * deviation), 1) for q in LEVELS}
