"""Realised performance over windows: what is drawn as a trend, and against which reference and limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import NAIVE, Family, HeadKey, base_of
from airflow_ml_monitor.metrics.names import fault_names
from airflow_ml_monitor.report.blocks import Picture, Table
from airflow_ml_monitor.report.drawn import Drawn, References, conditions_of, drawn_of, is_judged, reference_of
from airflow_ml_monitor.report.figures.trend import Point, Trend, trend
from airflow_ml_monitor.report.ink import LINES
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.wording import number, valued
from airflow_ml_monitor.store.records import REFERENCE_STAGE, Recorded

WINDOWS = 60
_OF = (Family.PERFORMANCE,)


@dataclass(frozen=True, slots=True)
class Realised:
    """rows: performance of the whole, window by window, of each model version and ('') of all together.

    drawn: what is drawn, that of rules first. sliced: rows of slices too, of the metrics whose rules look at slices.
    judged: the newest window with a judged value.
    """

    rows: tuple[Recorded, ...]
    drawn: tuple[Drawn, ...]
    sliced: tuple[Recorded, ...]
    judged: Window | None
    references: References

    @property
    def names(self) -> frozenset[str]:
        """The metrics that are drawn."""
        return frozenset(base_of(one.metric) for one in self.drawn)

    def of(self, drawn: Drawn) -> tuple[Recorded, ...]:
        """The rows among which its values are."""
        return self.sliced if drawn.slice else self.rows


def realised_of(scope: Scope) -> Realised:
    """The stored performance up to the page's window."""
    sources = {source["name"] for source in scope.sources}
    read = [r for r in scope.read(WINDOWS, families=_OF, whole=True) if r.head.dataset in sources]
    # A fault of labels is no performance: it is told among what broke.
    rows = [r for r in read if r.measurement.metric not in fault_names()]
    judged = max((r.head.window for r in rows if is_judged(r)), default=None)
    rules = scope.spec.get("policy", {}).get("rules", ())
    sliced_by = {c["metric"] for rule in rules for c in conditions_of(rule) if c.get("slices")}
    by_slice = {name for metric in sliced_by for name in (metric, f"{NAIVE}.{metric}")}
    sliced: list[Recorded] = []
    found = scope.store.current(scope.monitor, stage=REFERENCE_STAGE, families=_OF, whole=True)
    if by_slice:
        read = scope.read(WINDOWS, families=_OF, metrics=by_slice)
        sliced = [r for r in read if r.head.dataset in sources and r.measurement.slice != WHOLE]
        found += scope.store.current(scope.monitor, stage=REFERENCE_STAGE, families=_OF, metrics=by_slice)
    references = {
        (r.head.reference, m.metric, m.parameters, m.slice): m.estimate.value
        for r in found
        if (m := r.measurement).estimate is not None
    }
    drawn = drawn_of(rules, [*rows, *sliced], references)
    return Realised(tuple(rows), drawn, tuple(sliced), judged, references)


def trend_pictures(scope: Scope, realised: Realised) -> tuple[Picture, ...]:
    """One picture of each that is drawn."""
    made = (_picture(scope, realised, i, drawn) for i, drawn in enumerate(realised.drawn))
    return tuple(picture for picture in made if picture is not None)


def lines_of(scope: Scope, rows: list[Recorded]) -> dict[str, list[Recorded]]:
    """By model version (and label source), without the rows of all versions together where a window has several."""
    versioned = {(r.head.dataset, r.head.window) for r in rows if r.head.model_version}
    found: dict[str, list[Recorded]] = {}
    for r in rows:
        if r.head.model_version or (r.head.dataset, r.head.window) not in versioned:
            found.setdefault(scope.line(r.head), []).append(r)
    return found


def _picture(scope: Scope, realised: Realised, place: int, drawn: Drawn) -> Picture | None:
    rows, name = _rows(realised, drawn), drawn.title
    by_version = lines_of(scope, rows)
    if not by_version:
        return None
    most = [version for version, _ in Counter({v: len(of) for v, of in by_version.items()}).most_common(len(LINES))]
    lines = [(version, [_point(scope, r) for r in by_version[version]]) for version in sorted(most)]
    known = (reference_of(realised.references, r) for r in reversed(rows))
    reference = next((value for value in known if value is not None), None)
    days = [scope.date(w) for w in scope.windows(WINDOWS)]
    left = f", {len(by_version) - len(most)} more model versions left out" if len(by_version) > len(most) else ""
    shown = Trend(lines, days, reference, drawn.limits(reference))
    body = [(str(scope.date(r.head.window)), version, valued(r.measurement.estimate), number(r.measurement.estimate.n),  # type: ignore[union-attr]
             _state(r)) for version in most for r in by_version[version]]  # fmt: skip
    last = max(rows, key=lambda r: (is_judged(r), r.head.window))
    said = (
        f"{name} over {len(days)} windows; {scope.named(last.head.window)}: {valued(last.measurement.estimate)}"
        f" ({_state(last)}); reference {number(reference)}."
    )
    head = ("window", "model version", f"{name} (95 % interval)", "labels", "status")
    table = Table(name, head, tuple(sorted(body, reverse=True)))
    return Picture(f"trend-{place}", name + left, said, partial(trend, shown=shown), table)


def _rows(realised: Realised, drawn: Drawn) -> list[Recorded]:
    """What is drawn; in a window that has no value, that of its labels at hand, which is not judged."""
    found: dict[HeadKey, Recorded] = {}
    for metric in (f"{NAIVE}.{drawn.metric}", drawn.metric):
        for r in realised.of(drawn):
            if r.measurement.estimate is not None and drawn.is_of(r, metric):
                found[r.head] = r
    return sorted(found.values(), key=lambda r: r.head.window)


def _state(r: Recorded) -> str:
    """Whether a value is final, estimated, or of the labels at hand alone."""
    if not is_judged(r):
        return "labels at hand"
    return "final" if r.is_final else r.measurement.reason or r.measurement.status.value


def _point(scope: Scope, r: Recorded) -> Point:
    e = r.measurement.estimate
    assert e is not None  # chosen so
    return Point(scope.date(r.head.window), e.value, e.low, e.high, is_judged(r))
