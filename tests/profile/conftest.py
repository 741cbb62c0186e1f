"""Hands tests the oracle beside this file and the builders of tests/laws/rows.py, loaded by their place."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from airflow_ml_monitor.profile.engines.duckdb import DuckDB

_HERE = Path(__file__).parent


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def rows() -> ModuleType:
    return _loaded(_HERE.parent / "laws" / "rows.py")


@pytest.fixture(scope="session")
def oracle() -> ModuleType:
    return _loaded(_HERE / "oracle.py")


@pytest.fixture(scope="session")
def engine() -> DuckDB:
    return DuckDB()


@pytest.fixture(scope="session", params=["kernel", "statement"])
def either(request: pytest.FixtureRequest) -> DuckDB:
    """The engine, cutting every window by the numpy kernel, then by SQL."""
    return DuckDB(small=10**9 if request.param == "kernel" else -1)
