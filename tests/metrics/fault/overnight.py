"""The feed of an upstream team that released overnight: several changes at once."""

from __future__ import annotations

import numpy as np
import pandas as pd

NAMED = {
    ("column_renamed", "income", "to=net_income"),
    ("column_renamed", "region", "to=area"),
    ("column_added", "", "column=channel"),
    ("category_split", "purpose", "car→new car+used car"),
    ("type_changed", "call", "from=DOUBLE,to=m:ss"),
}
"""(fault, column, parameters) of everything that changed."""


def with_calls(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """A feed as it was: how long each applicant was on the phone, in seconds."""
    rng = np.random.default_rng([seed, len(frame)])
    return frame.assign(call=rng.gamma(3, 80, len(frame)).round())


def changed(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Two columns renamed, one inserted in the middle, a category split, seconds written as m:ss."""
    rng = np.random.default_rng(seed)
    cars = rng.choice(["new car", "used car"], len(frame))
    found = frame.rename(columns={"income": "net_income", "region": "area"}).assign(
        purpose=np.where(frame["purpose"] == "car", cars, frame["purpose"]),
        call=[f"{int(x) // 60}:{int(x) % 60:02d}" for x in frame["call"]],
    )
    found.insert(4, "channel", rng.choice(["web", "app", "branch"], len(frame)))
    return found
