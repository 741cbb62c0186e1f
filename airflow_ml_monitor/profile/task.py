"""What a model does. Light: imported when a DAG is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.error_grid import nearest_limits
from airflow_ml_monitor.profile.payoff import Payoff


class TaskKind(StrEnum):
    BINARY = "binary"
    REGRESSION = "regression"
    MULTICLASS = "multiclass"
    MULTILABEL = "multilabel"
    RANKING = "ranking"


UNDECLARED: Final = "undeclared"
"""What a class is called that the task does not declare."""

MOST_CLASSES: Final = 100
"""A ledger keeps every pair of label and prediction; of a thousand classes each would have a row or two."""

ERROR_LIMITS: Final = (0.1, 0.2, 0.5)
"""Percentage errors above which rows are counted, where a regression does not say."""

CUTOFFS: Final = (1, 5, 10)
"""How many of the first items of a query are looked at, where a ranking task does not say."""

_MOST_CUTOFFS: Final = 10


@dataclass(frozen=True, slots=True)
class Task:
    """What the model does.

    Binary: positive: the label value that counts as 1; threshold: score ≥ threshold is predicted 1. thresholds: others
    that might decide, each judged beside it (`recall_at_threshold`). payoff: what decisions are worth (`profit`).
    Multiclass: classes: all of them, three to MOST_CLASSES; their order decides which of equal scores is predicted.
    Multilabel: a row has several of the classes (two to MOST_CLASSES), or none; a class is predicted where its score is
    ≥ threshold. A set of labels is a list column, or text with `separator` between them, as pandas' str.get_dummies
    reads it: nothing is stripped, their order is free; empty is no label, NULL is not known yet. CSV cannot tell these
    two apart: there an empty field is NULL.
    Regression: naive_error: the mean absolute error of the naive forecast (the last value, or that of a season ago)
    over the model's training data, in the label's unit, above 0; `mase` divides by it. error_limits: percentage errors
    above which `share_beyond` counts rows, as shares (0.1 is 10 %), each on the grid.
    Ranking: at: its metrics look at so many of a query's first items; empty: CUTOFFS. A query is its id (role query) on
    one calendar day, ranked by one model version: a reader's recommendations of each day are a query each. Its items
    stand in the order of their rank (role prediction, 1 is first) or, without one, of their score, highest first; of
    equal ones that of their entity key. An item without either stands behind all others, at no place. The label is the
    item's relevance: 0 or less is none, more is more. A query is labelled once one of its items is; the others count as
    not relevant.
    """

    kind: TaskKind
    positive: str | int | bool = 1
    threshold: float = 0.5
    classes: tuple[str | int | bool, ...] = ()
    separator: str = "|"
    thresholds: tuple[float, ...] = ()
    payoff: Payoff | None = None
    naive_error: float | None = None
    error_limits: tuple[float, ...] = ERROR_LIMITS
    at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind != TaskKind.BINARY and (self.thresholds or self.payoff):
            field = "task.thresholds" if self.thresholds else "task.payoff"
            raise SpecError(f"a {self.kind} task has none; they are of a binary one: leave it out", field=field)
        _check_thresholds(self.thresholds)
        _check_errors(self)
        _check_cutoffs(self.kind, self.at)
        if self.kind in (TaskKind.MULTICLASS, TaskKind.MULTILABEL):
            _check_classes(self.kind, self.classes)
        elif self.classes:
            told = f"a {self.kind} task has no classes; set kind: multiclass, or multilabel"
            raise SpecError(told, field="task.classes")
        if self.kind == TaskKind.MULTILABEL:
            _check_separator(self.separator, self.class_names)
        elif self.separator != "|":
            raise SpecError(f"a {self.kind} task has no sets of labels; leave it out", field="task.separator")

    @property
    def is_right_or_wrong(self) -> bool:
        """True if a prediction is a class, so that its label makes it right or wrong."""
        return self.kind in (TaskKind.BINARY, TaskKind.MULTICLASS)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes as metrics call them, in their order."""
        return tuple(str(name) for name in self.classes)

    @property
    def cutoffs(self) -> tuple[int, ...]:
        """So many of a query's first items are looked at, ascending."""
        return tuple(sorted(self.at)) or CUTOFFS


