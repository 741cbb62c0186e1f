"""Is it still good enough, and what now? Trend, decision, because, owner, next step.

A window is decided about once, on the evening of its run, and judged again whenever more is known. Both are told, each
with its moment: the light is that of what is known now.
"""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.measurement import Family
from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.policy.feedback import precision_by_rule
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.report.advice import NEXT_STEP, owner_of
from airflow_ml_monitor.report.blocks import Answer, Block, Facts, Gallery, Light, Section, Table, capped
from airflow_ml_monitor.report.drawn import is_judged
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.trends import Realised, trend_pictures
from airflow_ml_monitor.report.wording import NOTHING, number, sentence, shortened, valued

_LIGHTS: Final = {
    Action.NONE: (Light.GOOD, "good enough"),
    Action.WAIT: (Light.WAITING, "wait"),
    Action.INVESTIGATE_DATA: (Light.BAD, "investigate data"),
    Action.ALERT: (Light.LOOK, "alert"),
    Action.RETRAIN: (Light.BAD, "retrain"),
    Action.ROLL_BACK: (Light.BAD, "roll back"),
}
_MARKS: Final = "Hollow marks: on labels at hand, not judged; what does not fit stands in the numbers. Bands: 95 %."
_OVER: Final = ("resolved", "retracted")


def verdict(scope: Scope, realised: Realised) -> Section:
    """The section of the fourth question."""
    blocks: list[Block] = []
    if (decision := scope.decision) is not None:
        blocks.append(Facts(_facts(scope, realised, decision)))
    if pictures := trend_pictures(scope, realised):
        blocks.append(Gallery("Trend", pictures, " ".join((_MARKS, *_left_out(realised)))))
    if decision is not None and (incidents := _incidents(decision)).rows:
        blocks.append(capped(incidents, 20, "incidents"))
    if (told := _feedback(scope)).rows:
        blocks.append(capped(told, 20, "rules"))
    if (history := _history(scope)).rows:
        blocks.append(history)
    return Section("verdict", "Is it still good enough, and what now?", _answer(scope, realised), tuple(blocks))


def _left_out(realised: Realised) -> list[str]:
    """Of each metric whose rule looks at more than is drawn."""
    left = {drawn.metric: drawn.left for drawn in realised.drawn if drawn.left}
    return [f"Of {metric} those nearest to its bound; {count} more left out." for metric, count in left.items()]


def _answer(scope: Scope, realised: Realised) -> Answer:
    decision = scope.decision
    if decision is None:
        return Answer(Light.UNKNOWN, "not judged", "No decision was made about this window.")
    because = shortened(decision.because, 240)
    if _is_newest(scope, decision):
        return Answer(*_light(decision), sentence(because))
    now = _now(scope, realised, decision)
    known = sentence(f"{scope.known}: {now.text}")
    then = f"decided on {scope.clock(decision.known_at)}, as known then: {_said(decision.action)}, {because}"
    return Answer(now.light, f"{now.word}, {scope.known}", f"{known} {sentence(then)}")


def _is_newest(scope: Scope, decision: Decision) -> bool:
    """True if nothing was decided since that might know better."""
    return scope.decisions[0].known_at <= decision.known_at


def _now(scope: Scope, realised: Realised, decision: Decision) -> Answer:
    """What is known by now of a window that was decided about before."""
    if alarms := scope.alarms_of(scope.window):
        strongest = max((Action(alarm["action"]) for alarm in alarms), key=list(Action).index)
        texts = list(dict.fromkeys(str(alarm["text"]) for alarm in alarms))
        more = f", and {len(texts) - 1} more" if len(texts) > 1 else ""
        return Answer(*_LIGHTS[strongest], texts[0] + more)
    if scope.judgement(scope.window) is None:
        return Answer(*_light(decision), "no later decision tells of this window")
    is_judged_now = any(r.head.window == scope.window and is_judged(r) for r in realised.rows)
    if is_judged_now or Family.PERFORMANCE not in scope.family_of_rule.values():
        return Answer(Light.GOOD, "good enough", "no rule is broken in this window")
    return Answer(Light.WAITING, "wait", "no rule is broken in this window, and its performance has no value yet")


