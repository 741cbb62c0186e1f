"""Can every rule be judged, and where do its bounds lie against the values that the reference has?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.measurement import Estimate, Family, Measurement, Status, base_of
from airflow_ml_monitor.metrics.metric import Metric, Subject, metric_named
from airflow_ml_monitor.metrics.names import BESIDES
from airflow_ml_monitor.monitor.checks.compared import check_named, stated
from airflow_ml_monitor.monitor.measure import column_rows, labelled_rows, pair_rows, score_rows
from airflow_ml_monitor.onboarding.case import Case, Frozen
from airflow_ml_monitor.onboarding.finding import Finding, Level, error, ok, refused, warning
from airflow_ml_monitor.policy.bounds import LEAST_IN_CONTROL
from airflow_ml_monitor.policy.points import better_of
from airflow_ml_monitor.policy.rule import Condition
from airflow_ml_monitor.profile.dataset import Column, Dataset, Role

_OF_THE_WHOLE: Final = ("row_count", "duplicate_rows", "freshness", "calls_per_version")
"""What the reference has of these is that of all its rows, not of a window's."""
_OF_COLUMNS: Final = (Subject.COLUMN, Subject.PAIR, Subject.SCORE_COLUMN)

_OF_LABELS: Final = (Subject.LABELLED_PAIR, Subject.LABELLED_FEATURES)
"""Of the reference's labels and a window's."""
_OF_NO_COLUMN: Final = (Subject.DATASET, Subject.DATASET_PAIR, Subject.FEED, Subject.LABEL_FEED, *_OF_LABELS)


def check(case: Case) -> Iterator[Finding]:
    """Every rule of the policy; and whether what is asked for besides is of the task."""
    try:
        check_named(case.spec)
    except SpecError as wrong:
        yield refused("measurements", wrong, "name metrics of the task")
    if not case.spec.policy.rules and not case.spec.charts:
        told = "no rules, and no charts: only broken data will ever be decided on"
        yield warning("policy.rules", told, "add one, e.g. {metric: psi, max: 0.2, action: alert}")
    for field, _, condition in case.spec.policy.conditions():
        if condition.metric in BESIDES:
            continue
        try:
            metric = metric_named(base_of(condition.metric))
        except UnknownName as unknown:  # a weighted one of a metric that has no formula
            yield error(field, str(unknown), "use another metric")
            continue
        found = [error(field, *why) for why in _unjudgeable(case, condition, metric)]
        yield from found or _bounds(case, condition, metric, field)


def _unjudgeable(case: Case, condition: Condition, metric: Metric) -> Iterator[tuple[str, str]]:
    """What keeps a condition from ever being judged, and what to do."""
    task, is_relative, of_labels = (
        case.spec.task.kind,
        condition.bounds.is_relative,
        metric.family is Family.PERFORMANCE,
    )
    if metric.tasks and task not in metric.tasks:
        yield f"{condition.metric} is for {', '.join(metric.tasks)}; the task is {task}", "use a metric of the task"
    if of_labels and not case.spec.labels:
        yield f"{condition.metric} needs labels, and the spec has no label source", "add one, or delete the rule"
    if of_labels and is_relative and not case.spec.reference.label and _stated(case, condition, metric) is None:
        told = "its bound is relative to the reference's performance, and the reference has no label"
        yield told, "name reference.label, state reference.benchmark, or use min or max"
    if is_relative and (metric.family is Family.DRIFT or metric.subject in _OF_LABELS):
        yield f"{condition.metric} is a distance from the reference, which has none from itself", "use max"
    if metric.subject in _OF_LABELS and not case.spec.reference.label:
        yield f"{condition.metric} is a distance from the reference's labels, and it has none", "name reference.label"
    if metric.name in _OF_THE_WHOLE and is_relative:
        yield f"the reference's {condition.metric} is that of all its rows, not of a window's", "use min or max"
    if condition.share_of_columns is not None and metric.subject in _OF_NO_COLUMN:
        yield f"{condition.metric} is of no column", "leave share_of_columns out, or name a metric of columns"
    fitting = [c for dataset in case.spec.datasets for c in dataset.measured if _fits(condition, metric, c)]
    if metric.subject in _OF_COLUMNS and not fitting:
        what = "scores" if metric.subject is Subject.SCORE_COLUMN else "columns"
        told = f"{condition.metric} is for {what} of kind {', '.join(metric.kinds) or 'any'}, and the rule has none"
        yield told, "name others, or delete it"


