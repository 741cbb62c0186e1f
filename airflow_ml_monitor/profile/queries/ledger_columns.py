"""What the ledger's statements read of predictions and labels, and how keys of two types are compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from airflow_ml_monitor.profile.dataset import Column, Dataset, Role
from airflow_ml_monitor.profile.feature_parts import feature_part
from airflow_ml_monitor.profile.label_sets import part_names
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries.query import Expression, number, text
from airflow_ml_monitor.profile.sums import summed_columns
from airflow_ml_monitor.profile.task import Task, TaskKind

_EXACT: Final = 9e15
"""Below it every whole double is one integer."""


class KeyReading(StrEnum):
    """How a key is read before both sides are compared."""

    PLAIN = "plain"
    TEXT = "text"
    WHOLE_AS_TEXT = "whole as text"
    """A whole float like the integer it was before a missing value made its column float: 7.0 as '7'."""


@dataclass(frozen=True, slots=True)
class LedgerColumns:
    """What a ledger statement reads of the predictions, and how; all of it is known before the rows.

    keys: how each key is read, of the predictions and of the labels. version: the column's name, '' without one.
    label_is_number …: whether its values are compared as numbers, else as texts. label_is_list, class_is_list: whether
    a set of labels is a list, and not text.
    is_dated: all rows are read as one day, and a ranking's queries are told apart by the date of their event time.
    features: what is read instead of scores, if any: what these tell together with labels. label_binning: of a
    regression's label then, in whose unit predictions are: the prediction's.
    """

    dataset: Dataset
    task: Task
    slices: tuple[Binning, ...] = ()
    strata: tuple[Binning, ...] = ()
    version: str = ""
    label_is_number: bool = True
    class_is_number: bool = True
    baseline_is_number: bool = True
    keys: tuple[tuple[KeyReading, KeyReading], ...] = ()
    label_is_list: bool = False
    class_is_list: bool = False
    is_dated: bool = False
    features: tuple[Binning, ...] = ()
    label_binning: Binning | None = None

    @property
    def is_ranking(self) -> bool:
        return self.task.kind is TaskKind.RANKING

    @property
    def query(self) -> str:
        """The column that names a ranking's queries."""
        column = self.dataset.column(Role.QUERY)
        assert column is not None  # the spec's own check
        return column.name

    @property
    def besides(self) -> dict[str, Column]:
        """The columns that bring sums, by the names that statements give them: x0, x1 …"""
        found = () if self.features else summed_columns(self.task, self.dataset)
        return {f"x{i}": column for i, column in enumerate(found)}

    @property
    def parts(self) -> tuple[str, ...]:
        """Every part besides the rows, as they are numbered from 1 on."""
        if self.features:
            return tuple(feature_part(binning.column) for binning in self.features)
        return part_names(self.task.class_names)

    def predicted_keys(self, table: sa.TableClause) -> list[Expression]:
        return [
            read_key(table.c[name], mine) for name, (mine, _) in zip(self.dataset.entity_key, self.keys, strict=True)
        ]

    def label_keys(self, labels: LabelSource, table: sa.TableClause) -> list[Expression]:
        return [read_key(table.c[name], theirs) for name, (_, theirs) in zip(labels.key, self.keys, strict=True)]


def read_key(column: Expression, reading: KeyReading) -> Expression:
    if reading is KeyReading.PLAIN:
        return column
    if reading is KeyReading.TEXT:
        return text(column)
    x = sa.cast(column, sa.Double)
    is_whole = sa.and_(sa.func.abs(x, type_=sa.Double) < number(_EXACT), x == sa.func.floor(x, type_=sa.Double))
    return sa.case((is_whole, text(sa.cast(x, sa.BigInteger))), else_=text(column))
