"""A large window's numbers, as they stream by: each is read once, and cut by the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from airflow_ml_monitor.profile.cells import Counts
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines import memory
from airflow_ml_monitor.profile.engines.scan import ByColumn
from airflow_ml_monitor.profile.kernel import kernel
from airflow_ml_monitor.profile.kernel.number_pass import NumberPass, named, plain
from airflow_ml_monitor.profile.kernel.outlying import Moments
from airflow_ml_monitor.profile.kernel.tally import CategoryTally
from airflow_ml_monitor.profile.layout import Binning
from airflow_ml_monitor.profile.queries import stream_query
from airflow_ml_monitor.profile.traces import Traces
from airflow_ml_monitor.profile.wanted import Wanted

_AT_ONCE: Final = 8
"""Columns of a stream: an engine that reads ahead holds 4 MB of each."""

Batches = Callable[..., Iterator[pa.RecordBatch]]


def streamed(batches: Batches, register: Callable[[str, pa.Table], None], wanted: Wanted) -> tuple[ByColumn, Traces]:
    """The cells of columns of numbers, and what rows tell together.

    batches: of the rows of a statement. register: gives a small table a name.
    """
    _name(register, "slices", wanted.slices)
    # What is looked at together streams together, first.
    first = [b for b in wanted.numbers if b in wanted.together]
    rest = [b for b in wanted.numbers if b not in wanted.together]
    groups = [(first, wanted.together)] if wanted.together else []
    groups += [(rest[i : i + _AT_ONCE], ()) for i in range(0, len(rest), _AT_ONCE)]
    cells: ByColumn = {}
    told = Traces()
    for some, together in groups:
        passed = NumberPass(some, together, wanted.slices, wanted.ellipsoid)
        about = (tuple(some), passed.firsts, wanted.slices, wanted.event_time)
        for batch in batches(stream_query.streamed, *about):
            others = [plain(column) for column in batch.columns[len(some) :]]
            passed.add(batch.columns[: len(some)], others[: len(passed.firsts)], others[len(passed.firsts) :])
        of_some, of_rows = passed.done()
        cells |= of_some
        told += of_rows
    return cells, told


def categories(batches: Batches, register: Callable[[str, pa.Table], None], wanted: Wanted) -> ByColumn:
    """The cells of columns of categories by slice; arguments as of `streamed`.

    Each row's categories are looked up once, and counted by numpy: to group rows by category and slice costs more.
    """
    _name(register, "slices", wanted.slices)
    labels = {by: len(by.labels) for by in wanted.slices}
    cells: ByColumn = {}
    for start in range(0, len(wanted.categories), _AT_ONCE):
        some = wanted.categories[start : start + _AT_ONCE]
        _name(register, "categories", some)
        counted = [CategoryTally(binning, labels) for binning in some]
        for batch in batches(stream_query.coded, some, wanted.slices, wanted.event_time):
            found: list[Counts] = [column.to_numpy() for column in batch.columns]
            codes = {by: named(code, labels[by]) for by, code in zip(labels, found[len(some) :], strict=True)}
            for tally, bucket in zip(counted, found, strict=False):
                tally.add(bucket, codes)
        for tally in counted:
            cells |= tally.cells()
    return cells


def _name(register: Callable[[str, pa.Table], None], name: str, binnings: Iterable[Binning]) -> None:
    """Register the categories of some columns, one after the other."""
    for i, binning in enumerate(binnings):
        register(f"{name}{i}", memory.categories(binning))


def moments(batches: Batches, together: tuple[Binning, ...], event_time: str) -> Moments:
    """Of the rows' u."""
    numbers = tuple(b for b in together if b.kind is not Kind.CATEGORICAL)
    firsts = tuple(b for b in together if b.kind is Kind.CATEGORICAL)
    found = Moments.of(np.zeros((len(together), 0)))
    for batch in batches(stream_query.streamed, numbers, firsts, (), event_time):
        columns = dict(zip((*numbers, *firsts), map(plain, batch.columns), strict=True))
        u = [columns[b] if b.kind is Kind.CATEGORICAL else kernel.u_of(b, columns[b]) for b in together]
        found += Moments.of(np.stack(u))
    return found