def _stated(case: Case, condition: Condition, metric: Metric) -> float | None:
    """The benchmark that a rule's bound is relative to."""
    told = stated(case.spec.reference.benchmark)
    return next((v for name, p, v in told if name == metric.name and condition.parameters in (None, p)), None)


def _fits(condition: Condition, metric: Metric, column: Column) -> bool:
    is_of = metric.subject is not Subject.SCORE_COLUMN or column.role is Role.SCORE
    is_kind = not metric.kinds or column.kind in metric.kinds
    return is_of and is_kind and (not condition.columns or column.name in condition.columns)


def _bounds(case: Case, condition: Condition, metric: Metric, field: str) -> Iterator[Finding]:
    for dataset in case.spec.datasets:
        frozen, over = case.frozen[dataset.name], case.whole_windows(dataset).values()
        if not isinstance(frozen, Frozen):
            continue  # said of the reference
        # Windows of fewer rows than the rule asks for are never judged.
        if over and metric.family is Family.PERFORMANCE and (few := median(over)) < condition.least_n:
            told = f"half of the windows have fewer rows ({few:,.0f} in the median) than least_n: {condition.least_n}"
            yield warning(f"{field}.least_n", told, "use longer windows, or a smaller least_n")
        if metric.family is Family.DRIFT:
            yield from _drift(case, condition, dataset, metric, field)
        elif metric.subject in _OF_LABELS:
            yield ok(field, f"{_limits(condition, None)}; a distance from the reference's labels")
        else:
            rows = _of_reference(case, metric, dataset, frozen)
            yield from _against_reference(case, condition, metric, rows, field)


def _of_reference(case: Case, metric: Metric, dataset: Dataset, frozen: Frozen) -> list[Measurement] | None:
    """The reference's own values of a metric; None where it lacks the labels."""
    task = case.spec.task
    if metric.family is Family.PERFORMANCE:
        labels = frozen.labels
        return None if labels is None else labelled_rows({WHOLE: labels.view(task, WHOLE)}, [metric])
    if metric.subject is Subject.SCORE_COLUMN:
        return score_rows(frozen.profile, frozen.layout, dataset, task, (metric.name,))
    return column_rows(frozen.profile, frozen.layout, metric.family, (metric.name,))


def _against_reference(
    case: Case, condition: Condition, metric: Metric, rows: list[Measurement] | None, field: str
) -> Iterator[Finding]:
    """Where the limits lie, and whether the reference itself would break them."""
    if (benchmark := _stated(case, condition, metric)) is not None:
        yield ok(field, f"the benchmark is {benchmark:.4g}; an alarm is {_limits(condition, benchmark)}")
        return
    if rows is None:
        yield ok(field, f"{_limits(condition, None)}; the reference has no label to compare with")
        return
    mine = _mine(condition, rows)
    there = sorted({row.parameters for row in rows if row.metric == condition.metric and row.parameters})
    if condition.parameters is not None and there and condition.parameters not in there:
        told = f"{condition.parameters!r} is never measured; {condition.metric} has {', '.join(there)}"
        yield error(f"{field}.parameters", told, "name one of them, or leave parameters out to look at all")
        return
    if not mine:
        level = Level.ERROR if condition.bounds.is_relative else Level.OK
        yield Finding(level, field, f"the reference has no {condition.metric} to compare with", "use min or max")
        return
    values = [estimate.value for _, estimate in mine]
    if beyond := [column for column, estimate in mine if _breaks(condition, estimate, estimate.value)]:
        told = f"the reference itself breaks it{_named(beyond)}: it would alarm from the first window on"
        yield warning(field, told, "loosen min or max")
    elif never := [column for column, e in mine if _never(condition, metric, e.value)]:
        told = f"no possible {condition.metric} breaks it{_named(never)}"
        yield warning(field, told, "tighten it")
    elif len(mine) == 1:
        yield ok(
            field, f"the reference has {condition.metric} {values[0]:.4g}; an alarm is {_limits(condition, values[0])}"
        )
    else:
        spread = f"{min(values):.4g} to {max(values):.4g}"
        yield ok(field, f"the reference has {condition.metric} {spread} in {len(mine)} columns; none breaks it")


