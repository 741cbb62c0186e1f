"""Tables, files and DataFrames of Spark, on its executors: cells are made where rows are, and added by the driver.

Spark 3.5 and 4, classic and Connect. Runs in the session that is at hand, or makes one (spark_session.py). Only reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from airflow_ml_monitor.errors import NoSource, SpecError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.profile.dataset import Dataset
from airflow_ml_monitor.profile.engines.opening import Opening
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER
from airflow_ml_monitor.profile.engines.scan_engine import ScanEngine
from airflow_ml_monitor.profile.engines.spark import spark_opening, spark_prints
from airflow_ml_monitor.profile.engines.spark.spark_scan import SparkScan
from airflow_ml_monitor.profile.label_source import LabelSource


class SparkEngine(ScanEngine):
    """Profiles and label entries by Spark."""

    def __init__(self) -> None:
        # Never by the kernel in this process, however small a window is: it would have to be given rows.
        super().__init__(small=-1)

    def fingerprints(self, dataset: Dataset, windows: Sequence[Window]) -> list[str]:
        """See Engine; of rows in files by their file, of others by their values."""
        with spark_opening.session_for(dataset.source) as session:
            try:
                frame = spark_opening.rows_of(session, dataset.source, dataset.name)
            except NoSource:
                return ["absent"] * len(windows)
            return spark_prints.fingerprints(session, frame, dataset, windows)

    @contextmanager
    def _opened(self, **sources: Opening) -> Iterator[SparkScan]:
        with (
            spark_opening.session_for(*(opening.owner.source for opening in sources.values())) as session,
            spark_opening.opened(session, sources) as scan,
        ):
            yield scan

    def _check(self, dataset: Dataset, labels: LabelSource) -> None:
        if ROW_NUMBER in dataset.entity_key:
            raise SpecError(
                f"{ROW_NUMBER!r} numbers the rows of a file, and Spark knows no order; name columns as key",
                field=f"datasets.{dataset.name}.entity_key",
            )
