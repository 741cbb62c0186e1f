"""What can be asked of one row alone: the questions, not yet a statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.layout import Binning

Scalar = str | int | float | bool | datetime


class Form(StrEnum):
    """How a column's values arrived, as far as a test minds."""

    INTEGER = "integer"
    FRACTION = "fraction"
    TEXT = "text"
    BOOLEAN = "boolean"
    NAIVE_TIME = "time without a zone"
    ZONED_TIME = "time with a zone"
    EMPTY = "nothing but missing values"
    OTHER = "another type"


class Skipped(StrEnum):
    """Which rows a test of several columns does not look at: those without all, without any of the values, or none."""

    ALL_MISSING = "all_missing"
    ANY_MISSING = "any_missing"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between what a value must lie; None: no bound on that side."""

    low: Scalar | None = None
    high: Scalar | None = None
    above_low: bool = False
    below_high: bool = False


@dataclass(frozen=True, slots=True)
class Exists:
    """The column is there; of a row nothing is asked."""

    column: str


@dataclass(frozen=True, slots=True)
class Present:
    """A value is there: neither NULL nor NaN."""

    column: str


@dataclass(frozen=True, slots=True)
class Absent:
    """No value is there."""

    column: str


@dataclass(frozen=True, slots=True)
class Between:
    """The value, or (of_length) the number of its characters, lies within bounds."""

    column: str
    bounds: Bounds
    of_length: bool = False


@dataclass(frozen=True, slots=True)
class Among:
    """The value is one of some, or (refused) none of them."""

    column: str
    values: tuple[Scalar, ...]
    refused: bool = False


class How(StrEnum):
    """How a text is read."""

    PATTERN = "pattern"
    """searched for a regular expression, as Python's `re` does"""
    TIME = "time"
    """parsed by a format of strptime"""
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Reads:
    """The text can be read in so many of the ways: at least, and at most (of patterns there may be many)."""

    column: str
    how: How
    ways: tuple[str, ...] = ("",)
    least: int = 1
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Ordered:
    """The first column's value is above the second's (or_equal), or (equal) the same."""

    columns: tuple[str, str]
    or_equal: bool = False
    equal: bool = False
    skipped: Skipped = Skipped.ALL_MISSING


@dataclass(frozen=True, slots=True)
class Total:
    """The columns add up to a number."""

    columns: tuple[str, ...]
    total: float
    skipped: Skipped = Skipped.ALL_MISSING


@dataclass(frozen=True, slots=True)
class AddsUp:
    """The last column is the sum of those before it."""

    columns: tuple[str, ...]
    skipped: Skipped = Skipped.ALL_MISSING


@dataclass(frozen=True, slots=True)
class Distinct:
    """No two of the columns hold the same value; two missing ones are the same."""

    columns: tuple[str, ...]
    skipped: Skipped = Skipped.ALL_MISSING


@dataclass(frozen=True, slots=True)
class Usual:
    """The features together lie where the reference's do: their distance is in a bucket below `bucket` (outlying.py).

    binnings: of the ellipsoid's columns, in its order.
    """

    ellipsoid: Ellipsoid
    binnings: tuple[Binning, ...]
    bucket: int

    @property
    def columns(self) -> tuple[str, ...]:
        return self.ellipsoid.columns


Single = Exists | Present | Absent | Between | Among | Reads
RowTest = Single | Ordered | Total | AddsUp | Distinct | Usual


@dataclass(frozen=True, slots=True)
class RowRule:
    """A test under the name that stands among the reasons of a row that breaks it."""

    name: str
    test: RowTest


def columns_of(test: RowTest) -> tuple[str, ...]:
    """The columns that a test reads.

    >>> columns_of(Present("age")), columns_of(Ordered(("end", "start")))
    (('age',), ('end', 'start'))
    """
    return (test.column,) if isinstance(test, Single) else test.columns
