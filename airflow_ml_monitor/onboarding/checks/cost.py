"""What a day costs: one real scan of the newest window; and whether enough of it is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, ok, warning
from airflow_ml_monitor.profile.engines.embedded import files

FEW: Final = 1_000
"""Drawn rows below which a share of a tenth is known to no more than a fifth of itself."""


def check(case: Case) -> Iterator[Finding]:
    """Rows, files, bytes and seconds of the newest window of every dataset; nothing where none can be scanned."""
    for dataset in case.spec.datasets:
        newest = case.newest.get(dataset.name)
        if newest is None:
            continue
        read = ""
        if isinstance(dataset.source, (str, os.PathLike)):
            every = files.files_of(dataset.source)
            held = files.holding(every, dataset.event_time, dataset.zone, newest.window)
            size = sum(file.size for file in held) / 1e6
            read = f" in {len(held)} of {len(every)} files, {size:,.1f} MB,"
        rows = newest.profile.population
        unit = case.spec.rule().unit
        yield ok("cost", f"a {unit} of {dataset.name}: {rows:,} rows{read} profiled in {newest.seconds:.2f} s")
        if (drawn := newest.profile.rows[WHOLE]) < min(FEW, rows):
            told = f"{drawn:,} of the {rows:,} rows of {newest.window} are drawn: intervals are wide, rules rarely sure"
            yield warning(f"datasets.{dataset.name}.sampling_fraction", told, "draw more, or leave it out")
