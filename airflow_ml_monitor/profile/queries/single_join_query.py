"""Predictions and labels joined once: what the ledger asks of a source that has one label a key.

One full join tells which predictions have which label, which have none, and which labels have no prediction. It says
besides whether it may be believed: a label row that is not its key's only one makes more rows than there are
predictions, or two orphans of one hash. Read as `label_query`; binary tasks, whose silence is no label.

What rows are grouped by is one whole number, a `cell`: seven keys take DuckDB half as long again. It is made of a
`place`, which the prediction knows, its bucket, and a `code`, which the label knows; the join carries little else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import SCORE_BUCKETS
from airflow_ml_monitor.profile.ledger import CENSORED, UNSCORED
from airflow_ml_monitor.profile.queries.binary_query import losses, score_sums
from airflow_ml_monitor.profile.queries.censoring import or_censored
from airflow_ml_monitor.profile.queries.dialect import row_hash
from airflow_ml_monitor.profile.queries.label_events import label_value, predictions_table
from airflow_ml_monitor.profile.queries.label_query import entry_sums, window_rows
from airflow_ml_monitor.profile.queries.ledger_columns import LedgerColumns
from airflow_ml_monitor.profile.queries.query import (
    Expression,
    flag,
    hashed,
    in_window,
    part_where,
    sets,
    source,
    whole,
)
from airflow_ml_monitor.profile.queries.score_bucket import slice_bucket

Whole = NDArray[np.int64]

_COUNTED, _FRESH = 1, 2
"""Of a code: the row has a value, so that its key counts as labelled; it became known after :since."""
_LABEL, _LABELS, _NONE = 4, 8, 3
"""Of a code: where the label stands, how many there may be, and what is added so that none is 0."""
_KNOWN: Final = _LABEL * _LABELS
_BUCKETS: Final = SCORE_BUCKETS - UNSCORED


@dataclass(frozen=True, slots=True)
class CellShape:
    """How many days of predictions, strata and days of knowledge cells tell apart.

    settled: how many of the days are not stale: those are numbered first, from 1.
    """

    days: int
    strata: int
    known: int
    settled: int

    @property
    def codes(self) -> int:
        """The code of a prediction without a label is the last but _KNOWN - 1."""
        return (self.known + 2) * _KNOWN

    @property
    def fits(self) -> bool:
        """Whether cells are whole numbers of 64 bits, and those of orphans none that stands for NULL."""
        return self.codes < 10**6 and (self.days + 1) * self.strata * 2 * _BUCKETS * self.codes < 2**62


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What cells stand for, as arrays. day: its number, 0 where there is none; known: -1 where there is none.

    is_orphan: of label rows without a prediction, which have code and known alone.
    """

    is_orphan: NDArray[np.bool_]
    day: Whole
    stratum: Whole
    prediction: Whole
    bucket: Whole
    known: Whole
    label: Whole
    has_value: NDArray[np.bool_]
    is_fresh: NDArray[np.bool_]
    is_labelled: NDArray[np.bool_]

    @classmethod
    def of(cls, cell: Whole, shape: CellShape) -> Parts:
        is_orphan = cell < 0
        rest, code = np.divmod(np.where(is_orphan, -1 - cell, cell), shape.codes)
        place, bucket = np.divmod(rest, _BUCKETS)
        kind, prediction = np.divmod(place, 2)
        day, stratum = np.divmod(kind, shape.strata)
        known, label = code // _KNOWN, code // _LABEL % _LABELS - _NONE
        is_labelled = (label > -_NONE) & (known > 0)
        flags = (code & _COUNTED) > 0, (code & _FRESH) > 0
        kept = (stratum, prediction, bucket + UNSCORED, known - 1, label)
        return cls(is_orphan, day, *kept, *flags, is_labelled)


def _within(moment: Expression, ends: Sequence[Expression], found: Sequence[Expression], until: bool) -> Expression:
    """What is found in the span in which a moment lies: `found` has one more than there are ends.

    until: a moment at which a span ends belongs to it. By halves: a join on inequalities would sort all moments, and
    have DuckDB take the labels for many more than they are.
    """
    if not ends:
        return found[0]
    middle = len(ends) // 2
    is_before = moment <= ends[middle] if until else moment < ends[middle]
    before = _within(moment, ends[:middle], found[: middle + 1], until)
    after = _within(moment, ends[middle + 1 :], found[middle + 1 :], until)
    return sa.case((is_before, before), else_=after)


