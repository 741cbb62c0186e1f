"""What a DAG file imports costs a DAG file nothing; what is announced to Airflow exists."""

import json
import pkgutil
import subprocess
import sys
from importlib import import_module
from inspect import getmembers, isclass

import pytest

import airflow_ml_monitor
from airflow_ml_monitor.provider import get_provider_info

HEAVY = ("alembic", "duckdb", "great_expectations", "numpy", "openlineage", "pandas", "pyarrow", "scipy", "sklearn")
LIGHT = (
    "airflow_ml_monitor",
    "airflow_ml_monitor.errors",
    "airflow_ml_monitor.keys",
    "airflow_ml_monitor.measurement",
    "airflow_ml_monitor.monitor.spec",
    "airflow_ml_monitor.policy.decision",
    "airflow_ml_monitor.policy.rule",
    "airflow_ml_monitor.profile.dataset",
    "airflow_ml_monitor.profile.file_source",
    "airflow_ml_monitor.profile.label_source",
    "airflow_ml_monitor.profile.task",
    "airflow_ml_monitor.provider",
)
THIN = ("airflow_compat", "hooks", "operators", "sensors", "task_groups")
"""Rooms and modules that a DAG file may import, and that import Airflow."""


def modules_of(room):
    """A module, or every module of a package, found as they stand there today."""
    home = import_module(f"airflow_ml_monitor.{room}")
    paths = getattr(home, "__path__", [])
    return [home.__name__, *(f"{home.__name__}.{module.name}" for module in pkgutil.iter_modules(paths))]


def loads(*modules, after=()):
    """For each module, which packages its import adds in a fresh interpreter, imported one after another."""
    script = (
        "import sys, json\n"
        "from importlib import import_module\n"
        f"for name in {list(after)!r}: import_module(name)\n"
        "added, seen = {}, {m.partition('.')[0] for m in sys.modules}\n"
        f"for name in {list(modules)!r}:\n"
        "    import_module(name)\n"
        "    now = {m.partition('.')[0] for m in sys.modules}\n"
        "    added[name], seen = sorted(now - seen), now\n"
        "print(json.dumps(added))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def added():
    """What the modules that a DAG file may import add to `import airflow.sdk`: one interpreter for all."""
    return loads(*(name for room in THIN for name in modules_of(room)), after=["airflow.sdk"])


@pytest.mark.airflow_min
@pytest.mark.parametrize("module", [name for room in THIN for name in modules_of(room)])
def test_a_module_for_dag_files_loads_nothing_heavy(added, module):
    assert sorted(set(added[module]) & set(HEAVY)) == []


def test_light_modules_load_neither_airflow_nor_anything_heavy():
    for module, packages in loads(*LIGHT).items():
        assert sorted(set(packages) & {*HEAVY, "airflow", "sqlalchemy"}) == [], module


def test_great_expectations_and_scikit_learn_wait_until_they_are_called():
    modules = [m.name for m in pkgutil.walk_packages(airflow_ml_monitor.__path__, "airflow_ml_monitor.")]
    wanted = [name for name in modules if ".migrations" not in name and not name.endswith("__main__")]
    for module, packages in loads(*wanted).items():
        assert sorted(set(packages) & {"great_expectations", "sklearn"}) == [], module


@pytest.mark.airflow_min
def test_every_public_name_is_where_the_table_says():
    assert sorted(airflow_ml_monitor.__all__) == sorted(airflow_ml_monitor._HOMES)
    for name in airflow_ml_monitor.__all__:
        assert getattr(airflow_ml_monitor, name).__name__ == name


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'monitor_task'"):
        _ = airflow_ml_monitor.monitor_task


@pytest.mark.parametrize("room", ["operators", "sensors", "hooks"])
def test_airflow_is_told_of_every_module_that_has_something_to_use(room):
    told = {name for entry in get_provider_info()[room] for name in entry["python-modules"]}
    ends = {"operators": "Operator", "sensors": "Sensor", "hooks": "Hook"}[room]
    there = {
        name
        for name in modules_of(room)
        if any(
            kind.__module__ == name and title.endswith(ends) for title, kind in getmembers(import_module(name), isclass)
        )
    }
    assert there == told


def test_the_connection_type_names_a_hook_that_exists():
    for entry in get_provider_info()["connection-types"]:
        module, _, name = entry["hook-class-name"].rpartition(".")
        hook = getattr(import_module(module), name)
        assert (hook.conn_type, hook.hook_name) == (entry["connection-type"], entry["hook-name"])


def test_the_version_told_to_airflow_is_the_packages_version():
    assert get_provider_info()["versions"] == [airflow_ml_monitor.__version__]