def _light(decision: Decision) -> tuple[Light, str]:
    """Of a decision, as it was made."""
    light, word = _LIGHTS[about := _about(decision)]
    return light, word if about is decision.action else f"{word} asked for"


def _said(action: Action) -> str:
    return action.value.replace("_", " ")


def _about(decision: Decision) -> Action:
    """The decision's action; of one that waits for what was asked for before, that."""
    for incident in decision.evidence.get("incidents", ()):
        if decision.action is Action.WAIT and incident["id"] == decision.incident:
            return Action(incident["action"])
    return decision.action


def _facts(scope: Scope, realised: Realised, decision: Decision) -> tuple[tuple[str, str], ...]:
    newest = decision if _is_newest(scope, decision) else scope.decisions[0]
    evidence, about = newest.evidence, _about(newest)
    step = NEXT_STEP[about] if about is newest.action else f"Asked for already. {NEXT_STEP[about]}"
    if newest is decision:
        found = [("Decision", _said(decision.action)), ("Because", decision.because)]
    else:
        since = f"{scope.clock(newest.known_at)}: {_said(newest.action)}, {shortened(newest.because, 240)}"
        found = [
            ("Decided then", f"{_said(decision.action)}, on {scope.clock(decision.known_at)}"),
            ("Because, as known then", decision.because),
            (f"Of this window, {scope.known}", _now(scope, realised, decision).text),
            ("The newest decision", since),
        ]
    found += [("Owner", owner_of(about, evidence.get("owners", {})) or "nobody is named"), ("Next step", step)]
    found += [("Known at", scope.clock(decision.known_at))] if newest is decision else []
    found += [
        ("Importance", str(evidence.get("importance", NOTHING))),
        ("Identity", decision.id + ("" if decision.acts else ", may not act (shadow mode or backfill)")),
    ]
    for taken in scope.store.actions(scope.monitor):
        is_known = scope.as_of is None or taken.asked_at <= scope.as_of
        if is_known and decision.incident == taken.incident:
            # How far it came is stored without a time: on a page of the past it is not shown.
            state = "" if scope.as_of else f", {taken.state}" + (f" by {taken.run_id}" if taken.run_id else "")
            found.append((f"Action {_said(taken.action)}", f"asked for on {scope.clock(taken.asked_at)}{state}"))
    return tuple(found)


def _incidents(decision: Decision) -> Table:
    """Those that are open first."""
    found = decision.evidence.get("incidents", ())
    ordered = sorted(found, key=lambda i: (i["status"] in _OVER, i["last"]), reverse=False)
    rows = tuple((_said(Action(i["action"])), i["status"], i["first"][:10], i["last"][:10], i["id"]) for i in ordered)
    return Table("Incidents", ("action", "status", "first window", "last window", "identity"), rows)


def _feedback(scope: Scope) -> Table:
    """How often each rule was right, by what people said of its incidents; nothing before anybody said anything."""
    said = scope.store.feedback(scope.monitor, scope.as_of)
    if not said:
        return Table("", (), ())
    incidents = [i for i in scope.store.incidents(scope.monitor) if scope.as_of is None or i.opened_at <= scope.as_of]
    rows = []
    for one in precision_by_rule(incidents, scope.decisions, said):
        value = valued(one.estimate) if one.estimate else NOTHING
        rows.append((one.rule, value, *(number(count) for count in (one.true, one.false, one.awaited))))
    head = ("rule", "precision (95 % interval)", "true", "false", "without verdict")
    return Table("Feedback: how often alarms were right", head, tuple(rows), "Of incidents that people spoke of.")


def _history(scope: Scope) -> Table:
    """The last decisions up to the page's."""
    last = scope.decision.known_at if scope.decision else None
    found = [d for d in scope.decisions if last is None or d.known_at <= last][:10]
    rows = tuple((scope.clock(d.known_at), _said(d.action), d.because) for d in found)
    return Table("The last decisions", ("known at", "decision", "because"), rows)
