"""A metric over windows, with its interval, version by version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

from airflow_ml_monitor.report.figures.frame import dated, framed, legend
from airflow_ml_monitor.report.ink import BAD, LINES, MUTED, PAPER
from airflow_ml_monitor.report.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "D", "v", "P")


@dataclass(frozen=True, slots=True)
class Point:
    """A window's value. is_judged: False where labels are not mature yet."""

    day: date
    value: float
    low: float | None = None
    high: float | None = None
    is_judged: bool = True


@dataclass(frozen=True, slots=True)
class Trend:
    """lines: by model version, or slice. days: all windows in view. limits: values still good, and no further.

    began: the first and the last day on which a change may have begun.
    """

    lines: Sequence[tuple[str, Sequence[Point]]]
    days: Sequence[date]
    reference: float | None = None
    limits: Sequence[float] = ()
    began: Sequence[date] = ()


def trend(axes: Axes, shown: Trend) -> None:
    """Judged values as a line with its band, broken where a window has none; on labels at hand as hollow marks."""
    framed(axes)
    for i, (name, points) in enumerate(shown.lines):
        label = shortened(name, 22) if name else None
        for part in _runs(points, shown.days):
            _draw(axes, part, i, label)
            label = None
    _levels(axes, shown)
    _clip(axes, shown)
    dated(axes, shown.days)
    legend(axes)


def _runs(points: Sequence[Point], days: Sequence[date]) -> list[list[Point]]:
    """Points of neighbouring windows, judged or not judged, by day."""
    place = {day: i for i, day in enumerate(days)}
    ordered = enumerate(sorted(points, key=lambda p: p.day))
    runs = groupby(ordered, key=lambda pair: (pair[1].is_judged, place[pair[1].day] - pair[0]))
    return [[point for _, point in run] for _, run in runs]


def _draw(axes: Axes, part: Sequence[Point], line: int, label: str | None) -> None:
    colour, is_judged = LINES[line % len(LINES)], part[0].is_judged
    again = line // len(LINES)  # the colours begin anew: another marker, and a broken line
    axes.plot(
        [p.day.toordinal() for p in part],
        [p.value for p in part],
        color=colour,
        marker=MARKERS[(line + again) % len(MARKERS)],
        markersize=3.4,
        markerfacecolor=colour if is_judged else PAPER,
        markeredgecolor=colour,
        linewidth=1.5 if is_judged else 0,
        linestyle=(0, (4, 2)) if again else "-",
        label=label,
    )
    known = [(p.day.toordinal(), p.low, p.high) for p in part if p.low is not None and p.high is not None]
    spans = ([x for x, _, _ in known], [low for _, low, _ in known], [high for _, _, high in known])
    if is_judged and len(known) > 1:
        axes.fill_between(*spans, color=colour, alpha=0.16, linewidth=0)
    elif known:
        axes.vlines(*spans, color=colour, alpha=0.35, linewidth=1.2)


def _levels(axes: Axes, shown: Trend) -> None:
    if shown.began:
        first, last = (day.toordinal() for day in shown.began)
        axes.axvspan(first - 0.5, last + 0.5, color=BAD, alpha=0.14, linewidth=0)
    if shown.reference is not None:
        axes.axhline(shown.reference, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), label="reference")
    for i, limit in enumerate(shown.limits):
        axes.axhline(limit, color=BAD, linewidth=1.2, linestyle=(0, (1.5, 2)), label=None if i else "limit")


def _clip(axes: Axes, shown: Trend) -> None:
    """Judged values and levels set the scale, and of the others those that are known nearly as well.

    A value on three labels would press them flat.
    """
    points = [p for _, points in shown.lines for p in points]
    judged = [p for p in points if p.is_judged]
    widest = max((_width(p) for p in judged), default=0.0)
    kept = [*judged, *(p for p in points if not p.is_judged and _width(p) <= 2 * widest)]
    values = [x for p in kept for x in (p.value, p.low, p.high) if x is not None]
    values += [*shown.limits, *([] if shown.reference is None else [shown.reference])]
    if judged:
        margin = 0.12 * (max(values) - min(values)) or 0.05
        axes.set_ylim(min(values) - margin, max(values) + margin)


def _width(point: Point) -> float:
    """Of its interval; without end where there is none."""
    return point.high - point.low if point.low is not None and point.high is not None else float("inf")
