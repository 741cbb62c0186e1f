"""One column in the reference and in the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.profile.layout import MINUS_INF, NAN, NULL, OTHER, PLUS_INF, SPECIAL
from airflow_ml_monitor.profile.views import ColumnView, PairView
from airflow_ml_monitor.report.figures.frame import framed, legend
from airflow_ml_monitor.report.ink import CURRENT, REFERENCE
from airflow_ml_monitor.report.wording import number, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS: Final = 26
"""Bars of a numeric column, between the outer half per cent of both sides."""
VALUES: Final = 8
"""Values or categories that get a bar of their own: those with the largest share on either side."""

_NAMES = {NULL: "NULL", NAN: "NaN", MINUS_INF: "−inf", PLUS_INF: "+inf", OTHER: "other"}


@dataclass(frozen=True, slots=True)
class Sides:
    """Shares of all rows, reference and window. edges: of the bars; empty where `names` tells the bars instead.

    apart: (name, reference share, share now) of what has no place on the axis: NULL, NaN, ±inf.
    """

    reference: Sequence[float]
    current: Sequence[float]
    edges: Sequence[float] = ()
    names: Sequence[str] = ()
    apart: Sequence[tuple[str, float, float]] = ()

    @property
    def rows(self) -> list[tuple[str, float, float]]:
        """(what, reference share, share now) of every bar."""
        names = self.names or [f"{number(a)} to {number(b)}" for a, b in zip(self.edges, self.edges[1:], strict=False)]
        return [*zip(names, self.reference, self.current, strict=True), *self.apart]


def sides_of(pair: PairView) -> Sides:
    """The bars of a pair: equal spans of a numeric column, else its largest values."""
    bucket, reference, current = pair.aligned
    n, m = max(int(reference.sum()), 1), max(int(current.sum()), 1)
    shares = {int(b): (int(r) / n, int(c) / m) for b, r, c in zip(bucket, reference, current, strict=True)}
    apart = [(_NAMES[b], *share) for b, share in sorted(shares.items()) if b < SPECIAL and max(share) > 0]
    binning = pair.reference.binning
    if binning.is_grid:
        valued = [view for view in (pair.reference, pair.current) if view.n]
        return _spans(valued, pair, apart) if valued else Sides((), (), apart=apart)
    labels = binning.labels or tuple(map(number, binning.values))
    largest = sorted((b for b in shares if b > SPECIAL), key=lambda b: (-max(shares[b]), b))
    own = sorted(largest[:VALUES])
    names = [labels[b] for b in own]
    pairs = [shares[b] for b in own]
    if rest := largest[VALUES:]:
        names.append(f"{len(rest)} more")
        pairs.append((sum(shares[b][0] for b in rest), sum(shares[b][1] for b in rest)))
    return Sides([a for a, _ in pairs], [b for _, b in pairs], names=names, apart=apart)


def _spans(valued: Sequence[ColumnView], pair: PairView, apart: Sequence[tuple[str, float, float]]) -> Sides:
    low = min(view.quantile(0.005) for view in valued)
    high = max(view.quantile(0.995) for view in valued)
    width = (high - low) / BARS or 1.0
    edges = [low + width * i for i in range(BARS + 1)]
    found = []
    for view in (pair.reference, pair.current):
        bars = [0.0] * BARS
        cells = view.cells
        for bucket, rows, first, last in zip(cells.bucket, cells.count, cells.low, cells.high, strict=True):
            if bucket > SPECIAL and rows:
                # A cell's rows lie evenly between its extremes, as for quantiles: far out one cell is wide.
                a, b = (min(max(int((x - low) / width), 0), BARS - 1) for x in (float(first), float(last)))
                for bar in range(a, b + 1):
                    bars[bar] += float(rows) / view.rows / (b - a + 1)
        found.append(bars)
    return Sides(found[0], found[1], edges, apart=apart)


def _round(low: float, high: float) -> list[float]:
    """Up to four round numbers between two others, clear of their ends, where other labels stand."""
    from matplotlib.ticker import MaxNLocator

    margin = 0.04 * (high - low)
    ticks = MaxNLocator(4, min_n_ticks=2).tick_values(low, high)
    return [float(tick) for tick in ticks if low + margin <= tick <= high - margin]


def comparison(axes: Axes, sides: Sides) -> None:
    """The reference filled, the window as an outline (numbers) or beside it (values)."""
    framed(axes)
    names, places = [name for name, _, _ in sides.apart], []
    if sides.edges:
        width = sides.edges[1] - sides.edges[0]
        axes.stairs(sides.reference, sides.edges, fill=True, color=REFERENCE, label="reference")
        axes.stairs(sides.current, sides.edges, color=CURRENT, linewidth=1.6, label="now")
        places = [sides.edges[-1] + width * 3 * (i + 1) for i in range(len(names))]
        bar = width
        inner = _round(sides.edges[0], sides.edges[-1] - width * 3 * bool(names))
        axes.set_xticks([*inner, *places], [*map(number, inner), *names])
    else:
        names = [*map(str, sides.names), *names]
        places, bar = [float(i) for i in range(len(names))], 0.38
        turned = len(names) > 4
        shown = [shortened(name, 9) for name in names]
        axes.set_xticks(places, shown, rotation=35 if turned else 0, ha="right" if turned else "center")
    if bars := sides.rows[len(sides.edges) - 1 :] if sides.edges else sides.rows:
        left, right = ([place + shift * bar / 2 for place in places] for shift in (-1, 1))
        label = (None, None) if sides.edges else ("reference", "now")
        axes.bar(left, [a for _, a, _ in bars], width=bar, color=REFERENCE, label=label[0])
        axes.bar(right, [b for _, _, b in bars], width=bar, color=CURRENT, label=label[1])
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g} %")
    axes.locator_params(axis="y", nbins=4)
    legend(axes)
