"""One chart's components as they were measured, and the panel that is made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from airflow_ml_monitor.keys import WHOLE, Slice, Window, WindowRule, WindowUnit, overlaps
from airflow_ml_monitor.policy.action import Action
from airflow_ml_monitor.policy.chart import SHIFT, TOGETHER, Chart
from airflow_ml_monitor.policy.charts.panel import RARE, SHAPE, SHARE, Counts, Flags, Floats, Panel

_LEAST: Final = {"location": 0.04, "scale": 0.05, "skewness": 0.08, "missing": 0.03, "other": 0.03, "outside": 0.03}
_LEAST_SHARE: Final = 0.02
_LEAST_PERFORMANCE: Final = 0.01
_WEIGHTS: Final = {"location": 3.0, "scale": 2.0, "skewness": 1.0, "outside": 1.0}
"""A column's budget among its components: most changes move its location."""
_WEIGHT: Final = 2.0
_SHAPES: Final = ("location", "scale", "skewness")
_FEW: Final = 10
"""A share of fewer rows a window than this is no normal number."""


class Part(NamedTuple):
    """What one component is of."""

    column: str
    parameters: str
    slice: Slice = WHOLE

    @property
    def about(self) -> tuple[str, ...]:
        """The columns: of a correlation both."""
        return (self.column,) if self.column else tuple(self.parameters.split("~"))


@dataclass(frozen=True, eq=False)
class Charted:
    """A chart's components of one dataset or label source, by window, oldest first.

    names: what each is of; value, variance, rows: (T, J), NaN where a window has none. worse: the sign of
    a change for the worse, 0 where both are. models: (T,) True where other model versions answer than before; made:
    the columns that they make. holidays: days on which nothing is usual. share: (T,) of all false alarms what it may
    spend; without rows: all.
    """

    chart: Chart
    dataset: str
    rule: WindowRule
    model_version: str
    windows: tuple[Window, ...]
    names: tuple[Part, ...]
    value: Floats
    variance: Floats
    rows: Floats
    worse: int = 0
    models: Flags = field(default_factory=lambda: np.zeros(0, bool))
    made: frozenset[str] = frozenset()
    holidays: frozenset[date] = frozenset()
    share: Floats = field(default_factory=lambda: np.zeros(0))

    @property
    def columns(self) -> list[str]:
        return [part.column for part in self.names]

    @property
    def spent(self) -> Floats:
        """(T,): its share of all false alarms."""
        return self.share if len(self.share) else np.ones(len(self.windows))

    def is_holiday(self, window: Window) -> bool:
        """True of a day that is one."""
        day = window.start.astimezone(ZoneInfo(self.rule.zone)).date()
        return self.rule.unit is WindowUnit.DAY and day in self.holidays

    def free(self, held: Collection[Window]) -> Flags:
        """(T,): windows that may be judged and learnt from: their data is not broken, and they are no holidays."""
        return np.array([not overlaps(window, held) and not self.is_holiday(window) for window in self.windows], bool)

    @property
    def fresh(self) -> Flags:
        """(T, J): a component is another thing from this window on, as another model makes it; (0, 0): nowhere."""
        mine = np.array([any(name in self.made for name in part.about) for part in self.names], bool)
        found: Flags = np.outer(self.models, mine) if self.models.any() else np.zeros((0, 0), bool)
        return found

    def accepted(self, said: Collection[tuple[Action, Window]]) -> Flags:
        """(T,): the first window after each incident of the chart's action that was called false."""
        found = np.zeros(len(self.windows), bool)
        for action, last in said:
            later = [t for t, window in enumerate(self.windows) if window.start >= last.end]
            if action is self.chart.action and later:
                found[later[0]] = True
        return found

    def panel(self, held: Collection[Window], said: Collection[tuple[Action, Window]] = ()) -> Panel:
        """What is judged of it: nothing in windows that are held, as their data is broken, or on holidays.

        said: see `accepted`.
        """
        day = np.array([window.start.timestamp() / 86_400 for window in self.windows])
        is_daily = self.rule.unit is WindowUnit.DAY
        zone = ZoneInfo(self.rule.zone)
        phase = [window.start.astimezone(zone).weekday() if is_daily else 0 for window in self.windows]
        return Panel(
            day=day,
            phase=np.array(phase, np.int64),
            value=np.where(self.free(held)[:, None], self.value, np.nan),
            variance=self.variance,
            group=self._group(),
            least=self.least,
            side=np.full(len(self.names), self.worse, np.int64),
            weight=self._weight(),
            phases=7 if is_daily else 1,
            fresh=self.fresh,
            accepted=self.accepted(said),
            share=self.spent,
        )

    def _group(self) -> Counts:
        """By what a component is, and how many rows it is of."""
        if self.chart.metric != SHIFT:
            return np.full(len(self.names), SHAPE, np.int64)
        is_shape = np.array([part.parameters in _SHAPES for part in self.names])
        with np.errstate(invalid="ignore"):
            expected = _middle(self.rows) * np.sin(np.clip(_middle(np.abs(self.value)), 0, np.pi) / 2) ** 2
        kept = np.array([part.parameters.startswith("category=") for part in self.names])
        found: Counts = np.where(is_shape, SHAPE, np.where(kept | (expected >= _FEW), SHARE, RARE)).astype(np.int64)
        return found

    @cached_property
    def least(self) -> Floats:
        """(J,): below it nothing alarms."""
        if self.chart.least is not None:
            return np.full(len(self.names), self.chart.least)
        if self.chart.metric != SHIFT:
            return np.full(len(self.names), TOGETHER.get(self.chart.metric, _LEAST_PERFORMANCE))
        return np.array([_LEAST.get(part.parameters, _LEAST_SHARE) for part in self.names])

    def _weight(self) -> Floats:
        """Every column has the same, times its importance, whatever the number of its components; all slices together
        have as much as the whole."""
        slices = sum(part.slice != WHOLE for part in self.names)
        of = [_WEIGHTS.get(part.parameters, _WEIGHT) for part in self.names]
        parts = np.array([w / (slices if part.slice != WHOLE else 1) for w, part in zip(of, self.names, strict=True)])
        columns, place = np.unique(self.columns, return_inverse=True)
        share = np.array([self.chart.importance.get(str(column), 1.0) for column in columns])
        found: Floats = parts / np.bincount(place, parts)[place] * share[place]
        return found


def _middle(of: Floats) -> Floats:
    """(J,): the median over windows; 0 without any."""
    known = np.isfinite(of)
    found = [float(np.median(column[mask])) if mask.any() else 0.0 for column, mask in zip(of.T, known.T, strict=True)]
    return np.array(found)


def shared(charted: Sequence[Charted], weight: float) -> list[Charted]:
    """Each with its share of the budget: its chart's of the weight of all charts, in equal parts with the chart's other
    series of the same window. What comes later takes nothing from what was judged before."""
    beside = Counter((one.chart.title, window) for one in charted for window in one.windows)
    return [
        replace(one, share=np.array([one.chart.weight / weight / beside[one.chart.title, w] for w in one.windows]))
        for one in charted
    ]
