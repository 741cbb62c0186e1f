"""How labels arrive: the share that is known, by age of the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_ml_monitor.report.figures.frame import framed, legend
from airflow_ml_monitor.report.ink import BAD, CURRENT, MUTED, REFERENCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Curve:
    """One window: days since its end, and the share of its predictions whose label was known by then."""

    name: str
    ages: Sequence[float]
    shares: Sequence[float]


@dataclass(frozen=True, slots=True)
class Arrival:
    """curves: oldest window first; the last is the one in question. mature_at: a share, or None; horizon: days."""

    curves: Sequence[Curve]
    mature_at: float | None
    horizon: float


def arrival(axes: Axes, shown: Arrival) -> None:
    """Earlier windows pale, the one in question strong; the share from which a window is judged."""
    framed(axes)
    for i, curve in enumerate(shown.curves[:-1]):
        label = None if i else "earlier"
        axes.step(curve.ages, curve.shares, where="post", color=REFERENCE, linewidth=0.9, label=label)
    for curve in shown.curves[-1:]:
        axes.step(curve.ages, curve.shares, where="post", color=CURRENT, linewidth=2, label=curve.name)
        axes.plot(curve.ages[-1:], curve.shares[-1:], "o", color=CURRENT, markersize=4)
    if shown.mature_at is not None:
        axes.axhline(shown.mature_at, color=BAD, linewidth=1.2, linestyle=(0, (1.5, 2)), label="judged from")
    axes.axvline(shown.horizon, color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 1.03)
    axes.set_xlim(0, max([shown.horizon, *(age for curve in shown.curves for age in curve.ages)]) * 1.02)
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    axes.set_xlabel("days since the window's end")
    legend(axes)
