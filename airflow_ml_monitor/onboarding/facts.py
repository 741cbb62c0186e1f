"""A file → facts: what its columns hold, how they go together, and how labels join. Says nothing of what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from airflow_ml_monitor.errors import ScanError
from airflow_ml_monitor.onboarding import pairs
from airflow_ml_monitor.onboarding.pairs import Join
from airflow_ml_monitor.onboarding.reading import Table, quoted, tables
from airflow_ml_monitor.profile.engines.scan import INTEGERS, NUMBERS, TIMES, is_any

FEW: Final = 12
"""Values of a column are listed up to here: enough to tell two classes, and slices."""
_PARTS: Final = ("year", "quarter", "month", "week", "day", "dayofyear")
"""What of a moment always moves on; hours and weekdays come back."""
_MOSTLY: Final = 0.7
_TIMES_WITHOUT_EMPTY: Final = TIMES - {'"NULL"'}


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
        return is_any(self.type, _TIMES_WITHOUT_EMPTY) or self.type.startswith("TIMESTAMP")

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
    def is_unique(self) -> bool:
        return self.rows > 1 and self.distinct == self.rows

    @property
    def names_rows(self) -> bool:
        """Another value in every row, and no measurement: an id."""
        return self.is_unique and (self.is_text or self.is_whole)

    @property
    def is_share(self) -> bool:
        """Numbers in [0, 1] that are more than two classes."""
        inside = self.low is not None and self.high is not None and self.low >= 0 and self.high <= 1
        return inside and self.distinct > 2 and not self.is_whole


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table: where it is (None: in memory), how large, its columns."""

    source: Any
    rows: int
    looked: int
    files: int
    bytes: int
    columns: Mapping[str, ColumnFacts]

    @property
    def seen(self) -> str:
        """How much of it was looked at, in words."""
        return f"all {self.rows:,} rows" if self.looked == self.rows else f"{self.looked:,} of {self.rows:,} rows"


@dataclass(frozen=True, slots=True)
class Facts:
    """What can be known of a reference, and of predictions and labels where they are given.

    rankings: ROC AUC of (share, two-valued column), the greater value counting as 1. likeness: R² of one number taken
    for another. keys: columns that name a row together, where no single one does. joins: ways from predictions to
    labels, the best first.
    """

    reference: TableFacts
    predictions: TableFacts | None = None
    labels: TableFacts | None = None
    rankings: Mapping[tuple[str, str], float] | None = None
    likeness: Mapping[tuple[str, str], float] | None = None
    keys: tuple[str, ...] = ()
    joins: tuple[Join, ...] = ()

    @property
    def current(self) -> TableFacts:
        """What a day's rows look like: the predictions, or the reference where none are given."""
        return self.predictions or self.reference


def gathered(reference: Any, predictions: Any = None, labels: Any = None) -> Facts:
    """Look at sources: paths, globs, directories, or tables in memory. NoSource, ScanError where one cannot be read."""
    with tables(reference=reference, predictions=predictions, labels=labels) as opened:
        found = {name: table_facts(table) for name, table in opened.items()}
        first = opened["reference"]
        shares = [c.name for c in found["reference"].columns.values() if c.is_share]
        classes = [c.name for c in found["reference"].columns.values() if c.is_two_valued]
        numbers = [
            c.name for c in found["reference"].columns.values() if c.is_number and c.distinct > FEW and not c.names_rows
        ]
        current = "predictions" if predictions is not None else "reference"
        has_labels = "labels" in opened
        return Facts(
            found["reference"],
            found.get("predictions"),
            found.get("labels"),
            pairs.rankings(first, shares, classes),
            pairs.likeness(first, numbers),
            pairs.composite(opened[current], found[current].columns),
            pairs.joins((opened[current], opened["labels"]), (found[current].columns, found["labels"].columns))
            if has_labels
            else (),
        )


def table_facts(table: Table) -> TableFacts:
    """The facts of every column; ScanError for an empty table."""
    if not table.looked:
        raise ScanError(f"no rows in {table.name}; give one that holds some")
    followed = _followed(table)
    found = {name: _column(table, name, kind, followed.get(name, {})) for name, kind in table.types.items()}
    return TableFacts(table.source, table.rows, table.looked, table.files, table.bytes, found)


