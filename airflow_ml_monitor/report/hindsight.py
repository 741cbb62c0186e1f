"""What was known when a window was first judged, beside what is known now."""

from __future__ import annotations

from functools import partial

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.report.blocks import Block, Gallery, Picture, Table
from airflow_ml_monitor.report.drawn import Drawn
from airflow_ml_monitor.report.figures.revised import revised
from airflow_ml_monitor.report.figures.trend import Point
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.trends import Realised, lines_of
from airflow_ml_monitor.report.wording import number, percent, valued
from airflow_ml_monitor.store.records import Recorded

WINDOWS = 12
PICTURES = 2
"""Of what rules look at; of what none looks at the first alone."""


def hindsight(scope: Scope, realised: Realised) -> list[Block]:
    """What is drawn first, of the last judged windows, then and now; nothing where no window was judged."""
    ruled = [drawn for drawn in realised.drawn if drawn.bounds][:PICTURES]
    found = [_then_and_now(scope, realised, i, drawn) for i, drawn in enumerate(ruled or realised.drawn[:1])]
    pictures = tuple(one for one in found if isinstance(one, Picture))
    tables: list[Block] = [one for one in found if isinstance(one, Table)]
    return [*([Gallery("Known then against known now", pictures)] if pictures else []), *tables]


def _then_and_now(scope: Scope, realised: Realised, place: int, drawn: Drawn) -> Picture | Table | None:
    """A picture, of one window a table; None where no window was judged."""
    # Of several label sources the first: the others are lines of the trend.
    source, name = scope.sources[0]["name"], drawn.title
    rows = [r for r in realised.of(drawn) if drawn.is_of(r) and r.measurement.status is Status.OK]
    rows = [r for r in rows if r.head.dataset == source]
    newest: dict[Window, Recorded] = {}
    for of in lines_of(scope, rows).values():
        newest |= {r.head.window: r for r in of}
    pairs = []
    for window in sorted(newest)[-WINDOWS:]:
        if (then := _first_judged(scope, newest[window], drawn)) is not None:
            pairs.append((then, newest[window]))
    if not pairs:
        return None
    body = tuple(_row(scope, then, now) for then, now in reversed(pairs))
    head = ("window", "first judged", "then", "labels then", "now", "labels now", "change")
    table = Table(f"{name}: known then against known now", head, body)
    if len(pairs) == 1:
        return table
    points = [[_point(scope, r) for r in side] for side in zip(*pairs, strict=True)]
    days = [scope.date(now.head.window) for _, now in pairs]
    changed = sum(row[-1] != "0" for row in body)
    said = f"{name} of {len(pairs)} windows as first judged and as known now; {changed} of them have changed since."
    draw = partial(revised, then=points[0], now=points[1], days=days)
    return Picture(f"hindsight-{place}", table.title, said, draw, table, width=700, height=210)


def _first_judged(scope: Scope, now: Recorded, drawn: Drawn) -> Recorded | None:
    """The same measurement in the first revision in which it had a value that may be judged."""
    for revision in scope.store.revisions(scope.monitor, now.head):
        if scope.as_of is not None and revision.known_at > scope.as_of:
            continue
        window = now.head.window
        found = scope.store.current(
            scope.monitor,
            as_of=revision.known_at,
            families=[Family.PERFORMANCE],
            dataset=now.head.dataset,
            rule=now.head.rule,
            stage=scope.stage,
            metrics={drawn.metric},
            start=window.start,
            end=window.end,
            whole=not drawn.slice,
        )
        for r in found:
            if r.head == now.head and r.measurement.status is Status.OK and drawn.is_of(r):
                return r
    return None


def _row(scope: Scope, then: Recorded, now: Recorded) -> tuple[str, ...]:
    a, b = then.measurement.estimate, now.measurement.estimate
    assert a is not None  # judged
    assert b is not None
    change = b.value - a.value
    return (
        scope.named(now.head.window),
        scope.clock(then.known_at),
        valued(a),
        percent(then.coverage),
        valued(b),
        percent(now.coverage),
        number(change) if change == 0 else f"{change:+.2g}",
    )


def _point(scope: Scope, r: Recorded) -> Point:
    e = r.measurement.estimate
    assert e is not None  # judged
    return Point(scope.date(r.head.window), e.value, e.low, e.high)
