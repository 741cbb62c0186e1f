"""Are label totals of days that were predicted, and can they be?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from airflow_ml_monitor.errors import DataFault
from airflow_ml_monitor.keys import EVER, WHOLE
from airflow_ml_monitor.onboarding.case import Case, Frozen
from airflow_ml_monitor.onboarding.finding import Finding, error, ok, warning
from airflow_ml_monitor.profile.engines.engine import LabelBatch, LabelRequest
from airflow_ml_monitor.profile.engines.preview import Preview
from airflow_ml_monitor.profile.label_source import LabelSource


def check(case: Case, labels: LabelSource) -> Iterator[Finding]:
    """A source whose columns are there, of predictions whose reference can be frozen: what it tells of their days."""
    dataset, field = case.spec.dataset(labels.dataset), f"labels.{labels.name}"
    frozen, seen = case.frozen[dataset.name], case.seen[dataset.name]
    if not isinstance(frozen, Frozen) or not isinstance(seen, Preview) or seen.span is None:
        return  # said of the reference, or of the predictions
    days = tuple(case.spec.rule().days.between(_start(case, seen.span[0]), case.now))
    if not days:
        return
    task, rule = case.spec.task, case.spec.rule().days
    request = LabelRequest(dataset, task, frozen.layout, labels, rule, days, frozenset(days), EVER.start, case.now)
    try:
        batch = case.engine.label_entries(request)
    except DataFault as fault:
        yield error(field, fault.reason, "put it right in the spec, or where totals are written")
        return
    yield from _told(case, batch, field)


def _start(case: Case, moment: datetime) -> datetime:
    return case.spec.rule().days.containing(moment).start


def _told(case: Case, batch: LabelBatch, field: str) -> Iterator[Finding]:
    views = [entries.view(case.spec.task, WHOLE) for entries in batch.entries.values()]
    rows, covered = sum(view.predictions for view in views), sum(view.n for view in views)
    if not covered:
        told = "no total is of a day and part that was predicted"
        yield error(
            f"{field}.day", told, "name the columns of the day and of the parts; are days those of the windows?"
        )
    else:
        yield ok(field, f"totals cover {covered / rows:.1%} of {rows:,} predictions")
    if batch.orphans:
        told = f"{batch.orphans:,} totals are of days or parts without a prediction"
        yield warning(
            f"{field}.day", told, "right if the file holds more than this model's rows; else look at day and by"
        )
    if batch.refused:
        told = "; ".join(f"{count:,} {reason}" for reason, count in batch.refused.items())
        yield warning(f"{field}.rows", f"totals that cannot be: {told}", "they change nothing; a total is of one day")
    if batch.repeats:
        told = f"{batch.repeats:,} totals are of a day and part that had one"
        yield warning(f"{field}.label", told, "right if they are corrections: the newest counts; parts go under by")