def _column(table: Table, name: str, kind: str, follows: Mapping[str, str]) -> ColumnFacts:
    bare = ColumnFacts(name, kind, table.looked, 0, 0)
    x, seen = quoted(name), "true"
    low = high = whole = time_text = "NULL"
    if bare.is_number:
        x, number = f"CAST({x} AS DOUBLE)", f"CAST({x} AS DOUBLE)"
        seen = f"NOT isnan({number})"
        finite = f"FILTER (isfinite({number}))"
        low, high = f"min({number}) {finite}", f"max({number}) {finite}"
        whole = f"bool_and({number} = floor({number})) {finite}"
    if bare.is_text:
        time_text = f"bool_and(TRY_CAST(CAST({x} AS VARCHAR) AS TIMESTAMP) IS NOT NULL) FILTER ({x} IS NOT NULL)"
    count = f"count({x}) FILTER ({seen}), count(DISTINCT {x}) FILTER ({seen})"
    [row] = table.ask(f"SELECT {count}, {low}, {high}, {whole}, {time_text} FROM {table.sample}")  # noqa: S608
    present, distinct, lowest, highest, is_whole, is_time_text = row
    values, least = _values(table, x, seen) if 0 < distinct <= FEW and not bare.is_time else ((), 0.0)
    first, last = _span(table, name) if bare.is_time else (None, None)
    return ColumnFacts(
        name,
        kind,
        table.looked,
        table.looked - present,
        distinct,
        lowest,
        highest,
        bool(is_whole),
        bool(is_time_text),
        least,
        values,
        first,
        last,
        follows,
    )


def _values(table: Table, x: str, seen: str) -> tuple[tuple[Any, ...], float]:
    where = f"{x} IS NOT NULL AND {seen}"
    counts = f"SELECT {x}, count(*) FROM {table.sample} WHERE {where} GROUP BY 1 ORDER BY 1"  # noqa: S608
    rows = table.ask(counts)
    return tuple(value for value, _ in rows), min(n for _, n in rows) / sum(n for _, n in rows)


def _span(table: Table, name: str) -> tuple[datetime | None, datetime | None]:
    """The first and last moment of all rows, naive ones as they are; Parquet answers from its footers."""
    x = quoted(name)
    # As UTC's clock has them: DuckDB hands out aware times only with a package that we do not need.
    moments = f"CAST(min({x}) AS TIMESTAMP), CAST(max({x}) AS TIMESTAMP)"
    [(low, high)] = table.ask(f"SELECT {moments} FROM {table.name}")  # noqa: S608
    return low, high


def _followed(table: Table) -> dict[str, dict[str, str]]:
    """Which number columns move with a time column, and how: they drift by themselves."""
    times = [name for name, kind in table.types.items() if ColumnFacts(name, kind, 0, 0, 0).is_time]
    numbers = [name for name, kind in table.types.items() if is_any(kind, NUMBERS - {'"NULL"'})]
    both = [(n, t) for n in numbers for t in times]
    if not both:
        return {}
    asked = []
    for n, t in both:
        x, moment = f"CAST({quoted(n)} AS DOUBLE)", f"CAST({quoted(t)} AS TIMESTAMP)"
        asked += [f"avg(CAST({x} = date_part('{part}', {moment}) AS INTEGER))" for part in _PARTS]
        asked += [_correlation(x, f"epoch({moment})"), f"count(DISTINCT {x})"]
    [row] = table.ask(f"SELECT {', '.join(asked)} FROM {table.sample}")  # noqa: S608
    found: dict[str, dict[str, str]] = {}
    width = len(_PARTS) + 2
    for i, (n, t) in enumerate(both):
        *shares, grows, distinct = row[i * width : (i + 1) * width]
        # Many values that mostly agree are no chance, though a day begins elsewhere by another clock; few must agree.
        least = _MOSTLY if distinct > FEW else 0.99
        equal = [part for part, share in zip(_PARTS, shares, strict=True) if (share or 0) > least]
        # A constant is the year of every moment of that year; next year it is drift.
        if equal and (distinct > 2 or equal == ["year"]):
            found.setdefault(n, {})[t] = equal[0]
        elif (grows or 0) > 0.98:
            found.setdefault(n, {})[t] = "growth"
    return found


def _correlation(x: str, y: str) -> str:
    """Pearson's, without its sign; NULL where one does not vary, of which `corr` makes an error."""
    both = f"FILTER (isfinite({x}) AND {y} IS NOT NULL)"
    spread = f"sqrt(var_pop({x}) {both}) * sqrt(var_pop({y}) {both})"
    return f"abs(covar_pop({x}, {y}) {both}) / nullif({spread}, 0)"