def _check_cutoffs(kind: TaskKind, at: tuple[int, ...]) -> None:
    field = "task.at"
    if at and kind != TaskKind.RANKING:
        raise SpecError(f"a {kind} task has no first places; set kind: ranking, or leave it out", field=field)
    if wrong := [k for k in at if isinstance(k, bool) or not isinstance(k, int) or k < 1]:
        raise SpecError(f"{wrong[0]!r} is no number of first places; give e.g. [1, 5, 10]", field=field)
    if twice := [k for k in at if at.count(k) > 1]:
        raise SpecError(f"{twice[0]} stands there twice", field=field)
    if len(at) > _MOST_CUTOFFS:
        raise SpecError(f"{len(at)} are more than {_MOST_CUTOFFS}; each has metrics of its own", field=field)


def _check_thresholds(thresholds: tuple[float, ...]) -> None:
    field = "task.thresholds"
    if outside := [value for value in thresholds if not 0 < value < 1]:
        raise SpecError(f"{outside[0]} is not between 0 and 1, where scores are", field=field)
    if twice := sorted({value for value in thresholds if thresholds.count(value) > 1}):
        raise SpecError(f"declared twice: {', '.join(map(str, twice))}", field=field)


def _check_errors(task: Task) -> None:
    if task.naive_error is not None:
        if task.kind != TaskKind.REGRESSION:
            raise SpecError(f"a {task.kind} task has no naive forecast; leave it out", field="task.naive_error")
        if not 0 < task.naive_error < float("inf"):
            raise SpecError(f"{task.naive_error} is no positive number", field="task.naive_error")
    if task.error_limits != ERROR_LIMITS and task.kind != TaskKind.REGRESSION:
        raise SpecError(f"a {task.kind} task has no percentage errors; leave it out", field="task.error_limits")
    for limit in task.error_limits:
        near = nearest_limits(limit)
        if limit not in near:
            nearest = " or ".join(map(str, near))
            raise SpecError(
                f"{limit} is not on the grid of percentage errors; take {nearest}", field="task.error_limits"
            )
    if len({*task.error_limits}) < len(task.error_limits):
        raise SpecError(f"{list(task.error_limits)} names a limit twice", field="task.error_limits")


def _check_classes(kind: TaskKind, classes: tuple[str | int | bool, ...]) -> None:
    field = "task.classes"
    if not classes:
        raise SpecError(f"a {kind} task names its classes, e.g. classes: [car, house, other]", field=field)
    if len(classes) < (3 if kind == TaskKind.MULTICLASS else 2):
        raise SpecError(f"{len(classes)} are too few for {kind}; use kind: binary and positive", field=field)
    if len(classes) > MOST_CLASSES:
        raise SpecError(f"{len(classes)} are more than {MOST_CLASSES}; declare groups of them", field=field)
    names = [str(name) for name in classes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"declared twice: {', '.join(twice)}", field=field)
    if flags := [name for name in classes if isinstance(name, bool)]:
        raise SpecError(f"{flags[0]} is true or false, no class; in YAML write it in quotes", field=field)
    if UNDECLARED in names:
        raise SpecError(f"{UNDECLARED!r} is what classes are called that are not declared here", field=field)


def _check_separator(separator: str, names: tuple[str, ...]) -> None:
    if not separator:
        raise SpecError("empty; give what stands between two labels, e.g. '|'", field="task.separator")
    if split := [name for name in names if separator in name]:
        told = f"{split[0]!r} holds the separator {separator!r}; set task.separator to what stands in no class"
        raise SpecError(told, field="task.classes")
    if "" in names:
        raise SpecError("a class without a name; an empty set of labels is no label at all", field="task.classes")
