"""The score of rows with either label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.report.figures.frame import framed, legend
from airflow_ml_monitor.report.ink import CURRENT, LINES, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS: Final = 20


@dataclass(frozen=True, slots=True)
class Scores:
    """Rows by score, in equal spans of [0, 1]."""

    negatives: Sequence[int]
    positives: Sequence[int]
    threshold: float

    @property
    def edges(self) -> list[float]:
        return [i / BARS for i in range(BARS + 1)]


def scores_of(view: LabelledView) -> Scores:
    """Each bucket of the ledger lies where the mean of its scores does."""
    rows = ([0] * BARS, [0] * BARS)
    _, positives, negatives, total = view.by_score
    for p, n, score in zip(positives.tolist(), negatives.tolist(), total.tolist(), strict=True):
        place = min(max(int(score / (p + n) * BARS), 0), BARS - 1)
        rows[0][place] += n
        rows[1][place] += p
    return Scores(*rows, view.task.threshold)


def scores(axes: Axes, shown: Scores) -> None:
    """Each label's rows as shares of that label: how far the model tells them apart."""
    framed(axes)
    for rows, name, colour, filled in (
        (shown.negatives, "label 0", LINES[2], False),
        (shown.positives, "label 1", CURRENT, False),
    ):
        total = max(sum(rows), 1)
        shares = [n / total for n in rows]
        axes.stairs(shares, shown.edges, color=colour, fill=True, alpha=0.15)
        axes.stairs(shares, shown.edges, color=colour, linewidth=1.6, fill=filled, label=f"{name} ({sum(rows):,})")
    axes.axvline(shown.threshold, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="threshold")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    legend(axes)
