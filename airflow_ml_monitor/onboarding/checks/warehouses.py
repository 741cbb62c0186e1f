"""Tables of warehouses, whose statements nobody has run here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow_ml_monitor.errors import MonitorError
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, warning
from airflow_ml_monitor.profile.engines.databases.sql import NOT_RUN


def check(case: Case) -> Iterator[Finding]:
    """Told once a source; one that cannot be reached is an error elsewhere."""
    spec = case.spec
    named: dict[str, Any] = {
        **{f"datasets.{dataset.name}.source": dataset.source for dataset in spec.datasets},
        **{f"labels.{labels.name}.source": labels.source for labels in spec.labels},
        "reference.source": spec.reference.source,
    }
    for field, source in named.items():
        try:
            name = case.engine.unproven(source)
        except MonitorError:
            continue
        if name:
            yield warning(
                field,
                f"it is a table of {name}: {NOT_RUN}",
                "before you trust it, measure a day there and the same rows in a file, and compare",
            )
