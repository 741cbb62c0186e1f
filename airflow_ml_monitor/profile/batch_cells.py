"""Arrow batches → cells and what rows tell together, added up where the rows are: on Spark's executors.

Rows come as query.values reads them, c0, c1 …: every cast was the engine's. Buckets are the kernel's. Imports numpy and
pyarrow, and of this package what imports no more than they do: nothing else need be there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import add
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_ml_monitor.keys import EVER, WHOLE, Slice
from airflow_ml_monitor.profile import kernel
from airflow_ml_monitor.profile.cells import Cells, Counts, Floats, Profile
from airflow_ml_monitor.profile.codec import decode_profile, encode_profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, RARE, Binning
from airflow_ml_monitor.profile.outlying import Moments
from airflow_ml_monitor.profile.traces import MOST_UNSEEN, Traces

MOST_VALUES: Final = 20_000
"""Values without a bucket that a partition remembers of a column: 1 MB. Of more the engine is asked."""
_SPECIAL = np.arange(NULL, OTHER + 1)
_NO_NUMBER = (NULL, NAN, MINUS_INF, PLUS_INF)


@dataclass(frozen=True)
class Cut:
    """What is asked of rows. together: the columns that rows are looked at by together."""

    binnings: tuple[Binning, ...] = ()
    slices: tuple[Binning, ...] = ()
    together: tuple[Binning, ...] = ()
    ellipsoid: Ellipsoid | None = None

    def place(self, column: str) -> int:
        """The number of a column among them."""
        return next(i for i, (name, _) in enumerate(self.columns) if name == column)

    @cached_property
    def columns(self) -> tuple[tuple[str, Kind], ...]:
        """What is read: names and kinds of c0, c1 …"""
        return tuple(dict.fromkeys((b.column, b.kind) for b in (*self.binnings, *self.slices, *self.together)))


Answer = Callable[[Cut, Iterable[pa.RecordBatch]], bytes]
"""What is made of a partition."""


def added_up(cut: Cut, batches: Iterable[pa.RecordBatch]) -> bytes:
    """All batches of a partition as the bytes of one partial profile.

    Its traces hold every value without a bucket; its faults name the columns that have too many of them.
    """
    sums = {binning: _Sums.of(binning, cut.slices) for binning in cut.binnings}
    unseen = {b.column: _Unseen() for b in cut.binnings if b.kind is Kind.CATEGORICAL}
    noted: list[Traces] = []
    for batch in batches:
        rows = _read(cut, batch)
        for name, values in unseen.items():
            values.add(rows[name].bucket, batch.column(cut.place(name)))
        codes = [(len(by.labels), rows[by.column].bucket) for by in cut.slices]
        for binning, of_column in sums.items():
            of_column.add(rows[binning.column], codes)
        if cut.together and batch.num_rows:
            u = np.stack([rows[binning.column].u(binning) for binning in cut.together])
            noted.append(kernel.row_traces(cut.together, u, cut.ellipsoid))
    cells = {key: found for of_column in sums.values() for key, found in of_column.cells(cut.slices).items()}
    damaged = {name: found.damaged for name, found in unseen.items() if found.damaged}
    noted.append(Traces(unseen={name: found.rows for name, found in unseen.items() if found.rows}, damaged=damaged))
    too_many = {name: "" for name, found in unseen.items() if found.are_too_many}
    return encode_profile(Profile("", EVER, "", {}, cells, faults=too_many, traces=reduce(add, noted)))


def together(cut: Cut, parts: Iterable[bytes]) -> Profile:
    """The partial profiles of all partitions as one."""
    # Of no partition too every column has its cells, none of which has a row.
    found = Profile.total([decode_profile(part) for part in (added_up(cut, ()), *parts)])
    unseen = {name: _often(rows) for name, rows in found.traces.unseen.items() if sum(rows.values()) >= RARE}
    return replace(found, traces=replace(found.traces, unseen=unseen))


def _often(values: Mapping[str, int]) -> dict[str, int]:
    """As query.unseen_values tells them."""
    often = sorted((-rows, value) for value, rows in values.items() if rows >= RARE)
    return {value: -rows for rows, value in often[:MOST_UNSEEN]}


def moments(cut: Cut, batches: Iterable[pa.RecordBatch]) -> bytes:
    """The moments of a partition's rows, as bytes."""
    total = Moments.of(np.zeros((len(cut.together), 0)))
    for batch in batches:
        rows = _read(cut, batch)
        total += Moments.of(np.stack([rows[binning.column].u(binning) for binning in cut.together]))
    return np.stack([total.pairs, total.sums, total.products]).astype("<f8").tobytes()


def moments_together(cut: Cut, parts: Iterable[bytes]) -> Moments:
    """Of all partitions."""
    k = len(cut.together)
    read = (Moments(*np.frombuffer(part, "<f8").reshape(3, k, k)) for part in parts)
    return reduce(add, read, Moments.of(np.zeros((k, 0))))


@dataclass(frozen=True, slots=True)
class _Rows:
    """A column of a batch, cut. d, x: of numbers, 0 and NaN where there is none."""

    bucket: Counts
    d: Floats | None = None
    x: Floats | None = None

    def u(self, binning: Binning) -> Floats:
        """As kernel.u_values."""
        if self.d is None:
            return np.where(self.bucket == NULL, np.nan, (self.bucket == 0).astype(np.float64))
        u = self.d / (binning.scale + np.abs(self.d))
        u[np.isin(self.bucket, _NO_NUMBER)] = np.nan
        return u


