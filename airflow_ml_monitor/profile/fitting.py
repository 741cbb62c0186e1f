"""A reference → its layout and profile, with as many buckets as its narrowest peaks ask for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.engine import Engine
from airflow_ml_monitor.profile.engines.scan import ByColumn
from airflow_ml_monitor.profile.layout import FINEST, SPECIAL, Binning, Layout

FULL: Final = 0.02
"""Share of a column's rows in one bucket from which distances inside it count: PSI's bins hold a tenth each."""
LEAST: Final = 50
"""Of fewer rows in a bucket chance makes as many."""


def fitted(engine: Engine, dataset: Dataset, window: Window) -> tuple[Layout, Profile]:
    """The layout that a reference asks for, and the reference in it; columns with narrow peaks are scanned again.

    A grid is finest about the median, and a peak far from it may fall into a bucket or two, in which nothing moves. Its
    column is cut again, as coarsely as leaves no bucket too full. Raises what Engine.layout raises.
    """
    layout = engine.layout(dataset, window)
    profile = engine.profile(dataset, layout, window)
    full = {b.column for b in layout.binnings if b.is_grid and is_full(profile.cells.get((WHOLE, b.column)), FULL)}
    if not full:
        return layout, profile
    finest = _cut(layout, dict.fromkeys(full, FINEST))
    seen = _again(engine, dataset, finest, window, full)
    wanted = {column: _resolution(seen[WHOLE, column], layout[column].resolution) for column in full}
    chosen = _cut(layout, wanted)
    joined = {at: _joined(cells, finest, chosen, at) for at, cells in seen.items()}
    return chosen, replace(profile, layout_digest=chosen.digest, cells={**profile.cells, **joined})


def is_full(cells: Cells | None, share: float) -> bool:
    """True if one bucket has more than a share of the values, and more than one value."""
    if cells is None:
        return False
    of_grid = cells.bucket > SPECIAL
    spread = of_grid & (cells.low < cells.high)
    fullest = int(cells.count[spread].max(initial=0))
    return fullest >= LEAST and fullest > share * int(cells.count[of_grid].sum())


def _resolution(cells: Cells, resolution: int) -> int:
    """The coarsest that leaves every bucket half as full as it may be; the finest where none does."""
    while resolution < FINEST and is_full(cells.coarsened(FINEST // resolution), FULL / 2):
        resolution *= 2
    return resolution


def _cut(layout: Layout, resolutions: Mapping[str, int]) -> Layout:
    def cut(binning: Binning) -> Binning:
        return replace(binning, resolution=resolutions.get(binning.column, binning.resolution))

    return replace(layout, binnings=tuple(map(cut, layout.binnings)))


def _again(engine: Engine, dataset: Dataset, layout: Layout, window: Window, names: Collection[str]) -> ByColumn:
    """The cells of some columns, of the whole and of slices: nothing else is asked of their rows."""
    kept = tuple(column for column in dataset.columns if column.name in names or column.name in dataset.slice_by)
    part = replace(dataset, columns=kept, second_moments=False, sample_rows=0, replay=None)
    binnings = tuple(layout[column.name] for column in kept if column.name in layout)
    profile = engine.profile(part, Layout(binnings, layout.slice_by), window)
    return {at: cells for at, cells in profile.cells.items() if at[1] in names}


def _joined(cells: Cells, finest: Layout, layout: Layout, at: tuple[Slice, str]) -> Cells:
    """Cells of a column in the buckets of a coarser layout."""
    slice, column = at
    cut, wanted = finest[column], layout[column]
    factor = cut.resolution // wanted.resolution if slice == WHOLE else cut.coarse // wanted.coarse
    return cells.coarsened(factor) if factor > 1 else cells
