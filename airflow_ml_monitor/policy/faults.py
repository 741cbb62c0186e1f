"""Faults of data: which windows are broken, by what is always looked for, and what was never measured."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import BROKEN_RULES, NOTES, Family, Measurement, Severity, Status
from airflow_ml_monitor.metrics.names import fault_names
from airflow_ml_monitor.policy.alarms import OF_LABELS, Alarmed, by_rule
from airflow_ml_monitor.policy.case import Case, Evidence, Gap
from airflow_ml_monitor.policy.decision import Alarm
from airflow_ml_monitor.policy.rule import Action, Policy

CRITICAL = f"severity={Severity.CRITICAL}"
"""The parameters of `broken_rules` whose rules hold a window back."""

_OF_THE_DATA = (Family.FAULT, Family.QUALITY, Family.CONTRACT, Family.ROWS)


def faults_of(policy: Policy, case: Case, gaps: Iterable[Gap]) -> list[Alarmed]:
    """What is wrong with the data itself: faults that are always looked for, and rules that ask to investigate."""
    looked = [e for e in case.evidence if e.head.family in _OF_THE_DATA or _is_named(e)]
    looked = [e for e in looked if not _titles(e) & {*policy.overlook}]
    named = [e for e in looked if _is_named(e)]
    # What else is wrong with a column that has a named fault is what that explains.
    explained = {_column(e) for e in named if e.measurement.column}
    others = [e for e in looked if not _is_named(e) and _column(e) not in explained]
    alarms = [_alarm(case, e, _words(e)) for e in named]
    alarms += [_alarm(case, e, text) for e in others if (text := _fault(e.measurement))]
    alarms += [_never_measured(case, gap) for gap in gaps]
    judged = {("", e.head.rule, e.head.window) for e in looked} | {("", gap.rule, gap.window) for gap in gaps}
    mine = Alarmed(Action.INVESTIGATE_DATA, tuple(alarms), frozenset(judged))
    return [mine, *by_rule(policy, case, frozenset(), [Action.INVESTIGATE_DATA])]


def _titles(e: Evidence) -> set[str]:
    """What `policy.overlook` may call it."""
    m = e.measurement
    return {m.metric, f"{m.metric} of {e.head.dataset if m.metric in OF_LABELS else m.column}"}


def _column(e: Evidence) -> tuple[Gap, str]:
    """The column of a dataset's window that a measurement is about."""
    return Gap(e.head.window, e.head.rule, e.head.dataset), e.measurement.column


def _alarm(case: Case, e: Evidence, text: str) -> Alarm:
    """An alarm that says which of several datasets it is about."""
    m, dataset = e.measurement, e.head.dataset if len(case.datasets) > 1 and e.head.dataset in case.datasets else ""
    text += f" in {dataset!r}" if dataset else ""
    return Alarm(*_KIND, e.head.window, m.metric, m.column, m.slice, "", text, e.head.rule, dataset=dataset)


def _never_measured(case: Case, gap: Gap) -> Alarm:
    which = f" of {gap.dataset!r}" if len(case.datasets) > 1 else ""
    text = f"the window {gap.window}{which} was never measured"
    return Alarm(*_KIND, gap.window, "row_count", "", WHOLE, "", text, gap.rule)


_KIND = ("data", Action.INVESTIGATE_DATA, Severity.CRITICAL)


def gaps_of(case: Case) -> tuple[Gap, ...]:
    """What was asked for and never measured: the run's own window, and the gaps of earlier judgements.

    A gap stays one until it is measured, whichever window later runs are about; its incident cools down as others do.
    A window that no run was about is none, be it before the monitor's first or on a day that its schedule skips.
    """
    # By row counts: other numbers of quality, such as a label source's, are no measurement of the window.
    counted = {
        Gap(e.head.window, e.head.rule, e.head.dataset) for e in case.evidence if e.measurement.metric == "row_count"
    }
    names = case.datasets or sorted({gap.dataset for gap in counted}) or [""]
    asked = {Gap(case.window, str(case.rule), name) for name in names}
    asked.update(gap for gap in case.gaps if gap.dataset in names)
    return tuple(sorted(asked - counted))


def _is_named(e: Evidence) -> bool:
    """True if a fault was found, of a feed or among the labels, that has a name and is no mere note."""
    m = e.measurement
    return m.metric in fault_names() - NOTES and m.estimate is not None and m.estimate.value > 0


def _words(e: Evidence) -> str:
    """What broke, in words."""
    m = e.measurement
    assert m.estimate is not None  # _is_named
    name = e.head.dataset if m.metric in OF_LABELS else m.column
    of, detail = f" of {name}" * bool(name), f" [{m.parameters}]" * bool(m.parameters)
    counted = "labels" if m.metric in OF_LABELS else "rows"
    share = "" if m.estimate.value == 1 else f" in {m.estimate.value:.1%} of the {counted}"
    return f"{m.metric}{of}{detail}{share}"


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
    if m.metric == BROKEN_RULES and m.parameters == CRITICAL and m.estimate is not None and m.estimate.value > 0:
        return m.reason
    return ""