def _placed(columns: LedgerColumns, shape: CellShape) -> sa.Subquery:
    """Predictions of the window with their keys and their place: number of the day (0: none), stratum, class."""
    p = window_rows(columns)
    ends: list[Expression] = [sa.bindparam(f"day_end{i}") for i in range(shape.days)]
    days: list[Expression] = [sa.bindparam(f"day{i}", type_=sa.BigInteger) for i in range(shape.days)]
    # Of 64 bits whatever the parts' own types are: products of days and codes have no place in 32.
    day = sa.cast(_within(p.c.moment, ends, [*days, whole(0)], until=False), sa.BigInteger)
    place = (day * whole(shape.strata) + p.c.stratum) * whole(2) + p.c.prediction
    read = sa.select(p, place.label("place")).subquery("numbered")
    cells = {"cell": read.c.bucket, **({"coarse": slice_bucket(read.c.bucket)} if columns.slices else {})}
    bare = {"moment", "stratum", "prediction", "place"}
    # Where nothing but scores is summed, only a whole cell's bucket says whether they count.
    bare |= (set() if columns.version else {"version"}) | (set() if columns.besides else {"bucket"})
    cut = (
        ((read.c.place * whole(_BUCKETS) + bucket - whole(UNSCORED)) * whole(shape.codes)).label(name)
        for name, bucket in cells.items()
    )
    return sa.select(*(c for c in read.c if c.name not in bare), *cut).subquery("placed")


def known_in(moment: Expression, days: int) -> Expression:
    """Which of the days of knowledge a moment up to :upto belongs to, from 1; 0: none."""
    ends: list[Expression] = [sa.bindparam(f"known_end{i}") for i in range(days - 1)]
    found = _within(moment, ends, [whole(i) for i in range(1, days + 1)], until=True)
    return sa.case((moment > sa.bindparam("known_start"), found), else_=whole(0))


def _coded(columns: LedgerColumns, labels: LabelSource, shape: CellShape) -> sa.Subquery:
    """Label rows known up to :upto, with their keys and their code."""
    table = source(*labels.columns, name="labels")
    keys = [key.label(f"k{i}") for i, key in enumerate(columns.label_keys(labels, table))]
    value = or_censored(labels, table, label_value(columns, table.c[labels.label]))
    label = sa.func.coalesce(value + whole(_NONE), whole(0))
    when: Expression = whole(1)
    fresh: Expression = whole(0)
    upto: Expression = sa.true()
    if labels.label_time:
        moment = table.c[labels.label_time]
        when, upto = known_in(moment, shape.known), moment <= sa.bindparam("upto")
        fresh = flag(moment > sa.bindparam("since"))
    counted = flag(table.c[labels.label].is_not(None))
    code = when * whole(_KNOWN) + label * whole(_LABEL) + fresh * whole(_FRESH) + counted
    # The narrower, the smaller the table that all labels are held in.
    width = sa.SmallInteger if shape.codes < 2**15 else sa.Integer
    return sa.select(*keys, sa.cast(code, width).label("code")).where(upto).subquery("coded")


def _joined(columns: LedgerColumns, labels: LabelSource, shape: CellShape) -> sa.Subquery:
    """Predictions and labels by their cells, with what is summed; of orphans their hash."""
    p, told = _placed(columns, shape), _coded(columns, labels, shape)
    keys = [f"k{i}" for i in range(len(labels.key))]
    tables = p.outerjoin(told, sa.and_(*(p.c[key] == told.c[key] for key in keys)), full=True)
    is_counted = told.c.code.bitwise_and(sa.literal(_COUNTED, sa.Integer)) == whole(1)
    orphan = sa.case((sa.and_(p.c.cell.is_(None), is_counted), row_hash(*(told.c[key] for key in keys))))
    of_code = told.c.code.bitwise_rshift(sa.literal(2, sa.Integer)).bitwise_and(sa.literal(7, sa.Integer))
    cells = [_cell(p.c[name], told.c.code, shape).label(name) for name in ("cell", "coarse") if name in p.c]
    others = [column for column in p.c if column.name not in (*keys, "cell", "coarse")]
    label = (of_code - whole(_NONE)).label("label")
    read = sa.select(*others, label, *cells, orphan.label("orphan")).select_from(tables).subquery("read")
    worth = {} if columns.features else losses(read.c.score, sa.cast(read.c.label, sa.Double))
    if columns.besides:
        counts = sa.and_(read.c.bucket >= whole(0), read.c.label != whole(CENSORED))
        worth = {name: part_where(counts, part) for name, part in worth.items()}
    named = [c for c in read.c if c.name != "score"]
    return sa.select(*named, *(part.label(name) for name, part in worth.items())).subquery("rows")


def _cell(place: Expression, code: Expression, shape: CellShape) -> Expression:
    """Below 0 of orphans; 0 of predictions that nothing is asked of."""
    nothing = whole((shape.known + 1) * _KNOWN)
    cell = place + sa.func.coalesce(code, nothing)
    if not shape.settled:
        return sa.func.coalesce(cell, whole(-1) - code)
    is_stale = place >= whole((shape.settled + 1) * shape.strata * 2 * _BUCKETS * shape.codes)
    is_fresh = code.bitwise_and(sa.literal(_FRESH, sa.Integer)) == whole(_FRESH)
    return sa.case((place.is_(None), whole(-1) - code), (sa.or_(is_stale, is_fresh), cell), else_=whole(0))


