"""How much of the time that labels take a column explains, within a class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import chi2, rankdata

from airflow_ml_monitor.onboarding.facts import Labelled
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.layout import RARE

MOST_STRATA: Final = 20
"""A column of more values that are not rare would leave each of them too few labels to tell how long they take."""
LEAST_EFFECT: Final = 0.02
"""Share of the variance of the delays' ranks. Of two equally frequent kinds of rows, one 1.4 times as slow as the
other; twice as slow is 0.08. Below it a stratum costs more labels than it tells, however sure it is."""
_CHANCE: Final = 0.01
"""How often one column or more may be named where none explains anything."""
_MOVES: Final = 0.1
"""Share of the variance of the ranks of the predictions' times that a column may explain. In a year of hotel bookings
the month of arrival explains 0.16, every other column at most 0.04."""
_FEWEST: Final = 300
_PARTS: Final = 5
"""Numbers are looked at in so many equal parts."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Explained:
    """What a column says of the delays within a class.

    effect: share of the variance of their ranks, η², in [0, 1]. chance: of an effect as great in one of the columns
    looked at, if none said anything. columns: so many were looked at. rows: labels that were compared.
    """

    effect: float
    chance: float
    columns: int
    rows: int

    def __str__(self) -> str:
        chance = "p < 1e-6" if self.chance < 1e-6 else f"p = {self.chance:.1g}"
        several = f", one of {self.columns} columns" if self.columns > 1 else ""
        return (
            f"explains {self.effect:.0%} of how long labels of a class take ({self.rows:,} labels, {chance}{several})"
        )


def explained(
    rows: pd.DataFrame, kinds: Mapping[str, Kind], asked: Array, delay: Array, label: Array
) -> dict[str, Explained]:
    """Columns that say how long labels take, the one that says most first; none without 300 labels.

    rows: of the predictions that have a label. asked: when they were made; a column that moves on with time is left
    out: its values come and go, and none has been seen for as long as its labels take. delay: in any unit. label: their
    classes, as codes; labels of one class take longer than those of the other, so that within a class alone a column is
    compared with the delay.

    Kruskal and Wallis 1952 by class, statistics and degrees of freedom added (as van Elteren 1960 does with two
    groups); p-values by Holm 1979; η² of ranks by Tomczak and Tomczak 2014.
    """
    if len(delay) < _FEWEST:
        return {}
    parted = {name: _parts(rows[name], kind) for name, kind in kinds.items()}
    parted = {name: part for name, part in parted.items() if 2 <= part.max(initial=-1) + 1 <= MOST_STRATA + 1}
    parted = {name: part for name, part in parted.items() if not _moves(asked, part)}
    tested = {name: _compared(delay, label, part) for name, part in parted.items()}
    found = {name: one for name, one in tested.items() if one is not None}
    ranked = sorted(found, key=lambda name: found[name].chance)
    worst, kept = 0.0, {}
    for i, name in enumerate(ranked):
        worst = max(worst, min(1.0, found[name].chance * (len(ranked) - i)))
        if worst < _CHANCE and found[name].effect >= LEAST_EFFECT:
            kept[name] = Explained(found[name].effect, worst, len(ranked), found[name].rows)
    return dict(sorted(kept.items(), key=lambda pair: -pair[1].effect))


def mature(labelled: Labelled, times: tuple[str, str]) -> tuple[Array, Array]:
    """(place of each row's first label, its delay in days) of predictions old enough to have nearly all of theirs.

    Of younger ones the slow labels are missing, and a column that moves on with time would seem to explain it.
    """
    asked, told = labelled.asked[times[0]], labelled.told[times[1]]
    days = (told - asked) / 86_400
    order = np.lexsort((days, labelled.row))
    order = order[np.isfinite(days[order])]
    first = order[np.unique(labelled.row[order], return_index=True)[1]]
    if not first.size:
        return first, days[first]
    newest = told[first].max() - np.quantile(days[first], 0.99) * 86_400
    old = first[asked[first] <= newest]
    return old, days[old]


def _parts(column: pd.Series[Any], kind: Kind) -> Array:
    """Codes 0, 1 …: of values, rare ones together, or of equal parts of a number; missing ones are a part."""
    if kind is Kind.NUMERIC:
        edges = np.unique(column.astype(float).quantile(np.arange(1, _PARTS) / _PARTS).dropna())
        x = column.to_numpy(float, na_value=np.nan)
        codes = np.where(np.isnan(x), -1, np.searchsorted(edges, x, side="left"))
    else:
        codes = pd.factorize(column)[0]
    counts = np.bincount(codes + 1)
    named = np.flatnonzero(counts >= RARE)
    place = np.full(len(counts), len(named))
    place[named] = np.arange(len(named))
    return np.unique(place[codes + 1], return_inverse=True)[1]


def _moves(asked: Array, part: Array) -> bool:
    found = _compared(asked, np.zeros(len(asked), np.int64), part)
    return found is not None and found.effect > _MOVES


def _compared(delay: Array, label: Array, part: Array) -> Explained | None:
    """Of one column alone; None where no class has two parts."""
    statistic, freedom, rows, groups = 0.0, 0, 0, 0
    for one in np.unique(label):
        mine = label == one
        found = _kruskal(delay[mine], part[mine])
        if found is not None:
            statistic, freedom = statistic + found[0], freedom + found[1]
            rows, groups = rows + int(mine.sum()), groups + found[1] + 1
    if not freedom:
        return None
    effect = max(0.0, (statistic - freedom) / (rows - groups))
    return Explained(effect, float(chi2.sf(statistic, freedom)), 1, rows)


def _kruskal(delay: Array, part: Array) -> tuple[float, int] | None:
    """(H, degrees of freedom), corrected for ties; None where there is nothing to compare."""
    names, place = np.unique(part, return_inverse=True)
    n = len(delay)
    if len(names) < 2 or n <= len(names) + 1:
        return None
    ranks = rankdata(delay)
    variance = float(np.var(ranks, ddof=1))
    if not variance:
        return None
    size = np.bincount(place)
    mean = np.bincount(place, ranks) / size
    return float((size * (mean - ranks.mean()) ** 2).sum() / variance), len(names) - 1
