"""How far off the predictions are, as shares of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.profile.cells import Counts
from airflow_ml_monitor.profile.error_grid import LADDER
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.report.figures.frame import framed, legend
from airflow_ml_monitor.report.ink import CURRENT, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS: Final = 10
"""On each side of 0, and one for what is beyond them."""
STEPS: Final = (0.01, 0.02, 0.05, 0.1)
"""What a bar may span: all edges are those of the ledger's cells, so that no row is put in the wrong bar."""
MOST_BEYOND: Final = 0.1
"""Of the rows: with more the next wider step is taken."""


@dataclass(frozen=True, slots=True)
class Errors:
    """Rows by percentage error: below all bars, in each of them, above them all. step: what a bar spans, a share."""

    step: float
    rows: Sequence[int]

    @property
    def edges(self) -> list[float]:
        return [round(place * self.step, 2) for place in range(-BARS, BARS + 1)]

    @property
    def too_low(self) -> int:
        return sum(self.rows[: BARS + 1])

    @property
    def named(self) -> list[tuple[str, int]]:
        """What each number of rows is of, in words."""
        shown = [f"{100 * edge:+.0f} %" if edge else "0 %" for edge in self.edges]
        spans = [f"{low} to {high}" for low, high in pairwise(shown)]
        return list(zip([f"below {shown[0]}", *spans, f"above {shown[-1]}"], self.rows, strict=True))


def errors_of(view: LabelledView) -> Errors:
    """Undefined where the ledger does not hold them."""
    count = view.percentage_errors
    every = (_cut(count, step) for step in STEPS)
    few = (found for found in every if found.rows[0] + found.rows[-1] <= MOST_BEYOND * count.sum())
    return next(few, _cut(count, STEPS[-1]))


def _cut(count: Counts, step: float) -> Errors:
    inner = [LADDER.index(edge) for edge in Errors(step, ()).edges]
    return Errors(step, [int(count[low:high].sum()) for low, high in pairwise([0, *inner, len(count)])])


def errors(axes: Axes, shown: Errors) -> None:
    """Bars left of 0 are too low, right of it too high; the outermost, apart, hold all that is further off."""
    framed(axes)
    total = max(sum(shown.rows), 1)
    below, *inside, above = (rows / total for rows in shown.rows)
    axes.stairs(inside, shown.edges, color=CURRENT, fill=True, alpha=0.75)
    ends = [(-BARS - 1.5) * shown.step, (BARS + 1.5) * shown.step]
    axes.bar(ends, [below, above], width=shown.step, color=MUTED, label="further off")
    axes.axvline(0, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel("prediction below (-) or above (+) the label")
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.3g} %" if abs(value) > 1e-9 else "0 %")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    legend(axes)
