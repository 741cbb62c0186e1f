"""From nothing to a decision as a stranger walks it: init, the marked lines, check, the generated DAG for real."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_ml_monitor.__main__ import main

SCRIPT = Path(__file__).with_name("first_hour.py")


def edited(spec, edits):
    """Put each marked line right, and delete its question; how many edits there were."""
    lines = spec.read_text().splitlines()
    marked = [i for i, line in enumerate(lines) if "# TODO(you):" in line and not line.startswith("#")]
    assert len(marked) == len(edits), [lines[i] for i in marked]
    for i, (old, new) in zip(marked, edits, strict=True):
        assert old in lines[i], lines[i]
        lines[i] = re.sub(r"\s*# TODO\(you\).*", "", lines[i].replace(old, new))
    spec.write_text("\n".join(lines) + "\n")


def driven(folder, *monitors):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")}
    command = [sys.executable, "-W", "ignore", str(SCRIPT), str(folder), *monitors]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_two_strangers_come_to_a_decision_with_two_edits_and_with_none(shop, taxi, tmp_path, capsys):
    orders = shop(days=10, breaks=4).write()
    rides = taxi(days=4).write()
    dags = tmp_path / "dags"
    assert main(orders.arguments("--preset", "basic", "--name", "shop", "--out", str(dags))) == 0
    assert "Lines of shop.yaml that need you: 2" in capsys.readouterr().out
    edited(
        dags / "shop.yaml",
        [("threshold: 0.5", "threshold: 0.4"), ("&zone UTC", "&zone UTC")],
    )
    assert main(rides.arguments("--name", "taxi", "--out", str(dags))) == 0
    assert "that need you" not in capsys.readouterr().out
    for name in ("shop", "taxi"):
        assert main(["check", str(dags / f"{name}.yaml")]) == 0, capsys.readouterr().out
    decisions = driven(tmp_path, "shop=10", "taxi=4")
    # Orders from the fifth day on are sent back by chance: with two of three windows judged, that is an alert.
    shop_actions = [action for action, _ in decisions["shop"]]
    assert shop_actions[0] == "wait"
    assert set(shop_actions[:5]) == {"wait", "none"}
    assert "alert" in shop_actions[5:]
    assert "roc_auc of v3" in next(because for action, because in decisions["shop"] if action == "alert")
    assert [action for action, _ in decisions["taxi"]][-1] == "none"
    assert "performance judged" in decisions["taxi"][-1][1]


def test_nothing_is_overwritten_unless_forced(shop, capsys):
    orders = shop(days=2).write()
    assert main(orders.arguments("--name", "shop")) == 0
    spec = orders.folder / "dags" / "shop.yaml"
    (orders.folder / "dags" / "shop_dag.py").unlink()
    spec.write_text("mine")
    assert main(orders.arguments("--name", "shop")) == 1
    assert "is there already" in capsys.readouterr().err
    assert spec.read_text() == "mine"
    assert not (orders.folder / "dags" / "shop_dag.py").exists()
    assert main(orders.arguments("--name", "shop", "--force")) == 0
    assert spec.read_text() != "mine"
