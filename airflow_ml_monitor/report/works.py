"""Does it work? Runs, rows, calls per version, freshness."""

from __future__ import annotations

from collections import Counter
from functools import partial

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Family, Measurement, Status
from airflow_ml_monitor.report.blocks import Answer, Facts, Gallery, Light, Picture, Section, Table
from airflow_ml_monitor.report.figures.volume import volume
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.wording import NOTHING, number, span
from airflow_ml_monitor.store.records import Recorded

VERSIONS = 6
"""Model versions drawn apart; the rest are joined."""


def works(scope: Scope) -> Section:
    """The section of the first question."""
    volumes = [
        r
        for r in scope.read(30, families=[Family.QUALITY], metrics={"row_count", "calls_per_version"}, whole=True)
        if r.head.dataset in scope.datasets
    ]
    pictures = tuple(_volume(scope, i, name, volumes) for i, name in enumerate(scope.datasets) if volumes)
    blocks = (Facts(_facts(scope)), Gallery("Rows", pictures), _runs(scope))
    return Section("works", "Does it work?", _answer(scope), blocks)


def _answer(scope: Scope) -> Answer:
    counts = [m for m in _of(scope, "row_count") if m.slice == WHOLE]
    rows = sum(m.estimate.value for m in counts if m.estimate is not None)
    if not counts:
        return Answer(Light.BAD, "not measured", f"{scope.named(scope.window)} was never measured.")
    if faults := [m.reason for m in counts if m.status is Status.FAILED]:
        return Answer(Light.BAD, "broken", f"Nothing could be counted: {faults[0]}.")
    if not rows:
        return Answer(Light.BAD, "no rows", "The window was measured, and no rows had arrived.")
    arrived = f"{number(rows)} rows were measured{_drawn(scope)}"
    if faults := [m.reason for m in _of(scope, "orphan_labels") if m.status is Status.FAILED]:
        return Answer(Light.LOOK, "labels unread", f"{arrived}; labels could not be read: {faults[0]}.")
    if gaps := [w for w in scope.windows() if w not in scope.measured]:
        return Answer(
            Light.LOOK, "gaps", f"{arrived}; {len(gaps)} of the last {len(scope.windows())} windows were not."
        )
    before = len(scope.windows()) - 1
    since = f", as were all of the {before} windows before" if before else "; it is the first window"
    return Answer(Light.GOOD, "works", f"{arrived}{since}.")


def _drawn(scope: Scope) -> str:
    """That values are those of some rows, where the spec has them drawn."""
    shares = {float(dataset.get("sampling_fraction", 1)) for dataset in scope.spec.get("datasets", ())} - {1.0}
    return f" (values in {', '.join(f'{share:.3g}' for share in sorted(shares))} of them, drawn)" if shares else ""


def _of(scope: Scope, metric: str) -> list[Measurement]:
    return [r.measurement for r in scope.now if r.measurement.metric == metric]


def _facts(scope: Scope) -> tuple[tuple[str, str], ...]:
    found = []
    for r in scope.now:
        m = r.measurement
        if r.head.family is not Family.QUALITY or m.slice != WHOLE or m.metric not in _NAMES:
            continue
        if m.status is Status.UNDEFINED or (m.metric == "calls_per_version" and m.estimate is None):
            continue
        several = f" ({r.head.dataset})" if len(scope.datasets) > 1 or r.head.dataset not in scope.datasets else ""
        version = (
            f" {m.parameters.removeprefix('version=')}" if m.metric == "calls_per_version" and m.parameters else ""
        )
        value = m.reason or NOTHING
        if m.estimate is not None:
            value = span(m.estimate.value) if m.metric == "freshness" else number(m.estimate.value)
        found.append((list(_NAMES).index(m.metric), _NAMES[m.metric] + version + several, value))
    items = [(name, value) for _, name, value in sorted(found)]
    most = 16
    return tuple([*items[:most], ("and", f"{len(items) - most} more counts")] if len(items) > most else items)


_NAMES = {
    "row_count": "Rows",
    "calls_per_version": "Calls of",
    "freshness": "Newest row before the end",
    "duplicate_rows": "Rows that repeat a key",
    "orphan_labels": "Labels without a prediction",
    "repeated_labels": "Labels that came twice",
    "refused_totals": "Totals that cannot be",
}


def _volume(scope: Scope, place: int, dataset: str, found: list[Recorded]) -> Picture:
    windows = scope.windows()
    days = [scope.date(w) for w in windows]
    mine = [r for r in found if r.head.dataset == dataset and r.measurement.estimate is not None]
    total = {r.head.window: r.measurement.estimate.value for r in mine if r.measurement.metric == "row_count"}  # type: ignore[union-attr]
    calls = {
        (r.measurement.parameters.removeprefix("version="), r.head.window): r.measurement.estimate.value  # type: ignore[union-attr]
        for r in mine
        if r.measurement.metric == "calls_per_version"
    }
    names = [
        name
        for name, _ in Counter({n: sum(v for (m, _), v in calls.items() if m == n) for n, _ in calls}).most_common()
    ]
    rows: dict[str, list[float | None]] = {
        name: [calls.get((name, w), 0.0 if w in total else None) for w in windows] for name in sorted(names[:VERSIONS])
    }
    if len(names) > VERSIONS or not names:
        known = [sum(row[i] or 0.0 for row in rows.values()) for i in range(len(windows))]
        left = [None if w not in total else total[w] - known[i] for i, w in enumerate(windows)]
        rows["the rest" if names else ""] = left
    body = [(str(day), *(number(row[i]) for row in rows.values())) for i, day in enumerate(days)]
    title = "Rows a window" + (f" of {dataset}" if len(scope.datasets) > 1 else "")
    missing = sum(w not in total for w in windows)
    now = f"{number(total.get(scope.window))} in {scope.named(scope.window)}"
    said = f"{title}: {now}; {missing} of {len(days)} not measured."
    table = Table(title, ("window", *(name or "rows" for name in rows)), tuple(body[::-1]))
    return Picture(f"rows-{place}", title, said, partial(volume, days=days, rows=rows), table, width=700, height=200)


def _runs(scope: Scope) -> Table:
    """What was measured of this window, and when it became known."""
    heads: dict[tuple[str, ...], list[Recorded]] = {}
    for r in scope.now:
        heads.setdefault((r.head.family.value, r.head.dataset, r.head.model_version), []).append(r)
    rows = []
    for (family, dataset, version), found in sorted(heads.items()):
        states = Counter(r.measurement.status.value for r in found)
        newest = max(found, key=lambda r: r.known_at)
        said = ", ".join(f"{states[status]} {status.replace('_', ' ')}" for status in Status if states[status])
        when = scope.clock(newest.known_at)
        rows.append((family, dataset, version or NOTHING, when, str(newest.number), said))
    head = ("family", "of", "model version", "known at", "revision", "measurements")
    return Table("What was measured of this window", head, tuple(rows))
