"""What the stored ledger shows: how labels arrive, and the scores of rows with either label."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.profile.codec import decode_entries
from airflow_ml_monitor.profile.label_source import LabelMode
from airflow_ml_monitor.profile.ledger import CENSORED, PREDICTED, Entries, micros
from airflow_ml_monitor.profile.sums import SUMS
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.report.blocks import Picture, Table
from airflow_ml_monitor.report.figures.arrival import Arrival, Curve, arrival
from airflow_ml_monitor.report.figures.errors import errors, errors_of
from airflow_ml_monitor.report.figures.scores import Scores, scores, scores_of
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.wording import days, number, percent

WINDOWS = 20
"""Earlier windows beside the one in question."""
_DAY = 86_400e6
_ALWAYS = datetime(2262, 1, 1, tzinfo=UTC)


def are_totals(source: Mapping[str, Any]) -> bool:
    """Whether a label source tells of days, not of rows."""
    return bool(source["mode"] == LabelMode.AGGREGATE)


def entries_of(scope: Scope, source: Mapping[str, Any], window: Window) -> Entries:
    """A window's ledger entries as known at the page's moment."""
    parts = scope.store.ledger.parts(scope.monitor, source["name"], window.start, window.end)
    names = SUMS[TaskKind(scope.spec["task"]["kind"])]
    return Entries.together([decode_entries(part.payload) for part in parts], names).upto(scope.as_of or _ALWAYS)


def arrival_of(scope: Scope, source: Mapping[str, Any]) -> Arrival | None:
    """The curves of the last windows; None where no label has come."""
    found = [_curve(scope, source, window) for window in scope.windows(WINDOWS + 1)]
    curves = [curve for curve in found if curve is not None]
    horizon = float(source["horizon"]) / 86_400
    return Arrival(curves, source["mature_at"], horizon) if any(len(c.ages) > 1 for c in curves) else None


def _curve(scope: Scope, source: Mapping[str, Any], window: Window) -> Curve | None:
    entries = entries_of(scope, source, window)
    if not entries.size:
        return None
    wanted = [slice == WHOLE for slice, _, _ in entries.groups]
    rows = [
        (int(known), int(label), int(count))
        for known, group, label, count in zip(entries.known, entries.group, entries.label, entries.count, strict=True)
        if wanted[group]
    ]
    awaited = {PREDICTED: 1, CENSORED: -1}
    predicted = sum(awaited.get(label, 0) * count for _, label, count in rows)
    by_day: dict[float, int] = {}
    for known, label, count in rows:
        if label not in awaited:
            age = max((known - micros(window.end)) / _DAY, 0.0)
            by_day[age] = by_day.get(age, 0) + count
    if not predicted:
        return None
    ages, shares, total = [0.0], [0.0], 0
    for age in sorted(by_day):
        total += by_day[age]
        ages.append(age)
        shares.append(min(total / predicted, 1.0))
    return Curve(scope.named(window), *_thinned(ages, shares))


def _thinned(ages: list[float], shares: list[float]) -> tuple[list[float], list[float]]:
    """At most four points a day: labels that came with a time to the microsecond would make a step each."""
    last: dict[int, tuple[float, float]] = {}
    for age, share in zip(ages, shares, strict=True):
        last[int(age * 4)] = (age, share)
    return [age for age, _ in last.values()], [share for _, share in last.values()]


def arrivals(scope: Scope) -> list[Picture]:
    """A picture a label source."""
    found = []
    for i, source in enumerate(scope.sources):
        if (shown := arrival_of(scope, source)) is None:
            continue
        main = shown.curves[-1]
        title = "Share of labels known by age" + (f", {source['name']}" if len(scope.sources) > 1 else "")
        said = (
            f"{title}: {main.name} has {percent(main.shares[-1])} of its labels; after {days(shown.horizon)} "
            "nothing more is awaited."
        )
        body = tuple((c.name, percent(c.shares[-1]), f"{c.ages[-1]:.1f}") for c in reversed(shown.curves))
        table = Table(title, ("window", "labels known", "days after its end the last one came"), body)
        found.append(Picture(f"arrival-{i}", title, said, partial(arrival, shown=shown), table))
    return found


def scores_in(scope: Scope, source: Mapping[str, Any], window: Window) -> Scores | None:
    """A window's scores by label; None where no row has a label, as none has where labels are totals."""
    if are_totals(source):
        return None
    task = scope.spec["task"]
    view = entries_of(scope, source, window).view(Task(TaskKind.BINARY, task["positive"], task["threshold"]))
    return scores_of(view) if view.n else None


def error_pictures(scope: Scope, judged: Window | None) -> list[Picture]:
    """Of the newest judged window of a regression, where a label is not 0."""
    if judged is None or scope.spec.get("task", {}).get("kind") != TaskKind.REGRESSION:
        return []
    found = []
    for i, source in enumerate(scope.sources):
        if are_totals(source):
            continue
        try:
            shown = errors_of(entries_of(scope, source, judged).view(Task(TaskKind.REGRESSION)))
        except Undefined:
            continue
        if not (n := sum(shown.rows)):
            continue
        title = f"Percentage errors, {scope.named(judged)}"
        low = shown.too_low / n
        said = f"{title}: of {number(n)} rows {percent(low)} are below the label, {percent(1 - low)} on it or above."
        body = tuple((name, str(rows)) for name, rows in shown.named)
        table = Table(title, ("prediction, against the label", "rows"), body)
        found.append(Picture(f"errors-{i}", title, said, partial(errors, shown=shown), table))
    return found


def score_pictures(scope: Scope, judged: Window | None) -> list[Picture]:
    """Of the newest judged window, where the task has a score."""
    if judged is None or scope.spec.get("task", {}).get("kind") != TaskKind.BINARY:
        return []
    found = []
    for i, source in enumerate(scope.sources):
        if (shown := scores_in(scope, source, judged)) is None:
            continue
        title = f"Scores by label, {scope.named(judged)}"
        negatives, positives = sum(shown.negatives), sum(shown.positives)
        said = f"{title}: {number(negatives)} rows of label 0, {number(positives)} of label 1, by score."
        body = tuple(
            (f"{low:.2f} to {low + 1 / len(shown.negatives):.2f}", str(n), str(p))
            for low, n, p in zip(shown.edges, shown.negatives, shown.positives, strict=False)
        )
        table = Table(title, ("score", "label 0", "label 1"), body)
        found.append(Picture(f"scores-{i}", title, said, partial(scores, shown=shown), table))
    return found
