"""What an estimator is, what it may look at, and how they are found."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TypeVar

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.predictions import Predictions
from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.profile.cells import Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.task import Task, TaskKind

Answer = TypeVar("Answer", bound=Expected | Estimates)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One of the parts into which the rows of reference and window are divided, each row in one: a delay stratum, or
    the value of one slice column. What is a part, and only that, can be seen to have become more or less frequent.
    """

    name: str
    reference: LabelledView
    predictions: Predictions
    labels: LabelledView


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """All that an estimator may look at: how good is the model in this window?

    reference: labelled rows of the reference. predictions: of the window. labels: those at hand of the window.
    parts: the same rows divided, or none. arrival: for each entry of `labels` the chance that a label like it had come
    by now, in (0, 1]; None where the labels at hand are a random sample of the window's predictions. Of several classes
    it is asked as of two: a label is 1 where the prediction is right, and that it is, is predicted of every row.
    """

    task: Task
    reference: LabelledView
    predictions: Predictions
    labels: LabelledView
    parts: tuple[Part, ...] = ()
    arrival: Floats | None = None


class Need(StrEnum):
    """What must be there before an estimator has an answer."""

    REFERENCE_LABELS = "reference labels"
    LABELS_AT_HAND = "labels at hand"
    PARTS = "parts"


@dataclass(frozen=True, slots=True)
class Check:
    """Whether an estimator's assumption holds here, as far as data can say.

    holds: None where nothing at hand could contradict it. reason: in words, for whoever reads the estimate. p_value:
    how likely data are that contradict it as much or more, were it true.
    """

    holds: bool | None
    reason: str
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Estimator:
    """A named way to an answer without, or with few, labels.

    assumption: one plain sentence, of which `check` says whether it holds. needs: what the question must have.
    function: the labels to expect, of a model of classes; of a regression the estimates themselves, by metric.
    It raises TooFew or Undefined where it has no answer.
    version: raise it when the numbers change.
    """

    name: str
    assumption: str
    needs: tuple[Need, ...]
    tasks: tuple[TaskKind, ...]
    function: Callable[[Question], Expected | Estimates]
    check: Callable[[Question], Check]
    version: int = 1

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.function.__doc__ or "").strip().splitlines()[0]

    def lacks(self, question: Question) -> str:
        """What the question does not have but the estimator needs, in words; '' if nothing."""
        there = {
            Need.REFERENCE_LABELS: question.reference.n > 0,
            Need.LABELS_AT_HAND: question.labels.n > 0,
            Need.PARTS: len(question.parts) > 1,
        }
        return ", ".join(need for need in self.needs if not there[need])


_registry: dict[str, Estimator] = {}


def estimator(
    *,
    assumption: str,
    needs: tuple[Need, ...],
    check: Callable[[Question], Check],
    tasks: tuple[TaskKind, ...] = (TaskKind.BINARY,),
    version: int = 1,
) -> Callable[[Callable[[Question], Answer]], Callable[[Question], Answer]]:
    """Register a function as the estimator of its name."""

    def register(function: Callable[[Question], Answer]) -> Callable[[Question], Answer]:
        name = function.__name__
        _registry[name] = Estimator(name, assumption, needs, tasks, function, check, version)
        return function

    return register


@cache
def estimators() -> dict[str, Estimator]:
    """Every estimator by name; imports the files of this room."""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"{__package__}.{module.name}")
    return dict(sorted(_registry.items()))


def estimator_named(name: str) -> Estimator:
    """One estimator; UnknownName lists those that exist."""
    if name not in estimators():
        raise UnknownName("estimator", name, estimators())
    return estimators()[name]
