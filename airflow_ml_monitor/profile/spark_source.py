"""What a Spark session reads, as a source. Light: imported when a DAG is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_ml_monitor.errors import SpecError

_SECRETS = ("token=", "password=", "secret=", "x-databricks-session")


@dataclass(frozen=True, slots=True)
class Spark:
    """A table of Spark's catalogue, or files that it reads; its executors count, and only counts and sums leave them.

    table: its name, as Spark SQL writes it: catalog.schema.table, odd parts in backticks. path, format: files or a
    directory of them, e.g. s3a://lake/scores, in a format that Spark knows; options: of its reader, e.g. header.
    remote: a Spark Connect server, sc://host:15002. master: of a session in this process: local[4], yarn,
    spark://host:7077. conf: settings of a session that is made. Without remote or master the session at hand, else what
    the environment says (SPARK_REMOTE): an address that holds a token belongs there, never into a spec.

    A Spark DataFrame may be a source itself; its session is used.
    """

    table: str = ""
    path: str = ""
    format: str = "parquet"
    options: Mapping[str, str] = field(default_factory=dict)
    remote: str = ""
    master: str = ""
    conf: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.table) == bool(self.path):
            raise SpecError("names both a table and a path, or neither; give one of them", field="source.spark.table")
        if self.remote and self.master:
            raise SpecError("names a remote and a master; a session has one of them", field="source.spark.remote")
        if self.remote and not self.remote.startswith("sc://"):
            raise SpecError(
                "is no address of a Spark Connect server; write sc://host:15002", field="source.spark.remote"
            )
        if any(word in self.remote.lower() for word in _SECRETS):
            # Not quoted.
            raise SpecError(
                "holds a token; put the address into the environment variable SPARK_REMOTE of the worker, and leave "
                "this out",
                field="source.spark.remote",
            )

    @property
    def place(self) -> str:
        """The cluster, by which two sources can be joined."""
        return self.remote or self.master

    def __str__(self) -> str:
        return f"{self.table or self.path} of Spark" + (f" at {self.place}" if self.place else "")


def is_frame(source: Any) -> bool:
    """Whether a source is a DataFrame of Spark's, classic or Connect; imports nothing."""
    return any(t.__module__.startswith("pyspark.sql") and t.__name__ == "DataFrame" for t in type(source).__mro__)


def is_spark(source: Any) -> bool:
    """Whether Spark reads a source."""
    return isinstance(source, Spark) or is_frame(source)
