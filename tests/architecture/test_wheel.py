"""What is published installs on an empty machine, and Airflow finds it there."""

import os
import re
import shutil
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


@pytest.fixture(scope="module")
def old_wheel(tmp_path_factory):
    """The wheel of a release before this one: another version, and a metrics database without its last migration."""
    from airflow_ml_monitor.store.tables import REVISION

    tree = tmp_path_factory.mktemp("old")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(
        ROOT / "airflow_ml_monitor", tree / "airflow_ml_monitor", ignore=shutil.ignore_patterns("__pycache__")
    )
    package = tree / "airflow_ml_monitor"
    (last,) = (package / "store" / "migrations" / "versions").glob(f"version_{REVISION}_*.py")
    before = re.search(r'^down_revision = "(\d+)"', last.read_text(), re.MULTILINE)[1]
    last.unlink()
    for path, old, new in (
        (package / "store" / "tables.py", f'REVISION = "{REVISION}"', f'REVISION = "{before}"'),
        (package / "__init__.py", "__version__ = ", '__version__ = "0.0.1"  # '),
    ):
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    run(sys.executable, "-m", "build", "--wheel", "--installer", "uv", "--outdir", str(tree / "dist"), str(tree))
    return next((tree / "dist").glob("*.whl"))


@pytest.mark.slow
def test_a_newer_wheel_explains_and_renews_the_database_of_an_older_one(wheel, old_wheel, tmp_path):
    target = tmp_path / "venv"
    uv = (sys.executable, "-m", "uv")
    # Ours alone over what is installed here: the wheels are what differs.
    run(*uv, "venv", "--quiet", "--system-site-packages", "--python", sys.executable, str(target))
    url = f"sqlite:///{tmp_path}/monitor.db"
    here = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))

    def installed(made):
        install = (*uv, "pip", "install", "--quiet", "--no-deps", "--reinstall", "--python", str(target / "bin/python"))
        run(*install, str(made))

    def db(verb):
        main = f"from airflow_ml_monitor.__main__ import main; sys.exit(main(['db', {verb!r}]))"
        code = f"import sys; sys.path += {here!r}.split(':'); {main}"
        command = (str(target / "bin/python"), "-I", "-c", code)
        environment = {**os.environ, "ML_MONITOR_STORE": url}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    installed(old_wheel)
    assert db("upgrade")[0] == 0
    assert db("check")[0] == 0
    installed(wheel)
    code, said = db("check")
    assert code == 1
    assert re.search(r"is at version \d+, this release needs \d+; run `python -m airflow_ml_monitor db upgrade", said)
    assert db("upgrade")[0] == 0
    assert db("check")[0] == 0
    installed(old_wheel)
    code, said = db("check")
    assert code == 1
    assert "which this release" in said
