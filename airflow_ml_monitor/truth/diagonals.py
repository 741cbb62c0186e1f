"""Labels by the calendar day on which they came and by age; and the days on which none came at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.truth.arrivals import Arrivals
from airflow_ml_monitor.truth.outage import Outages

_FEWEST_SILENT_DAYS = 2  # a single one is a holiday, or a late delivery
_USUAL_DAYS, _PREDICTED_DAYS = 56, 14


@dataclass(frozen=True, slots=True, eq=False)
class Diagonals:
    """Labels of one class and delay stratum by calendar day (rows, the last is today) and age (columns), (K, U).

    events: that came, net of those taken back. came: of the same day of prediction that had come by then, net. gross:
    that came or were taken back.
    """

    label: int
    events: Floats
    came: Floats
    gross: Floats


@dataclass(frozen=True, slots=True)
class Silence:
    """Days without labels, where that is unusual.

    lasting: for how many days, today included, there has been none; 0 if labels come, or if it is one day. usual:
    labels of a usual day. left_out: days, numbered as in the arrivals, whose labels say nothing of how long labels
    take: silent ones, and those on which what was held back came at once.
    """

    lasting: int
    usual: float
    left_out: tuple[int, ...]


def silence_of(arrivals: Arrivals) -> Silence:
    """Silence by all that is known today; `Outages` says what is unusual."""
    outages = Outages.of(arrivals)
    known = arrivals.day + arrivals.age
    newest = (known > arrivals.today - _USUAL_DAYS) & (known <= arrivals.today)
    came = np.bincount(known[newest] - arrivals.today + _USUAL_DAYS - 1, weights=np.abs(arrivals.count[newest]))
    usual = float(came[came > 0].mean()) if (came > 0).any() else 0.0
    lasting = arrivals.today - outages.last_live
    # Where nothing is predicted any more, nothing is left to come.
    made = arrivals.predicted.sum(axis=1)
    lately = float(made[max(arrivals.today - _PREDICTED_DAYS + 1, 0) :].sum()) / _PREDICTED_DAYS
    is_silent = lasting >= _FEWEST_SILENT_DAYS and lately > 0.1 * made.mean()
    return Silence(lasting if is_silent else 0, usual, tuple(outages.distorted.tolist()))


def diagonals_of(arrivals: Arrivals, newest: int, left_out: tuple[int, ...] = ()) -> list[Diagonals]:
    """The newest calendar days, one table a class and stratum that has labels; days left out hold no label."""
    ages = int(arrivals.age.max(initial=0)) + 1
    predicted = len(arrivals.predicted)
    calendar = np.arange(arrivals.today - newest + 1, arrivals.today + 1)
    day = calendar[:, None] - np.arange(ages)[None, :]
    inside = (day >= 0) & (day < predicted) & ~np.isin(calendar, left_out)[:, None]
    place = np.where(inside, day, 0) * ages + np.arange(ages)
    group = arrivals.label * arrivals.cells.strata + arrivals.cells.stratum[arrivals.cell]
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=2 * arrivals.cells.strata))
    found = []
    for which, pick in enumerate(np.split(order, ends[:-1])):
        if len(pick):
            net, gross = (_table(arrivals, pick, count, ages) for count in (arrivals.count, np.abs(arrivals.count)))
            parts = (net, np.cumsum(net, axis=1), gross)
            of_day = (np.where(inside, part.reshape(-1)[place], 0.0) for part in parts)
            found.append(Diagonals(which // arrivals.cells.strata, *of_day))
    return found


def _table(arrivals: Arrivals, pick: Counts, count: Floats, ages: int) -> Floats:
    """Counts of some entries by day of prediction and age."""
    place = arrivals.day[pick] * ages + arrivals.age[pick]
    size = len(arrivals.predicted) * ages
    return np.bincount(place, weights=count[pick], minlength=size).astype(np.float64).reshape(-1, ages)
