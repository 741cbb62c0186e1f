"""Arrow batches → cells and what rows tell together, added up where the rows are: on Spark's executors.

Rows come as query.values reads them, c0, c1 …: every cast was the engine's. Buckets are the kernel's. Imports numpy and
pyarrow, and of this package what imports no more than they do: nothing else need be there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.cells import Counts, Floats, Profile
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.kernel import kernel
from airflow_ml_monitor.profile.kernel.number_pass import NumberPass, plain
from airflow_ml_monitor.profile.kernel.outlying import Moments
from airflow_ml_monitor.profile.kernel.tally import CategoryTally
from airflow_ml_monitor.profile.layout import NULL, OTHER, RARE, Binning
from airflow_ml_monitor.profile.traces import MOST_UNSEEN
from airflow_ml_monitor.profile.wanted import Wanted

MOST_VALUES: Final = 20_000
"""Values without a bucket that a partition remembers of a column: 1 MB. Of more the engine is asked."""


Answer = Callable[[Wanted, Iterable[pa.RecordBatch]], bytes]
"""What is made of a partition."""


def added_up(wanted: Wanted, batches: Iterable[pa.RecordBatch]) -> bytes:
    """All batches of a partition as the bytes of one partial profile.

    Its traces hold every value without a bucket; its faults name the columns that have too many of them.
    """
    passed = NumberPass(wanted.numbers, wanted.together, wanted.slices, wanted.ellipsoid)
    labels = {by: len(by.labels) for by in wanted.slices}
    counted = {binning: CategoryTally(binning, labels) for binning in wanted.categories}
    unseen = {binning.column: _Unseen() for binning in wanted.categories}
    for batch in batches:
        columns = {name: batch.column(i) for i, (name, _) in enumerate(wanted.columns)}
        buckets = {b: _buckets(b, columns[b.column]) for b in {*wanted.categories, *passed.firsts, *wanted.slices}}
        codes = {by: np.where(buckets[by] < 0, labels[by], buckets[by]) for by in wanted.slices}
        for binning, tally in counted.items():
            tally.add(buckets[binning], codes)
            unseen[binning.column].add(buckets[binning], columns[binning.column])
        firsts = [_first(buckets[binning]) for binning in passed.firsts]
        passed.add([columns[b.column] for b in wanted.numbers], firsts, list(codes.values()))
    of_numbers, told = passed.done()
    cells = of_numbers | {key: found for tally in counted.values() for key, found in tally.cells().items()}
    damaged = {name: found.damaged for name, found in unseen.items() if found.damaged}
    values = {name: found.rows for name, found in unseen.items() if found.rows}
    too_many = {name: "" for name, found in unseen.items() if found.are_too_many}
    traces = replace(told, unseen=values, damaged=damaged)
    part = Profile("", EVER, "", {}, cells, faults=too_many, traces=traces)
    return encode_profile(part, to_the_bit=True)


def together(wanted: Wanted, parts: Iterable[bytes]) -> Profile:
    """The partial profiles of all partitions as one."""
    # Of no partition too every column has its cells, none of which has a row.
    found = Profile.total([decode_profile(part) for part in (added_up(wanted, ()), *parts)])
    unseen = {name: often for name, rows in found.traces.unseen.items() if (often := _often(rows))}
    return replace(found, traces=replace(found.traces, unseen=unseen))


def _often(values: Mapping[str, int]) -> dict[str, int]:
    """As text_query.unseen_values tells them."""
    often = sorted((-rows, value) for value, rows in values.items() if rows >= RARE)
    return {value: -rows for rows, value in often[:MOST_UNSEEN]}


def moments(wanted: Wanted, batches: Iterable[pa.RecordBatch]) -> bytes:
    """The moments of a partition's rows, as bytes."""
    total = Moments.of(np.zeros((len(wanted.together), 0)))
    for batch in batches:
        columns = {name: batch.column(i) for i, (name, _) in enumerate(wanted.columns)}
        total += Moments.of(np.stack([_u(binning, columns[binning.column]) for binning in wanted.together]))
    return np.stack([total.pairs, total.sums, total.products]).astype("<f8").tobytes()


def moments_together(wanted: Wanted, parts: Iterable[bytes]) -> Moments:
    """Of all partitions."""
    k = len(wanted.together)
    read = (Moments(*np.frombuffer(part, "<f8").reshape(3, k, k)) for part in parts)
    return reduce(add, read, Moments.of(np.zeros((k, 0))))


def _u(binning: Binning, column: pa.Array) -> Floats:
    if binning.kind is Kind.CATEGORICAL:
        return _first(_buckets(binning, column))
    return kernel.u_of(binning, plain(column))


def _first(bucket: Counts) -> Floats:
    """Whether rows have the first category; NaN where they have none."""
    return np.where(bucket == NULL, np.nan, (bucket == 0).astype(np.float64))


def _buckets(binning: Binning, column: pa.Array) -> Counts:
    """Of a column of categories, or of a few values."""
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if binning.kind is not Kind.CATEGORICAL:
        return kernel.slice_codes(binning, np.ma.MaskedArray(plain(column), missing))
    found = pc.index_in(column, value_set=pa.array(binning.categories, column.type))
    code = found.cast(pa.int64()).fill_null(OTHER).to_numpy(zero_copy_only=False)
    return np.where(missing, NULL, code) if column.null_count else code


@dataclass(slots=True)
class _Unseen:
    """A column's values without a bucket. damaged: rows of them that look wrongly decoded."""

    rows: Counter[str] = field(default_factory=Counter)
    damaged: int = 0
    are_too_many: bool = False

    def add(self, bucket: Counts, column: pa.Array) -> None:
        others = bucket == OTHER
        if not others.any():
            return
        found = pc.value_counts(column.filter(pa.array(others)))
        counts = dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True))
        self.damaged += kernel.damaged_rows(counts)
        if not self.are_too_many:
            self.rows.update(counts)
        if len(self.rows) > MOST_VALUES:
            self.rows.clear()
            self.are_too_many = True


def each(function: Answer, wanted: Wanted) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What Spark runs over a partition's batches: `function`'s bytes, as one row."""

    def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_arrays([pa.array([function(wanted, batches)], pa.binary())], ["part"])

    return mapped
