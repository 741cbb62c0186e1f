"""Rows a window, by model version; windows that were never measured are marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from airflow_ml_monitor.report.figures.frame import dated, framed, legend
from airflow_ml_monitor.report.ink import BAD, LINES
from airflow_ml_monitor.report.wording import number, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def volume(axes: Axes, days: Sequence[date], rows: Mapping[str, Sequence[float | None]]) -> None:
    """rows: by model version ('' for one that has no name), a value a day; None where nothing was measured."""
    framed(axes)
    places, step = dated(axes, days)
    below = [0.0] * len(days)
    for i, (name, values) in enumerate(rows.items()):
        heights = [value or 0.0 for value in values]
        label = shortened(name, 14) or None
        axes.bar(places, heights, bottom=below, width=0.72 * step, color=LINES[i % len(LINES)], label=label)
        below = [a + b for a, b in zip(below, heights, strict=True)]
    missing = [place for i, place in enumerate(places) if all(values[i] is None for values in rows.values())]
    if missing:
        axes.plot(missing, [0.0] * len(missing), "x", color=BAD, markersize=5, label="not measured", clip_on=False)
    axes.set_ylim(0, max([*below, 1.0]) * 1.05)
    axes.yaxis.set_major_formatter(lambda value, _: number(value))
    legend(axes)
