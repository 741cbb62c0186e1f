"""What a condition says of its measurements, window by window: whether its bound is broken, and how, in words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.keys import Slice, Window
from airflow_ml_monitor.measurement import Estimate, base_of
from airflow_ml_monitor.metrics.metric import Worse, metric_named, unit_of
from airflow_ml_monitor.metrics.names import BESIDES
from airflow_ml_monitor.policy.bounds import LEAST_IN_CONTROL, Bounds, Condition, Improvement
from airflow_ml_monitor.policy.case import Evidence, ReferenceValues

MOST_COLUMNS: Final = 3
"""Columns that a broken share of columns names: the worst."""

_ROUNDING: Final = 1e-9
"""Of a reference's value: what never varied in the windows before may differ from it by as much."""


@dataclass(frozen=True, slots=True)
class Point:
    """What is said of one window, in one slice.

    place: (model version, window rule, window). about: the measurement that says it; of several the worst. text: how
    the bound is broken, in words; '' if it is not (or not surely). beyond: how far, in lengths of its distance from the
    reference, or of itself where it is fixed. is_drawn: False if there is no limit, as the reference has no such value.
    """

    place: tuple[str, str, Window]
    slice: Slice
    about: Evidence
    text: str = ""
    beyond: float = 0.0
    is_drawn: bool = True


class _Spread:
    """The standard deviation of the values seen so far, in one pass (Welford 1962)."""

    def __init__(self) -> None:
        self.count, self._mean, self._squares = 0, 0.0, 0.0

    def see(self, value: float) -> None:
        self.count += 1
        off = value - self._mean
        self._mean += off / self.count
        self._squares += off * (value - self._mean)

    def sigma(self, reference: float) -> float | None:
        """None of too few values."""
        if self.count < LEAST_IN_CONTROL:
            return None
        return max(math.sqrt(self._squares / (self.count - 1)), _ROUNDING * abs(reference))


def points_of(condition: Condition, series: Sequence[Evidence], references: ReferenceValues) -> list[Point]:
    """One series, by window; without the windows that have too few in control before them to be judged.

    A window is in control unless it breaks the bound, on the side on which the metric gets better too: what is ignored
    widens nothing. What a later window shows never changes what is said of one.
    """
    bounds, better = condition.bounds, better_of(condition)
    before, points = _Spread(), []
    for e in series:
        assert e.measurement.estimate is not None  # is_judged
        reference = references.get(in_reference(e)) if bounds.is_relative else None
        sigma = None if reference is None or bounds.sigmas is None else before.sigma(reference)
        limits = bounds.limits(reference, sigma)
        one_sided = bounds.limits(reference, sigma, better) if better else limits
        either = _point(condition, e, reference, limits, sigma)
        point = either if one_sided == limits else _point(condition, e, reference, one_sided, sigma)
        is_early = bounds.sigmas is not None and reference is not None and not point.is_drawn
        points += [] if is_early else [point]
        if not either.text:
            before.see(e.measurement.estimate.value)
    return points


def better_of(condition: Condition) -> str:
    """The side on which a bound to both sides is none, as the metric gets better there: 'low', 'high', or ''."""
    plain = base_of(condition.metric)
    is_asked = condition.bounds.is_two_sided and condition.improvement is Improvement.IGNORE
    if not is_asked or plain in BESIDES:
        return ""
    try:
        worse = metric_named(plain).worse
    except UnknownName:
        return ""  # a weighted one of a metric that has no formula: it is never measured
    return {Worse.UP: "low", Worse.DOWN: "high", Worse.BOTH: ""}[worse]


def in_reference(e: Evidence) -> tuple[str, str, str, Slice, str]:
    """Where the reference's own value of a measurement stands."""
    m = e.measurement
    return e.head.reference, base_of(m.metric), m.column, m.slice, m.parameters


def _point(
    condition: Condition,
    e: Evidence,
    reference: float | None,
    limits: tuple[float | None, float | None],
    sigma: float | None,
) -> Point:
    m, (low, high) = e.measurement, limits
    assert m.estimate is not None  # is_judged
    lowest, highest = _range(m.estimate) if condition.sure else (m.estimate.value, m.estimate.value)
    if low is not None and highest < low:
        limit, side = low, "below"
    elif high is not None and lowest > high:
        limit, side = high, "above"
    else:
        return Point(e.place, m.slice, e, is_drawn=low is not None or high is not None)
    length = abs(limit - (reference or 0.0) * condition.bounds.is_relative)
    beyond = abs(m.estimate.value - limit) / length if length else math.inf
    about = _about(condition.bounds, reference, sigma)
    # A duration without its unit is no number; what rows, columns and labels are counted in goes without saying.
    unit = " s" if unit_of(m.metric) == "s" else ""
    told = f"{_where(e)} {_shown(m.estimate)}{unit} {side} {limit:.4g}{unit}{about}"
    return Point(e.place, m.slice, e, told, beyond)


def _about(bounds: Bounds, reference: float | None, sigma: float | None) -> str:
    if reference is None or not bounds.is_relative:
        return ""
    spread = "" if sigma is None else f" ± {bounds.sigmas:g} × {sigma:.4g}"
    return f" (reference {reference:.4g}{spread})"


def _where(e: Evidence) -> str:
    m = e.measurement
    where = " of ".join(x for x in (m.metric, m.column) if x) + (f" [{m.parameters}]" if m.parameters else "")
    where += "".join(f" in {column}={value}" for column, value in m.slice)
    return where + (f" of {e.head.model_version}" if e.head.model_version else "")


def _range(estimate: Estimate) -> tuple[float, float]:
    """The values that the estimate allows: its interval, or what of a distance exceeds its noise floor."""
    low = estimate.value - (estimate.noise or 0.0) if estimate.low is None else estimate.low
    return low, estimate.value if estimate.high is None else estimate.high


def _shown(estimate: Estimate) -> str:
    if estimate.low is not None and estimate.high is not None:
        return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"
    return f"{estimate.value:.4g}"


def by_share(share: float, every: Iterable[Sequence[Point]]) -> list[list[Point]]:
    """Series of columns as one: broken in a window where at least the share of the columns judged there is."""
    found: dict[tuple[str, ...], dict[Window, list[Point]]] = defaultdict(lambda: defaultdict(list))
    for point in (point for points in every for point in points):
        m, head = point.about.measurement, point.about.head
        mine = head.dataset, head.rule, head.model_version, str(m.slice), m.parameters
        found[mine][head.window].append(point)
    return [[_shared(share, of[window]) for window in sorted(of)] for of in found.values()]


def _shared(share: float, columns: Sequence[Point]) -> Point:
    """What the columns of one window say together."""
    judged = [point for point in columns if point.is_drawn]
    broken = worst_first(judged)
    first = (broken or columns)[0]
    if not broken or len(broken) < share * len(judged) * (1 - _ROUNDING):
        return Point(first.place, first.slice, first.about, is_drawn=bool(judged))
    told = f"{len(broken)} of {len(judged)} columns ({len(broken) / len(judged):.1%}) break their bound, at least "
    worst = ", ".join(point.text for point in broken[:MOST_COLUMNS])
    more = f" and {len(broken) - MOST_COLUMNS} more" if len(broken) > MOST_COLUMNS else ""
    return Point(first.place, first.slice, first.about, f"{told}{share:.1%}: {worst}{more}", first.beyond)


def worst_first(points: Iterable[Point]) -> list[Point]:
    """The broken ones."""
    return sorted((point for point in points if point.text), key=lambda point: -point.beyond)
