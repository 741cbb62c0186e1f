"""Measurements against bounds: which windows alarm, and which could be judged at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.measurement import (
    Estimate,
    base_of,
)
from airflow_ml_monitor.policy.case import Case, Evidence, ReferenceValues
from airflow_ml_monitor.policy.decision import Alarm
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
    for the pooled value (of no version), where it gives way to its versions'. metric: the rule's.
    """

    action: Action
    alarms: tuple[Alarm, ...]
    judged: Places
    idle: Places = frozenset()
    metric: str = ""


def alarms_of(policy: Policy, case: Case, held: Collection[Window]) -> list[Alarmed]:
    """Alarms of every other action. Windows in `held` are explained by a fault of data and not judged."""
    others = [action for action in policy.order if action is not Action.INVESTIGATE_DATA]
    return by_rule(policy, case, held, others)


def by_rule(policy: Policy, case: Case, held: Collection[Window], actions: Iterable[Action]) -> list[Alarmed]:
    """Rule by rule and source by source: what came of one label source, or of inputs, says nothing of another's."""
    by_metric: dict[str, list[Evidence]] = defaultdict(list)
    for e in case.evidence:
        by_metric[e.measurement.metric].append(e)
    found = []
    for rule in (rule for action in actions for rule in policy.rules if rule.action is action):
        for name in sorted({e.head.dataset for e in by_metric[rule.metric]}):
            mine = [e for e in by_metric[rule.metric] if e.head.dataset == name]
            alarms: list[Alarm] = []
            judged: set[tuple[str, str, Window]] = set()
            idle = set(_idle(mine, held))
            for series in _series(rule, mine, held):
                judged |= {e.place for e in series}
                idle |= {("", e.head.rule, e.head.window) for e in series}
                alarms += _persistent(rule, series, case.references)
            if judged:
                found.append(Alarmed(rule.action, tuple(alarms), frozenset(judged), frozenset(idle), rule.metric))
    # What another rule of the action could judge there is no window without use.
    judged_by = {one.action: frozenset().union(*(o.judged for o in found if o.action is one.action)) for one in found}
    return [replace(one, idle=one.idle - judged_by[one.action]) for one in found]


def _series(rule: Rule, evidence: Sequence[Evidence], held: Collection[Window]) -> list[list[Evidence]]:
    """The rule's measurements that can be judged, one list a series, by window."""
    mine = [e for e in evidence if _can_judge(rule, e) and not overlaps(e.head.window, held)]
    versioned = {_pooled(e) for e in mine if e.head.model_version}
    found: dict[tuple[str, ...], list[Evidence]] = defaultdict(list)
    for e in mine:
        m, head = e.measurement, e.head
        if not head.model_version and _pooled(e) in versioned:
            continue  # judged version by version
        found[head.dataset, head.rule, head.model_version, m.column, str(m.slice), m.parameters].append(e)
    return [sorted(series, key=lambda e: e.head.window) for series in found.values()]


def _can_judge(rule: Rule, e: Evidence) -> bool:
    """True if a measurement of the rule's metric has a value of enough rows, where the rule looks."""
    m = e.measurement
    return (
        e.is_judged
        and m.estimate is not None
        and m.estimate.n >= rule.least_n
        and (not rule.columns or m.column in rule.columns)
        and (rule.slices or m.slice == WHOLE)
        and rule.parameters in (None, m.parameters)
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


def overlaps(window: Window, others: Collection[Window]) -> bool:
    return any(other.start < window.end and window.start < other.end for other in others)


def _persistent(rule: Rule, series: Sequence[Evidence], references: ReferenceValues) -> list[Alarm]:
    """An alarm for every window that breaks the bound as the k-th of the last m, or a later one."""
    texts = [_broken(rule, e, references) for e in series]
    alarms = []
    for i, (e, text) in enumerate(zip(series, texts, strict=True)):
        recent = [t for t in texts[max(0, i - rule.m + 1) : i + 1] if t]
        if text and len(recent) >= rule.k:
            often = f" ({len(recent)} of the last {rule.m} windows)" if rule.m > 1 else ""
            m, head = e.measurement, e.head
            about = (m.metric, m.column, m.slice, head.model_version, text + often, head.rule, rule.sure)
            alarms.append(Alarm(rule.title, rule.action, rule.severity, head.window, *about))
    return alarms


def _broken(rule: Rule, e: Evidence, references: ReferenceValues) -> str:
    """How the bound is broken, in words; empty if it is not (or not surely)."""
    m = e.measurement
    assert m.estimate is not None  # is_judged
    reference = references.get(in_reference(e))
    low, high = rule.bounds.limits(reference)
    lowest, highest = _range(m.estimate) if rule.sure else (m.estimate.value, m.estimate.value)
    if low is not None and highest < low:
        limit, side = low, "below"
    elif high is not None and lowest > high:
        limit, side = high, "above"
    else:
        return ""
    about = "" if reference is None or not rule.bounds.is_relative else f" (reference {reference:.4g})"
    where = " of ".join(x for x in (m.metric, m.column) if x) + (f" [{m.parameters}]" if m.parameters else "")
    where += "".join(f" in {column}={value}" for column, value in m.slice)
    version = f" of {e.head.model_version}" if e.head.model_version else ""
    return f"{where}{version} {_shown(m.estimate)} {side} {limit:.4g}{about}"


def in_reference(e: Evidence) -> tuple[str, str, str, Slice, str]:
    """Where the reference's own value of a measurement stands."""
    m = e.measurement
    return e.head.reference, base_of(m.metric), m.column, m.slice, m.parameters


def _range(estimate: Estimate) -> tuple[float, float]:
    """The values that the estimate allows: its interval, or what of a distance exceeds its noise floor."""
    low = estimate.value - (estimate.noise or 0.0) if estimate.low is None else estimate.low
    return low, estimate.value if estimate.high is None else estimate.high


def _shown(estimate: Estimate) -> str:
    if estimate.low is not None and estimate.high is not None:
        return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"
    return f"{estimate.value:.4g}"
