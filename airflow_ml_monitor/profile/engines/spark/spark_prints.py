"""What names the rows of a window that Spark reads.

Rows of files are named by their file: path, size and moment of change; a query reads the event time alone to know
which files hold a window's rows. Rows of a view, a DataFrame or a format that does not tell its files are named by the
hash of their values, which reads them all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.sql import quoted_name

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.databases.database import moment
from airflow_ml_monitor.profile.engines.scan import TIMES, in_terms
from airflow_ml_monitor.profile.engines.spark.spark_scan import said
from airflow_ml_monitor.profile.engines.spark.spark_text import text_of
from airflow_ml_monitor.profile.engines.spark.spark_types import type_name
from airflow_ml_monitor.profile.queries.dialect import row_hash
from airflow_ml_monitor.profile.queries.query import Expression, text, whole
from airflow_ml_monitor.profile.spark_source import is_frame

Listing = tuple[tuple[Any, ...], ...]

_OF_FILE: Final = ("file_path", "file_size", "file_modification_time")
_PRINTED: Final = "ml_monitor_printed"


def listing(session: Any, frame: Any) -> Listing:
    """The files of a source with their sizes and moments of change; none where it does not tell."""
    from pyspark.errors import PySparkException

    try:
        files = [unquote(file) for file in frame.inputFiles()]
        if not files:
            return ()
        found = session.read.format("binaryFile").load(files).select("path", "length", "modificationTime").collect()
        return tuple(sorted(tuple(row) for row in found))
    except PySparkException:
        return ()


def fingerprints(session: Any, frame: Any, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
    """One for each window, by one query over what lies between the first and the last."""
    types = {f.name: type_name(f.dataType) for f in frame.schema.fields}
    with said():
        named = None if is_frame(dataset.source) else _with_files(frame)
        (frame if named is None else named).createOrReplaceTempView(_PRINTED)
    try:
        columns = list(types) if named is None else [f"{_PRINTED}_{name}" for name in _OF_FILE]
        table = sa.table(_PRINTED, *(sa.column(quoted_name(name, True)) for name in (*types, *columns)))
        summed = _Summed(session, table, [text(table.c[name]) for name in columns])
        return _prints(summed, types, dataset, windows)
    finally:
        session.catalog.dropTempView(_PRINTED)


def _with_files(frame: Any) -> Any:
    """Rows with what names their file; None where they are in none, or what reads them does not tell."""
    from pyspark.errors import AnalysisException
    from pyspark.sql.functions import col

    if not frame.inputFiles():
        return None
    try:
        found = frame.select("*", *(col(f"_metadata.{name}").alias(f"{_PRINTED}_{name}") for name in _OF_FILE))
        _ = found.schema
        return found
    except AnalysisException:
        return None


def _prints(summed: _Summed, types: Mapping[str, str], dataset: Dataset, windows: Sequence[Window]) -> list[str]:
    shape, arrived = repr(list(types.items())), types.get(dataset.event_time, "")
    timed = [window for window in windows if window != EVER] if arrived in TIMES else []
    found: dict[Window, str] = {}
    if len(timed) < len(windows):
        found = dict.fromkeys(windows, _digest(shape, summed.ran(summed.by())))
    ends = {w: [in_terms(at, arrived, dataset.zone) for at in (w.start, w.end)] for w in timed}
    if ends:
        # Between two neighbouring ends all rows are of the same windows.
        cuts = sorted({at for span in ends.values() for at in span})
        at = summed.table.c[dataset.event_time]
        held = sa.and_(at >= moment(cuts[0]), at < moment(cuts[-1]))
        parts = summed.ran(summed.by(_parted(at, cuts)).where(held))
        for window, (start, end) in ends.items():
            found[window] = _digest(shape, [(n, total) for part, n, total in parts if start <= cuts[part - 1] < end])
    return [found[window] for window in windows]


@dataclass(frozen=True, slots=True)
class _Summed:
    """A source, and what names its rows."""

    session: Any
    table: sa.TableClause
    names: list[Expression]

    def by(self, *what: Expression) -> sa.Select[Any]:
        """(rows, sum of the hashes of their names), by something."""
        hashes = sa.func.sum(sa.cast(row_hash(*self.names), sa.Numeric))
        return sa.select(*what, sa.func.count(), hashes).select_from(self.table).group_by(*what)

    def ran(self, statement: sa.Select[Any]) -> list[tuple[int, ...]]:
        """Its rows, as whole numbers."""
        with said():
            return [tuple(int(x or 0) for x in row) for row in self.session.sql(text_of(statement)).collect()]


def _parted(at: Expression, cuts: Sequence[datetime]) -> Expression:
    """By how many ascending moments a time has been passed."""
    return sa.case(*((at < moment(cut), whole(i)) for i, cut in enumerate(cuts)), else_=whole(len(cuts)))


def _digest(shape: str, parts: Sequence[tuple[int, ...]]) -> str:
    """Of the columns, the rows, and the sum of their names' hashes, over all parts."""
    rows, total = (sum(part[i] for part in parts) for i in (0, 1))
    return hashlib.sha256(f"{shape} {rows} {total}".encode()).hexdigest()[:24]
