"""What is opened of a source: which of its columns, for which window, and which rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from airflow_ml_monitor.errors import MissingColumn, WrongType
from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.among import Among
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.candidates import likely
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER, Source, fault_of
from airflow_ml_monitor.profile.queries.among_query import is_among
from airflow_ml_monitor.profile.queries.query import Expression
from airflow_ml_monitor.profile.queries.sample_query import is_drawn


@dataclass(frozen=True, slots=True)
class Opening:
    """A source to open, for which of its columns, and for which window (labels: always all of it).

    seeks: where a column is missing, undeclared ones that may be it under a new name are opened too.
    counted: columns that are compared as numbers; where they are true and false these are 1 and 0.
    among: the only rows of a dataset that are read, by one of the columns.
    fraction: the share of the rows that is drawn, by the dataset's row key.
    """

    owner: Source
    columns: tuple[str, ...]
    window: Window = EVER
    seeks: bool = False
    counted: tuple[str, ...] = ()
    among: Among | None = None
    fraction: float = 1.0

    def widened(self, arrived: Mapping[str, str]) -> Opening:
        """With those undeclared columns, of the columns that the source has; once."""
        missing = [c for c in self.columns if c not in arrived and c != ROW_NUMBER]
        if not self.seeks or not missing or not arrived:
            return self
        undeclared = (c for c in arrived if c not in self.columns)
        return replace(self, columns=(*self.columns, *likely(missing, undeclared)), seeks=False)

    def only(self, read: Mapping[str, Expression], types: Mapping[str, str]) -> Expression | None:
        """Which rows are read, by the columns as they are read; None: all. MissingColumn or WrongType where the column
        that tells them is not there, or is another."""
        asked = [self._among(read, types)] if self.among else []
        if key := self.drawn_by(read):
            asked.append(is_drawn(self.fraction, *(read[name] for name in key)))
        return sa.and_(*asked) if asked else None

    def drawn_by(self, arrived: Collection[str]) -> tuple[str, ...]:
        """The columns by whose hash its rows are drawn; none where all are read, or a column of the key is missing."""
        if self.fraction == 1 or not isinstance(self.owner, Dataset):
            return ()
        return self.owner.row_key if set(self.owner.row_key) <= set(arrived) else ()

    def _among(self, read: Mapping[str, Expression], types: Mapping[str, str]) -> Expression:
        assert self.among is not None  # the caller's choice
        assert isinstance(self.owner, Dataset)  # of labels every row is read
        [column] = (c for c in self.owner.columns if c.name == self.among.column)
        if fault := fault_of(column, types.get(column.name)):
            raise (WrongType if column.name in types else MissingColumn)(fault)
        return is_among(read[column.name], column.kind, self.among)


def declared(dataset: Dataset, window: Window) -> Opening:
    """A dataset with all columns that the spec names."""
    names = [*(c.name for c in dataset.columns), dataset.event_time, *dataset.entity_key]
    return Opening(dataset, tuple(dict.fromkeys(names)), window)
