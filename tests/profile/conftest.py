"""The oracle beside this file, and the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from airflow_ml_monitor.profile.engines.duckdb import DuckDB


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
