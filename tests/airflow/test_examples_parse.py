"""The files of dags/ as Airflow reads them, every 30 seconds: without an error, without weight, always the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PARSE = """
import json, runpy, sys
import airflow.sdk
from pathlib import Path
folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))
for file in sorted(folder.glob("*.py")):
    runpy.run_path(str(file))
heavy = sorted(set(sys.argv[2:]) & set(sys.modules))
from airflow_ml_monitor.airflow_compat import parse_folder
from airflow.serialization.serialized_objects import LazyDeserializedDAG
bags = [parse_folder(folder) for _ in range(2)]
errors = [error for bag in bags for error in bag.import_errors.values()]
one, other = ({name: LazyDeserializedDAG.from_dag(dag).hash for name, dag in bag.dags.items()} for bag in bags)
moving = sorted(name for name in one if one[name] != other[name])
files = sorted({Path(dag.fileloc).name for dag in bags[0].dags.values()})
print(json.dumps({"heavy": heavy, "errors": errors, "moving": moving, "files": files}))
"""


@pytest.mark.airflow_min
def test_every_example_parses_alike_twice_and_imports_nothing_heavy():
    heavy = ("duckdb", "great_expectations", "matplotlib", "numpy", "pandas", "pyarrow", "scipy", "sklearn")
    command = [sys.executable, "-W", "ignore", "-c", PARSE, str(ROOT / "dags"), *heavy]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["errors"], found["heavy"], found["moving"]) == ([], [], [])
    assert {*found["files"], "credit_model.py"} == {file.name for file in (ROOT / "dags").glob("*.py")}
