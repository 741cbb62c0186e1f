"""A metric as it was first judged, beside what is known now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from airflow_ml_monitor.report.figures.frame import dated, framed, legend
from airflow_ml_monitor.report.figures.trend import Point
from airflow_ml_monitor.report.ink import CURRENT, MUTED, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def revised(axes: Axes, then: Sequence[Point], now: Sequence[Point], days: Sequence[date]) -> None:
    """Squares: as first judged; dots: as known now, each with its interval."""
    framed(axes)
    for points, shift, colour, marker, name in (
        (then, -0.16, MUTED, "s", "as first judged"),
        (now, 0.16, CURRENT, "o", "as known now"),
    ):
        places = [p.day.toordinal() + shift for p in points]
        known = [(x, p.low, p.high) for x, p in zip(places, points, strict=True) if None not in (p.low, p.high)]
        if known:
            axes.vlines(*zip(*known, strict=True), color=colour, alpha=0.4, linewidth=1.2)
        axes.plot(
            places, [p.value for p in points], marker, color=colour, markersize=4.5, label=name,
            markerfacecolor=PAPER if marker == "s" else colour,
        )  # fmt: skip
    dated(axes, days)
    legend(axes)
