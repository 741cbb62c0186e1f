"""What is watched by control charts. Light: imported when a DAG is parsed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.measurement import Severity
from airflow_ml_monitor.policy.action import Action

SHIFT: Final = "shift"
"""The metric whose parts are every column's signed components."""
TOGETHER: Final = {
    "component_mean": 0.05,
    "component_variance": 0.1,
    "correlation_change": 0.05,
    "label_correlation_change": 0.05,
}
"""Metrics of columns together, and with the label, whose parts have a sign: what no column shows by itself; and the
change of a part below which none alarms, where a chart says nothing else."""
CALLS: Final = "calls_per_version"
"""The metric by which charts know that another model answers."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A metric watched for what is unusual of it, at a part of the policy's budget of false alarms.

    metric: `shift`, each column's signed components; `correlation_change`, `component_mean` or `component_variance`, of
    columns together, `label_correlation_change` of each with the label; one of quality; or one of labelled rows, such
    as `roc_auc`, of which only a change for the worse alarms. columns: those it looks at; empty means all. slices: True
    also watches every slice that a performance is measured in, and names of columns the slices by these; together they
    have as much of the budget as the whole. importance: {column: how much of the budget it has beside the others'}, 1
    where nothing is said. weight: the same of the chart beside other charts.
    least: below it nothing alarms, however large n is; in the metric's unit. None: 0.04 standard deviations of a
    location, 0.05 of a scale, 0.08 of a skewness, 0.02 (Cohen's h) of a share, 0.03 of missing, unseen and outlying
    values; 0.05 of a correlation's Fisher z and of a component's mean, 0.1 of its log variance; 0.01 of a performance.
    """

    metric: str = SHIFT
    action: Action = Action.ALERT
    columns: tuple[str, ...] = ()
    slices: bool | tuple[str, ...] = False
    importance: Mapping[str, float] = field(default_factory=dict)
    weight: float = 1.0
    least: float | None = None
    severity: Severity = Severity.WARNING
    name: str = ""

    def __post_init__(self) -> None:
        where = f"policy.charts.{self.title}"
        if not 0 < self.weight < math.inf:
            raise SpecError(f"{self.weight} is no part of a budget; give a number above 0", field=f"{where}.weight")
        if wrong := [column for column, weight in self.importance.items() if not 0 < weight < math.inf]:
            told = f"{self.importance[wrong[0]]} is no part of a budget; give a number above 0"
            raise SpecError(told, field=f"{where}.importance.{wrong[0]}")
        if self.least is not None and not 0 <= self.least < math.inf:
            raise SpecError(f"{self.least} is no size; give 0 or more", field=f"{where}.least")

    def looks_at(self, column: str, slice: Slice) -> bool:
        """True of the columns and slices that it watches."""
        if self.columns and column not in self.columns:
            return False
        if isinstance(self.slices, tuple):
            return all(name in self.slices for name, _ in slice)
        return self.slices or slice == WHOLE

    @property
    def title(self) -> str:
        """What it is called in decisions: its name, or its metric's."""
        return self.name or self.metric
