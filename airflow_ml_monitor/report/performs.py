"""How does it perform? Realised metrics with their intervals, label coverage, known then against known now."""

from __future__ import annotations

from datetime import datetime

from airflow_ml_monitor.keys import WHOLE, Window
from airflow_ml_monitor.measurement import CENSORED_ROWS, Family, Status, base_of, is_beside
from airflow_ml_monitor.metrics.names import OF_TOTALS, PROXY_CORRELATION
from airflow_ml_monitor.profile.label_source import LabelMode, Several
from airflow_ml_monitor.report import labels
from airflow_ml_monitor.report.apart import feature_pictures, slice_pictures
from airflow_ml_monitor.report.blocks import Answer, Block, Facts, Gallery, Light, Section, Table, capped
from airflow_ml_monitor.report.drawn import Drawn, natural, reference_of
from airflow_ml_monitor.report.hindsight import hindsight
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.trends import Realised
from airflow_ml_monitor.report.wording import NOTHING, days, interval, number, percent
from airflow_ml_monitor.store.records import Recorded

VERSIONS = 8
"""Model versions whose coverage is listed; all together come first."""


def performs(scope: Scope, realised: Realised) -> Section:
    """The section of the second question."""
    mine = [r for r in realised.rows if r.head.window == scope.window]
    judged = realised.judged
    blocks: list[Block] = [Facts(_facts(scope, mine, judged))]
    for title, window in (("Performance of this window", scope.window), ("The newest judged window", judged)):
        if window is not None and (title, window) != ("The newest judged window", scope.window):
            blocks += _table(scope, realised, window, title)
    drawn = [*labels.score_pictures(scope, judged), *labels.error_pictures(scope, judged)]
    pictures = [*labels.arrivals(scope), *drawn, *slice_pictures(scope, realised), *feature_pictures(scope, realised)]
    if pictures:
        blocks.append(Gallery("Labels", tuple(pictures)))
    if (proxies := _proxies(scope)).rows:
        blocks.append(proxies)
    blocks += hindsight(scope, realised)
    return Section("performs", "How does it perform?", _answer(scope, mine, judged), tuple(blocks))


def _answer(scope: Scope, mine: list[Recorded], judged: Window | None) -> Answer:
    alarms = [text for w in (scope.window, judged) if w for text in scope.alarms(Family.PERFORMANCE, w)]
    upto = f" Judged up to {scope.named(judged)}." if judged else " No window's labels were complete enough yet."
    if alarms:
        return Answer(Light.BAD, "worse", f"{alarms[0]}.{upto}")
    if not scope.sources:
        return Answer(Light.UNKNOWN, "no labels", "The monitor has no label source, so performance is not realised.")
    if not mine:
        return Answer(Light.WAITING, "waiting", f"Performance of this window was not measured.{upto}")
    states = {r.measurement.status for r in mine if not is_beside(r.measurement.metric)}
    if states == {Status.FAILED}:
        return Answer(Light.BAD, "broken", f"Performance could not be measured: {mine[0].measurement.reason}.{upto}")
    if Status.IMMATURE in states and Status.OK not in states:
        reason = next(r.measurement.reason for r in mine if r.measurement.status is Status.IMMATURE)
        return Answer(Light.WAITING, "waiting", f"{reason[:1].upper()}{reason[1:]}.{upto}")
    if Status.OK not in states:
        return Answer(Light.UNKNOWN, "no value", f"{mine[0].measurement.reason or 'No metric has a value'}.{upto}")
    return _judged(scope, max(r.known_at for r in mine), _basis(mine))


def _basis(mine: list[Recorded]) -> str:
    """What a window's values rest on."""
    ok = [r for r in mine if r.measurement.status is Status.OK and not is_beside(r.measurement.metric)]
    if any(r.is_final for r in ok):
        return "All labels are in"
    said = next((r.measurement.reason for r in ok if r.measurement.reason), "the labels at hand stand for all")
    return said[:1].upper() + said[1:]


def _judged(scope: Scope, known_at: datetime, basis: str) -> Answer:
    """Of a window that has values, and no alarm."""
    decision = scope.judgement(scope.window)
    if Family.PERFORMANCE not in scope.family_of_rule.values():
        return Answer(Light.UNKNOWN, "no rule", f"{basis}; no rule looks at performance.")
    if scope.alarms(None, scope.window):
        return Answer(Light.UNKNOWN, "held", "The window's data is broken, so its performance is not judged.")
    if decision is None or decision.known_at < known_at:
        return Answer(Light.UNKNOWN, "not judged", f"{basis}; no decision since tells of this window.")
    return Answer(Light.GOOD, "in bounds", f"{basis}; every rule on performance is within its bounds.")


