"""What the user's tables are: datasets, columns, labels. Light: imported when a DAG is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.error_grid import nearest_limits
from airflow_ml_monitor.profile.payoff import Payoff


class Kind(StrEnum):
    """How a column's values are read."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    DATETIME = "datetime"


class Role(StrEnum):
    """What a column is for."""

    FEATURE = "feature"
    SCORE = "score"
    PREDICTION = "prediction"
    QUANTILE = "quantile"
    LABEL = "label"
    LABEL_TIME = "label_time"
    WEIGHT = "weight"
    AMOUNT = "amount"
    BASELINE = "baseline"
    """what something simpler predicts for the same row: the rule replaced, the old champion, a naive forecast"""
    ENTITY_KEY = "entity_key"
    EVENT_TIME = "event_time"
    VERSION = "version"
    QUERY = "query"
    SLICE = "slice"
    DELAY_STRATUM = "delay_stratum"


_FORECASTS: Final = (Role.PREDICTION, Role.QUANTILE)


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


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset.

    of: the class whose score it holds (role score; multiclass, multilabel); or the level, in (0, 1), of the quantile
    that it forecasts (role quantile of a regression; role prediction, where that is a quantile too: the median's is
    0.5).
    """

    name: str
    kind: Kind = Kind.NUMERIC
    role: Role = Role.FEATURE
    of: str | int | float | bool = ""


_CUT: Final = (
    *(Role.FEATURE, Role.SCORE, *_FORECASTS, Role.BASELINE, Role.SLICE, Role.AMOUNT, Role.WEIGHT),
    Role.DELAY_STRATUM,
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One table of the user's: where it is and what its columns mean.

    source: a path, glob or directory of Parquet or CSV files, or a pandas or Arrow table. Many files are pruned by the
    event-time statistics in their Parquet footers, so one glob over all days is right.
    event_time: the column that decides the window; naive times are read in `zone`.
    entity_key: the columns that name a row and join it to its label; for files without one, the virtual column
    `file_row_number`. Without a key no label can be joined and duplicates are not looked for.
    slice_by: columns (among `columns`) whose values are looked at one by one.
    """

    name: str
    source: Any
    columns: tuple[Column, ...]
    event_time: str
    zone: str = "UTC"
    entity_key: tuple[str, ...] = ()
    slice_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [column.name for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SpecError(f"declared twice: {', '.join(twice)}", field=f"datasets.{self.name}.columns")
        known = {column.name for column in self.columns if column.kind in (Kind.CATEGORICAL, Kind.BOOLEAN)}
        if wrong := [name for name in self.slice_by if name not in known]:
            raise SpecError(
                f"{', '.join(wrong)} is no categorical or boolean column of the dataset; declare it under columns",
                field=f"datasets.{self.name}.slice_by",
            )
        if wrong := [column.name for column in self.strata if column.kind is Kind.DATETIME]:
            raise SpecError(
                f"the delay stratum {wrong[0]!r} is a time; declare it categorical, boolean or numeric",
                field=f"datasets.{self.name}.columns",
            )
        _check_levels(self)

    def column(self, role: Role) -> Column | None:
        """The first column of a role, or None."""
        return next((column for column in self.columns if column.role is role), None)

    @property
    def strata(self) -> tuple[Column, ...]:
        """The columns on which the delay of labels depends; several tell rows apart together."""
        return tuple(column for column in self.columns if column.role is Role.DELAY_STRATUM)

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that its columns have."""
        return frozenset(column.role for column in self.columns)

    def scores(self, task: Task) -> tuple[Column, ...]:
        """The score columns of a task of several classes, in the order of its classes; those without one left out."""
        found = {str(column.of): column for column in self.columns if column.role is Role.SCORE}
        return tuple(found[name] for name in task.class_names if name in found)

    @property
    def quantiles(self) -> dict[float, Column]:
        """The columns that forecast a quantile, by their level, ascending."""
        mine = (column for column in self.columns if column.role in _FORECASTS)
        found = {float(c.of): c for c in mine if not isinstance(c.of, (str, bool))}
        return dict(sorted(found.items()))

    @property
    def measured(self) -> tuple[Column, ...]:
        """The columns that are cut into cells: of the roles above, and what rows are sliced by."""
        return tuple(column for column in self.columns if column.role in _CUT or column.name in self.slice_by)


def _check_levels(dataset: Dataset) -> None:
    """Every quantile has a level, and no two the same; of a prediction's the spec knows whether it may have one."""
    levels: list[float] = []
    for column in dataset.columns:
        level, is_quantile = column.of, column.role is Role.QUANTILE
        if not is_quantile and (column.role is not Role.PREDICTION or isinstance(level, (str, bool))):
            continue
        field = f"datasets.{dataset.name}.columns.{column.name}.of"
        if isinstance(level, (str, bool)) or not 0 < level < 1:
            raise SpecError(f"{level!r} is no level of a quantile; give a number between 0 and 1", field=field)
        if level in levels:
            raise SpecError(f"two columns forecast the quantile of level {level}", field=field)
        levels.append(level)


class LabelMode(StrEnum):
    """What silence means."""

    EXPLICIT = "explicit"
    """nothing: a row without a label is not known"""
    IMPLICIT = "implicit"
    """the negative class, once the horizon of the row's day has passed: only events are reported"""
    SELECTIVE = "selective"
    """that somebody, or the model itself, let the row through or not: only approved loans fall due. Numbers are of the
    rows that get labels, and `bounds.<metric>` says what they can be over all"""
    SAMPLED = "sampled"
    """nothing: labels are asked for of rows drawn at random, and stand for the others"""


class Several(StrEnum):
    """What several labels of one prediction mean. Of those known at a moment, since the last row without a label."""

    LAST = "last"
    """corrections: the newest counts, the others are counted as repeated"""
    FIRST = "first"
    """the first counts, whatever comes after it"""
    ANY = "any"
    """events of a binary task: one positive is enough"""
    ALL = "all"
    """findings of a binary task: one negative is enough"""
    MAJORITY = "majority"
    """several opinions on a class: that of more than half of them; unknown without one"""
    MEAN = "mean"
    """several measurements of a number: their mean"""


@dataclass(frozen=True, slots=True)
class LabelSource:
    """Where the ground truth of a dataset's rows appears, sooner or later.

    key: the columns that match the dataset's entity_key, in its order (`file_row_number` for the row's number).
    dataset: the one whose rows it labels; empty means the only one.
    label_time: the column that says when the label became known; None means known from first sight.
    horizon: after this long nothing more is awaited. mature_at: the coverage from which the labels at hand are declared
    to stand for all of the window, where an estimate is not possible; None: never before the horizon.
    mode: what a row without a label means. A label that comes after the horizon is a correction.
    several: what several labels of one prediction mean; a row whose label is empty takes back all that came before it.
    censored: a column that is true where a row without a label says that none will come, as its label_time tells since
    when: the account was closed, the loan sold. Such predictions are no longer awaited.
    feedback: the model's decision shapes the label, as where a payment that it blocks is never disputed.
    """

    name: str
    source: Any
    label: str
    key: tuple[str, ...]
    label_time: str | None = None
    zone: str = "UTC"
    horizon: timedelta = timedelta(days=30)
    mature_at: float | None = None
    mode: LabelMode = LabelMode.EXPLICIT
    dataset: str = ""
    feedback: bool = False
    several: Several = Several.LAST
    censored: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read of it, each once."""
        more = [name for name in (self.label_time, self.censored) if name]
        return tuple(dict.fromkeys([*self.key, self.label, *more]))

    def __post_init__(self) -> None:
        if self.horizon <= timedelta(0):
            raise SpecError(f"{self.horizon} is not positive", field=f"labels.{self.name}.horizon")
        if self.mature_at is not None and not 0 < self.mature_at <= 1:
            raise SpecError(f"{self.mature_at} is not in (0, 1]", field=f"labels.{self.name}.mature_at")
