"""Tables that are already in memory: pandas and Arrow, as Arrow."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines import small_columns
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Binning


def table(source: Any, columns: Sequence[str] | None = None) -> pa.Table:
    """The columns of a pandas or Arrow table, as Arrow; pandas' NaN means missing, as in the Parquet that it writes."""
    if isinstance(source, pa.Table):
        return _plain(source if columns is None else source.select([c for c in columns if c in source.column_names]))
    if hasattr(source, "columns") and hasattr(source, "iloc"):
        names = [name for name in source.columns if columns is None or name in columns]
        return _plain(pa.table({str(name): _array(source[name]) for name in names}))
    raise SpecError(
        f"a source of type {type(source).__qualname__}; give a path, a glob, a pandas DataFrame or an Arrow table",
        field="source",
    )


def names(source: Any) -> dict[str, str]:
    """Every column of a table in memory, its type unsaid; of a path none, as its files tell themselves."""
    if isinstance(source, pa.Table):
        return dict.fromkeys(source.column_names, "")
    return dict.fromkeys(map(str, source.columns), "") if hasattr(source, "columns") else {}


def _array(series: Any) -> pa.Array:
    """A pandas column; one of many types arrives as text."""
    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return pa.array([None if missing else str(value) for value, missing in zip(series, series.isna(), strict=True)])


def _plain(arrow: pa.Table) -> pa.Table:
    """Half floats as floats, which every engine knows."""
    for i, part in enumerate(arrow.schema):
        if pa.types.is_float16(part.type):
            arrow = arrow.set_column(i, part.name, arrow.column(i).cast(pa.float32()))
    return arrow


def fingerprint(source: Any) -> str:
    """Names the contents of a table in memory."""
    named = hashlib.sha256()
    arrow = table(source)
    with pa.ipc.new_stream(pa.PythonFile(_Digest(named), mode="w"), arrow.schema) as writer:
        writer.write_table(arrow)
    return named.hexdigest()[:24]


class _Digest:
    """A file that keeps nothing of what is written but its digest."""

    closed = False

    def __init__(self, named: Any) -> None:
        self._named = named
        self._size = 0

    def write(self, content: Any) -> int:
        self._named.update(content)
        self._size += len(content)
        return len(content)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Nothing is open."""


def no_labels(labels: LabelSource) -> pa.Table:
    """The label source before its first label."""
    empty: dict[str, pa.Array] = {name: pa.array([], pa.string()) for name in (*labels.key, *labels.by)}
    empty |= {name: pa.array([], pa.null()) for name in (labels.label, labels.rows) if name}
    if labels.day:
        empty[labels.day] = pa.array([], pa.timestamp("us", "UTC"))
    if labels.label_time:
        empty[labels.label_time] = pa.array([], pa.timestamp("us", "UTC"))
    if labels.censored:
        empty[labels.censored] = pa.array([], pa.bool_())
    return pa.table(empty)


def categories(binning: Binning) -> pa.Table:
    """The `categories` of a column's statement."""
    names = binning.categories
    return pa.table({"name": small_columns.texts(names), "code": small_columns.wholes(range(len(names)))})


def days(
    index: Sequence[int],
    starts: Sequence[datetime],
    ends: Sequence[datetime],
    stale: Sequence[bool],
    due: Sequence[datetime] = (),
) -> pa.Table:
    """The ledger's `days`. due: when silence is a label; none: never asked for."""
    return pa.table({
        "day": small_columns.wholes(index),
        "starts": small_columns.moments(starts),
        "ends": small_columns.moments(ends),
        "stale": small_columns.flags(stale),
        "due": small_columns.moments(due or ends),
    })  # fmt: skip


def known(after: Sequence[datetime], upto: Sequence[datetime]) -> pa.Table:
    """The ledger's `known`."""
    index = small_columns.wholes(range(len(after)))
    return pa.table({"known": index, "after": small_columns.moments(after), "upto": small_columns.moments(upto)})


def arrived(after: Sequence[datetime], upto: Sequence[datetime]) -> pa.Table:
    """The ledger's `arrived`: as `known`, each day three times, as its neighbours' number and its own are near."""
    days = known(after, upto)
    near = (small_columns.wholes(range(step, len(after) + step)) for step in (-1, 0, 1))
    return pa.concat_tables([days.append_column("near", numbers) for numbers in near])


def places(classes: int, *, is_scored: bool) -> pa.Table:
    """The ledger's `places`: parts of a row with a set of labels, and the classes that they are about; -1: of none.

    0: the row. 1: a pair's state of each class. 2, 3 …: the score of one class, where there are scores.
    """
    every, scored = range(classes), range(classes if is_scored else 0)
    parts, about = [0, *(1 for _ in every), *(2 + k for k in scored)], [-1, *every, *scored]
    return pa.table({"part": small_columns.wholes(parts), "about": small_columns.wholes(about)})
