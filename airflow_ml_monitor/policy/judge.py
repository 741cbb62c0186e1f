"""The fold: what is known now, and the incidents known before → one decision.

Order of judgement: faults of data first; the windows they hold are not judged for anything else; then the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from airflow_ml_monitor.keys import overlaps
from airflow_ml_monitor.measurement import BROKEN_RULES, Family, Severity
from airflow_ml_monitor.policy.alarms import OF_LABELS, Alarmed, alarms_of
from airflow_ml_monitor.policy.bounds import LEAST_IN_CONTROL, Condition
from airflow_ml_monitor.policy.case import Case, Evidence, Gap, Upstream
from airflow_ml_monitor.policy.charts.judged import judge_charts
from airflow_ml_monitor.policy.decision import ACTIVE, MOST_ALARMS, ActionState, Alarm, Event, Incident
from airflow_ml_monitor.policy.faults import faults_of, gaps_of
from airflow_ml_monitor.policy.incidents import Told, told, window_of
from airflow_ml_monitor.policy.points import in_reference
from airflow_ml_monitor.policy.rule import Action, Policy, Rule

MOST_SAID: Final = 5
"""Alarms of an incident's newest window that its reason says in words."""

_EARLY: Final = f"fewer than {LEAST_IN_CONTROL} windows before were in control"
"""Why a rule in standard deviations judges none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the fold concludes; the decision without its identity."""

    action: Action
    because: str
    incident: str
    incidents: tuple[Incident, ...]
    events: tuple[Told, ...]
    gaps: tuple[Gap, ...]
    evidence: Mapping[str, Any]


def judge(policy: Policy, case: Case) -> Verdict:
    """One conclusion. Pure: the same case gives the same verdict, in whatever order its evidence comes.

    The next judgement takes over the verdict's incidents and gaps (see `gaps_of`).
    """
    case = replace(case, evidence=sorted(case.evidence, key=_order))
    gaps = gaps_of(case)
    faulty = faults_of(policy, case, gaps)
    held = {alarm.window for part in faulty for alarm in part.alarms if alarm.metric not in OF_LABELS}
    above = [window_of(i) for one in case.upstream if (i := one.incident).action is Action.INVESTIGATE_DATA]
    held |= {e.head.window for e in case.evidence if overlaps(e.head.window, above)}
    charts = judge_charts(case, policy.false_alarms_per_year, held)
    found = [*alarms_of(policy, case, held), *charts.alarmed]
    told_now = told(policy, case, [*faulty, *found], held)
    active = [incident for incident in told_now.incidents if incident.status in ACTIVE]
    strength = {action: i for i, action in enumerate(policy.order)}
    active.sort(key=lambda i: (i.action is not Action.INVESTIGATE_DATA, -strength[i.action], i.first))
    alarms = [alarm for part in (*faulty, *found) for alarm in part.alarms]
    explained = _explained(case, active)
    concluded = _conclude(case, active, alarms, {**told_now.held, **explained})
    action, because, incident = concluded or (*_quiet(policy, case, found), "")
    news = [event.text for event in told_now.events if event.event is not Event.OPENED]
    blamed = [_told(case, one) for one in case.upstream if one.incident.status in ACTIVE]
    return Verdict(
        action,
        "; ".join(dict.fromkeys([because, *news, *told_now.held.values(), *explained.values(), *blamed, *charts.told])),
        incident,
        told_now.incidents,
        told_now.events,
        gaps,
        {**_document(case, alarms, told_now.incidents), "charts": charts.document},
    )


