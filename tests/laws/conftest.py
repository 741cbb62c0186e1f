"""Hands tests the builders of rows.py: test folders are no packages, so they are loaded by their place."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def rows() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rows", Path(__file__).with_name("rows.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
