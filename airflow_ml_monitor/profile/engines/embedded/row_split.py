"""A batch of rows → two Parquet files: the good rows, and the others with the reasons why not.

Every row of the batch is in exactly one of them, as it was: values go from file to file in Arrow and are only looked at
by the rules. One pass, a piece at a time.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_ml_monitor.errors import ScanError, SpecError, WrongType
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.embedded.row_batches import batches
from airflow_ml_monitor.profile.engines.embedded.row_verdicts import Rows, RowVerdicts
from airflow_ml_monitor.profile.row_tests import RowRule

REASONS: Final = "reasons"
"""The column that quarantined rows have besides their own: a list of texts."""

GROUP_ROWS: Final = 262_144
"""Rows of a Parquet row group: they are held in memory until it is full."""

Further = Callable[[pa.RecordBatch], Iterable[tuple[str, Rows]]]
"""What else speaks of rows: (reason, rows of the batch that have it)."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the two files go. Each appears whole, or stays as it was."""

    good: Path
    quarantine: Path


@dataclass(frozen=True, slots=True)
class Split:
    """How many rows went where, and why; a row may have several reasons.

    unanswered: rules that could not be asked of what arrived, with the cause; each held back every row.
    """

    rows: int
    good: int
    quarantined: int
    by_reason: Mapping[str, int]
    unanswered: Mapping[str, str]
    fingerprint: str
    """names the bytes of the batch"""


def split(source: Any, rules: Sequence[RowRule], outputs: Outputs, further: Further | None = None) -> Split:
    """Split a batch; what stood at the outputs before is replaced.

    Raises SpecError where an output is, or would be, a file of the batch, NoSource or WrongType where the batch or a
    value of it cannot be read, and ScanError where it changed meanwhile; nothing is replaced then.
    """
    _check_outputs(source, outputs)
    before = _fingerprint(source)
    counts: Counter[str] = Counter({rule.name: 0 for rule in rules})
    with batches(source) as found:
        if REASONS in found.schema.names:
            raise WrongType(f"the batch has a column {REASONS!r} already; leave it out")
        verdicts = RowVerdicts(rules, found.schema)
        with closing(verdicts), _two_files(outputs, found.schema) as two:
            for piece in found.pieces:
                reasons = _reasons(verdicts, further, piece)
                counts.update({name: len(rows) for name, rows in reasons})
                two.write(piece, reasons)
            if _fingerprint(source) != before:
                raise ScanError("the batch changed while being read; run the task again")
    return Split(two.good + two.held, two.good, two.held, dict(sorted(counts.items())), verdicts.unanswered, before)


def _reasons(verdicts: RowVerdicts, further: Further | None, piece: pa.RecordBatch) -> list[tuple[str, Rows]]:
    """Each reason that rows of a piece have, and which."""
    try:
        every = chain(verdicts.broken(piece), further(piece) if further else ())
        return [part for part in every if len(part[1])]
    except (pa.ArrowException, ValueError, OverflowError) as error:
        # Not chained: the message may quote a value, such as a date beyond the years that Python knows.
        told = f"a value of the batch cannot be looked at ({type(error).__name__}); is each of its type?"
        raise WrongType(told) from None


def _fingerprint(source: Any) -> str:
    is_path = isinstance(source, (str, os.PathLike))
    return files.fingerprint(files.files_of(source)) if is_path else memory.fingerprint(source)


def _check_outputs(source: Any, outputs: Outputs) -> None:
    good, quarantine = (path.resolve() for path in (outputs.good, outputs.quarantine))
    if good == quarantine:
        raise SpecError(f"{str(outputs.good)!r} cannot hold both kinds of rows; name two files", field="quarantine")
    if not isinstance(source, (str, os.PathLike)):
        return
    read = {Path(file.path).resolve() for file in files.files_of(source)}
    for field, path in (("good", good), ("quarantine", quarantine)):
        if path in read or files.would_find(source, path):
            raise SpecError(
                f"{str(path)!r} is a file of the batch itself, or would be at a retry: {str(source)!r} finds it; "
                "write it to a folder that the source does not look into",
                field=field,
            )


class _TwoFiles:
    """The two files while they are written, under names that no glob of Parquet files finds."""

    def __init__(self, outputs: Outputs, schema: pa.Schema) -> None:
        self.good = self.held = 0
        self._paths = tuple((path, _unfinished(path)) for path in (outputs.quarantine, outputs.good))
        self._schema = schema.append(pa.field(REASONS, pa.list_(pa.string())))
        quarantine, good = (made for _, made in self._paths)
        self._quarantine = pq.ParquetWriter(quarantine, self._schema)
        self._good = pq.ParquetWriter(good, schema)

    def write(self, piece: pa.RecordBatch, reasons: Sequence[tuple[str, Rows]]) -> None:
        """Each row of a piece into one of the files."""
        is_held = np.zeros(piece.num_rows, bool)
        for _, rows in reasons:
            is_held[rows] = True
        good, held = np.flatnonzero(~is_held), np.flatnonzero(is_held)
        self.good, self.held = self.good + len(good), self.held + len(held)
        if len(good):
            self._good.write_batch(piece if not len(held) else piece.take(pa.array(good)), GROUP_ROWS)
        if len(held):
            why = _listed(reasons, held)
            arrays = [*piece.take(pa.array(held)).columns, why]
            self._quarantine.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema), GROUP_ROWS)

    def close(self) -> None:
        """End both files."""
        self._quarantine.close()
        self._good.close()

    def put(self) -> None:
        """Give both their names, the good rows last: where they are, the others are too."""
        for _, made in self._paths:
            with open(made, "rb") as file:
                os.fsync(file.fileno())
        for path, made in self._paths:
            made.replace(path)

    def drop(self) -> None:
        """Leave nothing that is unfinished."""
        for _, made in self._paths:
            made.unlink(missing_ok=True)


@contextmanager
def _two_files(outputs: Outputs, schema: pa.Schema) -> Iterator[_TwoFiles]:
    for path in (outputs.good, outputs.quarantine):
        path.parent.mkdir(parents=True, exist_ok=True)
    two = _TwoFiles(outputs, schema)
    try:
        try:
            yield two
        finally:
            two.close()
        two.put()
    finally:
        two.drop()


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


def _listed(reasons: Sequence[tuple[str, Rows]], held: Rows) -> pa.Array:
    """The reasons of each held row, in the order of the rules."""
    rows = np.concatenate([rows for _, rows in reasons])
    which = np.repeat(np.arange(len(reasons)), [len(rows) for _, rows in reasons])
    order = np.lexsort((which, rows))
    names = pa.array([name for name, _ in reasons], pa.string()).take(pa.array(which[order]))
    ends = np.append(np.searchsorted(rows[order], held), len(rows))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), names)
