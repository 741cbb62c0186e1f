"""What broke or moved, and where? Faults, columns by how much they moved, slices."""

from __future__ import annotations

from collections import Counter
from functools import cache, partial

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.metrics.names import REFERENCE_WINDOWS
from airflow_ml_monitor.report.blocks import Answer, Block, Gallery, Light, Picture, Section, Table, capped
from airflow_ml_monitor.report.charts import chart_blocks
from airflow_ml_monitor.report.figures.comparison import Sides, comparison, sides_of
from airflow_ml_monitor.report.figures.heat import Heat, heat
from airflow_ml_monitor.report.pairs import profiles_of
from airflow_ml_monitor.report.scope import LOOK_BACK, Scope
from airflow_ml_monitor.report.wording import NOTHING, number, percent, ratio, times, where
from airflow_ml_monitor.store.records import Recorded

COLUMNS = 12
"""Columns that get a picture: those that moved most."""
ROWS = 100
"""Columns in the table."""
FAULTS = 40
SLICES = 12
DISTANCES = ("psi", "jensen_shannon", "kolmogorov_smirnov", "wasserstein")
"""By which of them columns are ordered: the first that was measured."""


def moved(scope: Scope) -> Section:
    """The section of the third question."""
    faults = _faults(scope)
    rows = ranked(scope)
    blocks: list[Block] = [capped(faults, FAULTS, "faults")] if faults.rows else []
    if rows:
        blocks += [_map(scope, rows), _pictures(scope, rows), _columns(scope, rows)]
    blocks += chart_blocks(scope)
    if (slices := _slices(scope)).rows:
        blocks.append(slices)
    return Section("moved", "What broke or moved, and where?", _answer(scope, faults, rows), tuple(blocks))


def _answer(scope: Scope, faults: Table, rows: list[Recorded]) -> Answer:
    data, drift = scope.alarms(None, scope.window), scope.alarms(Family.DRIFT, scope.window)
    broken = [row for row in faults.rows if row[2] == "broken"]
    if broken or data:
        said = data[0] if data else f"{broken[0][1]}: {broken[0][4]}"
        count = max(len(broken), len(data))
        return Answer(Light.BAD, "broken", said + (f", and {count - 1} more." if count > 1 else "."))
    first = _name(scope, rows[0]) if rows else ""
    most = f" {first} moved most, {times(ratio_of(rows[0]))} what chance gives." if rows and ratio_of(rows[0]) else ""
    if drift:
        return Answer(Light.LOOK, "moved", f"{drift[0]}{f', and {len(drift) - 1} more' if len(drift) > 1 else ''}.")
    if faults.rows:
        return Answer(Light.LOOK, "contract broken", f"{len(faults.rows)} rules of the contract are broken.{most}")
    if not rows:
        return Answer(Light.UNKNOWN, "no value", "No distance from the reference was measured in this window.")
    if Family.DRIFT not in scope.family_of_rule.values():
        return Answer(Light.UNKNOWN, "no rule", f"Nothing broke; no rule looks at how much columns move.{most}")
    if scope.judgement(scope.window) is None:
        return Answer(Light.UNKNOWN, "not judged", f"Nothing broke; no decision says whether too much moved.{most}")
    return Answer(Light.GOOD, "steady", f"Nothing broke, every rule on columns within its bounds.{most}")


def _faults(scope: Scope) -> Table:
    """What failed in the whole, and which rules of the contract are broken; the same reason once."""
    found: Counter[tuple[str, str, str, str]] = Counter()
    for r in scope.now:
        m = r.measurement
        if m.slice != WHOLE or r.head.dataset not in scope.datasets:
            continue
        column = m.column or "the dataset"
        if m.status is Status.FAILED:
            what = f"contract: {m.parameters}" if m.metric == "expectation" and m.parameters else "measurement"
            found[r.head.dataset, column, "broken", m.reason if what == "measurement" else f"{what}: {m.reason}"] += 1
        elif m.metric == "row_count" and m.estimate is not None and not m.estimate.value:
            found[r.head.dataset, column, "broken", "no rows arrived"] += 1
        elif m.metric == "duplicate_rows" and m.estimate is not None and m.estimate.value:
            found[r.head.dataset, column, "broken", f"{number(m.estimate.value)} rows repeat an entity key"] += 1
        elif m.metric == "expectation" and m.estimate is not None and not m.estimate.value:
            found[r.head.dataset, column, "contract", f"{m.parameters}: {m.reason}"] += 1
    rows = tuple(
        (*key[:3], number(count), key[3])
        for key, count in sorted(found.items(), key=lambda item: (item[0][2], item[0]))
    )
    return Table("Faults", ("dataset", "column", "what", "measurements", "why"), rows)


def ranked(scope: Scope) -> list[Recorded]:
    """The distance of every column in the whole, those that moved most first."""
    found = [r for r in scope.now if r.head.family is Family.DRIFT and not r.measurement.parameters]
    there = {r.measurement.metric for r in found}
    name = next((metric for metric in DISTANCES if metric in there), "")
    mine = [r for r in found if r.measurement.metric == name and r.measurement.slice == WHOLE]
    return sorted((r for r in mine if r.measurement.estimate is not None), key=_by_move)