def _summed(columns: LedgerColumns, rows: sa.Subquery) -> dict[str, Expression]:
    """As `label_query.entry_sums`; what scores add where they do not count is taken out by who reads the cells."""
    if columns.besides or columns.features:
        return entry_sums(columns, rows)
    return {**score_sums(columns, rows), "state": hashed(rows.c.score)}


def joined(columns: LedgerColumns, labels: LabelSource, shape: CellShape) -> sa.SelectBase:
    """Every prediction in [:start, :end), with its label where it has one, and every orphan; counts and sums by cell.

    Columns: cell, coarse (instead, of slices), s0 …, version, count, hashes and the sums. hashes: of orphans, how many
    different ones all of them have; else 0.
    """
    rows = _joined(columns, labels, shape)
    shared = [rows.c.version] if columns.version else []
    slices = [rows.c[f"s{i}"] for i in range(len(columns.slices))]
    coarse = [rows.c.coarse] if slices else []
    sums = {name: sa.func.sum(part) for name, part in _summed(columns, rows).items()}
    count = sa.cast(sa.func.count(), sa.BigInteger).label("count")
    cells = (
        sa.select(
            rows.c.cell,
            *coarse,
            *slices,
            *shared,
            rows.c.orphan,
            count,
            *(part.label(name) for name, part in sums.items()),
        )
        .group_by(*sets([rows.c.cell, *shared, rows.c.orphan], slices, [*coarse, *shared]))
        .cte("cells")
        .prefix_with("MATERIALIZED")
    )
    kept = [column for column in cells.c if column.name != "orphan"]
    entries = sa.select(*kept, whole(0).label("hashes")).where(cells.c.orphan.is_(None))
    different = sa.select(sa.func.count(cells.c.orphan.distinct())).correlate(None).scalar_subquery()
    total = sa.cast(sa.func.sum(cells.c.count), sa.BigInteger)
    places = {"cell": cells.c.cell, "count": total}
    orphans = sa.select(*(places.get(c.name, sa.null()) for c in kept), different).where(cells.c.orphan.is_not(None))
    return sa.union_all(entries, orphans.group_by(cells.c.cell))


def predictions_in_window(columns: LedgerColumns) -> sa.SelectBase:
    """(predictions in [:start, :end))."""
    p = predictions_table(columns)
    return sa.select(sa.func.count()).select_from(p).where(in_window(p, columns.dataset.event_time))


def labels_by_known(labels: LabelSource, days: int) -> sa.SelectBase:
    """(index among so many days of knowledge, -1 of none; labels with a value that became known then, up to :upto)."""
    table = source(*labels.columns, name="labels")
    is_told = table.c[labels.label].is_not(None)
    if not labels.label_time:
        return sa.select(whole(0), sa.func.count()).select_from(table).where(is_told)
    moment = table.c[labels.label_time]
    known = known_in(moment, days) - whole(1)
    return sa.select(known, sa.func.count()).where(is_told, moment <= sa.bindparam("upto")).group_by(known)


def repeated_keys(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """The keys of several label rows known up to :upto. Columns: k0 …"""
    table = source(*labels.columns, name="labels")
    keys = columns.label_keys(labels, table)
    upto = table.c[labels.label_time] <= sa.bindparam("upto") if labels.label_time else sa.true()
    named = (key.label(f"k{i}") for i, key in enumerate(keys))
    return sa.select(*named).where(upto).group_by(*keys).having(sa.func.count() > whole(1))


def repeated_count() -> sa.SelectBase:
    """(how many keys are `repeated`)."""
    return sa.select(sa.func.count()).select_from(source(name="repeated"))


def predictions_apart(columns: LedgerColumns, names: tuple[str, ...]) -> sa.SelectBase:
    """The predictions whose key is `repeated`, with these columns."""
    p = source(*names)
    return _apart(p, columns.predicted_keys(p))


def labels_apart(columns: LedgerColumns, labels: LabelSource) -> sa.SelectBase:
    """The label rows whose key is `repeated`."""
    table = source(*labels.columns, name="labels")
    return _apart(table, columns.label_keys(labels, table))


def _apart(table: sa.TableClause, keys: Sequence[Expression]) -> sa.SelectBase:
    repeated = source(*(f"k{i}" for i in range(len(keys))), name="repeated")
    # A missing key is one key among labels, and finds no prediction.
    same = (key.is_not_distinct_from(repeated.c[f"k{i}"]) for i, key in enumerate(keys))
    return sa.select(*table.c).where(sa.exists(sa.select(whole(1)).select_from(repeated).where(*same)))
