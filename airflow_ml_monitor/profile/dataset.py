"""What the user's tables of predictions are: datasets and columns. Light: imported when a DAG is parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.keys import check_zone
from airflow_ml_monitor.profile.replay import Replay
from airflow_ml_monitor.profile.task import Task


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
    PROXY = "proxy"
    """what is known early and hoped to go with performance: clicks, votes, complaints"""
    ENTITY_KEY = "entity_key"
    EVENT_TIME = "event_time"
    VERSION = "version"
    QUERY = "query"
    SLICE = "slice"
    DELAY_STRATUM = "delay_stratum"


LEAST: Final = 100
"""Fewer rows of a sample tell nothing of many columns together."""
MOST: Final = 2_000
"""Distances between all rows of two samples cost their square: of 1,000 and 1,000 four million."""

UNSAID: Final = "left out of a spec's document at its default"
"""Of a field that came after specs were registered."""

_FORECASTS: Final = (Role.PREDICTION, Role.QUANTILE)


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
    *(Role.FEATURE, Role.SCORE, *_FORECASTS, Role.BASELINE, Role.SLICE, Role.AMOUNT, Role.WEIGHT, Role.PROXY),
    Role.DELAY_STRATUM,
)


@dataclass(frozen=True, slots=True)
class Dataset:
    """One table of the user's: where it is and what its columns mean.

    source: a path, glob or directory of Parquet or CSV files, a pandas or Arrow table, or a `Table` of a database
    (PostgreSQL), in YAML {connection: warehouse, table: scores.predictions}: measured there, no row leaves it. Or
    `Files` of an object store, or of a Delta or Iceberg table: {path: s3://lake/scores, connection: lake}. Or what
    `Spark` reads, in YAML {spark: {path: s3a://lake/scores}}, or its DataFrame.
    Many files are pruned by the event-time statistics in their Parquet footers, so one glob over all days is right.
    event_time: the column that decides the window; naive times are read in `zone`.
    entity_key: the columns that name a row and join it to its label; for files without one, the virtual column
    `file_row_number`. Without a key no label can be joined and duplicates are not looked for.
    slice_by: columns (among `columns`) whose values are looked at one by one.
    replay: where the same rows' features lie as training computes them.
    sample_rows: so many rows of every window are kept with its profile, coded, for metrics of rows (`domain_auc`,
    `energy_distance`); 0: none. They are those whose entity key and event time have the lowest hash.
    sampling_fraction: the chance, in (0, 1], with which a row of a window is read into its cells, for tables that are
    too large to be read whole every day; by the hash of the same, so that a rerun draws the same rows. Rows, repeated
    keys, hours and versions are counted of all; every other interval is that of the rows drawn. References that are
    frozen, labels and contracts are read whole.
    second_moments: whether profiles hold what columns tell together (of at most 24 of them): sums of their products,
    how these scatter, and rows' distances from the reference. Without, no metric of columns together is measured.
    label_moments: whether the ledger holds what features tell together with labels (at most 24 of them), for
    `label_correlation_change`: every labelled row's features are read once its label is known; a monitor without labels
    has no use for them.
    """

    name: str
    source: Any
    columns: tuple[Column, ...]
    event_time: str
    zone: str = "UTC"
    entity_key: tuple[str, ...] = ()
    slice_by: tuple[str, ...] = ()
    replay: Replay | None = None
    sample_rows: int = 0
    # Not in the document of a spec that says nothing of them: its digest is what it was.
    sampling_fraction: float = field(default=1.0, metadata={UNSAID: True})
    second_moments: bool = field(default=True, metadata={UNSAID: True})
    label_moments: bool = field(default=False, metadata={UNSAID: True})

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
        check_zone(self.zone, f"datasets.{self.name}.zone")
        _check_levels(self)
        _check_sample(self)
        _check_fraction(self)
        if self.replay is not None:
            _check_replay(self, self.replay)

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

    @property
    def given(self) -> frozenset[str]:
        """The names of the columns that the model is given."""
        return frozenset(c.name for c in self.columns if c.role in (Role.FEATURE, Role.SLICE, Role.DELAY_STRATUM))

    @property
    def outputs(self) -> tuple[Column, ...]:
        """The columns that the model makes; another version of it makes others."""
        return tuple(column for column in self.columns if column.role in (Role.SCORE, *_FORECASTS))

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns by whose hash rows are drawn: an entity's rows of many days one by one, not all or none."""
        return tuple(dict.fromkeys(name for name in (*self.entity_key, self.event_time) if name))

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
    def replayed(self) -> Dataset:
        """Its replay as a dataset of the columns that are compared."""
        assert self.replay is not None  # asked for where one is declared
        wanted = self.replay.columns
        columns = (c for c in self.columns if (c.name in wanted if wanted else c.role is Role.FEATURE))
        zone, key = self.replay.zone or self.zone, self.replay.key or self.entity_key
        return Dataset(f"{self.name}.replay", self.replay.source, tuple(columns), "", zone, key)

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


def _check_sample(dataset: Dataset) -> None:
    field = f"datasets.{dataset.name}.sample_rows"
    if dataset.sample_rows and not LEAST <= dataset.sample_rows <= MOST:
        told = f"{dataset.sample_rows} rows are no sample; give {LEAST} to {MOST}, 1000 for instance, or 0 for none"
        raise SpecError(told, field=field)
    if dataset.sample_rows and not dataset.entity_key:
        raise SpecError("rows are drawn by the hash of their key, and there is no entity_key; declare one", field=field)


def _check_fraction(dataset: Dataset) -> None:
    field, fraction = f"datasets.{dataset.name}.sampling_fraction", dataset.sampling_fraction
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 < fraction <= 1:
        told = f"{fraction!r} is no share of the rows; give a number above 0 and up to 1, 0.1 for instance"
        raise SpecError(told, field=field)
    if fraction < 1 and not dataset.entity_key:
        raise SpecError("rows are drawn by the hash of their key, and there is no entity_key; declare one", field=field)


def _check_replay(dataset: Dataset, replay: Replay) -> None:
    """Whether rows find their partner, and there is something to compare."""
    field, known = f"datasets.{dataset.name}.replay", {column.name for column in dataset.columns}
    key = replay.key or dataset.entity_key
    if not key or len(key) != len(dataset.entity_key):
        raise SpecError(
            f"key {list(replay.key)} cannot match the entity_key {list(dataset.entity_key)}; name as many columns, at "
            "least one",
            field=f"{field}.key",
        )
    if unknown := [name for name in replay.columns if name not in known]:
        raise UnknownName("column", unknown[0], known, field=f"{field}.columns")
    if not dataset.replayed.columns:
        raise SpecError("no declared column is a feature; name those to compare", field=f"{field}.columns")
    if replay.zone:
        check_zone(replay.zone, f"{field}.zone")
