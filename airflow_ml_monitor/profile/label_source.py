"""Where the ground truth appears, and what it means. Light: imported when a DAG is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.keys import check_zone


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
    AGGREGATE = "aggregate"
    """nothing; a label is never of one row: totals come, of a calendar day or a part of it, and may be corrected"""


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

    source: as in Dataset. Of predictions in a table of a database the labels are in a table beside them, and joined
    there. Of predictions elsewhere they may be in one, too: of that the named columns are read, whole.
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

    Of mode aggregate each row is a total, and there is no key: `label` is how many rows are positive (binary), or the
    sum of their labels (regression). rows: the column that says how many rows a total is of, those without a score
    among them. day: the column of the calendar day that it is of: a date, or the moment at which the day begins, by the
    clock of the windows if it names no zone. by: columns by which the dataset is sliced, and of which a total gives a
    value; an empty one stands for rows in which it is empty. Totals of a day are of parts that do not overlap: they add
    up to the whole; of one day and part the newest by label_time counts. One without a label takes all before it back.
    """

    name: str
    source: Any
    label: str
    key: tuple[str, ...] = ()
    label_time: str | None = None
    zone: str = "UTC"
    horizon: timedelta = timedelta(days=30)
    mature_at: float | None = None
    mode: LabelMode = LabelMode.EXPLICIT
    dataset: str = ""
    feedback: bool = False
    several: Several = Several.LAST
    censored: str | None = None
    rows: str | None = None
    day: str | None = None
    by: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read of it, each once."""
        more = [name for name in (self.label_time, self.censored, self.rows, self.day) if name]
        return tuple(dict.fromkeys([*self.key, self.label, *more, *self.by]))

    @property
    def are_totals(self) -> bool:
        """Whether labels come as totals alone."""
        return self.mode is LabelMode.AGGREGATE

    def __post_init__(self) -> None:
        if self.horizon <= timedelta(0):
            raise SpecError(f"{self.horizon} is not positive", field=f"labels.{self.name}.horizon")
        check_zone(self.zone, f"labels.{self.name}.zone")
        if self.mature_at is not None and not 0 < self.mature_at <= 1:
            raise SpecError(f"{self.mature_at} is not in (0, 1]", field=f"labels.{self.name}.mature_at")
