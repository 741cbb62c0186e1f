"""What a metric is, and how they are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.measurement import Estimate, Estimates, Family, base_of
from airflow_ml_monitor.metrics.names import ROOMS, WEIGHTED
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.task import Task, TaskKind

if TYPE_CHECKING:
    from airflow_ml_monitor.profile.cells import Floats
    from airflow_ml_monitor.profile.labelled_view import ScoredCells
    from airflow_ml_monitor.profile.totals_view import TotalsView


class Subject(StrEnum):
    """What a metric's function is given."""

    DATASET = "dataset"
    """a DatasetView"""
    DATASET_PAIR = "dataset_pair"
    """a DatasetPair: reference and current"""
    COLUMN = "column"
    """a ColumnView"""
    SCORE_COLUMN = "score_column"
    """a ScoreView: a column of role score, with the task"""
    PAIR = "pair"
    """a PairView: reference and current"""
    LABELLED = "labelled"
    """a LabelledView"""
    LABELLED_PAIR = "labelled_pair"
    """a LabelledPair: reference and current"""
    LABELLED_FEATURES = "labelled_features"
    """a LabelledPair of the whole, with what features tell of the labels"""
    FEED = "feed"
    """a FeedView: reference, current, and the windows before"""
    FEED_COLUMN = "feed_column"
    """a FeedColumn: the same of one column that arrived as declared"""
    LOST_COLUMN = "lost_column"
    """a FeedColumn: of one that did not, see FeedView.lost"""
    LABEL_FEED = "label_feed"
    """a LabelFeedView: labels by the day on which they became known"""
    SKEWED_COLUMN = "skewed_column"
    """a SkewedColumn: of rows joined with their replay"""


class Worse(StrEnum):
    """In which direction a metric gets worse."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


Formula = Callable[["ScoredCells"], "Floats"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A named formula. family, subject: when it runs and on what; kinds: columns; tasks: models.

    range: what values are possible (closed). unit: '' (a share or index), 'rows', 's', 'column' (the column's unit),
    'label' (the label's unit), 'nat', 'money' (the payoff's currency). symmetric: unchanged when reference and current
    swap places.
    version: raise it when the numbers change; revisions made with another version are due again.
    formula: the value alone, of ScoredCells, one for each draw; NaN where it is undefined. What has a formula can be
    estimated before all labels are known, unless it waits. by_draws: chance lifts it (a maximum; a rank of few), so
    that whole rows have another value on average than expected rows: it is estimated by the mean of drawn ones.
    of_right: it holds of several classes too, where the rows of a positive label are those predicted right.
    formula_of: the formula, or None, of a task where it depends on that.
    of_totals: the same of rows whose labels are known as totals alone; None: they do not tell it.
    yields_to: of faults of a column: those that explain it where both are found; they alone are then named.
    """

    name: str
    family: Family
    subject: Subject
    function: Callable[[Any], Estimate | Estimates]
    range: tuple[float, float]
    unit: str
    worse: Worse
    kinds: tuple[Kind, ...] = ()
    tasks: tuple[TaskKind, ...] = ()
    symmetric: bool = False
    version: int = 1
    formula: Formula | None = None
    waits: bool = False
    by_draws: bool = False
    of_right: bool = False
    formula_of: Callable[[Task], Formula | None] | None = None
    of_totals: Callable[[TotalsView], Estimate] | None = None
    yields_to: tuple[str, ...] = ()

    def of(self, task: Task) -> Metric:
        """The metric of one task: with its formula where that depends on the task."""
        return replace(self, formula=self.formula_of(task)) if self.formula_of else self

    def estimable(self, task: TaskKind) -> bool:
        """True if it can be estimated before all labels are known."""
        return self.formula is not None and not self.waits and (task is TaskKind.BINARY or self.of_right)

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]


_registry: dict[str, Metric] = {}


def metric(
    family: Family,
    subject: Subject,
    *,
    range: tuple[float, float],
    worse: Worse,
    unit: str = "",
    kinds: tuple[Kind, ...] = (),
    tasks: tuple[TaskKind, ...] = (),
    symmetric: bool = False,
    version: int = 1,
    formula: Formula | None = None,
    waits: bool = False,
    by_draws: bool = False,
    of_right: bool = False,
    formula_of: Callable[[Task], Formula | None] | None = None,
    of_totals: Callable[[TotalsView], Estimate] | None = None,
    yields_to: tuple[str, ...] = (),
) -> Callable[[Callable[[Any], Estimate | Estimates]], Callable[[Any], Estimate | Estimates]]:
    """Register a function as the metric of its name."""

    def register(function: Callable[[Any], Estimate | Estimates]) -> Callable[[Any], Estimate | Estimates]:
        name = function.__name__
        about = (range, unit, worse, kinds, tasks, symmetric, version, formula, waits, by_draws, of_right, formula_of)
        _registry[name] = Metric(name, family, subject, function, *about, of_totals, yields_to)
        return function

    return register


def fault(
    subject: Subject,
    *,
    kinds: tuple[Kind, ...] = (),
    tasks: tuple[TaskKind, ...] = (),
    yields_to: tuple[str, ...] = (),
) -> Callable[[Callable[[Any], Estimate | Estimates]], Callable[[Any], Estimate | Estimates]]:
    """Register a function as the named fault of its name: a share of rows."""
    every, worse = (0.0, 1.0), Worse.UP
    return metric(Family.FAULT, subject, range=every, worse=worse, kinds=kinds, tasks=tasks, yields_to=yields_to)


@cache
def metrics() -> dict[str, Metric]:
    """Every metric by name; imports every room of them."""
    for room in ROOMS:
        package = importlib.import_module(f"airflow_ml_monitor.metrics.{room}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_registry.items()))


def unit_of(name: str) -> str:
    """The unit of what is stored under a name, as its metric declares it; '' for what is measured beside metrics too.

    >>> unit_of("freshness"), unit_of("final.mae"), unit_of("label_maturity")
    ('s', 'label', '')
    """
    found = metrics().get(base_of(name).removeprefix(WEIGHTED))
    return found.unit if found else ""


def metric_named(name: str) -> Metric:
    """One metric, weighted ones among them; UnknownName lists those that exist."""
    plain = metrics().get(name.removeprefix(WEIGHTED))
    if name.startswith(WEIGHTED) and plain and plain.formula:
        found: Metric = importlib.import_module("airflow_ml_monitor.metrics.weighted").weighted(plain)
        return found
    if name not in metrics():
        raise UnknownName("metric", name, metrics())
    return metrics()[name]
