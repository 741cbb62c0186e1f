"""By which clock are times read?"""

from __future__ import annotations

from airflow_ml_monitor.onboarding.case import Case
from airflow_ml_monitor.onboarding.finding import Finding, ok, warning
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.label_source import LabelSource


def clock(case: Case, owner: Dataset | LabelSource, arrived: str) -> Finding:
    """Of a source's event or label time, which arrived as a type of times."""
    at, what = ("datasets", "event") if isinstance(owner, Dataset) else ("labels", "label")
    field = f"{at}.{owner.name}.zone"
    if "TIME ZONE" in arrived:
        return ok(field, f"{what} times carry their zone; windows are cut by the clock of {case.spec.rule().zone}")
    if case.declares_zone(at, owner.name):
        return ok(field, f"{what} times are naive, and read by the clock of {owner.zone}")
    told = f"{what} times are naive, and no zone is declared: they are read as UTC"
    return warning(field, told, "declare zone, e.g. zone: Europe/Berlin; each source has its own")
