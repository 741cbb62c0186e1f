"""What the user's tables are: datasets, columns, labels. Light: imported when a DAG is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from airflow_ml_monitor.errors import SpecError


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
    LABEL = "label"
    LABEL_TIME = "label_time"
    WEIGHT = "weight"
    AMOUNT = "amount"
    ENTITY_KEY = "entity_key"
    EVENT_TIME = "event_time"
    VERSION = "version"
    QUERY = "query"
    SLICE = "slice"
    DELAY_STRATUM = "delay_stratum"


class TaskKind(StrEnum):
    BINARY = "binary"
    REGRESSION = "regression"
    MULTICLASS = "multiclass"
    RANKING = "ranking"


UNDECLARED: Final = "undeclared"
"""What a class is called that the task does not declare."""

MOST_CLASSES: Final = 100
"""A ledger keeps every pair of label and prediction; of a thousand classes each would have a row or two."""

CUTOFFS: Final = (1, 5, 10)
"""How many of the first items of a query are looked at, where a ranking task does not say."""

_MOST_CUTOFFS: Final = 10


@dataclass(frozen=True, slots=True)
class Task:
    """What the model does.

    Binary: positive: the label value that counts as 1; threshold: score ≥ threshold is predicted 1.
    Multiclass: classes: all of them, three to MOST_CLASSES; their order decides which of equal scores is predicted.
    Several labels a row (multilabel): a binary monitor each.
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
    at: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check_cutoffs(self.kind, self.at)
        if self.kind == TaskKind.MULTICLASS:
            _check_classes(self.classes)
        elif self.classes:
            raise SpecError(f"a {self.kind} task has no classes; set kind: multiclass", field="task.classes")

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


def _check_classes(classes: tuple[str | int | bool, ...]) -> None:
    field = "task.classes"
    if not classes:
        raise SpecError("a multiclass task names its classes, e.g. classes: [car, house, other]", field=field)
    if len(classes) < 3:
        raise SpecError(f"{len(classes)} are too few for multiclass; use kind: binary and positive", field=field)
    if len(classes) > MOST_CLASSES:
        raise SpecError(f"{len(classes)} are more than {MOST_CLASSES}; declare groups of them", field=field)
    names = [str(name) for name in classes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"declared twice: {', '.join(twice)}", field=field)
    if flags := [name for name in classes if isinstance(name, bool)]:
        raise SpecError(f"{flags[0]} is true or false, no class; in YAML write it in quotes", field=field)
    if UNDECLARED in names:
        raise SpecError(f"{UNDECLARED!r} is what classes are called that are not declared here", field=field)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset. of: the class whose score it holds (role score of a multiclass task)."""

    name: str
    kind: Kind = Kind.NUMERIC
    role: Role = Role.FEATURE
    of: str | int | bool = ""


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
        if (stratum := self.column(Role.DELAY_STRATUM)) and stratum.name not in known:
            raise SpecError(
                f"the delay stratum {stratum.name!r} is {stratum.kind}; declare it categorical or boolean",
                field=f"datasets.{self.name}.columns",
            )

    def column(self, role: Role) -> Column | None:
        """The first column of a role, or None."""
        return next((column for column in self.columns if column.role is role), None)

    def scores(self, task: Task) -> tuple[Column, ...]:
        """The score columns of a multiclass task, in the order of its classes; those without one left out."""
        found = {str(column.of): column for column in self.columns if column.role is Role.SCORE}
        return tuple(found[name] for name in task.class_names if name in found)

    @property
    def measured(self) -> tuple[Column, ...]:
        """The columns that are cut into cells: features, score, prediction, delay stratum, what rows are sliced by."""
        roles = (Role.FEATURE, Role.SCORE, Role.PREDICTION, Role.SLICE, Role.AMOUNT, Role.WEIGHT, Role.DELAY_STRATUM)
        return tuple(column for column in self.columns if column.role in roles or column.name in self.slice_by)


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


@dataclass(frozen=True, slots=True)
class LabelSource:
    """Where the ground truth of a dataset's rows appears, sooner or later.

    key: the columns that match the dataset's entity_key, in its order (`file_row_number` for the row's number).
    dataset: the one whose rows it labels; empty means the only one.
    label_time: the column that says when the label became known; None means known from first sight.
    horizon: after this long nothing more is awaited. mature_at: the coverage from which the labels at hand are declared
    to stand for all of the window, where an estimate is not possible; None: never before the horizon.
    mode: what a row without a label means. A label that comes after the horizon is a correction; of several labels of
    one prediction the last counts, and the others are counted as repeated.
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

    def __post_init__(self) -> None:
        if self.horizon <= timedelta(0):
            raise SpecError(f"{self.horizon} is not positive", field=f"labels.{self.name}.horizon")
        if self.mature_at is not None and not 0 < self.mature_at <= 1:
            raise SpecError(f"{self.mature_at} is not in (0, 1]", field=f"labels.{self.name}.mature_at")