def _explained(case: Case, active: Iterable[Incident]) -> dict[str, str]:
    """{id: in words} of the incidents whose newest window one upstream explains.

    Broken data upstream explain whatever is wrong here; a model upstream that is to be replaced explains that ours is.
    """
    found = {}
    for incident in active:
        for one in case.upstream:
            is_broken = one.incident.action is Action.INVESTIGATE_DATA
            is_worse = one.incident.status in ACTIVE and incident.action in (Action.RETRAIN, Action.ROLL_BACK)
            if (is_broken or is_worse) and overlaps(incident.last, [window_of(one.incident)]):
                since = case.date(incident.first.start)
                found[incident.id] = f"{incident.action} of {since} is explained by {one.monitor}"
    return found


def _told(case: Case, one: Upstream) -> str:
    since = case.date(one.incident.first.start)
    held = ": its windows are not judged here" * (one.incident.action is Action.INVESTIGATE_DATA)
    return f"upstream {one.monitor} has {one.incident.action} since {since}{held}"


def _order(e: Evidence) -> tuple[Any, ...]:
    h, m = e.head, e.measurement
    head = (h.window, h.rule, h.dataset, h.stage, h.family, h.model_version, h.reference)
    return (*head, m.metric, m.column, m.parameters, m.slice)


def _conclude(
    case: Case, active: Sequence[Incident], alarms: Sequence[Alarm], held: Mapping[str, str]
) -> tuple[Action, str, str] | None:
    """(action, because, incident) of the first active incident whose action is still to be taken; None without one.

    held: as in `Story`; nothing is asked for them.
    """
    taken = {(a.incident, a.action): a for a in case.actions}
    waiting = []
    for incident in active:
        if incident.id in held:
            waiting.append(held[incident.id])
            continue
        is_data = incident.action is Action.INVESTIGATE_DATA
        others = "; what else is wrong is held until the data is right" * (
            is_data and any(other.action is not Action.INVESTIGATE_DATA for other in active)
        )
        before = taken.get((incident.id, incident.action))
        if before is None or before.state in (ActionState.FAILED, ActionState.REJECTED):
            again = f" (again: the last one {before.state})" if before else ""
            why = _why(case, incident, alarms) + _between(case, incident, alarms) * is_data
            return incident.action, why + again + others, incident.id
        asked = f"{incident.action} already asked for on {case.date(before.asked_at)} ({before.decision})"
        is_unclaimed = before.state is ActionState.ASKED and incident.action in (Action.RETRAIN, Action.ROLL_BACK)
        since = ", and claimed by no run yet" if is_unclaimed else ""
        if before.state is not ActionState.ASKED:
            since = f", {before.state} since"
        waiting.append(f"{asked}{since}: {_why(case, incident, alarms)}{others}")
        if is_data:
            break  # nobody retrains on broken data
    return (Action.WAIT, waiting[0], active[0].id) if waiting else None


def _why(case: Case, incident: Incident, alarms: Sequence[Alarm]) -> str:
    """The incident's newest alarms, in words."""
    every = [a for a in alarms if a.action is incident.action]
    # None of its own version: a pooled story that its versions tell by now.
    mine = [a for a in every if a.model_version == incident.model_version] or every
    last = [a for a in mine if a.window == incident.last] or mine
    texts = list(dict.fromkeys(a.text for a in last))
    more = f" and {len(texts) - MOST_SAID} more" if len(texts) > MOST_SAID else ""
    return f"{case.date(incident.last.start)}: {'; '.join(texts[:MOST_SAID])}{more}"


def _between(case: Case, incident: Incident, alarms: Sequence[Alarm]) -> str:
    """Where it broke, if datasets before the first broken one are sound: they are stages of the same rows, in order."""
    broken = {a.dataset for a in alarms if a.action is incident.action and a.window == incident.last}
    first = next((i for i, name in enumerate(case.datasets) if name in broken), 0)
    if not first:
        return ""
    before, name = case.datasets[first - 1], case.datasets[first]
    return f"; {before!r} is sound: it broke between {before!r} and {name!r}"


