"""What is sent, pinned: each body is a file in tests/golden, made anew by `python tests/report/test_message.py`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.policy.decision import Decision, Event, Incident
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.report.message import Message, is_news, message_of, silence
from airflow_ml_monitor.store.records import DecisionRecord, IncidentEvent

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
FIRST = datetime(2026, 2, 22, tzinfo=UTC)
OWNERS = {"data": "data-platform", "drift": "risk-analytics", "model": "credit-science"}
WORSE = "roc_auc of v1 0.7 [0.6418, 0.7525] below 0.7611 (reference 0.7911) (3 of the last 5 windows)"


def day(number: int) -> Window:
    return Window(FIRST + timedelta(days=number), FIRST + timedelta(days=number + 1))


def record(
    action: Action,
    because: str,
    *,
    about: Action | None = None,
    event: Event | None = Event.OPENED,
    texts: tuple[str, ...] = (),
    acts: bool = True,
    rule: str = "day@UTC",
) -> DecisionRecord:
    """A decision as `judge` leaves it: one incident of two windows, one alarm for each text in each window."""
    about = about or action
    incident = Incident("inc-1", about, "v1", day(0), day(1), event or Event.CONFIRMED, FIRST + timedelta(days=15))
    evidence = {
        "window": str(day(14)),
        "rule": rule,
        "alarms": [
            {
                "rule": "data" if about is Action.INVESTIGATE_DATA else "r",
                "action": about.value,
                "window": str(window),
                "text": text,
                "version": "v1",
                "sure": True,
            }
            for window in (day(1), day(0))
            for text in texts
        ],
        "incidents": [
            {"id": "inc-1", "action": about.value, "first": str(day(0)), "last": str(day(1)), "status": "opened"}
        ],
        "importance": "high",
        "owners": OWNERS,
    }
    decision = Decision(
        "dec-0123456789abcdef", "default/credit", FIRST + timedelta(days=15), action, because, evidence, "inc-1", acts
    )
    events = () if event is None else (IncidentEvent("inc-1", event, f"{event}: {about} of 2026-02-22"),)
    return DecisionRecord(decision, "policy", "inputs", {}, events, (incident,), "run-1")


CASES = {
    "retrain": message_of(
        record(Action.RETRAIN, f"2026-02-22: {WORSE}", texts=(WORSE,)), link="https://airflow.example/runs/1"
    ),
    "broken-feed": message_of(
        record(
            Action.INVESTIGATE_DATA,
            "2026-02-22: column 'income' is missing; no rows arrived",
            texts=("column 'income' is missing", "no rows arrived"),
        )
    ),
    "retracted": message_of(
        record(Action.NONE, "every rule within its bounds", about=Action.RETRAIN, event=Event.RETRACTED)
    ),
    "no-decision": silence("default/credit", "scheduled__2026-03-09T00:00:00+00:00", "https://airflow.example/runs/1"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_bodies_are_those_that_were_reviewed(name: str) -> None:
    assert CASES[name].text == (GOLDEN / f"message-{name}.txt").read_text()
    assert CASES[name].html == (GOLDEN / f"message-{name}.html").read_text()


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (record(Action.RETRAIN, "worse", event=None), True),
        (record(Action.WAIT, "asked before", about=Action.RETRAIN, event=None), False),
        (record(Action.WAIT, "asked before", about=Action.RETRAIN, event=Event.CONFIRMED), False),
        (record(Action.NONE, "fine", about=Action.ALERT, event=Event.RESOLVED), True),
        (record(Action.WAIT, "held", about=Action.RETRAIN, event=Event.REOPENED), True),
        (record(Action.RETRAIN, "worse", acts=False), False),
    ],
)
def test_only_a_change_is_news(made: DecisionRecord, expected: bool) -> None:
    assert is_news(made) is expected


@pytest.mark.parametrize(
    ("action", "owner"),
    [
        (Action.INVESTIGATE_DATA, "data-platform"),
        (Action.ALERT, "risk-analytics"),
        (Action.RETRAIN, "credit-science"),
        (Action.ROLL_BACK, "credit-science"),
    ],
)
def test_each_kind_of_finding_has_its_owner(action: Action, owner: str) -> None:
    assert message_of(record(action, "because")).owner == owner


def test_the_end_of_an_incident_goes_to_its_owner_and_not_to_that_of_the_next_step() -> None:
    assert CASES["retracted"].owner == "credit-science"


def test_dates_are_those_of_the_monitors_zone() -> None:
    text = message_of(record(Action.RETRAIN, "worse", rule="day@America/New_York")).text
    assert "the window of 2026-02-21, up to that of 2026-02-22" in text
    assert "2026-03-08 20:00 America/New_York" in text


class Tags(HTMLParser):
    """The tags of a page, in order."""

    def __init__(self, message: Message) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.feed(message.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


def test_names_from_the_data_are_text_and_a_subject_is_one_line() -> None:
    hostile = "psi of <script>alert(1)</script>\r\nBcc: all@x.example 0.3 above 0.1"
    message = message_of(record(Action.ALERT, f'{hostile} "><img src=x>', texts=(hostile,)), link="javascript:alert(1)")
    plain = message_of(record(Action.ALERT, "plain", texts=("plain",)), link="plain")
    assert Tags(message).seen == Tags(plain).seen
    assert "\n" not in message.subject
    assert "\r" not in message.subject
    assert "<a " not in message.html


def test_a_long_story_keeps_its_subject_short_and_names_how_many_alarms_it_leaves_out() -> None:
    texts = tuple(f"psi of column_{i} 0.3 above 0.1" for i in range(40))
    message = message_of(record(Action.ALERT, "many", texts=texts))
    assert len(message.subject) <= 140
    assert "and 35 more" in message.text


if __name__ == "__main__":
    for name, message in CASES.items():
        (GOLDEN / f"message-{name}.txt").write_text(message.text)
        (GOLDEN / f"message-{name}.html").write_text(message.html)
