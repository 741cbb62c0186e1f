"""The hotel's bookings as a monitor meets them: a model fitted on what was known, its scores landing week by week.

Not used, though in the file: `reservation_status*`, `label_*`, `assigned_room_type`, `booking_changes` and
`days_in_waiting_list` (not known at booking); `country` and `required_car_parking_spaces` (filled in or put right on
arrival); `agent` and `company` (hundreds of numbers that identify partners); the year.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

KNOWN_BY = pd.Timestamp("2016-03-01")
FIRST_MONDAY = pd.Timestamp("2016-03-07")
"""The first whole week after KNOWN_BY."""

NUMBERS = (
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
CATEGORIES = (
    "hotel",
    "meal",
    "market_segment",
    "distribution_channel",
    "reserved_room_type",
    "deposit_type",
    "customer_type",
)
FEATURES = [*NUMBERS, *CATEGORIES]
LEAD_TIMES = (6, 29, 59, 89, 134, 179, 224, 269, 329)
"""Most days between booking and arrival in each band but the last: what the delay depends on, as a stay is known on
arrival. Bands have to be narrow up to the horizon: where the last is of 180 days and more, who is awaited after half a
year is like nobody whose label has come (on 2017-04-03, of weeks 91 to 182 days old, 31 % of the intervals for the
share of cancellations held it; with these bands 85 %). They were chosen with that look back."""


@dataclass(frozen=True, slots=True)
class HotelWorld:
    """A folder with data/reference.parquet, data/hotel_bookings.parquet, and data/predictions/ still empty.

    scored: every booking from FIRST_MONDAY on, with its row number, score and time of booking (naive, Lisbon).
    trained_on, held_out: row numbers of the bookings that the model was fitted on, and of the reference's.
    """

    folder: Path
    scored: pd.DataFrame
    trained_on: pd.Index[int]
    held_out: pd.Index[int]

    def land(self, monday: pd.Timestamp) -> Path:
        """Write the scores of the week that begins on a Monday, as the scoring job would."""
        week = self.scored[self.scored.booked_at.between(monday, monday + pd.Timedelta(days=7), inclusive="left")]
        path = self.folder / "data" / "predictions" / f"{monday.date()}.parquet"
        week.to_parquet(path, index=False)
        return path


def build_world(bookings: Path, folder: Path) -> HotelWorld:
    """Fit on two thirds of the booking days known by KNOWN_BY, make the reference of the others, score the rest.

    Whole days are held out: one group's bookings are alike, and would stand on both sides of a random split.
    """
    table = pd.read_parquet(bookings)
    table["booking"] = range(len(table))
    table["booked_at"] = table.prediction_time
    known = table[(table.booked_at < KNOWN_BY) & (table.label_time <= KNOWN_BY)]
    is_held_out = (known.booked_at - pd.Timestamp(0)).dt.days % 3 == 0
    model = _fitted(known[~is_held_out])
    held_out = known[is_held_out].copy()
    scored = table[table.booked_at >= FIRST_MONDAY].copy()
    for part in (held_out, scored):
        part["score"] = model.predict_proba(part[FEATURES])[:, 1]
        part["lead_class"] = lead_class(part.lead_time)
    (folder / "data" / "predictions").mkdir(parents=True)
    (folder / "data" / "hotel_bookings.parquet").symlink_to(bookings.resolve())
    kept = ["booking", "booked_at", *FEATURES, "lead_class", "score"]
    held_out[[*kept, "is_canceled"]].to_parquet(folder / "data" / "reference.parquet", index=False)
    return HotelWorld(folder, scored[kept], known.index[~is_held_out], held_out.index)


def lead_class(days: pd.Series[int]) -> pd.Series[str]:
    """The name of each booking's band, as the scoring job writes it beside the score."""
    names = [*(f"up to {most:03d} days" for most in LEAD_TIMES), "longer"]
    return pd.cut(days, [-1, *LEAD_TIMES, float("inf")], labels=names).astype(str)


def _fitted(rows: pd.DataFrame) -> Any:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((codes, list(CATEGORIES)), remainder="passthrough")
    boosting = HistGradientBoostingClassifier(categorical_features=list(range(len(CATEGORIES))), random_state=0)
    return make_pipeline(columns, boosting).fit(rows[FEATURES], rows.is_canceled)
