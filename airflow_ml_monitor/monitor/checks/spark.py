"""What is joined, where Spark reads any of it: one session must read both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.spark_source import Spark, is_spark

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.spec import MonitorSpec


def check_spark(spec: MonitorSpec) -> None:
    """Whether labels and replays are read by the Spark that reads their dataset."""
    for labels in spec.labels:
        _need_same(spec.dataset(labels.dataset).source, labels.source, f"labels.{labels.name}.source")
    for dataset in spec.datasets:
        if dataset.replay:
            _need_same(dataset.source, dataset.replay.source, f"datasets.{dataset.name}.replay.source")


def _need_same(mine: Any, theirs: Any, field: str) -> None:
    if is_spark(mine) and not is_spark(theirs):
        raise SpecError(
            "cannot be joined with predictions that Spark reads; name what Spark reads, too: {spark: {path: …}}",
            field=field,
        )
    if is_spark(theirs) and not is_spark(mine):
        raise SpecError(
            "is read by Spark, and cannot be joined with predictions that are not; let Spark read both, or neither",
            field=field,
        )
    if isinstance(mine, Spark) and isinstance(theirs, Spark) and mine.place != theirs.place:
        raise SpecError(
            f"is read by the Spark at {theirs.place!r}, its predictions by the one at {mine.place!r}; name one",
            field=field,
        )
