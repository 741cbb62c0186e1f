"""One chart's components as they were measured, and the panel that is made of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit, overlaps
from airflow_ml_monitor.policy.chart import SHIFT, Chart
from airflow_ml_monitor.policy.charts.panel import RARE, SHAPE, SHARE, Counts, Flags, Floats, Panel

_LEAST: Final = {"location": 0.04, "scale": 0.05, "skewness": 0.08, "missing": 0.03, "other": 0.03, "outside": 0.03}
_LEAST_SHARE: Final = 0.02
_LEAST_OTHER: Final = {"correlation_change": 0.05, "component_mean": 0.05, "component_variance": 0.1}
_LEAST_PERFORMANCE: Final = 0.01
_WEIGHTS: Final = {"location": 3.0, "scale": 2.0, "skewness": 1.0, "outside": 1.0}
"""A column's budget among its components: most changes move its location."""
_WEIGHT: Final = 2.0
_SHAPES: Final = ("location", "scale", "skewness")
_FEW: Final = 10
"""A share of fewer rows a window than this is no normal number."""


@dataclass(frozen=True, eq=False)
class Charted:
    """A chart's components of one dataset or label source, by window, oldest first.

    names: (column, parameters) of each; value, variance, rows: (T, J), NaN where a window has none. worse: the sign of
    a change for the worse, 0 where both are. models: (T,) True where other model versions answer than before; made:
    the columns that they make.
    """

    chart: Chart
    dataset: str
    rule: str
    model_version: str
    windows: tuple[Window, ...]
    names: tuple[tuple[str, str], ...]
    value: Floats
    variance: Floats
    rows: Floats
    worse: int = 0
    models: Flags = field(default_factory=lambda: np.zeros(0, bool))
    made: frozenset[str] = frozenset()

    @property
    def columns(self) -> list[str]:
        return [column for column, _ in self.names]

    @property
    def fresh(self) -> Flags:
        """(T, J): a component is another thing from this window on, as another model makes it; (0, 0): nowhere."""
        mine = np.array([column in self.made for column in self.columns], bool)
        found: Flags = np.outer(self.models, mine) if self.models.any() else np.zeros((0, 0), bool)
        return found

    def panel(self, rule: WindowRule, held: Collection[Window]) -> Panel:
        """What is judged of it: nothing in windows that are held, as their data is broken."""
        day = np.array([window.start.timestamp() / 86_400 for window in self.windows])
        is_daily = rule.unit is WindowUnit.DAY
        zone = ZoneInfo(rule.zone)
        phase = [window.start.astimezone(zone).weekday() if is_daily else 0 for window in self.windows]
        free = np.array([not overlaps(window, held) for window in self.windows])
        return Panel(
            day=day,
            phase=np.array(phase, np.int64),
            value=np.where(free[:, None], self.value, np.nan),
            variance=self.variance,
            group=self._group(),
            least=self.least,
            side=np.full(len(self.names), self.worse, np.int64),
            weight=self._weight(),
            phases=7 if is_daily else 1,
            fresh=self.fresh,
        )

    def _group(self) -> Counts:
        """By what a component is, and how many rows it is of."""
        if self.chart.metric != SHIFT:
            return np.full(len(self.names), SHAPE, np.int64)
        is_shape = np.array([part in _SHAPES for _, part in self.names])
        with np.errstate(invalid="ignore"):
            expected = _middle(self.rows) * np.sin(np.clip(_middle(np.abs(self.value)), 0, np.pi) / 2) ** 2
        kept = np.array([part.startswith("category=") for _, part in self.names])
        found: Counts = np.where(is_shape, SHAPE, np.where(kept | (expected >= _FEW), SHARE, RARE)).astype(np.int64)
        return found

    @cached_property
    def least(self) -> Floats:
        """(J,): below it nothing alarms."""
        if self.chart.least is not None:
            return np.full(len(self.names), self.chart.least)
        if self.chart.metric != SHIFT:
            return np.full(len(self.names), _LEAST_OTHER.get(self.chart.metric, _LEAST_PERFORMANCE))
        return np.array([_LEAST.get(part, _LEAST_SHARE) for _, part in self.names])

    def _weight(self) -> Floats:
        """Every column has the same, times its importance, whatever the number of its components."""
        parts = np.array([_WEIGHTS.get(part, _WEIGHT) for _, part in self.names])
        columns, place = np.unique(self.columns, return_inverse=True)
        share = np.array([self.chart.importance.get(str(column), 1.0) for column in columns])
        found: Floats = parts / np.bincount(place, parts)[place] * share[place]
        return found


def _middle(of: Floats) -> Floats:
    """(J,): the median over windows; 0 without any."""
    known = np.isfinite(of)
    found = [float(np.median(column[mask])) if mask.any() else 0.0 for column, mask in zip(of.T, known.T, strict=True)]
    return np.array(found)


def budgets(charted: Sequence[Charted], false_alarms: float) -> list[float]:
    """What each has of the false alarms a year: by its chart's weight, and in equal parts where a chart has several."""
    charts = [id(one.chart) for one in charted]
    shares = [one.chart.weight / charts.count(id(one.chart)) for one in charted]
    return [false_alarms * share / sum(shares) for share in shares]
