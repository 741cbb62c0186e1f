"""What a metric is, and how they are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.measurement import BOUNDS, FINAL, NAIVE, Estimate, Estimates, Family
from airflow_ml_monitor.profile.dataset import Kind, Role, TaskKind

if TYPE_CHECKING:
    from airflow_ml_monitor.profile.cells import Floats
    from airflow_ml_monitor.profile.labelled_view import ScoredCells


class Subject(StrEnum):
    """What a metric's function is given."""

    DATASET = "dataset"
    """a DatasetView"""
    COLUMN = "column"
    """a ColumnView"""
    PAIR = "pair"
    """a PairView: reference and current"""
    LABELLED = "labelled"
    """a LabelledView"""


class Worse(StrEnum):
    """In which direction a metric gets worse."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Metric:
    """A named formula. family, subject: when it runs and on what; kinds: columns; tasks: models.

    range: what values are possible (closed). unit: '' (a share or index), 'rows', 's', 'column' (the column's unit),
    'label' (the label's unit), 'nat'. symmetric: unchanged when reference and current swap places.
    version: raise it when the numbers change; revisions made with another version are due again.
    role: of the column without which it is not measured.
    formula: the value alone, of ScoredCells, one for each draw; NaN where it is undefined. What has a formula can be
    estimated before all labels are known.
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
    formula: Callable[[ScoredCells], Floats] | None = None
    role: Role | None = None

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
    formula: Callable[[ScoredCells], Floats] | None = None,
    role: Role | None = None,
) -> Callable[[Callable[[Any], Estimate | Estimates]], Callable[[Any], Estimate | Estimates]]:
    """Register a function as the metric of its name."""

    def register(function: Callable[[Any], Estimate | Estimates]) -> Callable[[Any], Estimate | Estimates]:
        name = function.__name__
        about = (range, unit, worse, kinds, tasks, symmetric, version, formula, role)
        _registry[name] = Metric(name, family, subject, function, *about)
        return function

    return register


BESIDES = frozenset(
    {"expectation", "orphan_labels", "repeated_labels", "label_maturity", "label_delay", "label_silence"}
)
"""Stored under a metric's name without being a formula over cells: a contract's outcomes, what a label source shows."""

LABEL_FREE = ("cbpe", "direct_loss", "weighted_cbpe")
"""Estimators that look at no label: `cbpe.roc_auc` is what scores alone say. None of them can see concept drift."""

_ROOMS = ("quality", "drift", "performance")


@cache
def metric_names() -> frozenset[str]:
    """Every name that may stand in a spec; lists files, imports none (a metric's file bears its name)."""
    here = Path(__file__).parent
    plain = {module.name for module in pkgutil.iter_modules([str(here / room) for room in _ROOMS])}
    of_labels = [module.name for module in pkgutil.iter_modules([str(here / "performance")])]
    return BESIDES | plain | {f"{basis}.{name}" for basis in (NAIVE, FINAL, BOUNDS, *LABEL_FREE) for name in of_labels}


@cache
def metrics() -> dict[str, Metric]:
    """Every metric by name; imports the rooms quality, drift and performance."""
    for room in _ROOMS:
        package = importlib.import_module(f"airflow_ml_monitor.metrics.{room}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_registry.items()))


def metric_named(name: str) -> Metric:
    """One metric; UnknownName lists those that exist."""
    if name not in metrics():
        raise UnknownName("metric", name, metrics())
    return metrics()[name]
