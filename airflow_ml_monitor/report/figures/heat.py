"""How much each column moved in each window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from airflow_ml_monitor.report.figures.frame import dated, framed, legend
from airflow_ml_monitor.report.ink import HEAT, INK, RULE
from airflow_ml_monitor.report.wording import number, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.patches import Patch

STEPS: Final = (2.0, 4.0, 8.0, 16.0, 32.0)
"""Where the colour changes, in multiples of what chance gives."""


@dataclass(frozen=True, slots=True)
class Heat:
    """cells: (column, day) → value; None where there was no value. A cell that is not there was not measured."""

    columns: Sequence[str]
    days: Sequence[date]
    cells: Mapping[tuple[str, date], float | None]
    steps: Sequence[float] = STEPS
    unit: str = "× chance"


def heat(axes: Axes, shown: Heat) -> None:
    """The first column on top; a cross is a cell without a value."""
    framed(axes, grid="")
    places, step = dated(axes, shown.days)
    for level, colour in enumerate(HEAT):
        rows = [
            (place, y)
            for y, column in enumerate(shown.columns)
            for place, day in zip(places, shown.days, strict=True)
            if (value := shown.cells.get((column, day))) is not None and _level(shown.steps, value) == level
        ]
        label = f"under {number(shown.steps[0])}" if level == 0 else f"{number(shown.steps[level - 1])}"
        label += f" {shown.unit}" if level == len(HEAT) - 1 else ""
        axes.add_patch(_tiles(rows, step, facecolor=colour, edgecolor=RULE, linewidth=0.4, label=label))
    empty = [(x, y) for y, column in enumerate(shown.columns) for x, day in zip(places, shown.days, strict=True)
             if shown.cells.get((column, day), 0.0) is None]  # fmt: skip
    if empty:
        axes.plot([x for x, _ in empty], [y for _, y in empty], "x", color=INK, markersize=4, label="no value")
    axes.set_yticks(range(len(shown.columns)), [shortened(column, 20) for column in shown.columns])
    axes.set_ylim(len(shown.columns) - 0.4, -0.6)
    axes.spines[["left", "bottom"]].set_visible(False)
    legend(axes)


def _tiles(rows: Sequence[tuple[int, int]], step: int, **style: Any) -> Patch:
    """One path of a tile a place: a patch each would be ten times the bytes."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    width, height = 0.43 * step, 0.43
    corners = [
        (x + i * width, y + j * height) for x, y in rows for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))
    ]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(rows)
    return PathPatch(Path(corners, codes) if rows else Path([(0.0, 0.0)]), **style)


def _level(steps: Sequence[float], value: float) -> int:
    return sum(value >= step for step in steps)
