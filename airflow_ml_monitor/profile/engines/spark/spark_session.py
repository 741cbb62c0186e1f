"""The Spark session of a source, found or made: the settings that statements need, the kernel on its executors."""

from __future__ import annotations

import atexit
import hashlib
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from airflow_ml_monitor.errors import ScanError, SpecError
from airflow_ml_monitor.profile.spark_source import Spark, is_frame

BATCH_ROWS: Final = 65_536
"""Rows that an executor is given at once: of thirty numbers 16 MB."""

_QUIET: Final = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
"""Of a session that is made here."""
_PINNED: Final = {
    "spark.sql.session.timeZone": "UTC",
    # A cast that finds no number, or a share of 0, is missing: under ANSI's rules it would end the scan.
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
}
_SHIPPED: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def session_of(source: Any) -> Any:
    """The session that reads a source. ScanError where it cannot be had."""
    if is_frame(source):
        return source.sparkSession
    if not isinstance(source, Spark):
        raise SpecError(
            "predictions that Spark reads cannot be joined with labels elsewhere; name labels that Spark reads, too",
            field="labels.source",
        )
    try:
        from pyspark.errors import PySparkException
    except ImportError as error:
        raise ScanError(f"Spark is not installed: {error}; pip install 'airflow-ml-monitor[spark]'") from error
    try:
        session = _made(source)
        # Connect asks its server now.
        _ = session.version
    except PySparkException as error:
        where = source.place or "of the environment"
        told = error.getErrorClass() or type(error).__name__
        raise ScanError(
            f"no session of the Spark {where}: {told}; is Java 17 here, or, with a remote, does its server answer?"
        ) from None
    return session


def _made(source: Spark) -> Any:
    """The session that a source names, else the one at hand, else one that the environment describes."""
    from pyspark.sql import SparkSession

    builder: Any = SparkSession.builder.appName("airflow-ml-monitor")
    if source.remote:
        return builder.remote(source.remote).getOrCreate()
    at_hand: Any = SparkSession.getActiveSession()
    if at_hand is not None and not source.master:
        return at_hand
    if source.master.startswith("local"):
        # The executors are on this machine: they run what runs here, not whatever `python3` is.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for name, value in {**_QUIET, **source.conf}.items():
        builder = builder.config(name, value)
    return (builder.master(source.master) if source.master else builder).getOrCreate()


def is_remote(session: Any) -> bool:
    """Whether a session is Connect's: it has no JVM here."""
    return ".connect." in type(session).__module__


@contextmanager
def pinned(session: Any) -> Iterator[None]:
    """The settings by which statements mean the same everywhere; afterwards those that were."""
    before = {name: session.conf.get(name, None) for name in _PINNED}
    try:
        for name, value in _PINNED.items():
            session.conf.set(name, value)
        yield
    finally:
        for name, known in before.items():
            if known is None:
                session.conf.unset(name)
            else:
                session.conf.set(name, known)


def shipped(session: Any) -> None:
    """Bring the kernel to the executors, which need nothing of this package but numpy and pyarrow; once a session."""
    if session in _SHIPPED:
        return
    if is_remote(session):
        session.addArtifacts(str(archive()), pyfile=True)
    else:
        session.sparkContext.addPyFile(str(archive()))
    _SHIPPED[session] = True


@cache
def archive() -> Path:
    """A zip of what runs on executors, named by its contents."""
    root = Path(__file__).parents[3]
    rooms = (root / "profile", root / "profile" / "kernel")
    files = [root / f"{name}.py" for name in ("__init__", "errors", "keys")]
    files += [file for room in rooms for file in sorted(room.glob("*.py"))]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    folder = tempfile.TemporaryDirectory(prefix="ml-monitor-spark-")
    atexit.register(folder.cleanup)
    made = Path(folder.name) / f"airflow_ml_monitor_{digest}.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for file in files:
            zipped.write(file, file.relative_to(root.parent))
    return made
