"""What fault metrics see: a window's profile beside the reference's and those of the windows before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.profile.category_shift import CategoryShift
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.layout import SPECIAL, Binning, Layout
from airflow_ml_monitor.profile.mixture import Alter, Usual, usuals
from airflow_ml_monitor.profile.renames import renames
from airflow_ml_monitor.profile.views import ColumnView, PairView

FEWEST: Final = 5
"""Windows before from which it is known whether one has several values of a column."""


@dataclass(frozen=True)
class FeedView:
    """One dataset as it arrived.

    before: profiles of earlier windows of the same length and layout, the newest first; windows that were not profiled
    are left out. Their rows may be none, and they may have had faults of their own.
    """

    dataset: Dataset
    layout: Layout
    reference: Profile
    current: Profile
    before: Sequence[Profile] = ()

    @property
    def rows(self) -> int:
        """Of the window."""
        return self.current.population

    def need(self, rows: int) -> None:
        """Raise TooFew unless the window has so many rows."""
        if self.rows < rows:
            raise TooFew(f"{self.rows} rows, {rows} needed")

    @cached_property
    def alike(self) -> tuple[Profile, ...]:
        """The windows before that began on the same day of the week; of less than a day: at the same hour."""
        start, hour = self.current.window.start, timedelta(hours=1)
        every = 7 * 24 if self.current.window.end - start > 22 * hour else 24
        # Rounded to a part of a day: a day on which clocks change has another length.
        apart = [(p, (start - p.window.start) / hour % every) for p in self.before]
        return tuple(p for p, hours in apart if min(hours, every - hours) <= 1 and p.rows.get(WHOLE))

    @cached_property
    def since_alike(self) -> tuple[Profile, ...]:
        """The windows before that are newer than the newest one alike: the other weekdays. What they all have in
        common with it is no weekday's own."""
        newer = [p for p in self.before if self.alike and p.window.start > self.alike[0].window.start]
        return tuple(p for p in newer if p.rows.get(WHOLE))

    @property
    def usual_rows(self) -> float:
        """Rows of the newest window alike, else of the median one before; 0 without any."""
        if self.alike:
            return float(self.alike[0].population)
        return float(np.median([rows for p in self.before if (rows := p.population)] or [0]))

    @cached_property
    def columns(self) -> tuple[FeedColumn, ...]:
        """The measured columns that arrived as declared, in the window and in the reference.

        Scores of a model version that most windows before did not have are left out: they are another model's.
        """
        missing = {*self.current.faults, *self.reference.faults}
        found = [column for column in self.dataset.measured if column.name in self.layout]
        found = [column for column in found if not missing & {"", column.name}]
        made = self.dataset.outputs if self._has_new_version else ()
        return tuple(FeedColumn(self, column) for column in found if column not in made)

    @property
    def _has_new_version(self) -> bool:
        if not self.before or not self.current.versions:
            return False
        newest = max(self.current.versions, key=lambda name: self.current.versions[name])
        known = sum(newest in profile.versions for profile in self.before)
        return newest not in self.reference.versions and known <= len(self.before) / 2

    @cached_property
    def lost(self) -> tuple[FeedColumn, ...]:
        """The declared columns that the window lacks, or has as another type; of those that are not measured (keys,
        model version) the ones that a window before had."""
        faults, arrived = self.current.faults, self.current.traces.columns
        if not self.rows or not arrived:
            return ()
        measured = {column.name for column in self.dataset.measured}
        before = {name for profile in self.before for name in profile.traces.columns}
        keys = (Column(key, Kind.CATEGORICAL, Role.ENTITY_KEY) for key in self.dataset.entity_key)
        declared = {column.name: column for column in (*keys, *self.dataset.columns)}
        found = [c for c in declared.values() if c.name in (faults if c.name in measured else before - {*arrived})]
        return tuple(FeedColumn(self, column) for column in found)

    @cached_property
    def renamed(self) -> Mapping[str, str]:
        """Declared columns that arrived under another name: that name."""
        arrived = self.current.traces.columns
        missing = [c.name for c in self.lost if c.name in self.layout and c.name not in arrived]
        return renames(self.layout, self.reference, self.current, self.before, missing)


@dataclass(frozen=True)
class FeedColumn:
    """One column of a feed. Of one that is lost (see FeedView.lost) there are no cells of the window."""

    feed: FeedView
    column: Column

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def kind(self) -> Kind:
        return self.column.kind

    @property
    def binning(self) -> Binning:
        return self.feed.layout[self.name]

    @cached_property
    def reference(self) -> ColumnView:
        return ColumnView.of(self.feed.reference, self.feed.layout, self.name)

    @cached_property
    def current(self) -> ColumnView:
        return ColumnView.of(self.feed.current, self.feed.layout, self.name)

    @property
    def pair(self) -> PairView:
        return PairView(self.reference, self.current)

    @cached_property
    def before(self) -> tuple[ColumnView, ...]:
        """In the windows before in which it arrived as declared, the newest first."""
        return tuple(ColumnView.of(profile, self.feed.layout, self.name) for profile in self._whole)

    @property
    def _whole(self) -> list[Profile]:
        return [p for p in self.feed.before if not p.faults.keys() & {"", self.name}]

    @property
    def is_one(self) -> bool:
        """Whether all rows of the window that have a value have the same."""
        return _is_one(self.current, self.feed.current)

    @property
    def is_usually_several(self) -> bool:
        """Whether most of the windows before, and they are five at least, had several values: a window has but one
        weekday, and one price of the day."""
        pairs = zip(self.before, self._whole, strict=True)
        before = [_is_one(view, profile) for view, profile in pairs if view.n > 1]
        return len(before) >= FEWEST and 2 * sum(before) < len(before)

    @cached_property
    def shift(self) -> CategoryShift:
        """Of a column of categories."""
        new = [p.traces.unseen.get(self.name, {}) for p in (self.feed.current, *self._whole)]
        return CategoryShift.of(self.reference, self.current, self.before, new)

    @cached_property
    def usuals(self) -> tuple[Usual, ...]:
        """What its values are explained by, as a mixture with altered ones; none where it has hardly changed."""
        return usuals(self.current, self.reference, self.before)

    def mirrored(self, alter: Alter) -> Estimates:
        """The share of the rows with altered values, by an alteration that is its own inverse; {} where it explains
        no change."""
        for usual in self.usuals:
            fit = usual.altered(alter)
            if fit.mirrors():
                return {"": fit.estimate(self.current)}
        return {}


def _is_one(view: ColumnView, profile: Profile) -> bool:
    """True if all values of a column are the same."""
    if not view.n:
        return False
    if view.kind is not Kind.CATEGORICAL:
        low, high = view.extremes
        return low == high
    known = int((view.cells.count[view.cells.bucket > SPECIAL] > 0).sum())
    unseen = profile.traces.unseen.get(view.binning.column, {})
    # Those without a bucket are several unless one name has them all.
    return known == 1 if not view.other else not known and list(unseen.values()) == [view.n]
