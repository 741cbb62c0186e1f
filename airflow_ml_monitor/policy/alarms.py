"""Measurements against bounds: which windows alarm, and which could be judged at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_ml_monitor.keys import WHOLE, Slice, Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.policy.decision import Alarm
from airflow_ml_monitor.policy.rule import Action, Policy, Rule, Severity

if TYPE_CHECKING:
    from airflow_ml_monitor.policy.judge import Case

OF_LABELS = frozenset({"orphan_labels", "repeated_labels"})
"""What a label source holds besides. A fault there is no fault of the window's rows: it holds no window back."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One current measurement, with what it is about."""

    head: HeadKey
    measurement: Measurement

    @property
    def is_judged(self) -> bool:
        """True if it has a value that may be compared with a limit."""
        return self.measurement.status is Status.OK and self.measurement.estimate is not None

    @property
    def place(self) -> tuple[str, str, Window]:
        """(model version, window rule, window)"""
        return self.head.model_version, self.head.rule, self.head.window


ReferenceValues = Mapping[tuple[str, str, str, Slice, str], float]
"""(reference, metric, column, slice, parameters) → the value in the reference itself."""

Places = frozenset[tuple[str, str, Window]]
"""(model version, window rule, window); windows of two rules are counted apart."""


@dataclass(frozen=True, slots=True)
class Alarmed:
    """What one action's rules say: the alarms, and every window that they could judge.

    idle: windows of other model versions after a version's last: it is no longer in use, and cannot alarm.
    """

    action: Action
    alarms: tuple[Alarm, ...]
    judged: Places
    idle: Places = frozenset()


def faults_of(policy: Policy, case: Case) -> Alarmed:
    """What is wrong with the data itself: faults that are always looked for, and rules that ask to investigate."""
    alarms, judged = [], set()
    for e in case.evidence:
        if e.head.family not in (Family.QUALITY, Family.CONTRACT):
            continue
        judged.add(("", e.head.rule, e.head.window))
        if text := _fault(e.measurement):
            alarms.append(_data_alarm(e.head.window, e.head.rule, e.measurement, text))
    counted = {
        (e.head.dataset, e.head.window) for e in case.evidence if e.measurement.metric == "row_count"
    }  # a label source's counts are no measurement of the window
    for dataset in case.datasets or sorted({name for name, _ in counted}) or [""]:
        if (dataset, case.window) not in counted:
            which = f" of {dataset!r}" if len(case.datasets) > 1 else ""
            nothing = Measurement("row_count", Status.FAILED)
            alarms.append(
                _data_alarm(case.window, case.rule, nothing, f"the window {case.window}{which} was never measured")
            )
            judged.add(("", case.rule, case.window))
    for part in _by_action(policy, case, frozenset(), [Action.INVESTIGATE_DATA]):
        alarms += part.alarms
        judged |= part.judged
    return Alarmed(Action.INVESTIGATE_DATA, tuple(alarms), frozenset(judged))


def _data_alarm(window: Window, rule: str, m: Measurement, text: str) -> Alarm:
    about = (m.metric, m.column, m.slice, "", text, rule)
    return Alarm("data", Action.INVESTIGATE_DATA, Severity.CRITICAL, window, *about)


def _fault(m: Measurement) -> str:
    """Why a measurement shows broken data by itself; empty if it does not."""
    if m.slice != WHOLE:
        return ""
    if m.status is Status.FAILED:
        return m.reason or f"{m.metric} of {m.column or 'the dataset'} failed"
    if m.metric == "row_count" and m.estimate is not None and m.estimate.value == 0:
        return "no rows arrived"
    if m.metric == "duplicate_rows" and m.estimate is not None and m.estimate.value > 0:
        return f"{m.estimate.value:.0f} rows repeat an entity key"
    return ""


def alarms_of(policy: Policy, case: Case, held: Collection[Window]) -> list[Alarmed]:
    """Alarms of every other action. Windows in `held` are explained by a fault of data and not judged."""
    others = [action for action in policy.order if action is not Action.INVESTIGATE_DATA]
    return _by_action(policy, case, held, others)


def _by_action(policy: Policy, case: Case, held: Collection[Window], actions: Iterable[Action]) -> list[Alarmed]:
    by_metric: dict[str, list[Evidence]] = defaultdict(list)
    for e in case.evidence:
        by_metric[e.measurement.metric].append(e)
    found = []
    for action in actions:
        alarms: list[Alarm] = []
        judged: set[tuple[str, str, Window]] = set()
        idle: set[tuple[str, str, Window]] = set()
        for rule in (rule for rule in policy.rules if rule.action is action):
            idle.update(_idle(by_metric[rule.metric], held))
            for series in _series(rule, by_metric[rule.metric], held):
                judged |= {e.place for e in series}
                alarms += _persistent(rule, series, case.references)
        if judged:
            found.append(Alarmed(action, tuple(alarms), frozenset(judged), frozenset(idle - judged)))
    return found


def _series(rule: Rule, evidence: Sequence[Evidence], held: Collection[Window]) -> list[list[Evidence]]:
    """The rule's measurements that can be judged, one list a series, by window."""
    versioned = {(e.head.dataset, e.head.rule, e.head.window) for e in evidence if e.head.model_version}
    found: dict[tuple[str, ...], list[Evidence]] = defaultdict(list)
    for e in evidence:
        m, head = e.measurement, e.head
        if not e.is_judged or m.estimate is None or m.estimate.n < rule.least_n or _overlaps(head.window, held):
            continue
        if (rule.columns and m.column not in rule.columns) or (m.slice != WHOLE and not rule.slices):
            continue
        if rule.parameters is not None and m.parameters != rule.parameters:
            continue
        if not head.model_version and (head.dataset, head.rule, head.window) in versioned:
            continue  # judged version by version
        found[head.dataset, head.rule, head.model_version, m.column, str(m.slice), m.parameters].append(e)
    return [sorted(series, key=lambda e: e.head.window) for series in found.values()]


def _idle(evidence: Sequence[Evidence], held: Collection[Window]) -> Iterator[tuple[str, str, Window]]:
    """The windows after a model version's last one in which another was in use, whether or not they can be judged."""
    last: dict[tuple[str, str], Window] = {}
    seen: dict[str, set[Window]] = defaultdict(set)
    for version, rule, window in {e.place for e in evidence if e.head.model_version}:
        last[version, rule] = max(window, last.get((version, rule), window))
        seen[rule].add(window)
    for (version, rule), end in last.items():
        yield from ((version, rule, w) for w in seen[rule] if w > end and not _overlaps(w, held))


def _overlaps(window: Window, others: Collection[Window]) -> bool:
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
            about = (m.metric, m.column, m.slice, head.model_version, text + often, head.rule)
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
    return e.head.reference, m.metric, m.column, m.slice, m.parameters


def _range(estimate: Estimate) -> tuple[float, float]:
    """The values that the estimate allows: its interval, or what of a distance exceeds its noise floor."""
    low = estimate.value - (estimate.noise or 0.0) if estimate.low is None else estimate.low
    return low, estimate.value if estimate.high is None else estimate.high


def _shown(estimate: Estimate) -> str:
    if estimate.low is not None and estimate.high is not None:
        return f"{estimate.value:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"
    return f"{estimate.value:.4g}"