def _read(cut: Cut, batch: pa.RecordBatch) -> dict[str, _Rows]:
    every = {b.column: b for b in (*cut.together, *cut.slices, *cut.binnings)}
    return {name: _rows(every[name], batch.column(i)) for i, (name, _) in enumerate(cut.columns)}


def _rows(binning: Binning, column: pa.Array) -> _Rows:
    if binning.kind is Kind.CATEGORICAL:
        found = pc.index_in(column, value_set=pa.array(binning.categories, column.type))
        code = found.cast(pa.int64()).fill_null(OTHER).to_numpy(zero_copy_only=False)
        return _Rows(np.where(_missing(column), NULL, code) if column.null_count else code)
    plain: Any = column.to_numpy(zero_copy_only=False)
    bucket, x, d = kernel.buckets(binning, np.ma.MaskedArray(plain, _missing(column)))
    return _Rows(bucket, d, x)


def _missing(column: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(column.is_null().to_numpy(zero_copy_only=False))


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


@dataclass(slots=True)
class _Sums:
    """The cells of one column, whole and by slice, at a place for every bucket there may be."""

    binning: Binning
    whole: _Places
    by: list[_Places]
    joined: Counts
    """The place of a whole's bucket in slices."""

    @classmethod
    def of(cls, binning: Binning, slices: tuple[Binning, ...]) -> _Sums:
        fine, coarse = _buckets_of(binning, binning.resolution), _buckets_of(binning, binning.coarse)
        # Powers of two: fine buckets add up to coarse ones exactly.
        factor = binning.resolution // binning.coarse if binning.is_grid else 1
        joined = np.searchsorted(coarse, np.where(fine <= OTHER, fine, fine // factor))
        return cls(binning, _Places(fine, 1), [_Places(coarse, len(by.labels) + 1) for by in slices], joined)

    def add(self, rows: _Rows, codes: list[tuple[int, Counts]]) -> None:
        # Buckets are whole numbers in a row, but for the special ones far below.
        lowest = -self.binning.resolution if self.binning.is_grid else 0
        place = np.where(rows.bucket <= OTHER, rows.bucket - NULL, rows.bucket - lowest + len(_SPECIAL))
        self.whole.add(place, rows)
        coarse = self.joined[place] if codes else place
        for (labels, code), places in zip(codes, self.by, strict=True):
            # Rows of no slice that has a name are counted beside all others, and left out at the end.
            places.add(np.where(code >= 0, code, labels) * len(places.buckets) + coarse, rows)

    def cells(self, slices: tuple[Binning, ...]) -> Mapping[tuple[Slice, str], Cells]:
        name = self.binning.column
        found: dict[tuple[Slice, str], Cells] = {(WHOLE, name): self.whole.cells(0)}
        for by, places in zip(slices, self.by, strict=True):
            found |= {(((by.column, label),), name): places.cells(i) for i, label in enumerate(by.labels)}
        return found


def _buckets_of(binning: Binning, resolution: int) -> Counts:
    """Every bucket of a column, ascending: a share of ±1 too, where the scale is lost beside the distance."""
    if not binning.is_grid:
        named = np.arange(len(binning.categories or binning.values))
    else:
        named = np.arange(-resolution, resolution + 1)
    return np.concatenate([_SPECIAL, named])


@dataclass(slots=True)
class _Places:
    """Sums of rows by bucket, of so many groups one after the other."""

    buckets: Counts
    groups: int
    count: Counts = field(init=False)
    sums: tuple[Floats, Floats] | None = None
    extremes: tuple[Floats, Floats] | None = None

    def __post_init__(self) -> None:
        self.count = np.zeros(self.size, np.int64)

    @property
    def size(self) -> int:
        return len(self.buckets) * self.groups

    def add(self, place: Counts, rows: _Rows) -> None:
        self.count += np.bincount(place, minlength=self.size)
        if rows.d is None or rows.x is None:
            return
        if self.sums is None or self.extremes is None:
            self.sums = np.zeros(self.size), np.zeros(self.size)
            self.extremes = np.full(self.size, np.inf), np.full(self.size, -np.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            for total, d in zip(self.sums, (rows.d, rows.d * rows.d), strict=True):
                total += np.bincount(place, d, self.size)
        none = np.isnan(rows.x)
        if none.any():
            place, x = place[~none], rows.x[~none]
        else:
            x = rows.x
        np.minimum.at(self.extremes[0], place, x)
        np.maximum.at(self.extremes[1], place, x)

    def cells(self, group: int) -> Cells:
        """Of one group, without its empty buckets."""
        span = np.s_[group * len(self.buckets) : (group + 1) * len(self.buckets)]
        count = self.count[span]
        kept = np.flatnonzero(count)
        if self.sums is None or self.extremes is None:
            zero, none = np.zeros(len(kept)), np.full(len(kept), np.nan)
            return Cells(self.buckets[kept], count[kept], zero, zero, none, none)
        d1, d2 = (total[span][kept] for total in self.sums)
        low, high = (np.where(np.isfinite(x[span][kept]), x[span][kept], np.nan) for x in self.extremes)
        return Cells(self.buckets[kept], count[kept], d1, d2, low, high)


def each(function: Answer, cut: Cut) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What Spark runs over a partition's batches: `function`'s bytes, as one row."""

    def mapped(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_arrays([pa.array([function(cut, batches)], pa.binary())], ["part"])

    return mapped
