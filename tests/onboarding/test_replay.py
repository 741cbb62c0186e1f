"""The past of a first monitor, measured and judged without Airflow."""

from __future__ import annotations

import re

import pytest

from airflow_ml_monitor import MetricsStore
from airflow_ml_monitor.__main__ import main


@pytest.fixture
def drafted(shop, capsys):
    """The spec that `init` wrote for ten days of a shop whose model breaks on the fifth; its questions answered."""
    orders = shop(days=10, breaks=4).write()
    assert main(orders.arguments("--preset", "basic", "--name", "shop")) == 0
    path = orders.folder / "dags" / "shop.yaml"
    path.write_text(re.sub(r"# TODO\(you\): [^\n]*", "", path.read_text()))
    capsys.readouterr()
    return path


def test_every_day_is_decided_as_it_was_known_at_its_end_and_nothing_is_acted_on(drafted, tmp_path, capsys):
    url = f"sqlite:///{tmp_path}/replay.db"
    assert main(["replay", str(drafted), "--url", url]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    said = [line.split()[1] for line in lines]
    assert "alert" in said[5:]
    assert "alert" not in said[:5]
    store = MetricsStore(url)
    decisions = store.decisions("default/shop")
    assert [d.action.value for d in decisions] == said
    assert {d.acts for d in decisions} == {False}
    assert all(d.evidence["window"].split("/")[1] == d.known_at.isoformat() for d in decisions)
    assert store.actions("default/shop") == []

    assert main(["replay", str(drafted), "--url", url]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert [d.id for d in store.decisions("default/shop")] == [d.id for d in decisions]
    store.dispose()


def test_of_windows_that_keep_an_earlier_spec_it_is_said_what_of_the_new_one_they_do_not_follow(
    drafted, tmp_path, capsys
):
    url = f"sqlite:///{tmp_path}/replay.db"
    command = ["replay", str(drafted), "--url", url]
    assert main([*command, "--end", "2026-03-06"]) == 0
    assert "note:" not in capsys.readouterr().err

    def measured():
        store = MetricsStore(url)
        found = store.history("default/shop", metric="mean")["window_start"]
        store.dispose()
        return sorted({f"{moment:%d}" for moment in found})

    drafted.write_text(drafted.read_text().replace("fall: 0.05", "fall: 0.06"))
    assert main([*command, "--end", "2026-03-06"]) == 0
    assert "note:" not in capsys.readouterr().err  # all are judged by today's policy
    drafted.write_text(drafted.read_text().replace("measurements: [", "measurements: [mean, "))
    assert main(command) == 0
    told = capsys.readouterr().err
    assert "note: 5 of 10 windows (2026-03-02 to 2026-03-06) were measured before, and keep the spec of then" in told
    assert "what has changed in measurements counts for later windows only" in told
    assert measured() == ["07", "08", "09", "10", "11"]
    # What the note says to do does it.
    assert "db delete default/shop --yes" in told
    assert main(["db", "delete", "default/shop", "--yes", "--url", url]) == 0
    assert main(command) == 0
    assert "note:" not in capsys.readouterr().err
    assert len(measured()) == 10


def test_rules_of_the_past_may_be_of_several_conditions_and_of_standard_deviations(drafted, tmp_path, capsys):
    head, _, _ = drafted.read_text().partition("  rules:\n")
    rules = """  rules:
    - any: [{metric: completeness, min: 0.5, share_of_columns: 0.2}, {metric: roc_auc, fall: 0.1, sure: false}]
      cooldown: 1
    - {name: usual, metric: roc_auc, sigmas: 3, improvement: alarm}
"""
    drafted.write_text(head + rules)
    url = f"sqlite:///{tmp_path}/replay.db"
    assert main(["replay", str(drafted), "--url", url]) == 0
    said = [line.split()[1] for line in capsys.readouterr().out.splitlines()]
    assert said[:5] == ["none"] * 4 + ["alert"]
    store = MetricsStore(url)
    last = store.decisions("default/shop")[-1]
    assert {alarm["rule"] for alarm in last.evidence["alarms"]} == {"completeness or roc_auc"}
    assert {alarm["metric"] for alarm in last.evidence["alarms"]} == {"roc_auc"}
    store.dispose()


def test_some_days_can_be_chosen(drafted, tmp_path, capsys):
    assert main(["replay", str(drafted), "--url", f"sqlite:///{tmp_path}/all.db"]) == 0
    days = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    arguments = ["replay", str(drafted), "--url", f"sqlite:///{tmp_path}/some.db", "--start", days[2], "--end", days[4]]
    assert main(arguments) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == days[2:5]
