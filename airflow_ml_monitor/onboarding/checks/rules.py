"""Can every rule be judged, and where do its bounds lie against the values that the reference has?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from airflow_ml_monitor.errors import UnknownName
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, Family, Measurement, Status, base_of
from airflow_ml_monitor.metrics.metric import BESIDES, Metric, Subject, metric_named
from airflow_ml_monitor.monitor.checks.compared import stated
from airflow_ml_monitor.monitor.measure import column_rows, labelled_rows, pair_rows
from airflow_ml_monitor.onboarding.case import Case, Frozen
from airflow_ml_monitor.onboarding.finding import Finding, Level, error, ok, warning
from airflow_ml_monitor.policy.rule import Rule
from airflow_ml_monitor.profile.dataset import Column, Dataset

_OF_THE_WHOLE: Final = ("row_count", "duplicate_rows", "freshness", "calls_per_version")
"""What the reference has of these is that of all its rows, not of a window's."""


def check(case: Case) -> Iterator[Finding]:
    """Every rule of the policy."""
    if not case.spec.policy.rules:
        told = "no rules: only broken data will ever be decided on"
        yield warning("policy.rules", told, "add one, e.g. {metric: psi, max: 0.2, action: alert}")
    for rule in case.spec.policy.rules:
        if rule.metric in BESIDES:
            continue
        field = f"policy.rules.{rule.title}"
        try:
            metric = metric_named(base_of(rule.metric))
        except UnknownName as unknown:  # a weighted one of a metric that has no formula
            yield error(field, str(unknown), "use another metric")
            continue
        found = [error(field, *why) for why in _unjudgeable(case, rule, metric)]
        yield from found or _bounds(case, rule, metric, field)


def _unjudgeable(case: Case, rule: Rule, metric: Metric) -> Iterator[tuple[str, str]]:
    """What keeps the rule from ever being judged, and what to do."""
    task, is_relative, of_labels = case.spec.task.kind, rule.bounds.is_relative, metric.family is Family.PERFORMANCE
    if metric.tasks and task not in metric.tasks:
        yield f"{rule.metric} is for {', '.join(metric.tasks)}; the task is {task}", "use a metric of the task"
    if of_labels and not case.spec.labels:
        yield f"{rule.metric} needs labels, and the spec has no label source", "add one, or delete the rule"
    if of_labels and is_relative and not case.spec.reference.label and _stated(case, rule, metric) is None:
        told = "its bound is relative to the reference's performance, and the reference has no label"
        yield told, "name reference.label, state reference.benchmark, or use min or max"
    if metric.family is Family.DRIFT and is_relative:
        yield f"{rule.metric} is a distance from the reference, which has none from itself", "use max"
    if metric.name in _OF_THE_WHOLE and is_relative:
        yield f"the reference's {rule.metric} is that of all its rows, not of a window's", "use min or max"
    fitting = [c for dataset in case.spec.datasets for c in dataset.measured if _fits(rule, metric, c)]
    if metric.subject in (Subject.COLUMN, Subject.PAIR) and not fitting:
        told = f"{rule.metric} is for columns of kind {', '.join(metric.kinds) or 'any'}, and the rule has none"
        yield told, "name others, or delete it"


def _stated(case: Case, rule: Rule, metric: Metric) -> float | None:
    """The benchmark that a rule's bound is relative to."""
    told = stated(case.spec.reference.benchmark)
    return next((v for name, p, v in told if name == metric.name and rule.parameters in (None, p)), None)


def _fits(rule: Rule, metric: Metric, column: Column) -> bool:
    return (not metric.kinds or column.kind in metric.kinds) and (not rule.columns or column.name in rule.columns)


def _bounds(case: Case, rule: Rule, metric: Metric, field: str) -> Iterator[Finding]:
    for dataset in case.spec.datasets:
        frozen, over = case.frozen[dataset.name], case.whole_windows(dataset).values()
        if not isinstance(frozen, Frozen):
            continue  # said of the reference
        # Windows of fewer rows than the rule asks for are never judged.
        if over and metric.family is Family.PERFORMANCE and (few := median(over)) < rule.least_n:
            told = f"half of the windows have fewer rows ({few:,.0f} in the median) than least_n: {rule.least_n}"
            yield warning(f"{field}.least_n", told, "use longer windows, or a smaller least_n")
        if metric.family is Family.DRIFT:
            yield from _drift(case, rule, dataset, frozen, field)
        else:
            yield from _against_reference(case, rule, metric, frozen, field)