def _drift(case: Case, condition: Condition, dataset: Dataset, metric: Metric, field: str) -> Iterator[Finding]:
    """How the newest window stands."""
    newest, frozen = case.newest.get(dataset.name), case.frozen[dataset.name]
    if newest is None or not isinstance(frozen, Frozen):
        return
    mine = _mine(condition, pair_rows(frozen.profile, newest.profile, frozen.layout, (condition.metric,)))
    beyond = [column for column, estimate in mine if _breaks(condition, estimate, None)]
    when = f"in the newest window, {case.first_day(newest.window)}"
    what = "columns" if metric.subject in _OF_COLUMNS else "values"
    if beyond and len(beyond) >= (condition.share_of_columns or 0.0) * len(mine):
        told = f"{when}, {len(beyond)} of {len(mine)} {what} break it{_named(beyond)}"
        yield warning(field, told, "drift already? Then take a newer reference; seasons? Then leave the columns out")
    elif mine:
        told = f"{len(beyond)} of {len(mine)} columns break it{_named(beyond)}, fewer than share_of_columns"
        yield ok(field, f"{when}, {told if beyond else f'none of {len(mine)} {what} breaks it'}")


def _mine(condition: Condition, rows: Sequence[Measurement]) -> list[tuple[str, Estimate]]:
    """The values of the whole that a rule looks at, by column."""
    return [
        (row.column, row.estimate)
        for row in rows
        if row.metric == condition.metric
        and row.status is Status.OK
        and row.estimate is not None
        and row.slice == WHOLE
        and (not condition.columns or row.column in condition.columns)
        and condition.parameters in (None, row.parameters)
    ]


def _breaks(condition: Condition, estimate: Estimate, reference: float | None) -> bool:
    """As the policy judges: surely, unless the rule says otherwise."""
    low, high = condition.bounds.limits(reference, better=better_of(condition))
    least, most = estimate.value, estimate.value
    if condition.sure:
        least = estimate.value - (estimate.noise or 0.0) if estimate.low is None else estimate.low
        most = estimate.value if estimate.high is None else estimate.high
    return (low is not None and most < low) or (high is not None and least > high)


def _never(condition: Condition, metric: Metric, reference: float) -> bool:
    low, high = condition.bounds.limits(reference, better=better_of(condition))
    is_out_of_reach = (low is None or low <= metric.range[0]) and (high is None or high >= metric.range[1])
    return is_out_of_reach and condition.bounds.sigmas is None


def _limits(condition: Condition, reference: float | None) -> str:
    low, high = condition.bounds.limits(reference, better=better_of(condition))
    told = [f"below {low:.4g}" if low is not None else "", f"above {high:.4g}" if high is not None else ""]
    if (sigmas := condition.bounds.sigmas) is not None:
        told.append(f"more than {sigmas:g} standard deviations off, once {LEAST_IN_CONTROL} windows are in control")
    return " or ".join(part for part in told if part)


def _named(columns: Sequence[str]) -> str:
    named = [column for column in columns if column]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    return f" ({', '.join(named[:5])}{more})" if named else ""
