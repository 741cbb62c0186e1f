"""Profiles that are kept for long: the whole alone, cut as coarsely as a slice. They add as fine ones do."""

from __future__ import annotations

from dataclasses import replace

from airflow_ml_monitor.errors import LayoutMismatch
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.traces import Traces


def coarse_layout(layout: Layout) -> Layout:
    """The buckets that a layout's own are joined to; it slices by nothing, and no row's distance is counted."""
    return Layout(tuple(replace(b, resolution=b.coarse) if b.is_grid else b for b in layout.binnings))


def coarse(profile: Profile, layout: Layout) -> Profile:
    """A profile in the buckets of `coarse_layout`: exactly what a scan by that layout leaves, but for its traces.

    LayoutMismatch unless it was laid out by `layout`. Slices and traces are left out.
    """
    if profile.layout_digest != layout.digest:
        raise LayoutMismatch(
            f"the profile of {profile.dataset!r} was laid out as {profile.layout_digest}, not as {layout.digest}; "
            "take the layout of the reference that it was made by"
        )
    factors = {b.column: b.resolution // b.coarse for b in layout.binnings if b.is_grid}
    cells = {
        (slice, column): one.coarsened(factors.get(column, 1))
        for (slice, column), one in profile.cells.items()
        if slice == WHOLE
    }
    rows = {slice: n for slice, n in profile.rows.items() if slice == WHOLE}
    return replace(profile, layout_digest=coarse_layout(layout).digest, rows=rows, cells=cells, traces=Traces())
