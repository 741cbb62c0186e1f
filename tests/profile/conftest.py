"""The oracle beside this file, and the engine."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

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
