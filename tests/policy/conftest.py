"""Evidence and cases made by hand: January 2026 in UTC days, one monitor, no store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.metrics.metric import metrics
from airflow_ml_monitor.policy.case import Case, Evidence
from airflow_ml_monitor.policy.decision import ActionState, ActionTaken
from airflow_ml_monitor.policy.judge import Verdict, judge
from airflow_ml_monitor.policy.rule import Action, Bounds, Policy, Rule

MIDNIGHT = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday: week 0 is day 0 to day 6
DAILY, WEEKLY = "day@UTC", "week@UTC"


class Desk:
    """Builds what a judgement looks at, and reads its verdict."""

    daily, weekly = DAILY, WEEKLY

    def day(self, i: int) -> Window:
        return Window(MIDNIGHT + timedelta(days=i), MIDNIGHT + timedelta(days=i + 1))

    def week(self, i: int) -> Window:
        return Window(MIDNIGHT + timedelta(days=7 * i), MIDNIGHT + timedelta(days=7 * i + 7))

    def value(
        self, window: int | Window, value: float | None, metric: str = "roc_auc", n: int = 1000, **about: Any
    ) -> Evidence:
        """A measured value. about: low, high, noise; column, parameters, slice, status, reason; or fields of HeadKey.

        value None: a row without one.
        """
        spread = {name: about.pop(name) for name in ("low", "high", "noise") if name in about}
        shape = {name: about.pop(name) for name in ("column", "parameters", "slice", "reason") if name in about}
        status = about.pop("status", Status.OK)
        key = {"family": Family.PERFORMANCE, "dataset": "loans", "rule": DAILY, **about}
        estimate = None if value is None else Estimate(value, n, **spread)
        place = self.day(window) if isinstance(window, int) else window
        return Evidence(HeadKey(window=place, **key), Measurement(metric, status, estimate, **shape))

    def rows(self, window: int | Window, count: int = 1000, **about: Any) -> Evidence:
        """The row count that every measured window has."""
        return self.value(window, count, "row_count", family=Family.QUALITY, **about)

    def broken(self, window: int | Window, **about: Any) -> Evidence:
        """A row of quality that failed."""
        about = {"column": "income", "reason": "the column income is missing", **about}
        return self.value(window, None, "completeness", family=Family.QUALITY, status=Status.FAILED, **about)

    def series(self, *values: float | None, start: int = 0, **about: Any) -> list[Evidence]:
        """One value a day, and the day's row count; None is a day without labels yet."""
        found = []
        for i, value in enumerate(values, start):
            status = Status.IMMATURE if value is None else Status.OK
            found += [self.value(i, value, status=status, **about), self.rows(i)]
        return found

    def case(self, evidence: Iterable[Evidence], **about: Any) -> Case:
        """The case about the newest window in the evidence, judged when it is over."""
        evidence = list(evidence)
        window = about.pop("window", None) or max(e.head.window for e in evidence)
        known_at = about.pop("known_at", None) or max(e.head.window.end for e in evidence)
        case = {"references": {}, "rule": WindowRule(WindowUnit.DAY), "datasets": ("loans",), **about}
        return Case("credit", known_at, window, evidence=evidence, **case)

    def policy(self, *rules: Rule, **about: Any) -> Policy:
        """A policy of these rules; of none: retrain where roc_auc is below 0.7."""
        return Policy(rules or (Rule("roc_auc", Bounds(min=0.7), Action.RETRAIN),), **about)

    def judge(self, policy: Policy, evidence: Iterable[Evidence], **about: Any) -> Verdict:
        return judge(policy, self.case(evidence, **about))

    def live(self, policy: Policy, evidence: Sequence[Evidence], days: Iterable[int]) -> list[Verdict]:
        """Day by day, as a DAG does it: a day's incidents, gaps and actions go into the next. One verdict a day."""
        verdicts: list[Verdict] = []
        actions: list[ActionTaken] = []
        for day in map(self.day, days):
            known = [e for e in evidence if e.head.window.end <= day.end]
            before = {"incidents": verdicts[-1].incidents, "gaps": verdicts[-1].gaps} if verdicts else {}
            verdicts.append(self.judge(policy, known, window=day, known_at=day.end, actions=actions, **before))
            if verdicts[-1].action not in (Action.NONE, Action.WAIT):
                actions = [*actions, self.taken(verdicts[-1])]
        return verdicts

    def alarmed(self, policy: Policy, evidence: Iterable[Evidence], **about: Any) -> list[int]:
        """The days that alarm, for whatever reason, oldest first."""
        found = self.judge(policy, evidence, **about).evidence["alarms"]
        starts = {datetime.fromisoformat(alarm["window"].split("/")[0]) for alarm in found}
        return sorted((start - MIDNIGHT).days for start in starts)

    def taken(
        self, verdict: Verdict, state: ActionState = ActionState.ASKED, asked_at: datetime = MIDNIGHT
    ) -> ActionTaken:
        """The action of a verdict as it is stored once somebody asked for it."""
        return ActionTaken(verdict.incident, verdict.action, "dec-1", asked_at, state)

    def told(self, verdict: Verdict) -> Sequence[str]:
        """What happened to incidents, one word each."""
        return [event.event.value for event in verdict.events]


@pytest.fixture(scope="session")
def desk() -> Desk:
    metrics()  # found once, before an example is timed
    return Desk()
