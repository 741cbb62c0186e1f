"""What became of a column's categories: which are gone, which are new, and whether the others have moved."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Final

from airflow_ml_monitor.profile.text_forms import DAMAGE
from airflow_ml_monitor.profile.views import ColumnView

GONE: Final = 14.0
"""Rows of a category that are expected, so that none at all has a chance of 1e-6."""
APART: Final = 4.0
"""Standard deviations within which a category is as it was."""
TIGHT: Final = 0.3
"""A category's standard deviation, in parts of its rows, up to which a match of rows is no coincidence."""
SURE: Final = 10.0
"""By which one explanation's sum of squared deviations must be less than another's: a likelihood ratio of 150."""
TOLD: Final = 3.0
"""Standard deviations between two categories that are told apart by their rows."""
VARIES: Final = (0.05, 0.15, 0.3)
"""How much a share varies from day to day, in parts of itself: least, usual (before three days tell) and most."""
ENOUGH: Final = 3
MOST_LETTERS: Final = 40


@dataclass(frozen=True)
class CategoryShift:
    """A column's categories in the reference and now.

    share: of the reference's rows with a value, by category. rows: now. new: values without a bucket → rows, of those
    that at least RARE rows have; what looks wrongly decoded is another story and makes `tells` False. Values that stood
    beside what is gone now are no new names of it: neither they nor their rows are looked at.
    n: rows with one of the other values now; reference_n: in the reference. varies: from day to day, in parts of a
    share.
    """

    share: Mapping[str, float]
    rows: Mapping[str, int]
    new: Mapping[str, int]
    n: int
    reference_n: int
    varies: float

    @classmethod
    def of(
        cls, reference: ColumnView, current: ColumnView, before: Sequence[ColumnView], new: Sequence[Mapping[str, int]]
    ) -> CategoryShift:
        """new: values without a bucket, of the window and of each one before."""
        share = {name: rows / max(reference.n, 1) for name, rows in _rows(reference).items()}
        days = [(_rows(view), view.n) for view in before if view.n]
        varies = _varies(share, reference.n, days)
        first = cls(share, _rows(current), new[0], current.n, reference.n, varies)
        if not first.gone:
            return first
        beside = [unseen for view, unseen in zip(before, new[1:], strict=True) if any(map(_rows(view).get, first.gone))]
        fresh = {name: rows for name, rows in new[0].items() if not any(name in unseen for unseen in beside)}
        settled = sum(new[0].values()) - sum(fresh.values())
        return replace(first, new=fresh, n=first.n - settled)

    def _spread(self, share: float) -> float:
        """Standard deviation of a category's rows: by chance, of the reference's share, and from day to day."""
        binomial = self.n * share * (1 - share) * (1 + self.n / self.reference_n)
        return math.sqrt(max(binomial + (self.varies * self.n * share * (1 - share)) ** 2, 1.0))

    @property
    def tells(self) -> bool:
        """Whether anything can be said."""
        damage = re.compile(DAMAGE)
        return self.n > 0 and self.reference_n > 0 and not any(damage.search(value) for value in self.new)

    def expected(self, names: Iterable[str]) -> float:
        """Rows that some categories would have."""
        return self.n * sum(self.share[name] for name in names)

    @cached_property
    def gone(self) -> tuple[str, ...]:
        """Categories without a row, the most frequent first."""
        found = (name for name, rows in self.rows.items() if rows == 0 and self.expected([name]) >= GONE)
        return tuple(sorted(found, key=lambda name: (-self.share[name], name)))

    @cached_property
    def newest(self) -> tuple[str, ...]:
        """New values, the most frequent first."""
        return tuple(sorted(self.new, key=lambda value: (-self.new[value], value)))

    @cached_property
    def staying(self) -> tuple[str, ...]:
        gone = set(self.gone)
        return tuple(name for name in self.share if name not in gone)

    def deviation(self, rows: float, names: Iterable[str]) -> float:
        """How far so many rows are from what some categories would have together, in standard deviations."""
        share = sum(self.share[name] for name in names)
        return (rows - self.n * share) / self._spread(share)

    def is_as(self, rows: float, names: Iterable[str]) -> bool:
        return abs(self.deviation(rows, names)) <= APART

    def misfit(self, scale: float = 1.0) -> float:
        """Sum of squared deviations of the staying categories, were the expected ones `scale` times as many."""
        return sum(self._square(name, scale) for name in self.staying)

    def _square(self, name: str, scale: float = 1.0, moved: float = 0.0) -> float:
        """One category's squared deviation, had `moved` rows come to (or left) it."""
        expected = self.expected([name]) * scale + moved
        return ((self.rows[name] - expected) / self._spread(self.share[name])) ** 2

    def others_stay(self, *but: str, lost: Iterable[str] = ()) -> bool:
        """Whether every staying category but some has as many rows as expected, and so have the values that are not
        named, among which the `lost` categories are."""
        names = [name for name in self.staying if name not in but]
        rest = self.n - sum(self.rows.values()) - sum(self.new.values())
        # A rare category without a row may have gone with the others.
        unnamed = [*lost, *(name for name in names if not self.rows[name])]
        usual = min(max(1 - sum(self.share.values()) + sum(self.share[name] for name in unnamed), 0.0), 1.0)
        is_rest = abs(rest - self.n * usual) <= APART * self._spread(usual)
        return is_rest and all(self.is_as(self.rows[name], [name]) for name in names if self.expected([name]) >= GONE)

    def tells_apart(self, names: Sequence[str]) -> bool:
        """Whether some categories, the most frequent first, differ so much that their rows say which is which."""
        pairs = pairwise(names)
        return all(abs(self.deviation(self.expected([low]), [high])) > TOLD for high, low in pairs)

    def is_tight(self, name: str) -> bool:
        """Whether a category's rows are known well enough for a match to say something."""
        share = self.share[name]
        return self._spread(share) <= TIGHT * self.expected([name])

    def source(self, moved: float, scale: float) -> str:
        """The one staying category that all `moved` rows came to (or, negative, left); '' where that is in doubt.

        scale: of the expected rows, had the others shared them in proportion.
        """
        plain = self.misfit()
        misfits = sorted((plain - self._square(name) + self._square(name, moved=moved), name) for name in self.staying)
        if not misfits:
            return ""
        best, name = misfits[0]
        rivals = [self.misfit(scale), *(misfit for misfit, _ in misfits[1:2])]
        explains = self.is_as(self.rows[name] - moved, [name]) and self.others_stay(name)
        return name if explains and min(rivals) - best >= SURE else ""


def shortened(name: str) -> str:
    """A category as a row's parameters name it."""
    return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "…"


def _rows(view: ColumnView) -> dict[str, int]:
    counts = dict(zip(view.cells.bucket.tolist(), view.cells.count.tolist(), strict=True))
    return {name: counts.get(i, 0) for i, name in enumerate(view.binning.categories)}


def _varies(share: Mapping[str, float], reference_n: int, days: Sequence[tuple[Mapping[str, int], int]]) -> float:
    """From the windows before in which hardly a value was new or gone."""
    sound = [(rows, n) for rows, n in days if sum(rows.values()) >= 0.9 * n]
    if len(sound) < ENOUGH:
        return VARIES[1]
    squares, weights = 0.0, 0.0
    for rows, n in sound:
        for name, part in share.items():
            chance = n * part * (1 - part) * (1 + n / reference_n)
            squares += (rows[name] - n * part) ** 2 - chance
            weights += (n * part * (1 - part)) ** 2
    found = math.sqrt(max(squares, 0.0) / weights) if weights else 0.0
    return min(max(found, VARIES[0]), VARIES[2])
