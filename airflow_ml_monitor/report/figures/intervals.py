"""One value in many places, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.report.figures.frame import framed, legend
from airflow_ml_monitor.report.ink import CURRENT, MUTED
from airflow_ml_monitor.report.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def intervals(axes: Axes, rows: Sequence[tuple[str, Estimate]], beside: tuple[float, str] | None) -> None:
    """A dot with a whisker a row, the first on top. beside: a value of other rows, and what it is of."""
    framed(axes, grid="x")
    for y, (_, e) in enumerate(rows):
        if e.low is not None and e.high is not None:
            axes.hlines(y, e.low, e.high, color=CURRENT, linewidth=1.8, alpha=0.5)
        axes.plot([e.value], [y], "o", color=CURRENT, markersize=5)
    if beside is not None:
        axes.axvline(beside[0], color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label=beside[1])
    axes.set_yticks(range(len(rows)), [shortened(name, 22) for name, _ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.locator_params(axis="x", nbins=4)
    legend(axes)
