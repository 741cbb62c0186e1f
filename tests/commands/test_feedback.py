"""`python -m airflow_ml_monitor feedback …` on a database with three incidents of two rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_ml_monitor.__main__ import main
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.policy.decision import Decision, Event, Incident
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.store.records import DecisionRecord
from airflow_ml_monitor.store.repository import MetricsStore

KEY = "default/credit"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def day(number: int) -> Window:
    return Window(MONDAY + timedelta(days=number), MONDAY + timedelta(days=number + 1))


def incident(number: int, action: Action) -> Incident:
    return Incident(f"inc-{number}", action, "", day(number), day(number), Event.OPENED, day(number).end)


def evidence(one: Incident, *rules: str) -> dict[str, Any]:
    told = {
        "id": one.id,
        "action": one.action.value,
        "status": "opened",
        "first": str(one.first),
        "last": str(one.last),
    }
    about = {"action": one.action.value, "window": str(one.first), "version": ""}
    return {"incidents": [told], "alarms": [{"rule": rule, "metric": rule, **about} for rule in rules]}


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/monitor.db"
    store = MetricsStore(url)
    store.upgrade()
    for number, action, rules in (
        (0, Action.RETRAIN, ("roc_auc", "log_loss")),
        (10, Action.RETRAIN, ("roc_auc",)),
        (20, Action.ALERT, ("psi",)),
    ):
        one = incident(number, action)
        made = Decision(f"dec-{number}", KEY, day(number).end, action, "so", evidence(one, *rules), one.id)
        store.save_decision(KEY, DecisionRecord(made, "policy", str(number), {}, (), (one,), "run"))
    store.dispose()
    return url


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["feedback", *arguments])
    out, err = capsys.readouterr()
    return code, out.strip(), err.strip()


def test_words_are_kept_and_precision_is_told_by_rule(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--note", "a holiday", "--author", "ana", "--url", url)
    assert said(capsys, KEY, "inc-0", "false", *given) == (0, "inc-0 of default/credit: false", "")
    assert said(capsys, KEY, "inc-10", "true", "--url", url)[0] == 0
    _, out, _ = said(capsys, KEY, "--url", url)
    lines = [line.split() for line in out.splitlines()]
    first = next(line for line in lines if line[:1] == ["inc-0"])
    expected = "inc-0 retrain 2026-03-02 2026-03-02 log_loss, roc_auc false ana a holiday"
    assert " ".join(first) == expected
    rules = {line[0]: line[1:] for line in lines[-3:]}
    # Of two one, and of one none: Clopper and Pearson.
    assert rules == {
        "log_loss": ["0.00", "[0.00,", "0.97]", "0", "1", "0"],
        "psi": ["–", "0", "0", "1"],
        "roc_auc": ["0.50", "[0.01,", "0.99]", "1", "1", "0"],
    }


def test_a_later_word_counts_and_the_earlier_one_as_of_then(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    said(capsys, KEY, "inc-20", "false", "--url", url)
    between = datetime.now(UTC).isoformat()
    said(capsys, KEY, "inc-20", "true", "--url", url)
    assert "psi" in (now := said(capsys, KEY, "--url", url)[1])
    assert now.splitlines()[-2].split()[:2] == ["psi", "1.00"]
    then = said(capsys, KEY, "--as-of", between, "--url", url)[1]
    assert then.splitlines()[-2].split()[:2] == ["psi", "0.00"]


def test_what_is_wrong_is_said_with_what_would_be_right(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = said(capsys, KEY, "inc-1", "true", "--url", url)
    assert (code, err) == (1, "error: unknown incident 'inc-1'; one of: inc-0, inc-10, inc-20")
    code, _, err = said(capsys, "default/x", "inc-0", "true", "--url", url)
    assert (code, err) == (1, "error: unknown monitor 'default/x'; one of: default/credit")
    code, _, err = said(capsys, KEY, "inc-0", "--url", url)
    assert (code, "inc-0 false" in err) == (1, True)
    code, _, err = said(capsys, KEY, "--as-of", "yesterday", "--url", url)
    assert (code, "2026-03-01T06:00:00+00:00" in err) == (1, True)
    with pytest.raises(SystemExit, match="2"):
        main(["feedback", KEY, "inc-0", "maybe", "--url", url])


def test_a_monitor_without_incidents_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = MetricsStore(f"sqlite:///{tmp_path}/new.db")
    store.upgrade()
    store.register_spec(KEY, "digest", {"name": KEY}, MONDAY)
    store.dispose()
    assert said(capsys, KEY, "--url", f"sqlite:///{tmp_path}/new.db")[1] == "default/credit has had no incident"