def _by_move(r: Recorded) -> tuple[float, float, str, str]:
    e = r.measurement.estimate
    assert e is not None  # chosen so
    return -(ratio(e) or 0.0), -e.value, r.head.dataset, r.measurement.column


def ratio_of(r: Recorded) -> float | None:
    """A column's distance in multiples of chance."""
    return None if r.measurement.estimate is None else ratio(r.measurement.estimate)


def _name(scope: Scope, r: Recorded) -> str:
    return f"{r.head.dataset} · {r.measurement.column}" if len(scope.datasets) > 1 else r.measurement.column


def _map(scope: Scope, rows: list[Recorded]) -> Gallery:
    """Column by window: the columns that moved most in the page's window, over the last windows."""
    metric, top = rows[0].measurement.metric, rows[:COLUMNS]
    names = {(r.head.dataset, r.measurement.column): _name(scope, r) for r in top}
    found = scope.read(LOOK_BACK, families=[Family.DRIFT], metrics={metric}, whole=True)
    cells = {
        (names[r.head.dataset, r.measurement.column], scope.date(r.head.window)): ratio_of(r)
        for r in found
        if (r.head.dataset, r.measurement.column) in names
    }
    days = [scope.date(w) for w in scope.windows()]
    shown = Heat(list(names.values()), days, cells)
    left = f" {len(rows) - len(top)} columns that moved less are left out." if len(rows) > len(top) else ""
    title = f"{metric} of each column and window, in multiples of what chance gives"
    said = f"{title}, over {len(days)} windows; {_name(scope, rows[0])} moved most in the last."
    body = tuple((str(day), *(times(cells.get((name, day))) for name in names.values())) for day in reversed(days))
    table = Table(title, ("window", *names.values()), body)
    picture = Picture("drift", title, said, partial(heat, shown=shown), table, width=700, height=70 + 20 * len(names))
    return Gallery("Drift over time", (picture,), left.strip())


def _pictures(scope: Scope, rows: list[Recorded]) -> Gallery:
    """Reference against current, of the columns that moved most."""
    pictures = []
    stored = cache(partial(profiles_of, scope))
    for i, r in enumerate(rows[:COLUMNS]):
        profiles = stored(r.head.dataset, r.head.reference)
        pair = profiles.pair(r.measurement.column) if profiles else None
        if pair is None:
            continue
        sides, name = sides_of(pair), _name(scope, r)
        apart = "".join(f"; {what} {percent(a)} → {percent(b)}" for what, a, b in sides.apart)
        title = f"{name}: {r.measurement.metric} {number(r.measurement.estimate.value)}, {times(ratio_of(r))} chance"  # type: ignore[union-attr]
        body = tuple((what, percent(a), percent(b)) for what, a, b in sides.rows)
        table = Table(title, ("value", "reference", "now"), body)
        said = f"{title}. {_said(sides)}{apart}."
        pictures.append(
            Picture(f"column-{i}", title + apart, said, partial(comparison, sides=sides), table, height=190)
        )
    left = len(rows) - len(pictures)
    note = f"The {len(pictures)} columns that moved most; {left} that moved less are left out. " if left else ""
    note = (note + _recent(scope)).strip()
    return Gallery(
        "Reference against current", tuple(pictures), note if pictures else "The window's profile is not stored."
    )


def _recent(scope: Scope) -> str:
    """What distances are from, where that is not what is drawn."""
    told = [r.measurement for r in scope.now if r.measurement.metric == REFERENCE_WINDOWS]
    of = f"the {told[0].estimate.value:.0f} windows before" if told and told[0].estimate else "windows before"
    return f"Drawn is the frozen reference; distances are from {of}: {told[0].reason}." if told else ""


def _said(sides: Sides) -> str:
    """Where the two sides differ most."""
    what, before, after = max(sides.rows, key=lambda row: abs(row[1] - row[2]), default=("", 0.0, 0.0))
    return f"Largest difference at {what}: {percent(before)} in the reference, {percent(after)} now"


def _columns(scope: Scope, rows: list[Recorded]) -> Table:
    metric = rows[0].measurement.metric
    body = []
    for r in rows:
        e = r.measurement.estimate
        assert e is not None  # ranked
        p = NOTHING if e.p_value is None else f"{e.p_value:.2g}"
        body.append((_name(scope, r), number(e.value), number(e.noise), times(ratio(e)), p, number(e.n)))
    head = ("column", metric, "by chance", "multiple", "p-value", "rows")
    return capped(Table("Columns by how much they moved", head, tuple(body)), ROWS, "columns")


def _slices(scope: Scope) -> Table:
    """Where columns moved most, slice by slice."""
    rows = [r for r in scope.now if r.head.family is Family.DRIFT and r.measurement.slice != WHOLE]
    there = {r.measurement.metric for r in rows}
    metric = next((name for name in DISTANCES if name in there), "")
    found = sorted(
        (r for r in rows if r.measurement.metric == metric and r.measurement.estimate is not None), key=_by_move
    )
    body = tuple(
        (where(r.measurement.slice), _name(scope, r), number(r.measurement.estimate.value), times(ratio_of(r)),  # type: ignore[union-attr]
         number(r.measurement.estimate.n))  # type: ignore[union-attr]
        for r in found
    )  # fmt: skip
    head = ("slice", "column", metric, "multiple of chance", "rows")
    return capped(Table("Slices and columns that moved most", head, body), SLICES, "pairs of slice and column")