def _quiet(policy: Policy, case: Case, found: Sequence[Alarmed]) -> tuple[Action, str]:
    """No incident: nothing to do, or nothing known yet."""
    acts = (Action.RETRAIN, Action.ROLL_BACK)
    of_labels = {e.measurement.metric for e in case.evidence if e.head.family is Family.PERFORMANCE} - OF_LABELS
    every = policy.conditions()
    performance = {c.metric for _, rule, c in every if rule.action in acts or c.metric in of_labels}
    judged = [window for part in found if performance & {part.metric, *part.metrics} for _, _, window in part.judged]
    early = [part for part in found if part.early]
    if performance and not judged:
        of = [e for e in case.evidence if e.measurement.metric in performance]
        ripe = any(e.is_judged for e in of)
        why = "every window has too few rows or broken data" if ripe else "no window's labels tell enough yet"
        why = _EARLY if any(performance & {*part.metrics} for part in early) else why
        return Action.WAIT, f"{why}, so performance cannot be judged{'' if ripe else _awaited(case, of)}"
    upto = f"; performance judged up to {case.date(max(judged).start)}" if judged else ""
    blind = ", ".join(rule.title for rule in policy.rules if _is_blind(rule, case))
    unseen = f"; cannot be judged, as the reference has no such value: {blind}" if blind else ""
    unseen += (
        f"; cannot be judged, as {_EARLY}: {', '.join(dict.fromkeys(part.early for part in early))}" if early else ""
    )
    return Action.NONE, f"every rule within its bounds{upto}{unseen}"


def _awaited(case: Case, of: Sequence[Evidence]) -> str:
    """What is awaited of the newest window, as its measurement says it."""
    waiting = [e for e in of if e.measurement.reason]
    if not waiting:
        return ""
    newest = max(waiting, key=lambda e: e.head.window)
    return f"; of the newest window, {case.date(newest.head.window.start)}: {newest.measurement.reason}"


def _is_blind(rule: Rule, case: Case) -> bool:
    """True if a rule has values to judge, and none of them has the reference's value that its bounds are drawn from."""
    blind = [_has_no_limit(condition, case) for condition in rule.conditions]
    return all(blind) if rule.any else any(blind)


def _has_no_limit(condition: Condition, case: Case) -> bool:
    mine = [e for e in case.evidence if e.is_judged and e.measurement.metric == condition.metric]
    is_only = condition.bounds.is_relative and not condition.bounds.is_fixed
    return is_only and bool(mine) and not any(in_reference(e) in case.references for e in mine)


def _contract(case: Case) -> Iterator[dict[str, Any]]:
    """The rules of contracts that the run's window breaks; those of severity info are stored only."""
    for e in case.evidence:
        m = e.measurement
        is_mine = m.metric == BROKEN_RULES and (e.head.window, e.head.rule) == (case.window, str(case.rule))
        severity = m.parameters.removeprefix("severity=")
        if is_mine and m.estimate is not None and m.estimate.value and severity != Severity.INFO:
            count = int(m.estimate.value)
            yield {"dataset": e.head.dataset, "severity": severity, "broken": count, "text": m.reason}


def _document(case: Case, alarms: Iterable[Alarm], incidents: Iterable[Incident]) -> dict[str, Any]:
    """Plain JSON of what the decision rests on: broken rules of contracts, the newest alarms and the incidents."""
    newest = sorted(alarms, key=lambda alarm: alarm.window, reverse=True)[:MOST_ALARMS]
    return {
        "window": str(case.window),
        "rule": str(case.rule),
        "contract": list(_contract(case)),
        "alarms": [
            {
                "rule": a.rule,
                "action": a.action.value,
                "window": str(a.window),
                "text": a.text,
                "version": a.model_version,
                "metric": a.metric,
                "column": a.column,
                "severity": a.severity.value,
                "sure": a.sure,
            }
            for a in newest
        ],
        "incidents": [
            {"id": i.id, "action": i.action.value, "status": i.status.value, "first": str(i.first), "last": str(i.last)}
            for i in incidents
        ],
    }
