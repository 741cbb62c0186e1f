"""Everything stored → one decision, and its action asked for once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from airflow_ml_monitor.keys import Window, parse_moment
from airflow_ml_monitor.measurement import BROKEN_RULES, base_of
from airflow_ml_monitor.metrics.names import ALWAYS, fault_names
from airflow_ml_monitor.monitor.charted import charted
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.policy.case import Case, Evidence, Gap, ReferenceValues, Upstream
from airflow_ml_monitor.policy.chart import CALLS
from airflow_ml_monitor.policy.decision import Decision, Event, Incident
from airflow_ml_monitor.policy.feedback import newest
from airflow_ml_monitor.policy.judge import Verdict, judge
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.profile.layout import digest
from airflow_ml_monitor.store.records import REFERENCE_STAGE, DecisionRecord, IncidentEvent, Recorded


def decide(monitor: Monitor, run: Run, *, act: bool = True) -> Decision:
    """Judge all that is known, store the decision, and ask for its action unless it was asked for before.

    act: False for backfills; the policy's own `act` (shadow mode) counts too. The same knowledge gives the same
    decision: called again it returns the one stored.
    """
    policy, store, key = monitor.spec.policy, monitor.store, monitor.key
    metrics = ALWAYS | {BROKEN_RULES} | fault_names() | {c.metric for *_, c in policy.conditions()}
    # Slices are most of what is stored; where no rule looks at them they are not read.
    whole = not any(c.slices for *_, c in policy.conditions())
    found = store.current(
        key, as_of=run.known_at, stage=monitor.spec.stage, metrics=metrics, or_failed=True, whole=whole
    )
    watched = _watched(monitor, run)
    own = {base_of(name) for name in metrics}
    references = _references(store.current(key, stage=REFERENCE_STAGE, metrics=own, whole=whole))
    revisions = sorted({(*_named(r), r.number) for r in (*found, *watched)})
    above = _upstream(monitor, run)
    blamed = [[one.monitor, one.incident.id, one.incident.status, str(one.incident.last)] for one in above]
    accepted = _accepted(monitor, run)
    heard = [*([blamed] if blamed else []), *([list(map(str, accepted))] if accepted else [])]
    inputs = digest([revisions, str(run.window), sorted(map(str, references.items())), *heard])
    rules = digest(monitor.spec.document()["policy"])
    decision = store.decision_at(key, run.known_at, rules, inputs)
    if decision is None:
        panels = charted(monitor.spec, watched)
        case = replace(_case(monitor, run, found, references), upstream=above, charted=panels, accepted=accepted)
        verdict = judge(policy, case)
        name = "dec-" + digest([key, run.known_at.isoformat(), rules, inputs])[:16]
        decision = store.save_decision(
            key, _record(monitor, run, verdict, name, rules, inputs, acts=act and policy.act)
        )
    if decision.acts and decision.action not in (Action.NONE, Action.WAIT):
        store.ask_action(key, decision.incident, decision.action, decision.id, run.known_at)
    return decision


def _watched(monitor: Monitor, run: Run) -> list[Recorded]:
    """What charts look at, of the first window rule."""
    spec = monitor.spec
    metrics = {chart.metric for chart in spec.charts}
    if not metrics:
        return []
    rule, whole = str(spec.windows[0]), not any(chart.slices for chart in spec.charts)
    return monitor.store.current(
        monitor.key, as_of=run.known_at, rule=rule, stage=spec.stage, metrics={*metrics, CALLS}, whole=whole
    )


def _accepted(monitor: Monitor, run: Run) -> list[tuple[Action, Window]]:
    """The action of each incident that was last called false, and its last window as known when that was said."""
    found = []
    for name, word in newest(monitor.store.feedback(monitor.key, run.known_at)).items():
        last = monitor.store.last_decision(monitor.key, word.given_at)
        known = [] if word.is_true or last is None else last.incidents
        found += [(incident.action, incident.last) for incident in known if incident.id == name]
    return sorted(found)


def _case(monitor: Monitor, run: Run, found: list[Recorded], references: ReferenceValues) -> Case:
    return Case(
        monitor.key,
        run.known_at,
        run.window,
        run.rule,
        [Evidence(r.head, r.measurement) for r in found],
        references,
        incidents=_incidents(monitor, run),
        actions=monitor.store.actions(monitor.key),
        gaps=_gaps(monitor, run),
        datasets=tuple(dataset.name for dataset in monitor.spec.datasets),
    )


def _named(r: Recorded) -> tuple[str, ...]:
    h = r.head
    return (h.family, h.dataset, h.rule, str(h.window), h.stage, h.model_version, h.reference)


def _references(found: list[Recorded]) -> ReferenceValues:
    """The reference's own values, by what a bound relative to it asks for."""
    values = {}
    for r in found:
        m = r.measurement
        if m.estimate is not None:
            values[r.head.reference, m.metric, m.column, m.slice, m.parameters] = m.estimate.value
    return values


