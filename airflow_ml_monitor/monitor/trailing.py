"""A rolling reference: what windows hold, beside what the windows before them held. From stored profiles alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow_ml_monitor.errors import ReferenceMismatch
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Measurement
from airflow_ml_monitor.monitor.measure import pair_rows
from airflow_ml_monitor.monitor.run import Monitor
from airflow_ml_monitor.monitor.stored import Place, Stored, stored_total


def trailing_drift(
    monitor: Monitor, span: Window, before: timedelta, as_of: datetime | None = None, *, dataset: str = ""
) -> list[Measurement]:
    """Every drift metric of a span (a day, a quarter) against the span of a length that ends where it begins.

    As known now, or at a moment; scans nothing, and stores no measurement. The frozen reference still owns the buckets.
    Where one of the two is kept coarse by now both are. ReferenceMismatch where nothing is stored of one of them, or
    where another reference was frozen between them.
    """
    rule = monitor.spec.rule().days
    place = Place(monitor.store, monitor.key, dataset or monitor.spec.dataset().name, rule)
    spans = Window(span.start - before, span.start), span
    found = [_there(stored_total(place, one, as_of), one) for one in spans]
    if len({one.layout.digest for one in found}) > 1:
        found = [_there(stored_total(place, one, as_of, is_coarse=True), one) for one in spans]
    reference, current = found
    if reference.layout != current.layout:
        raise ReferenceMismatch(
            f"the windows of {spans[0]} and of {spans[1]} were cut by different references and cannot be compared; "
            "take a shorter time before, or one after the newest reference was frozen",
            field="before",
        )
    return pair_rows(reference.profile, current.profile, reference.layout, monitor.spec.measured)


def _there(found: Stored | None, span: Window) -> Stored:
    if found is None:
        raise ReferenceMismatch(
            f"no profile is stored of a day in {span}; measure these days, or take others", field="before"
        )
    return found
