"""Do labels join, when do they come, is the positive class among them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from airflow_ml_monitor.errors import WrongType
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.checks import totals
from airflow_ml_monitor.onboarding.checks.clock import clock
from airflow_ml_monitor.onboarding.finding import Finding, error, ok, warning
from airflow_ml_monitor.onboarding.structure import rounded_days
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.preview import Arrivals, Preview
from airflow_ml_monitor.profile.engines.scan import TIMES
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource, Several
from airflow_ml_monitor.profile.task import Task, TaskKind

_FEW: Final = 0.01
_EVENTS: Final = 0.5
"""Of the predictions: where fewer have a label, and all of these are alike, it is events that are reported."""


def check(case: Case) -> Iterator[Finding]:
    """Every label source; what cannot be read, or has no rows, is said of the source."""
    for labels in case.spec.labels:
        seen, dataset = case.seen[labels.name], case.spec.dataset(labels.dataset)
        if not isinstance(seen, Preview):
            continue
        wrong = list(_columns(labels, seen))
        yield from wrong
        if any(finding.level == "error" for finding in wrong):
            continue
        if labels.label_time is not None and "TIME ZONE" not in seen.types[labels.label_time]:
            yield clock(case, labels, seen.types[labels.label_time])
        if not seen.rows:
            continue
        if labels.are_totals:
            yield from totals.check(case, labels)
            continue
        predictions, found = case.seen[dataset.name], None
        if isinstance(predictions, Preview) and all(name in predictions.types for name in dataset.entity_key):
            found = case.engine.arrivals(dataset, case.spec.task, labels)
        yield from _values(case, labels, found)
        if labels.feedback and labels.mode is not LabelMode.SAMPLED:
            told = "the model's decision shapes the label: labels cannot tell what another decision would have brought"
            advice = "let a small random share of rows through whatever the model says, and declare mode: sampled"
            yield warning(f"labels.{labels.name}.feedback", told, advice)
        if found is not None:
            yield from _matches(found, dataset, f"labels.{labels.name}.key")
            yield from _repeats(found, labels)
            yield from _delays(found, labels, f"labels.{labels.name}")


def _columns(labels: LabelSource, seen: Preview) -> Iterator[Finding]:
    field, time = f"labels.{labels.name}", labels.label_time
    named = [("key", name) for name in labels.key] + [("label", labels.label), ("label_time", time)]
    named += [("censored", labels.censored), ("rows", labels.rows), ("day", labels.day)]
    named += [("by", name) for name in labels.by]
    for part, name in named:
        if name and name not in seen.types:
            yield error(f"{field}.{part}", f"column {name!r} is missing", "name it right")
    if time is None:
        told = "labels count as known from first sight, and backfills are refused"
        yield warning(f"{field}.label_time", told, "name the column that says when each became known, if there is one")
    elif time in seen.types and seen.types[time] not in TIMES:
        told = f"column {time!r} arrived as {seen.types[time]}, not as a time"
        yield error(f"{field}.label_time", told, "write it as a timestamp")


def _values(case: Case, labels: LabelSource, found: Arrivals | None) -> Iterator[Finding]:
    """The label's type, and whether it holds what the task says. found: how labels join, where they can."""
    field, task = f"labels.{labels.name}.label", case.spec.task
    try:
        present, hits, distinct = case.engine.label_values(task, labels)
    except WrongType as wrong:
        at = {TaskKind.BINARY: "task.positive", TaskKind.MULTICLASS: "task.classes"}.get(task.kind, field)
        others = "" if task.kind is TaskKind.MULTILABEL else ", or the number that counts as 1, or as a class"
        yield error(at, wrong.reason, f"name another column{others}")
        return
    if task.classes:
        yield _declared(present, hits, task.kind)
    is_event = present > 0 and hits == present and task.kind in (TaskKind.BINARY, TaskKind.RANKING)
    if is_event and (silence := _silence(labels, found, task)) is not None:
        yield silence
        return
    if task.kind is not TaskKind.BINARY:
        return
    if not hits or hits == present:
        told = f"{'every' if hits else 'no'} label equals the positive value {task.positive!r}"
        yield error("task.positive", told, "name the label's value that counts as 1")
    else:
        yield ok("task.positive", f"{hits / present:.1%} of {present:,} labels are {task.positive!r}")
    if distinct > 2:
        told = f"the label has {distinct:,} values; all but {task.positive!r} count as 0"
        yield warning(field, told, "right for one class against the rest; else name another column")


