"""A process of its own that measures a window by Spark: `python spark_elsewhere.py <root> <folder> <where>`.

root: of the package, which the executors are not told. folder: holds rows.parquet, labels.parquet and layout.json, and
is given profile.bin, entries.bin and more.json. where: a master, or `connect`.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, sys.argv[1])

from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.profile.codec import encode_entries, encode_profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.engine import LabelRequest
from airflow_ml_monitor.profile.engines.spark.spark import SparkEngine
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.spark_source import Spark
from airflow_ml_monitor.profile.task import Task, TaskKind

DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
QUICK = {
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.driver.host": "127.0.0.1",
}
PLAIN = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
}
"""Not of Connect's: that statements mean the same in compiled code is seen there."""


def sources(folder: Path, where: str) -> tuple[Any, Any]:
    """Rows and labels: files of a cluster; by Connect a DataFrame, and files that the session at hand reads."""
    from pyspark.sql import SparkSession

    rows, labels = (str(folder / f"{name}.parquet") for name in ("rows", "labels"))
    if where == "connect":
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        session = SparkSession.builder.remote("local[2]").config(map=QUICK).getOrCreate()
        # A session may have settings of its own: what is measured does not depend on them.
        session.conf.set("spark.sql.session.timeZone", "Asia/Tokyo")
        session.conf.set("spark.sql.ansi.enabled", "true")
        return session.read.parquet(rows), Spark(path=labels)
    conf = {**QUICK, **PLAIN, "spark.sql.shuffle.partitions": "2", "spark.sql.files.maxPartitionBytes": "40000"}
    return Spark(path=rows, master=where, conf=conf), Spark(path=labels, master=where)


def declared(source: Any) -> Dataset:
    columns = (
        Column("score", role=Role.SCORE), Column("wild"), Column("money"), Column("few"),
        Column("moment", Kind.DATETIME), Column("flag", Kind.BOOLEAN),
        Column("name", Kind.CATEGORICAL), Column("group", Kind.CATEGORICAL),
    )  # fmt: skip
    return Dataset("d", source, columns, "at", entity_key=("id",), slice_by=("group",))


def request(dataset: Dataset, labels: Any, layout: Layout) -> LabelRequest:
    known = LabelSource("l", labels, "label", ("id",), "known_at")
    about = (Task(TaskKind.BINARY), layout, known, WindowRule(WindowUnit.DAY), (DAY,), frozenset({DAY}))
    return LabelRequest(dataset, *about, since=DAY.start, upto=DAY.end + timedelta(days=2))


if __name__ == "__main__":
    folder, engine = Path(sys.argv[2]), SparkEngine()
    rows, labels = sources(folder, sys.argv[3])
    dataset = declared(rows)
    layout = Layout.from_document(json.loads((folder / "layout.json").read_text()))
    (folder / "profile.bin").write_bytes(encode_profile(engine.profile(dataset, layout, DAY), to_the_bit=True))
    asked = request(dataset, labels, layout)
    mark = engine.watermark(asked.labels, asked.since, asked.upto)
    found = {
        "prints": engine.fingerprints(dataset, [DAY]),
        "known": [mark.since.split("/")[0], mark.upto.split("/")[0]],
    }
    if sys.argv[3] != "connect":
        # Its text is what Connect would be given, too.
        batch = engine.label_entries(asked)
        (folder / "entries.bin").write_bytes(encode_entries(batch.entries[DAY]))
        found["orphans"] = batch.orphans
    (folder / "more.json").write_text(json.dumps(found))
