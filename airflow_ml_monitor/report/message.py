"""What a decision says to people: what, since when, how sure, why, what to do, and whose it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.keys import parse_moment
from airflow_ml_monitor.policy.decision import Decision, Event
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.report.advice import NEXT_STEP, owner_of
from airflow_ml_monitor.report.calendar import clock, rule_of
from airflow_ml_monitor.report.templates import templates
from airflow_ml_monitor.report.wording import shortened
from airflow_ml_monitor.store.records import DecisionRecord

NEWS: Final = (Event.OPENED, Event.REOPENED, Event.RETRACTED, Event.RESOLVED)
"""Changes of an incident that are told; that it goes on is not."""

_MOST_ALARMS: Final = 5
_LONGEST_SUBJECT: Final = 140


@dataclass(frozen=True, slots=True)
class Message:
    """One message, in the forms that carriers take. text: plain; html: the same, escaped, styled for mail readers.

    owner: whoever the spec names for this kind of finding, '' if nobody. decision: its id, '' where a run made none.
    """

    monitor: str
    action: str
    owner: str
    subject: str
    text: str
    html: str
    link: str
    decision: str


def is_news(record: DecisionRecord) -> bool:
    """True if a decision changes the state of things: an action is asked for, or an incident begins or ends.

    A decision that may not act (backfill, shadow mode) is none.
    """
    made = record.decision
    asks = made.action not in (Action.NONE, Action.WAIT)
    return made.acts and (asks or any(event.event in NEWS for event in record.events))


def message_of(record: DecisionRecord, link: str = "") -> Message:
    """The message of a decision. link: where more is to be seen."""
    made = record.decision
    told = [event.text for event in record.events if event.event in NEWS and event.event is not Event.OPENED]
    asks = made.action not in (Action.NONE, Action.WAIT)
    about = made.action if asks else _about(record)
    head = made.action.replace("_", " ") if asks else (told[0] if told else made.because)
    alarms = _alarms(made)
    if asks and alarms:
        head = f"{head}: {alarms[0]}"
    owner = owner_of(about, made.evidence.get("owners", {}))
    facts = {
        "Model": f"{made.monitor} (importance {made.evidence.get('importance', 'normal')})",
        "What": alarms if asks else told or [made.because],
        "Since": _since(made),
        "How sure": _sure(made) if asks else "",
        "Why": made.because,
        "What to do": NEXT_STEP[made.action],
        "Owner": owner or "nobody is named",
        "Known at": clock(rule_of(made.evidence["rule"]), made.known_at),
        "Decision": made.id,
        "More": link,
    }
    text, html = _written(subject := _subject(made.monitor, head), facts)
    return Message(made.monitor, made.action.value, owner, subject, text, html, link, made.id)


def silence(monitor: str, run: str, link: str = "") -> Message:
    """The message of a run that has made no decision: it failed, or is late."""
    facts = {
        "Model": monitor,
        "What": f"run {run} has made no decision",
        "What to do": "Look at the run: a task failed, or waits. Until it is done nobody knows how the model is.",
        "Owner": "whoever runs the DAG",
        "More": link,
    }
    text, html = _written(subject := _subject(monitor, "no decision"), facts)
    return Message(monitor, "", "", subject, text, html, link, "")


def _subject(monitor: str, head: str) -> str:
    # One line: a subject is a mail header.
    return shortened(" ".join(f"[{monitor}] {head}".split()), _LONGEST_SUBJECT)


def _written(subject: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """(plain text, HTML); facts without a value are left out."""

    shown = {name: [value] if isinstance(value, str) else list(value) for name, value in facts.items() if value}
    forms = []
    for form in ("txt", "html"):
        environment = templates(escaped=form == "html")
        template = environment.get_template(f"message.{form}.j2")
        forms.append(template.render(subject=subject, facts=shown, width=max(map(len, shown))))
    return forms[0], forms[1]


def _mine(made: Decision) -> list[Mapping[str, Any]]:
    """The alarms of the decision's action, newest window first."""
    return [alarm for alarm in made.evidence.get("alarms", ()) if alarm["action"] == made.action]


def _alarms(made: Decision) -> list[str]:
    mine = _mine(made)
    texts = list(dict.fromkeys(alarm["text"] for alarm in mine if alarm["window"] == mine[0]["window"]))
    more = [f"and {len(texts) - _MOST_ALARMS} more"] if len(texts) > _MOST_ALARMS else []
    return texts[:_MOST_ALARMS] + more


def _about(record: DecisionRecord) -> Action:
    """The action of the incident that changed."""
    ids = [event.incident for event in record.events if event.event in NEWS]
    found = [one.action for one in record.incidents if one.id in ids]
    return found[0] if found else record.decision.action


def _since(made: Decision) -> str:
    for incident in made.evidence.get("incidents", ()):
        if incident["id"] == made.incident:
            rule = rule_of(made.evidence["rule"])
            starts = (parse_moment(incident[end].split("/")[0]) for end in ("first", "last"))
            first, last = (rule.date_of(start) for start in starts)
            return f"the window of {first}" + ("" if first == last else f", up to that of {last}")
    return ""


def _sure(made: Decision) -> str:
    """How firmly the alarms stand."""
    mine = _mine(made)
    windows = len({alarm["window"] for alarm in mine})
    many = f"in {windows} windows" if windows > 1 else "in one window"
    if all(alarm["rule"] == "data" for alarm in mine):
        return f"counted, not estimated; {many}"
    if all(alarm["sure"] for alarm in mine):
        return f"all that the value may be, with its 95 % interval or above its noise, lies beyond the bound; {many}"
    return f"the value lies beyond the bound; its interval may reach back within; {many}"