def _against_reference(case: Case, rule: Rule, metric: Metric, frozen: Frozen, field: str) -> Iterator[Finding]:
    """Where the limits lie, and whether the reference itself would break them."""
    named = (metric.name,)
    if (benchmark := _stated(case, rule, metric)) is not None:
        yield ok(field, f"the benchmark is {benchmark:.4g}; an alarm is {_limits(rule, benchmark)}")
        return
    if metric.family is Family.PERFORMANCE:
        if frozen.labels is None:
            yield ok(field, f"{_limits(rule, None)}; the reference has no label to compare with")
            return
        rows = labelled_rows({WHOLE: frozen.labels.view(case.spec.task, WHOLE)}, [metric])
    else:
        rows = column_rows(frozen.profile, frozen.layout, metric.family, named)
    mine = _mine(rule, rows)
    there = sorted({row.parameters for row in rows if row.metric == rule.metric and row.parameters})
    if rule.parameters is not None and there and rule.parameters not in there:
        told = f"{rule.parameters!r} is never measured; {rule.metric} has {', '.join(there)}"
        yield error(f"{field}.parameters", told, "name one of them, or leave parameters out to look at all")
        return
    if not mine:
        level = Level.ERROR if rule.bounds.is_relative else Level.OK
        yield Finding(level, field, f"the reference has no {rule.metric} to compare with", "use min or max")
        return
    values = [estimate.value for _, estimate in mine]
    if beyond := [column for column, estimate in mine if _breaks(rule, estimate, estimate.value)]:
        told = f"the reference itself breaks it{_named(beyond)}: it would alarm from the first window on"
        yield warning(field, told, "loosen min or max")
    elif never := [column for column, e in mine if _never(rule, metric, e.value)]:
        told = f"no possible {rule.metric} breaks it{_named(never)}"
        yield warning(field, told, "tighten it")
    elif len(mine) == 1:
        yield ok(field, f"the reference has {rule.metric} {values[0]:.4g}; an alarm is {_limits(rule, values[0])}")
    else:
        spread = f"{min(values):.4g} to {max(values):.4g}"
        yield ok(field, f"the reference has {rule.metric} {spread} in {len(mine)} columns; none breaks it")


def _drift(case: Case, rule: Rule, dataset: Dataset, frozen: Frozen, field: str) -> Iterator[Finding]:
    """How the newest window stands."""
    newest = case.newest.get(dataset.name)
    if newest is None:
        return
    mine = _mine(rule, pair_rows(frozen.profile, newest.profile, frozen.layout, (rule.metric,)))
    beyond = [column for column, estimate in mine if _breaks(rule, estimate, None)]
    when = f"in the newest window, {case.first_day(newest.window)}"
    if beyond:
        told = f"{when}, {len(beyond)} of {len(mine)} columns break it{_named(beyond)}"
        yield warning(field, told, "drift already? Then take a newer reference; seasons? Then leave the columns out")
    elif mine:
        yield ok(field, f"{when}, none of {len(mine)} columns breaks it")


def _mine(rule: Rule, rows: Sequence[Measurement]) -> list[tuple[str, Estimate]]:
    """The values of the whole that a rule looks at, by column."""
    return [
        (row.column, row.estimate)
        for row in rows
        if row.metric == rule.metric
        and row.status is Status.OK
        and row.estimate is not None
        and row.slice == WHOLE
        and (not rule.columns or row.column in rule.columns)
        and rule.parameters in (None, row.parameters)
    ]


def _breaks(rule: Rule, estimate: Estimate, reference: float | None) -> bool:
    """As the policy judges: surely, unless the rule says otherwise."""
    low, high = rule.bounds.limits(reference)
    least, most = estimate.value, estimate.value
    if rule.sure:
        least = estimate.value - (estimate.noise or 0.0) if estimate.low is None else estimate.low
        most = estimate.value if estimate.high is None else estimate.high
    return (low is not None and most < low) or (high is not None and least > high)


def _never(rule: Rule, metric: Metric, reference: float) -> bool:
    low, high = rule.bounds.limits(reference)
    return (low is None or low <= metric.range[0]) and (high is None or high >= metric.range[1])


def _limits(rule: Rule, reference: float | None) -> str:
    low, high = rule.bounds.limits(reference)
    told = [f"below {low:.4g}" if low is not None else "", f"above {high:.4g}" if high is not None else ""]
    return " or ".join(part for part in told if part)


def _named(columns: Sequence[str]) -> str:
    named = [column for column in columns if column]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    return f" ({', '.join(named[:5])}{more})" if named else ""
