"""Is the data there, can it be read, are there rows?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from airflow_ml_monitor.errors import MonitorError, NoSource, SpecError
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, Level, error, ok, warning
from airflow_ml_monitor.profile.engines.embedded import files
from airflow_ml_monitor.profile.engines.preview import Preview
from airflow_ml_monitor.profile.spark_source import is_spark
from airflow_ml_monitor.profile.table import Table


def check(case: Case) -> Iterator[Finding]:
    """Every source of the spec."""
    labels = {source.name for source in case.spec.labels}
    later = labels | {dataset.replayed.name for dataset in case.spec.datasets if dataset.replay}
    for name, source in case.spec.sources.items():
        field = f"{'labels.' if name in labels else '' if name == 'reference' else 'datasets.'}{name}.source"
        try:
            found = _place(field, source, name in later)
        except MonitorError as fault:
            # Of a store that does not answer, or a table that cannot be read, the message says all.
            yield error(field, _said(fault), "see the message")
            continue
        if found:
            yield found
            if found.level is Level.ERROR or not files.files_of(source):
                continue
        seen = case.referred[case.spec.dataset().name] if name == "reference" else case.seen[name]
        if isinstance(seen, NoSource) and (isinstance(source, Table) or is_spark(source)) and name in later:
            yield warning(field, str(seen), "right before the first came; else put the name right")
        elif not isinstance(seen, Preview):
            yield error(field, _said(seen), _remedy(source, seen))
        elif not seen.rows and name in later:
            yield warning(field, "no rows yet", "right before the first came")
        elif not seen.rows:
            yield error(field, "no rows", "give a source that holds some")
        else:
            many = len(files.files_of(source)) if isinstance(source, (str, os.PathLike)) else 0
            yield ok(field, f"{seen.rows:,} rows" + (f" in {many:,} file{'s' * (many > 1)}" if many else ""))


def _said(fault: MonitorError) -> str:
    """Why a source cannot be read; that it is the source's path or connection, its field says."""
    return fault.told if fault.field.partition(".")[0] == "source" else str(fault)


def _remedy(source: Any, fault: MonitorError) -> str:
    """What to do about a source that cannot be read."""
    if is_spark(source):
        return "put its name or path right; does the cluster answer, and may its account read there?"
    if not isinstance(source, Table):
        return "is it Parquet or CSV, and whole? Write it anew"
    if isinstance(fault, SpecError):
        return "see the message"
    if isinstance(fault, NoSource):
        return "put its name right: schema.table, as the database writes it; can the connection's account see it?"
    return "does the server answer this machine, and may the connection's account SELECT?"


def _place(field: str, source: Any, comes_later: bool) -> Finding | None:
    """What is wrong with where the source is; nothing with a table in memory."""
    if not isinstance(source, (str, os.PathLike)):
        return None
    found = files.files_of(source)
    if not found and comes_later:
        return warning(field, "no file is there yet", "right before the first came; else put the path right")
    if not found:
        told = f"no Parquet or CSV file matches {os.fspath(source)!r}"
        return error(field, told, "put the path right; relative ones start at the spec")
    if found[0].is_parquet and not files.are_alike(found):
        told = f"the {len(found)} files do not all have the same columns or types"
        return warning(field, told, "a column that a file lacks reads as missing there")
    return None
