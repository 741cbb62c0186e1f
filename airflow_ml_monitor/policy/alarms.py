"""Measurements against bounds: which windows alarm, and which could be judged at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from airflow_ml_monitor.keys import Slice, Window, overlaps
from airflow_ml_monitor.policy.bounds import Condition
from airflow_ml_monitor.policy.case import Case, Evidence, ReferenceValues
from airflow_ml_monitor.policy.composite import combined
from airflow_ml_monitor.policy.decision import Alarm
from airflow_ml_monitor.policy.points import Point, by_share, points_of
from airflow_ml_monitor.policy.rule import Action, Policy, Rule

OF_LABELS = frozenset(
    {
        *("orphan_labels", "repeated_labels", "refused_totals", "label_maturity", "label_delay", "label_silence"),
        "predictions_not_logged",
    }
)
"""What a label source shows besides. A fault there is no fault of the window's rows: it holds no window back."""

Places = frozenset[tuple[str, str, Window]]
"""(model version, window rule, window); windows of two rules are counted apart."""


@dataclass(frozen=True, slots=True)
class Alarmed:
    """What one rule says of one source (or the faults that are always looked for): alarms, and every window it judged.

    idle: windows of other model versions after a version's last: it is no longer in use, and cannot alarm. The same
    for the pooled value (of no version), where it gives way to its versions'. metric: the rule's, '' of one of several
    conditions. metrics: every one that it looks at. early: the rule's title if it has values, and no window has enough
    before it to be judged by standard deviations.
    """

    action: Action
    alarms: tuple[Alarm, ...]
    judged: Places
    idle: Places = frozenset()
    metric: str = ""
    metrics: tuple[str, ...] = ()
    early: str = ""


def alarms_of(policy: Policy, case: Case, held: Collection[Window]) -> list[Alarmed]:
    """Alarms of every other action. Windows in `held` are explained by a fault of data and not judged."""
    others = [action for action in policy.order if action is not Action.INVESTIGATE_DATA]
    return by_rule(policy, case, held, others)


def by_rule(policy: Policy, case: Case, held: Collection[Window], actions: Iterable[Action]) -> list[Alarmed]:
    """Rule by rule and source by source: what came of one label source, or of inputs, says nothing of another's.

    A rule of several conditions looks at all sources together.
    """
    by_metric: dict[str, list[Evidence]] = defaultdict(list)
    for e in case.evidence:
        by_metric[e.measurement.metric].append(e)
    found = []
    for rule in (rule for action in actions for rule in policy.rules if rule.action is action):
        evidence = [e for metric in dict.fromkeys(rule.metrics) for e in by_metric[metric]]
        for name in [None] if rule.is_composite else sorted({e.head.dataset for e in evidence}):
            mine = [e for e in evidence if name in (None, e.head.dataset)]
            found.append(_alarmed(rule, mine, held, case.references))
    # What another rule of the action could judge there is no window without use.
    judged_by = {one.action: frozenset().union(*(o.judged for o in found if o.action is one.action)) for one in found}
    found = [replace(one, idle=one.idle - judged_by[one.action]) for one in found]
    return [one for one in found if one.judged or one.early]


def _alarmed(
    rule: Rule, evidence: Sequence[Evidence], held: Collection[Window], references: ReferenceValues
) -> Alarmed:
    """What one rule says of its measurements."""
    each = []
    for condition in rule.conditions:
        series = [points_of(condition, of, references) for of in _series(condition, evidence, held)]
        share = condition.share_of_columns
        each.append(series if share is None else by_share(share, series))
    together = combined(rule, each) if rule.is_composite else each[0]
    judged = frozenset(point.place for points in together for point in points)
    idle = {*_idle(evidence, held)} | {("", window_rule, window) for _, window_rule, window in judged}
    alarms = tuple(alarm for points in together for alarm in _persistent(rule, points))
    # Series of which no window can be judged yet.
    early = rule.title if not judged and any(series and not any(series) for series in each) else ""
    return Alarmed(rule.action, alarms, judged, frozenset(idle), rule.metric, rule.metrics, early)


def _series(condition: Condition, evidence: Sequence[Evidence], held: Collection[Window]) -> list[list[Evidence]]:
    """The condition's measurements that can be judged, one list a series, by window."""
    mine = [e for e in evidence if _can_judge(condition, e) and not overlaps(e.head.window, held)]
    versioned = {_pooled(e) for e in mine if e.head.model_version}
    found: dict[tuple[str, ...], list[Evidence]] = defaultdict(list)
    for e in mine:
        m, head = e.measurement, e.head
        if not head.model_version and _pooled(e) in versioned:
            continue  # judged version by version
        found[head.dataset, head.rule, head.model_version, m.column, str(m.slice), m.parameters].append(e)
    return [sorted(series, key=lambda e: e.head.window) for series in found.values()]


def _can_judge(condition: Condition, e: Evidence) -> bool:
    """True if a measurement of the condition's metric has a value of enough rows, where the condition looks."""
    m = e.measurement
    return (
        e.is_judged
        and m.estimate is not None
        and m.metric == condition.metric
        and m.estimate.n >= condition.least_n
        and (not condition.columns or m.column in condition.columns)
        and condition.looks_at(m.slice)
        and condition.parameters in (None, m.parameters)
    )


def _pooled(e: Evidence) -> tuple[str, str, Window, str, Slice, str]:
    """What a measurement is about, whatever the model version."""
    m, head = e.measurement, e.head
    return head.dataset, head.rule, head.window, m.column, m.slice, m.parameters


def _idle(evidence: Sequence[Evidence], held: Collection[Window]) -> Iterator[tuple[str, str, Window]]:
    """The windows after a model version's last one in which another was in use, whether or not they can be judged."""
    last: dict[tuple[str, str], Window] = {}
    seen: dict[str, set[Window]] = defaultdict(set)
    for version, rule, window in {e.place for e in evidence if e.head.model_version}:
        last[version, rule] = max(window, last.get((version, rule), window))
        seen[rule].add(window)
    for (version, rule), end in last.items():
        yield from ((version, rule, w) for w in seen[rule] if w > end and not overlaps(w, held))


def _persistent(rule: Rule, points: Sequence[Point]) -> list[Alarm]:
    """An alarm for every window that breaks the bound as the k-th of the last m, or a later one."""
    is_sure = all(condition.sure for condition in rule.conditions)
    alarms = []
    for i, point in enumerate(points):
        recent = [p for p in points[max(0, i - rule.m + 1) : i + 1] if p.text]
        if point.text and len(recent) >= rule.k:
            often = f" ({len(recent)} of the last {rule.m} windows)" if rule.m > 1 else ""
            m, (version, window_rule, window) = point.about.measurement, point.place
            about = (m.metric, m.column, point.slice, version, point.text + often, window_rule, is_sure)
            alarms.append(Alarm(rule.title, rule.action, rule.severity, window, *about))
    return alarms
