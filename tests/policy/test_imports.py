"""The room's modules stand in an order."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

from airflow_ml_monitor import policy

ROOM = "airflow_ml_monitor.policy."


def test_the_rooms_modules_import_one_another_one_way_for_types_too() -> None:
    imported = {}
    for path in Path(policy.__path__[0]).glob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        names = [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
        imported[path.stem] = {name.removeprefix(ROOM) for name in names if name.startswith(ROOM)}
    assert "rule" in imported["decision"]
    TopologicalSorter(imported).prepare()  # raises CycleError
