"""Is it still good enough, and what now? Trend, decision, because, owner, next step."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.policy.decision import Decision
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.report.advice import NEXT_STEP, owner_of
from airflow_ml_monitor.report.blocks import Answer, Block, Facts, Gallery, Light, Section, Table, capped
from airflow_ml_monitor.report.scope import Scope
from airflow_ml_monitor.report.trends import Realised, trend_pictures
from airflow_ml_monitor.report.wording import NOTHING, sentence, shortened

_LIGHTS: Final = {
    Action.NONE: (Light.GOOD, "good enough"),
    Action.WAIT: (Light.WAITING, "wait"),
    Action.INVESTIGATE_DATA: (Light.BAD, "investigate data"),
    Action.ALERT: (Light.LOOK, "alert"),
    Action.RETRAIN: (Light.BAD, "retrain"),
    Action.ROLL_BACK: (Light.BAD, "roll back"),
}
_OVER: Final = ("resolved", "retracted")


def verdict(scope: Scope, realised: Realised) -> Section:
    """The section of the fourth question."""
    blocks: list[Block] = []
    if (decision := scope.decision) is not None:
        blocks.append(Facts(_facts(scope, decision)))
    if pictures := trend_pictures(scope, realised):
        note = "Hollow marks: on labels at hand, not judged; what does not fit stands in the numbers. Bands: 95 %."
        blocks.append(Gallery("Trend", pictures, note))
    if decision is not None and (incidents := _incidents(decision)).rows:
        blocks.append(capped(incidents, 20, "incidents"))
    if (history := _history(scope)).rows:
        blocks.append(history)
    return Section("verdict", "Is it still good enough, and what now?", _answer(scope), tuple(blocks))


def _answer(scope: Scope) -> Answer:
    if scope.decision is None:
        return Answer(Light.UNKNOWN, "not judged", "No decision was made about this window.")
    light, word = _LIGHTS[about := _about(scope.decision)]
    if about is not scope.decision.action:
        word = f"{word} asked for"
    because = shortened(scope.decision.because, 240)
    return Answer(light, word, sentence(because))


def _about(decision: Decision) -> Action:
    """The decision's action; of one that waits for what was asked for before, that."""
    for incident in decision.evidence.get("incidents", ()):
        if decision.action is Action.WAIT and incident["id"] == decision.incident:
            return Action(incident["action"])
    return decision.action


def _facts(scope: Scope, decision: Decision) -> tuple[tuple[str, str], ...]:
    evidence, action, about = decision.evidence, decision.action, _about(decision)
    owner = owner_of(about, evidence.get("owners", {}))
    step = NEXT_STEP[about] if about is action else f"Asked for already. {NEXT_STEP[about]}"
    found = [
        ("Decision", action.value.replace("_", " ")),
        ("Because", decision.because),
        ("Owner", owner or "nobody is named"),
        ("Next step", step),
        ("Known at", scope.clock(decision.known_at)),
        ("Importance", str(evidence.get("importance", NOTHING))),
        ("Identity", decision.id + ("" if decision.acts else ", may not act (shadow mode or backfill)")),
    ]
    if (newest := scope.decisions[0]) is not decision:
        since = f"{scope.clock(newest.known_at)}: {newest.action.replace('_', ' ')}, {shortened(newest.because, 240)}"
        found.insert(4, ("The newest decision", since))
    for taken in scope.store.actions(scope.monitor):
        is_known = scope.as_of is None or taken.asked_at <= scope.as_of
        if is_known and decision.incident == taken.incident:
            # How far it came is stored without a time: on a page of the past it is not shown.
            state = "" if scope.as_of else f", {taken.state}" + (f" by {taken.run_id}" if taken.run_id else "")
            found.append(
                (f"Action {taken.action.replace('_', ' ')}", f"asked for on {scope.clock(taken.asked_at)}{state}")
            )
    return tuple(found)


def _incidents(decision: Decision) -> Table:
    """Those that are open first."""
    found = decision.evidence.get("incidents", ())
    ordered = sorted(found, key=lambda i: (i["status"] in _OVER, i["last"]), reverse=False)
    rows = tuple(
        (i["action"].replace("_", " "), i["status"], i["first"][:10], i["last"][:10], i["id"]) for i in ordered
    )
    return Table("Incidents", ("action", "status", "first window", "last window", "identity"), rows)


def _history(scope: Scope) -> Table:
    """The last decisions up to the page's."""
    last = scope.decision.known_at if scope.decision else None
    found = [d for d in scope.decisions if last is None or d.known_at <= last][:10]
    rows = tuple((scope.clock(d.known_at), d.action.value.replace("_", " "), d.because) for d in found)
    return Table("The last decisions", ("known at", "decision", "because"), rows)
