"""The fold: what is known now, and the incidents known before → one decision.

Order of judgement: faults of data first; the windows they hold are not judged for anything else; then the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.policy.alarms import OF_LABELS, Alarmed, alarms_of, faults_of, gaps_of, in_reference
from airflow_ml_monitor.policy.case import Case, Evidence, Gap
from airflow_ml_monitor.policy.decision import ACTIVE, MOST_ALARMS, ActionState, Alarm, Event, Incident
from airflow_ml_monitor.policy.incidents import Told, told
from airflow_ml_monitor.policy.rule import Action, Policy, Rule


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
    found = alarms_of(policy, case, held)
    told_now = told(policy, case, [*faulty, *found], held)
    active = [incident for incident in told_now.incidents if incident.status in ACTIVE]
    strength = {action: i for i, action in enumerate(policy.order)}
    active.sort(key=lambda i: (i.action is not Action.INVESTIGATE_DATA, -strength[i.action], i.first))
    alarms = [alarm for part in (*faulty, *found) for alarm in part.alarms]
    concluded = _conclude(case, active, alarms, told_now.held)
    action, because, incident = concluded or (*_quiet(policy, case, found), "")
    news = [event.text for event in told_now.events if event.event is not Event.OPENED]
    return Verdict(
        action,
        "; ".join(dict.fromkeys([because, *news, *told_now.held.values()])),
        incident,
        told_now.incidents,
        told_now.events,
        gaps,
        _document(case, alarms, told_now.incidents),
    )


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
            return incident.action, _why(case, incident, alarms) + again + others, incident.id
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
    shown = "; ".join(dict.fromkeys(a.text for a in last[:3]))
    more = f" and {len(last) - 3} more" if len(last) > 3 else ""
    return f"{case.date(incident.last.start)}: {shown}{more}"


def _quiet(policy: Policy, case: Case, found: Sequence[Alarmed]) -> tuple[Action, str]:
    """No incident: nothing to do, or nothing known yet."""
    acts = (Action.RETRAIN, Action.ROLL_BACK)
    of_labels = {e.measurement.metric for e in case.evidence if e.head.family is Family.PERFORMANCE} - OF_LABELS
    performance = {rule.metric for rule in policy.rules if rule.action in acts or rule.metric in of_labels}
    judged = [window for part in found if part.metric in performance for _, _, window in part.judged]
    if performance and not judged:
        of = [e for e in case.evidence if e.measurement.metric in performance]
        ripe = any(e.is_judged for e in of)
        why = "every window has too few rows or broken data" if ripe else "no window's labels tell enough yet"
        return Action.WAIT, f"{why}, so performance cannot be judged{'' if ripe else _awaited(case, of)}"
    upto = f"; performance judged up to {case.date(max(judged).start)}" if judged else ""
    blind = ", ".join(rule.title for rule in policy.rules if _is_blind(rule, case))
    unseen = f"; cannot be judged, as the reference has no such value: {blind}" if blind else ""
    return Action.NONE, f"every rule within its bounds{upto}{unseen}"


def _awaited(case: Case, of: Sequence[Evidence]) -> str:
    """What is awaited of the newest window, as its measurement says it."""
    waiting = [e for e in of if e.measurement.reason]
    if not waiting:
        return ""
    newest = max(waiting, key=lambda e: e.head.window)
    return f"; {case.date(newest.head.window.start)}: {newest.measurement.reason}"


def _is_blind(rule: Rule, case: Case) -> bool:
    """True if a rule has values to judge, and none of them has the reference's value that its bounds are drawn from."""
    mine = [e for e in case.evidence if e.is_judged and e.measurement.metric == rule.metric]
    is_only = rule.bounds.is_relative and rule.bounds.min is None and rule.bounds.max is None
    return is_only and bool(mine) and not any(in_reference(e) in case.references for e in mine)


def _document(case: Case, alarms: Iterable[Alarm], incidents: Iterable[Incident]) -> dict[str, Any]:
    """Plain JSON of what the decision rests on: the newest alarms and the incidents."""
    newest = sorted(alarms, key=lambda alarm: alarm.window, reverse=True)[:MOST_ALARMS]
    return {
        "window": str(case.window),
        "rule": str(case.rule),
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