def _incidents(monitor: Monitor, run: Run) -> list[Incident]:
    """The incidents as the last decision left them, and any other that is stored, as over.

    The latter are those of decisions of later knowledge (a backfill judges an older day): an episode that is theirs
    must be recognised as theirs, or its action would be taken twice.
    """
    last = monitor.store.last_decision(monitor.key, run.known_at)
    known = list(last.incidents) if last else []
    names = {incident.id for incident in known}
    others = [i for i in monitor.store.incidents(monitor.key) if i.id not in names]
    return known + [replace(i, status=Event.RESOLVED) for i in others]


_BLAMED = (Action.INVESTIGATE_DATA, Action.RETRAIN, Action.ROLL_BACK)
"""What, asked for upstream, explains ours. An alert there tells that something moved, not that it is wrong."""


def _upstream(monitor: Monitor, run: Run) -> tuple[Upstream, ...]:
    """The incidents of the monitors upstream, as their last decision of the same or older knowledge left them."""
    found = []
    for key in monitor.spec.upstream:
        last = monitor.store.last_decision(key, run.known_at + timedelta(microseconds=1))
        mine = last.incidents if last else ()
        found += [Upstream(key, i) for i in mine if i.action in _BLAMED and i.status is not Event.RETRACTED]
    return tuple(found)


def _gaps(monitor: Monitor, run: Run) -> list[Gap]:
    """What earlier decisions found never measured: those of this moment too, as a day and a week may end together."""
    last = monitor.store.last_decision(monitor.key, run.known_at + timedelta(microseconds=1))
    documents = last.state.get("gaps", []) if last else []
    return [Gap(_window(document["window"]), document["rule"], document["dataset"]) for document in documents]


def _record(
    monitor: Monitor, run: Run, verdict: Verdict, name: str, rules: str, inputs: str, *, acts: bool
) -> DecisionRecord:
    spec = monitor.spec
    evidence = {
        **verdict.evidence,
        "importance": spec.importance.value,
        "owners": {"data": spec.owners.data, "drift": spec.owners.drift, "model": spec.owners.model},
        "upstream": list(spec.upstream),
        "feedback": [labels.name for labels in spec.labels if labels.feedback],
    }
    decision = Decision(
        name, monitor.key, run.known_at, verdict.action, verdict.because, evidence, verdict.incident, acts
    )
    return DecisionRecord(
        decision=decision,
        policy_digest=rules,
        input_digest=inputs,
        state={"gaps": [{"window": str(g.window), "rule": g.rule, "dataset": g.dataset} for g in verdict.gaps]},
        events=[IncidentEvent(e.incident, e.event, e.text) for e in verdict.events],
        incidents=verdict.incidents,
        run=run.run_id,
    )


def _window(text: str) -> Window:
    return Window(*map(parse_moment, text.split("/")))
