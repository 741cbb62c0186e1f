"""What is published installs on an empty machine, and Airflow finds it there."""

import os
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command, **variables):
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--installer", "uv", "--outdir", str(folder))
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_migrations_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"airflow_ml_monitor"}
    assert any("/migrations/versions/" in name for name in names)
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


@pytest.mark.slow
def test_airflow_lists_the_provider_after_installing_the_wheel(wheel, tmp_path):
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    constraints = ROOT / "constraints" / f"airflow-{version('apache-airflow')}-py{python}.txt"
    target = tmp_path / "venv"
    uv = (sys.executable, "-m", "uv")
    run(*uv, "venv", "--quiet", "--python", sys.executable, str(target))
    install = (*uv, "pip", "install", "--quiet", "--python", str(target / "bin/python"))
    run(*install, "--constraints", str(constraints), str(wheel), UV_COMPILE_BYTECODE="0")
    listed = run(str(target / "bin/airflow"), "providers", "list", AIRFLOW_HOME=str(tmp_path / "home"))
    assert "airflow-ml-monitor" in listed
