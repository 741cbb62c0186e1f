"""What is known of tables before it is said what they mean: their columns, how these go together, how labels join."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.profile.engines.scan import INTEGERS, NUMBERS, is_any

FEW: Final = 12
"""Values of a column are listed up to here: enough to tell two classes, and slices."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """A column in the rows that were looked at.

    rows: looked at; nulls: NULL or NaN; distinct: values besides. low, high: of finite numbers. is_whole: numbers, all
    of them whole. least: share of the rarest value, where there are few. values: these few. first, last: of times, over
    all rows of the table. follows: by time column, the calendar part that it equals, or 'growth' if it grows with it.
    """

    name: str
    type: str
    rows: int
    nulls: int
    distinct: int
    low: float | None = None
    high: float | None = None
    is_whole: bool = False
    is_time_text: bool = False
    least: float = 0.0
    values: tuple[Any, ...] = ()
    first: datetime | None = None
    last: datetime | None = None
    follows: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_number(self) -> bool:
        return is_any(self.type, NUMBERS - {'"NULL"'})

    @property
    def is_integer(self) -> bool:
        return is_any(self.type, INTEGERS)

    @property
    def is_time(self) -> bool:
        return self.type == "DATE" or self.type.startswith("TIMESTAMP")

    @property
    def is_naive(self) -> bool:
        """A time without a zone."""
        return self.is_time and "TIME ZONE" not in self.type and not self.type.startswith("TIMESTAMPTZ")

    @property
    def is_text(self) -> bool:
        return self.type.split("(")[0] in ("VARCHAR", "ENUM", "UUID", "BLOB")

    @property
    def is_two_valued(self) -> bool:
        return self.distinct == 2

    @property
    def names_rows(self) -> bool:
        """Another value in every row, and no measurement: an id."""
        return 1 < self.rows == self.distinct and (self.is_text or self.is_whole)

    @property
    def is_share(self) -> bool:
        """Numbers in [0, 1] that are more than two classes."""
        if self.low is None or self.high is None or self.is_whole:
            return False
        return 0 <= self.low <= self.high <= 1 and self.distinct > 2


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table: where it is (None: in memory), how large, the rows that were looked at, its columns."""

    source: Any
    rows: int
    sample: pa.Table
    columns: Mapping[str, ColumnFacts]

    @property
    def seen(self) -> str:
        """How much of it was looked at, in words."""
        looked = self.sample.num_rows
        return f"all {self.rows:,} rows" if looked == self.rows else f"{looked:,} of {self.rows:,} rows"


@dataclass(frozen=True, slots=True)
class Delays:
    """From a prediction to its label's arrival, in days. early: share of labels known before their prediction."""

    median: float
    p99: float
    early: float
    labelled: int


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Predictions looked at and labels found for them, an entry a pair.

    row: number of the prediction among those looked at. asked, told: seconds since 1970 by time column of either
    table; NaN where there is none. values: of the labels' columns that have few values.
    """

    row: np.ndarray[Any, Any]
    asked: Mapping[str, np.ndarray[Any, Any]]
    told: Mapping[str, np.ndarray[Any, Any]]
    values: Mapping[str, np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Join:
    """A way from predictions to labels.

    matched: share of the predictions looked at that find a label. agreed: share of matches in which the columns that
    both tables have are equal; None without such. delays: by a time column of each. labelled: the pairs themselves.
    """

    mine: tuple[str, ...]
    theirs: tuple[str, ...]
    matched: float
    agreed: float | None
    delays: Mapping[tuple[str, str], Delays]
    labelled: Labelled

    @property
    def worth(self) -> float:
        """Share of predictions that find a label which is theirs."""
        return self.matched * (1.0 if self.agreed is None else self.agreed)


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be known of a reference, and of predictions and labels where they are given.

    rankings: ROC AUC of (share, two-valued column), the greater value counting as 1. likeness: R² of one number taken
    for another. keys: columns that name a row together, where no single one does. joins: ways from predictions to
    labels, the best first.
    """

    reference: TableFacts
    predictions: TableFacts | None
    labels: TableFacts | None
    rankings: Mapping[tuple[str, str], float]
    likeness: Mapping[tuple[str, str], float]
    keys: tuple[str, ...]
    joins: tuple[Join, ...]

    @property
    def current(self) -> TableFacts:
        """What a day's rows look like: the predictions, or the reference where none are given."""
        return self.predictions or self.reference

    @property
    def lasting(self) -> dict[str, ColumnFacts]:
        """The reference's columns that a day's rows have as well."""
        return {name: c for name, c in self.reference.columns.items() if name in self.current.columns}
