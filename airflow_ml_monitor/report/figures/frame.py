"""The frame of every picture: quiet axes, dates, a legend above."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from airflow_ml_monitor.report.ink import INK, MUTED, RULE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMALL: Final = 11
"""Pixels: the smallest text. Pictures are drawn at the size at which they are shown."""

SETTINGS: Final[Any] = {
    "font.size": SMALL,
    "font.family": "DejaVu Sans",
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": SMALL,
    "axes.linewidth": 1,
    "text.color": INK,
    "text.parse_math": False,  # a `$` in a category is a dollar
    "axes.unicode_minus": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.major.pad": 5,
    "legend.fontsize": SMALL,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "svg.fonttype": "none",  # text as text: a tenth of the bytes, read and copied as such
    "svg.hashsalt": "airflow-ml-monitor",
    "path.simplify": False,
}
"""Matplotlib's settings while a picture is made."""


def framed(axes: Axes, *, grid: str = "y") -> None:
    """Two spines at most, and a quiet grid; grid: 'x', 'y' or ''."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines["left"].set_visible(grid != "y")
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis="x" if grid == "x" else "y", color=RULE, linewidth=0.8)


def dated(axes: Axes, days: Sequence[date]) -> tuple[list[int], int]:
    """(places of dates on the x axis, days from one to the next); the axis gets a few of them as labels.

    A handful of windows stands at the right end: the room of those to their left is theirs.
    """
    places = [day.toordinal() for day in days]
    step = min((b - a for a, b in pairwise(sorted(places))), default=1)
    first, last = min(places, default=1), max(places, default=1)
    steps = (last - first) // step
    count = steps + 1 if steps < 6 else 4
    ticks = [first + step * round(i * steps / max(count - 1, 1)) for i in range(count)]
    axes.set_xticks(ticks, [f"{date.fromordinal(tick):%d %b}".lstrip("0") for tick in ticks])
    axes.set_xlim(min(first, last - 6 * step) - 0.7 * step, last + 0.7 * step)
    return places, step


def legend_rows(axes: Axes) -> int:
    """How many rows the legend above a picture has; one where there is none, as pictures side by side stand level."""
    labels = axes.get_legend_handles_labels()[1]
    return -(-len(labels) // _columns(axes, labels)) if labels else 1


def _columns(axes: Axes, labels: Sequence[str]) -> int:
    inches = axes.bbox.width / axes.figure.dpi
    return len(labels) if sum(len(label) + 5 for label in labels) < 11 * inches else 2


def legend(axes: Axes) -> None:
    """What the lines are, above the picture, where it hides nothing; in one row where the names are short."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            labels,
            ncols=_columns(axes, labels),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            frameon=False,
            borderaxespad=0.2,
            handlelength=1.4,
            columnspacing=1.2,
            handletextpad=0.5,
        )
