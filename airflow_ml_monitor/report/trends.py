"""Realised performance over windows: what is drawn as a trend, and against which reference and limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import NAIVE, Family, HeadKey, Status, base_of, is_beside
from airflow_ml_monitor.policy.rule import Bounds
from airflow_ml_monitor.report.blocks import Picture, Table
from airflow_ml_monitor.report.figures.trend import Point, Trend, trend
from airflow_ml_monitor.report.ink import LINES
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.wording import number, valued
from airflow_ml_monitor.store.records import REFERENCE_STAGE, Recorded

WINDOWS = 60
PICTURES = 4
_FIRST = ("roc_auc", "mae", "expected_calibration_error", "rmse", "average_precision", "bias", "precision", "recall")
"""Which metrics are drawn where no rule names any, in this order."""


@dataclass(frozen=True, slots=True)
class Realised:
    """rows: performance of the whole, window by window, of each model version and ('') of all together.

    names: metrics that are drawn, those of rules first. judged: the newest window with a judged value.
    references: (reference, metric, parameters) → the reference's own value.
    """

    rows: tuple[Recorded, ...]
    names: tuple[str, ...]
    judged: Window | None
    references: dict[tuple[str, str, str], float]


def realised_of(scope: Scope) -> Realised:
    """The stored performance up to the page's window."""
    rows = scope.read(WINDOWS, families=[Family.PERFORMANCE], whole=True)
    sources = {source["name"] for source in scope.sources}
    rows = [r for r in rows if r.head.dataset in sources]
    plain = [r for r in rows if not is_beside(r.measurement.metric)]
    judged = max((r.head.window for r in plain if r.measurement.status is Status.OK), default=None)
    there = {base_of(r.measurement.metric) for r in rows if not r.measurement.parameters}
    ruled = [rule["metric"] for rule in scope.spec.get("policy", {}).get("rules", ())]
    names = tuple(dict.fromkeys(name for name in (*ruled, *_FIRST, *sorted(there)) if name in there))
    found = scope.store.current(scope.monitor, stage=REFERENCE_STAGE, families=[Family.PERFORMANCE], whole=True)
    references = {
        (r.head.reference, r.measurement.metric, r.measurement.parameters): r.measurement.estimate.value
        for r in found
        if r.measurement.estimate is not None
    }
    return Realised(tuple(rows), names[:PICTURES], judged, references)


def trend_pictures(scope: Scope, realised: Realised) -> tuple[Picture, ...]:
    """One picture a metric."""
    return tuple(
        picture for i, name in enumerate(realised.names) if (picture := _picture(scope, realised, i, name)) is not None
    )


def lines_of(scope: Scope, rows: list[Recorded]) -> dict[str, list[Recorded]]:
    """By model version (and label source), without the rows of all versions together where a window has several."""
    versioned = {(r.head.dataset, r.head.window) for r in rows if r.head.model_version}
    found: dict[str, list[Recorded]] = {}
    for r in rows:
        if r.head.model_version or (r.head.dataset, r.head.window) not in versioned:
            found.setdefault(scope.line(r.head), []).append(r)
    return found


def _picture(scope: Scope, realised: Realised, place: int, name: str) -> Picture | None:
    rows = _drawn(realised, name)
    by_version = lines_of(scope, rows)
    if not by_version:
        return None
    most = [version for version, _ in Counter({v: len(of) for v, of in by_version.items()}).most_common(len(LINES))]
    lines = [(version, [_point(scope, r) for r in by_version[version]]) for version in sorted(most)]
    reference = next(
        (v for r in reversed(rows) if (v := realised.references.get((r.head.reference, name, ""))) is not None), None
    )
    days = [scope.date(w) for w in scope.windows(WINDOWS)]
    left = f", {len(by_version) - len(most)} more model versions left out" if len(by_version) > len(most) else ""
    shown = Trend(lines, days, reference, _limits(scope, name, reference))
    body = [(str(scope.date(r.head.window)), version, valued(r.measurement.estimate), number(r.measurement.estimate.n),  # type: ignore[union-attr]
             _state(r)) for version in most for r in by_version[version]]  # fmt: skip
    last = max(rows, key=lambda r: (_is_judged(r), r.head.window))
    said = (
        f"{name} over {len(days)} windows; {scope.named(last.head.window)}: {valued(last.measurement.estimate)}"
        f" ({_state(last)}); reference {number(reference)}."
    )
    head = ("window", "model version", f"{name} (95 % interval)", "labels", "status")
    table = Table(name, head, tuple(sorted(body, reverse=True)))
    return Picture(f"trend-{place}", name + left, said, partial(trend, shown=shown), table)


def _drawn(realised: Realised, name: str) -> list[Recorded]:
    """The metric of the whole; in a window that has no value, of its labels at hand, which is not judged."""
    found: dict[HeadKey, Recorded] = {}
    for wanted in (f"{NAIVE}.{name}", name):
        for r in realised.rows:
            m = r.measurement
            if m.metric == wanted and m.estimate is not None and m.slice == WHOLE and not m.parameters:
                found[r.head] = r
    return sorted(found.values(), key=lambda r: r.head.window)


def _state(r: Recorded) -> str:
    """Whether a value is final, estimated, or of the labels at hand alone."""
    if not _is_judged(r):
        return "labels at hand"
    return "final" if r.is_final else r.measurement.reason or r.measurement.status.value


def _is_judged(r: Recorded) -> bool:
    return r.measurement.status is Status.OK and not is_beside(r.measurement.metric)


def _point(scope: Scope, r: Recorded) -> Point:
    e = r.measurement.estimate
    assert e is not None  # chosen so
    return Point(scope.date(r.head.window), e.value, e.low, e.high, _is_judged(r))


def _limits(scope: Scope, name: str, reference: float | None) -> tuple[float | None, float | None]:
    """Of the first rule on a metric."""
    for rule in scope.spec.get("policy", {}).get("rules", ()):
        if rule["metric"] == name:
            return Bounds(**rule["bounds"]).limits(reference)
    return None, None
