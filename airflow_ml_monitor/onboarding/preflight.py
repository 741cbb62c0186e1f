"""Everything that would fail once Airflow runs it, and what it would cost: found before, all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import yaml

from airflow_ml_monitor.errors import MonitorError, SpecError
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.checks import (
    columns,
    contract,
    cost,
    labels,
    marks,
    order,
    replay,
    rules,
    sources,
    store,
    warehouses,
    windows,
)
from airflow_ml_monitor.onboarding.finding import Finding, error, refused

_CHECKS: Final[tuple[tuple[str, Callable[[Case], Iterable[Finding]]], ...]] = (
    ("datasets", sources.check),
    ("datasets", warehouses.check),
    ("datasets.columns", columns.check),
    ("datasets.columns", order.check),
    ("datasets.replay", replay.check),
    ("labels", labels.check),
    ("windows", windows.check),
    ("policy.rules", rules.check),
    ("contract", contract.check),
    ("store", store.check),
    ("cost", cost.check),
)
"""From what everything needs to what is only worth knowing."""


def preflight(spec: str | Path | MonitorSpec, url: str = "") -> list[Finding]:
    """Check a spec, or its YAML file; the findings in the order of the spec.

    url: of the metrics database; empty: it is not looked at. Nothing is written anywhere.
    """
    if isinstance(spec, MonitorSpec):
        return _checked(Case(spec, spec.document(), url=url))
    path = Path(spec).absolute()
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    unread = list(marks.check(text))
    try:
        read = MonitorSpec.from_yaml(path)
    except SpecError as wrong:
        remedy = "put it right, then check again: the rest needs a spec that loads"
        return [*unread, error(wrong.field or path.name, wrong.told, remedy)]
    return [*unread, *_checked(Case(read, yaml.safe_load(text), url))]


def _checked(case: Case) -> list[Finding]:
    found: list[Finding] = []
    for group, check in _CHECKS:
        try:
            found += check(case)
        except MonitorError as broken:
            found.append(refused(group, broken, "see the message"))
    return list(dict.fromkeys(found))
