"""Are there windows with rows, enough of them, and would a run today find one?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import median

from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, error, ok, warning
from airflow_ml_monitor.profile.dataset import Dataset


def check(case: Case) -> Iterator[Finding]:
    """The windows of every dataset by the spec's first rule; nothing where the event time cannot be read."""
    for dataset in case.spec.datasets:
        counted, over = case.windows[dataset.name], case.whole_windows(dataset)
        if not counted:
            continue
        unit = case.spec.rule().unit
        if not over:
            told = f"the first {unit} with rows is not over yet"
            yield error("windows", told, f"come back when it is: a {unit} is measured once it is over")
            continue
        newest = max(over)
        yield from _broken(case, dataset)
        rows = f"{len(over)} {unit}s with rows, {median(over.values()):,.0f} rows in the median"
        rows += f", {min(over.values()):,} at least"
        yield ok("windows", f"{rows}; the newest begins {case.first_day(newest)} and has {over[newest]:,}")
        if gaps := sum(1 for w in case.spec.rule().between(min(over).start, newest.end) if w not in over):
            told = f"{gaps} {unit}s between the first and the last have no rows"
            yield warning(
                "windows", told, "a window without rows means investigate_data; use longer windows if they are normal"
            )
        expected = case.spec.rule().last_before(case.now)
        if newest < expected:
            conf = json.dumps({
                "window_start": newest.start.isoformat(),
                "window_end": newest.end.isoformat(),
                "known_at": newest.end.isoformat(),
            })  # fmt: skip
            told = f"a run now is about the {unit} of {case.first_day(expected)}, which has no rows yet"
            yield warning(
                "windows", told, f"let predictions land; or try the newest that has: trigger with conf {conf}"
            )


def _broken(case: Case, dataset: Dataset) -> Iterator[Finding]:
    """What makes the newest window broken data whatever the rules say."""
    newest = case.newest.get(dataset.name)
    if newest is None:
        return
    when = f"in the newest window, {case.first_day(newest.window)}"
    for column, reason in newest.profile.faults.items():
        # A fault of the whole, such as a key that is missing, has no column.
        field = f"datasets.{dataset.name}" + (f".columns.{column}" if column else "")
        told = f"{when}, {reason}"
        yield error(field, told, "nothing else is judged in such a window: mend the files")
    if repeated := newest.profile.duplicates:
        told = f"{when}, {repeated:,} rows repeat the key {', '.join(dataset.entity_key)}"
        remedy = "nothing else is judged in such a window: name a key that is unique, or write each row once"
        yield error(f"datasets.{dataset.name}.entity_key", told, remedy)
