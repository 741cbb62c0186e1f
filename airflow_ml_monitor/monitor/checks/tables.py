"""What is joined, where tables of a database are among it: no row of a dataset leaves its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.table import Table

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec


def check_tables(spec: MonitorSpec) -> None:
    """Whether labels and replays lie where their dataset's rows can be joined with them."""
    for labels in spec.labels:
        dataset = spec.dataset(labels.dataset)
        # Of labels the few columns that are named are read and joined elsewhere.
        if isinstance(dataset.source, Table):
            _need_beside(dataset, labels.source, "labels", f"labels.{labels.name}.source")
    for dataset in spec.datasets:
        if dataset.replay and (isinstance(dataset.source, Table) or isinstance(dataset.replay.source, Table)):
            _need_beside(dataset, dataset.replay.source, "replay", f"datasets.{dataset.name}.replay.source")


def _need_beside(dataset: Dataset, source: Any, what: str, field: str) -> None:
    mine = dataset.source.connection if isinstance(dataset.source, Table) else ""
    if not mine:
        raise SpecError(
            f"the {what} of {dataset.name!r} cannot lie in a table, as its rows do not; name files", field=field
        )
    if not isinstance(source, Table) or source.connection != mine:
        raise SpecError(
            f"{dataset.name!r} is a table of connection {mine!r}, whose rows do not leave it; put its {what} into a "
            "table of the same connection",
            field=field,
        )
