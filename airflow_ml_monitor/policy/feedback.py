"""What people said of incidents, and how often each rule was right by it.

Charts hear that an incident is false: what they hold in alarm then is usual from its first window on. Rules do not: an
incident called false stays open, its rule keeps its bounds and asks again in the next one; change the rule, or overlook
the fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_ml_monitor.keys import parse_moment
from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.policy.decision import ACTIVE, Decision, Incident

_FAULTS = "data"
"""The rule in whose name faults of data alarm: told apart by what they are."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said of an incident: was something wrong that deserved its action, or was the alarm false?

    given_at: when it was said. A later word on the same incident supersedes an earlier one; both are kept.
    """

    incident: str
    is_true: bool
    given_at: datetime
    note: str = ""
    author: str = ""

    @property
    def verdict(self) -> str:
        """'true' or 'false'."""
        return "true" if self.is_true else "false"


@dataclass(frozen=True, slots=True)
class Precision:
    """How often a rule's incidents were called true, of those with a verdict; in [0, 1].

    estimate: true / (true + false) with its interval (Wilson 1927, Clopper and Pearson 1934 for few), n: incidents with
    a verdict; None without any. awaited: incidents of the rule without one. Who calls the odd incident true or false
    when it strikes him does not choose at random: the interval knows chance alone.
    """

    rule: str
    true: int
    false: int
    awaited: int

    @property
    def estimate(self) -> Estimate | None:
        n = self.true + self.false
        return interval.share_of(self.true, n) if n else None


def newest(given: Iterable[Feedback]) -> dict[str, Feedback]:
    """By incident what was said last; of equal moments what stands last."""
    found: dict[str, Feedback] = {}
    for one in given:
        if one.incident not in found or one.given_at >= found[one.incident].given_at:
            found[one.incident] = one
    return found


def precision_by_rule(
    incidents: Iterable[Incident], decisions: Iterable[Decision], given: Iterable[Feedback]
) -> list[Precision]:
    """Of every rule that alarmed in an incident, by its title; faults of data by their name.

    An incident of several rules counts for each of them.
    """
    said = newest(given)
    verdicts: dict[str, list[bool | None]] = {}
    for incident, rules in rules_of(incidents, decisions).items():
        verdict = said[incident].is_true if incident in said else None
        for rule in rules:
            verdicts.setdefault(rule, []).append(verdict)
    return [Precision(rule, v.count(True), v.count(False), v.count(None)) for rule, v in sorted(verdicts.items())]


def rules_of(incidents: Iterable[Incident], decisions: Iterable[Decision]) -> dict[str, set[str]]:
    """{incident: titles of the rules whose alarms it was made of}, by every decision that told of it as active."""
    versions = {incident.id: incident.model_version for incident in incidents}
    found: dict[str, set[str]] = {name: set() for name in versions}
    for decision in decisions:
        alarms = decision.evidence.get("alarms", ())
        for told in decision.evidence.get("incidents", ()):
            if told["status"] in ACTIVE and told["id"] in versions:
                mine = [alarm for alarm in alarms if _is_of(alarm, told)]
                # None of its own version: a pooled story that its versions tell by now.
                own = [alarm for alarm in mine if alarm["version"] == versions[told["id"]]] or mine
                found[told["id"]] |= {_title(alarm) for alarm in own}
    return found


def _is_of(alarm: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Whether an alarm lies in an incident's windows and asks for its action."""
    start, end = parse_moment(told["first"].split("/")[0]), parse_moment(told["last"].split("/")[1])
    mine = [parse_moment(text) for text in alarm["window"].split("/")]
    return bool(alarm["action"] == told["action"] and start <= mine[0] and mine[1] <= end)


def _title(alarm: Mapping[str, Any]) -> str:
    return f"{alarm['metric']} (fault)" if alarm["rule"] == _FAULTS else str(alarm["rule"])
