"""`make demo`, as a command in a process of its own: what it shows, and what it leaves behind."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]


def demo(folder, *arguments):
    """Run the command on a copy of dags/; its output, and the two databases that it leaves."""
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    home = folder / ".demo" / "airflow"
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    command = (sys.executable, "-m", "airflow_ml_monitor", "demo", "--dags", str(folder / "dags"), *arguments)
    done = subprocess.run(
        command,
        cwd=folder,
        env={
            **quiet,
            "AIRFLOW_HOME": str(home),
            "ML_MONITOR_STORE": "sqlite:////nowhere/of_the_user.db",
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        timeout=400,
    )
    return SimpleNamespace(code=done.returncode, said=done.stdout, error=done.stderr, home=home)


def rows(database, query):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


RUNS = "select dag_id, state, count(*) from dag_run group by 1, 2 order by 1, 2"


@pytest.fixture(scope="module")
def broken_feed(tmp_path_factory):
    done = demo(tmp_path_factory.mktemp("demo"), "--days", "6", "--faults", "feed@4")
    assert done.code == 0, done.said + done.error
    return done


def test_the_demo_tells_the_first_decision_on_the_day_of_the_fault(broken_feed):
    decided = re.findall(r"^ *(\d+)  2026-01-\d\d  (\w+) ", broken_feed.said, flags=re.MULTILINE)
    assert decided == [("0", "wait"), ("4", "investigate_data"), ("5", "wait")]
    assert "day 6/6" in broken_feed.said
    assert "5 × wait, 1 × investigate_data" in broken_feed.said


def test_the_demo_fits_a_screen_and_ends_with_how_to_look_around(broken_feed):
    lines = broken_feed.said.splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) <= 200
    assert lines[-1].endswith("make ui  → http://localhost:8080")


def test_the_demo_leaves_the_page_of_the_day_on_which_something_was_to_be_done(broken_feed):
    (path,) = re.findall(r"^The page of day 4, .* browser:  (\S+)$", broken_feed.said, flags=re.MULTILINE)
    page = (broken_feed.home.parents[1] / path).read_text()
    assert "2026-01-05" in page
    assert "investigate data" in page


def test_the_demo_leaves_a_run_for_every_day_and_no_retraining(broken_feed):
    assert rows(broken_feed.home / "airflow.db", RUNS) == [
        ("score_credit", "success", 6),
        ("train_credit", "success", 1),
    ]
    assert rows(
        broken_feed.home / "airflow.db", "select distinct run_id from dag_run where dag_id = 'train_credit'"
    ) == [("first_model",)]
    assert rows(broken_feed.home / "airflow.db", "select count(*) from dag where not is_paused") == [(0,)]


def test_the_demo_without_its_dags_says_what_is_missing(tmp_path):
    command = (sys.executable, "-m", "airflow_ml_monitor", "demo", "--dags", "nowhere", "--days", "2")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "no demo DAGs in" in done.stderr


def test_a_fault_that_cannot_be_is_refused_with_what_can(tmp_path):
    command = (sys.executable, "-m", "airflow_ml_monitor", "demo", "--dags", str(ROOT / "dags"), "--faults", "fire@3")
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "unknown fault 'fire'; one of: concept, feed, shift" in done.stderr


@pytest.mark.slow
def test_a_world_in_which_nothing_goes_wrong_retrains_nothing_when_its_labels_have_come(tmp_path):
    done = demo(tmp_path, "--days", "24", "--faults", "none")
    assert done.code == 0, done.said + done.error
    assert rows(done.home / "airflow.db", RUNS) == [("score_credit", "success", 24), ("train_credit", "success", 1)]
    store = done.home / "ml_monitor.db"
    assert rows(store, "select count(*) from action_taken") == [(0,)]
    actions = dict(rows(store, "select action, count(*) from decision group by 1"))
    assert set(actions) == {"wait", "none"}
    assert actions["none"] >= 5