def _silence(labels: LabelSource, found: Arrivals | None, task: Task) -> Finding | None:
    """Where only events are reported: whether silence is declared to mean something; None where most rows have one."""
    field, share = f"labels.{labels.name}.mode", found.labelled / found.predictions if found else 0.0
    told = "every label is of a relevant item" if task.kind is TaskKind.RANKING else "every label is the positive one"
    if labels.mode is LabelMode.IMPLICIT:
        return ok(field, f"{told}: silence until the horizon means the other class")
    if labels.mode is not LabelMode.EXPLICIT or not found or not found.labelled or share > _EVENTS:
        return None
    told += f", and {share:.1%} of the predictions have one: without the others nothing can be judged"
    within = f", {rounded_days(found.p99)}d by the labels at hand" if found.p99 else ""
    advice = f"if only events are reported, declare mode: implicit, and the horizon after which none comes{within}"
    return warning(field, told, advice)


def _declared(present: int, hits: int, kind: TaskKind) -> Finding:
    """Of several classes: whether the labels are of those that the task declares; a set: all in it."""
    at, told = "task.classes", f"{hits / present:.1%} of {present:,} labels are of a declared class" if present else ""
    if not hits:
        return error(at, "no label is of a declared class", "name the label's own values")
    if hits < present:
        as_wrong = "and as predicted wrong; " if kind is TaskKind.MULTICLASS else "and are left out; "
        return warning(at, told, f"the rest count as undeclared {as_wrong}declare their classes")
    return ok(at, told)


def _matches(found: Arrivals, dataset: Dataset, field: str) -> Iterator[Finding]:
    """Do keys find each other?"""
    if not found.labelled:
        told = f"no prediction finds a label by {', '.join(dataset.entity_key)}"
        yield error(field, told, "name the columns that match entity_key; do both sides write the id alike?")
        return
    share, lost = found.labelled / found.predictions, found.orphans / found.labels
    told = f"{share:.1%} of the predictions looked at ({found.predictions:,}) have a label"
    if share < _FEW:
        yield warning(field, told, "right if labels have only begun to come; else look at the key")
    else:
        yield ok(field, told)
    told = f"{lost:.1%} of the labels belong to no prediction"
    if lost > 0.5:
        yield warning(field, told, "right if the file holds more than this model's rows; else look at the key")
    elif lost:
        yield ok(field, told)


def _repeats(found: Arrivals, labels: LabelSource) -> Iterator[Finding]:
    """Several labels of one prediction: declared, or not?"""
    if not found.repeated:
        return
    told = f"{found.repeated / (found.labels + found.repeated):.1%} of the label rows repeat a key"
    if labels.several is not Several.LAST:
        yield ok(f"labels.{labels.name}.several", f"{told}; several: {labels.several}")
        return
    advice = "right if they are corrections, by label_time; else say what several mean (any, majority, …)"
    yield warning(f"labels.{labels.name}.key", told, f"{advice} under several")


def _delays(found: Arrivals, labels: LabelSource, field: str) -> Iterator[Finding]:
    """When do labels come, against the horizon?"""
    if found.median is None or found.p99 is None:
        return
    horizon = labels.horizon.total_seconds() / 86_400
    told = f"labels come after {found.median:.1f} days in the median, 99 % within {found.p99:.1f}"
    told += f"; the horizon is {horizon:g}"
    if found.early and found.early > _FEW:
        early = f"{found.early:.1%} of the labels were known before their prediction"
        remedy = "are both times read by the right clock, and is it the right column?"
        yield warning(f"{field}.label_time", early, remedy)
    if found.p99 > horizon:
        yield warning(f"{field}.horizon", told, "windows are judged before their last labels are in; raise the horizon")
    elif found.p99 > 0 and horizon > 4 * max(found.p99, 1):
        yield warning(f"{field}.horizon", told, "windows with few labels stay open for long; lower the horizon")
    else:
        yield ok(f"{field}.horizon", told)
