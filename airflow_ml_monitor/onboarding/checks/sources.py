"""Is the data there, can it be read, are there rows?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow_ml_monitor.errors import DataFault, MonitorError
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.onboarding.case import Case, ask
from airflow_ml_monitor.onboarding.finding import Finding, Level, error, ok, warning
from airflow_ml_monitor.onboarding.reading import located
from airflow_ml_monitor.profile.engines import files
from airflow_ml_monitor.profile.engines.ledger_scan import labels_opening
from airflow_ml_monitor.profile.engines.scan import Opening, declared


def check(case: Case) -> Iterator[Finding]:
    """Every source of the spec."""
    labels = {source.name for source in case.spec.labels}
    for name, source in case.spec.sources.items():
        field = f"{'labels.' if name in labels else '' if name == 'reference' else 'datasets.'}{name}.source"
        if isinstance(source, (str, os.PathLike)) and (found := _place(field, source, name in labels)):
            yield found
            if found.level is Level.ERROR or not files.files_of(source):
                continue
        yield _rows(case, field, name, source)


def _place(field: str, source: str | os.PathLike[str], is_labels: bool) -> Finding | None:
    """What is wrong with where the source is."""
    if Path(source).is_dir():
        return error(field, f"{os.fspath(source)!r} is a directory", f"name its files by a glob: {_glob(source)}")
    found = files.files_of(source)
    if not found and is_labels:
        return warning(field, "no file is there yet", "right before the first label came; else put the path right")
    if not found:
        return error(
            field, f"no file matches {os.fspath(source)!r}", "put the path right; relative ones start at the spec"
        )
    if found[0].is_parquet and not files.are_alike(found):
        told = f"the {len(found)} files do not all have the same columns or types"
        return warning(field, told, "a column that a file lacks reads as missing there")
    return None


def _opening(case: Case, name: str, source: Any) -> Opening:
    """A source for the columns that the spec declares of it."""
    for labels in case.spec.labels:
        if labels.name == name:
            return labels_opening(labels)
    dataset = case.spec.datasets[0] if name == "reference" else case.spec.dataset(name)
    return declared(replace(dataset, source=source), EVER)


def _glob(source: str | os.PathLike[str]) -> str:
    try:
        return str(located(source))
    except MonitorError:
        return f"{os.fspath(source)}/*.parquet"


def _rows(case: Case, field: str, name: str, source: Any) -> Finding:
    is_labels = field.startswith("labels.")
    try:
        with case.opened(source=_opening(case, name, source)) as scan:
            [(rows,)] = ask(scan, "SELECT count(*) FROM source")
    except (DataFault, MonitorError) as fault:
        return error(field, str(fault), "is it Parquet or CSV, and whole? Write it anew")
    if not rows and is_labels:
        return warning(field, "no rows yet", "right before the first label came")
    if not rows:
        return error(field, "no rows", "give a source that holds some")
    many = len(files.files_of(source)) if isinstance(source, (str, os.PathLike)) else 0
    return ok(field, f"{rows:,} rows" + (f" in {many:,} file{'s' * (many > 1)}" if many else ""))