def _facts(scope: Scope, mine: list[Recorded], judged: Window | None) -> tuple[tuple[str, str], ...]:
    covered = {scope.line(r.head): r for r in mine}
    found = [
        (f"Labels known{f' of {line}' if line else ''}", percent(r.coverage) + (", final" if r.is_final else ""))
        for line, r in sorted(covered.items())[:VERSIONS]
    ]
    for source in scope.sources:
        horizon = source["horizon"] / 86_400
        are_totals = labels.are_totals(source)
        early = "as estimated, where that holds"
        if source.get("mature_at") is not None and source["mode"] == LabelMode.EXPLICIT:
            early += f"; else from {percent(source['mature_at'])} of its labels"
        if are_totals:
            share = source.get("mature_at")
            early = "never early" if share is None else f"from totals of {percent(share)} of its rows on"
            untold = "which row has which label is not known: metrics that need it have no value"
            found.append((f"Labels are totals ({source['name']})", untold))
        silence = ", when silence is a label" if source["mode"] == LabelMode.IMPLICIT else ""
        said = f"{early}; finally after {days(horizon)}{silence}"
        found.append((f"A window is judged ({source['name']})", said))
        if (several := source.get("several", Several.LAST)) != Several.LAST:
            found.append((f"Of several labels of one row ({source['name']})", f"{several} counts"))
        if source.get("feedback"):
            told = "the model's decision shapes these labels: they cannot tell how good another decision would be"
            found.append((f"Feedback ({source['name']})", told))
    for r in mine:
        if r.measurement.metric == CENSORED_ROWS and r.measurement.estimate and r.measurement.slice == WHOLE:
            line = scope.line(r.head)
            told = f"{percent(r.measurement.estimate.value)} of all: their label will never come"
            found.append((f"No longer observed{f', of {line}' if line else ''}", told))
    found += _feed(scope)
    return (*found, ("Newest judged window", scope.named(judged) if judged else "none yet"))


def _feed(scope: Scope) -> list[tuple[str, str]]:
    """How long labels take, and whether they come as they used to."""
    found = []
    for source in scope.sources:
        mine = [r.measurement for r in scope.now if r.head.dataset == source["name"]]
        several = f" ({source['name']})" if len(scope.sources) > 1 else ""
        ages = {int(m.parameters[4:-1]): m.estimate for m in mine if m.metric == "label_maturity" and m.parameters}
        shares = [f"{percent(e.value)} after {days(age)}" for age, e in sorted(ages.items()) if e is not None]
        if shares:
            found.append((f"Labels are known{several}", ", ".join(shares)))
        found += [(f"Delay of labels{several}", m.reason) for m in mine if m.metric == "label_delay"]
    return found


def _table(scope: Scope, realised: Realised, window: Window, title: str) -> list[Table]:
    rows = []
    several = any(r.head.model_version for r in realised.rows if r.head.window == window)
    totals = {source["name"] for source in scope.sources if labels.are_totals(source)}
    told = {name for names in OF_TOTALS.values() for name in names}
    sliced = [r for drawn in realised.drawn if drawn.slice for r in realised.sliced if drawn.is_of(r)]
    for r in (*realised.rows, *sliced):
        m = r.measurement
        if r.head.window != window:
            continue
        # Of what is not judged a few metrics are enough, and what waits for labels has its reason in the answer.
        is_hidden = is_beside(m.metric) and base_of(m.metric) not in realised.names
        if is_hidden or m.status is Status.IMMATURE or m.metric == "confusion":
            continue
        if m.status is Status.UNDEFINED and r.head.dataset in totals and m.metric not in told:
            continue  # said once, of all of them
        value = number(m.estimate.value) if m.estimate is not None else NOTHING
        n = number(m.estimate.n) if m.estimate is not None else NOTHING
        reference = number(reference_of(realised.references, r))
        name = Drawn(m.metric, m.parameters, m.slice).title
        state = m.status.value.replace("_", " ") + (f": {m.reason}" if m.reason else "")
        line = scope.line(r.head) or ("all" if several else NOTHING)
        rows.append((name, value, interval(m.estimate), reference, n, line, state))
    first = [drawn.title for drawn in realised.drawn if drawn.bounds]
    place = {name: i for i, name in enumerate(first)}
    rows.sort(key=lambda row: (place.get(row[0], len(place)), natural(row[0]), row[5]))
    head = ("metric", "value", "95 % interval", "reference", "labels", "model version", "status")
    note = "What rules look at comes first." if {row[0] for row in rows} & {*first} else ""
    table = Table(f"{title}: {scope.named(window)}", head, tuple(rows), note)
    # A window without any value has its reason in the answer: a table of dashes says no more.
    return [capped(table, 60, "rows")] if any(row[1] != NOTHING for row in rows) else []


def _proxies(scope: Scope) -> Table:
    """What each proxy has been worth, as the newest run of the window found it."""
    several = len(scope.sources) > 1
    rows = []
    for r in scope.now:
        m = r.measurement
        if m.metric == PROXY_CORRELATION:
            value = number(m.estimate.value) if m.estimate is not None else NOTHING
            said = m.reason if m.status is Status.OK else f"{m.status.value.replace('_', ' ')}: {m.reason}"
            rows.append((m.column, m.parameters, value, interval(m.estimate), said, *([r.head.dataset] * several)))
    head = ("proxy", "with", "correlation", "95 % interval", "windows", *(["labels"] * several))
    note = "Over windows whose labels are final. What went together so far may part when something new happens."
    return capped(Table("Proxies and performance", head, tuple(sorted(rows)), note), 20, "pairs")
