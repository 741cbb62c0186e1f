"""What a metric is, and how they are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.measurement import (
    BOUNDS,
    BROKEN_RULES,
    CENSORED_ROWS,
    FINAL,
    LABEL_MATURITY,
    NAIVE,
    Estimate,
    Estimates,
    Family,
    base_of,
)
from airflow_ml_monitor.profile.dataset import Dataset, Kind, Role
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


class Need(StrEnum):
    """What a metric asks of the spec besides labels."""

    PAYOFF = "task.payoff"
    NAIVE_ERROR = "task.naive_error"
    THRESHOLDS = "task.thresholds"
    WEIGHT = "a column of role weight"
    BASELINE = "a column of role baseline"
    QUANTILE = "a column of role quantile"
    SAMPLE = "sample_rows of a dataset"

    def is_met(self, task: Task, dataset: Dataset) -> bool:
        """True if the spec declares it."""
        if self is Need.PAYOFF:
            return task.payoff is not None
        if self is Need.NAIVE_ERROR:
            return task.naive_error is not None
        if self is Need.THRESHOLDS:
            return bool(task.thresholds)
        if self is Need.SAMPLE:
            return dataset.sample_rows > 0
        return Role(self.value.removeprefix("a column of role ")) in dataset.roles


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


ALWAYS = frozenset({"row_count", "duplicate_rows"})
"""Metrics that are measured and judged whatever the spec asks for: without them no window could be called broken."""

QUARANTINED_ROWS = "quarantined_rows"
"""The share of a batch's rows that its contract held back before they were scored; parameters: the rule, '' for any."""

REPLAY_COVERAGE = "replay_coverage"
"""The share of a window's rows that found their partner in the replay."""
REPLAY_DIFFERENCE = "replay_difference"
"""The share of the joined rows whose value of a column differs, named a fault or not."""

REFERENCE_WINDOWS = "reference_windows"
"""How many windows a trailing reference is the sum of; n: its rows. Which, and which are left out, is the reason."""

PROXY_CORRELATION = "proxy_correlation"
"""How a proxy has gone with a performance metric over final windows; column: the proxy, parameters: the metric."""

BESIDES = frozenset(
    {
        BROKEN_RULES,
        CENSORED_ROWS,
        PROXY_CORRELATION,
        QUARANTINED_ROWS,
        REFERENCE_WINDOWS,
        "expectation",
        "orphan_labels",
        "repeated_labels",
        "refused_totals",
        REPLAY_COVERAGE,
        REPLAY_DIFFERENCE,
        LABEL_MATURITY,
        "label_delay",
        "label_silence",
    }
)
"""Stored under a metric's name without being a formula over cells: a contract's outcomes, what a label source shows,
what a proxy is worth."""

LABEL_FREE = ("cbpe", "direct_loss", "weighted_cbpe")
"""Estimators that look at no label: `cbpe.roc_auc` is what scores alone say. None of them can see concept drift."""

OF_TOTALS = {
    TaskKind.BINARY: ("calibration_in_the_large", "label_rate", "prediction_rate", "prediction_surplus"),
    TaskKind.REGRESSION: ("bias", "mean_label", "mean_prediction"),
}
"""What labels tell that come as totals alone; their files are not imported to know it."""

WEIGHTED = "weighted_"
"""`weighted_<metric>`: the same formula, rows counted as often as their weight says; of those that have a formula."""

AT_THRESHOLD = "_at_threshold"
"""`<metric>_at_threshold`: had another of the task's thresholds decided, `threshold=0.3` for each."""

_NEEDS = {
    "profit": Need.PAYOFF,
    "mase": Need.NAIVE_ERROR,
    "domain_auc": Need.SAMPLE,
    "energy_distance": Need.SAMPLE,
    "relative_mae": Need.BASELINE,
    **dict.fromkeys(("pinball_loss", "quantile_coverage", "interval_coverage"), Need.QUANTILE),
    **dict.fromkeys(("interval_coverage_gap", "interval_score", "interval_width"), Need.QUANTILE),
}

GAIN = "_gain"
"""`<metric>_gain`: how much better than the baseline, of the same rows."""

_ROOMS = ("quality", "drift", "fault", "performance")


@cache
def metric_names() -> frozenset[str]:
    """Every name that may stand in a spec; lists files, imports none (a metric's file bears its name)."""
    plain = _listed(*_ROOMS)
    weighed = {WEIGHTED + name for name in performance_names() if not name.endswith(AT_THRESHOLD)}
    of_labels = performance_names() | weighed
    beside = {f"{basis}.{name}" for basis in (NAIVE, FINAL, BOUNDS, *LABEL_FREE) for name in of_labels}
    return BESIDES | plain | of_labels | beside


def performance_names() -> frozenset[str]:
    """The metrics of labelled rows; lists files, imports none."""
    return _listed("performance")


def quality_names() -> frozenset[str]:
    """The metrics of one profile; lists files, imports none."""
    return _listed("quality")


def fault_names() -> frozenset[str]:
    """The named faults; lists files, imports none."""
    return _listed("fault")


@cache
def _listed(*rooms: str) -> frozenset[str]:
    here = Path(__file__).parent
    return frozenset(module.name for module in pkgutil.iter_modules([str(here / room) for room in rooms]))


def need_of(name: str) -> Need | None:
    """What a metric of a name, whatever it is based on, asks of the spec; None: nothing besides labels."""
    plain = base_of(name)
    if plain in _NEEDS:
        return _NEEDS[plain]
    if plain.endswith(AT_THRESHOLD):
        return Need.THRESHOLDS
    if plain.endswith(GAIN):
        return Need.BASELINE
    return Need.WEIGHT if plain.startswith(WEIGHTED) else None


@cache
def metrics() -> dict[str, Metric]:
    """Every metric by name; imports every room of them."""
    for room in _ROOMS:
        package = importlib.import_module(f"airflow_ml_monitor.metrics.{room}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_registry.items()))


def metric_named(name: str) -> Metric:
    """One metric, weighted ones among them; UnknownName lists those that exist."""
    plain = metrics().get(name.removeprefix(WEIGHTED))
    if name.startswith(WEIGHTED) and plain and plain.formula:
        found: Metric = importlib.import_module("airflow_ml_monitor.metrics.weighted").weighted(plain)
        return found
    if name not in metrics():
        raise UnknownName("metric", name, metrics())
    return metrics()[name]
