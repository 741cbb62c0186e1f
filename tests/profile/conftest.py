"""The oracle beside this file, and the engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

collect_ignore = ["pretended.py", "spark_elsewhere.py"]
"""Neither is a module: one reads what a fixture loads first, the other is a process of its own."""

SMALL = {
    # A few rows are read before code for many would be compiled.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.driver.host": "127.0.0.1",
    "spark.log.level": "ERROR",
}
"""Of sessions that tests make."""


@pytest.fixture(scope="session")
def oracle(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("profile/oracle.py")


@pytest.fixture(scope="session")
def engine() -> DuckDB:
    return DuckDB()


@pytest.fixture(scope="session", params=["kernel", "statement"])
def either(request: pytest.FixtureRequest) -> DuckDB:
    """The engine, cutting every window by the numpy kernel, then by SQL."""
    return DuckDB(small=10**9 if request.param == "kernel" else -1)


@pytest.fixture(scope="module", params=["postgresql", "mariadb", "sqlite"])
def there(
    request: pytest.FixtureRequest,
    builders: Callable[[str], ModuleType],
    empty_database: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """The engine of tables, which brings what it is given in memory into a database first."""
    with empty_database(request.param, tmp_path_factory.mktemp("tables")) as url:
        yield builders("profile/database_tables.py").InDatabase(url)


@pytest.fixture(scope="session")
def spark_home(builders: Callable[[str], ModuleType]) -> Callable[..., Any]:
    """Makes the engine of Spark in a folder and a session; skipped where Spark is not installed, or a failure where
    ML_MONITOR_TEST_SPARK=required."""
    if find_spec("pyspark") is None:
        if os.environ.get("ML_MONITOR_TEST_SPARK") == "required":
            pytest.fail("pyspark is not installed, but ML_MONITOR_TEST_SPARK=required; install the extra [spark]")
        pytest.skip("pyspark is not installed; install the extra [spark]")

    def made(folder: Path, **where: Any) -> Any:
        return builders("profile/spark_tables.py").InSpark(
            folder, {**where, "conf": {**SMALL, **where.get("conf", {})}}
        )

    return made


@pytest.fixture(scope="module")
def pretended(builders: Callable[[str], ModuleType]) -> Iterator[ModuleType]:
    """Warehouses that are none."""
    builders("profile/warehouse_words.py")
    found = builders("profile/pretended.py")
    yield found
    found.retract()
