"""Which monitor, window and moment a page is about, and its way to the stored rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Unpack

from airflow_ml_monitor.errors import MonitorError, UnknownName
from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
from airflow_ml_monitor.measurement import Family, HeadKey, base_of
from airflow_ml_monitor.metrics.names import labelled_names
from airflow_ml_monitor.policy.decision import MOST_ALARMS, Decision
from airflow_ml_monitor.policy.rule import Action
from airflow_ml_monitor.report import calendar
from airflow_ml_monitor.report.drawn import conditions_of, title_of
from airflow_ml_monitor.store.records import Recorded, Wanted
from airflow_ml_monitor.store.repository import MetricsStore

LOOK_BACK: Final = 30
"""Windows in the pictures of rows and drift."""


@dataclass(frozen=True)
class Scope:
    """spec: the document by which the window is measured. as_of: what was known then is shown; None: what is now."""

    store: MetricsStore
    monitor: str
    spec: Mapping[str, Any]
    rule: WindowRule
    window: Window
    as_of: datetime | None = None

    @property
    def stage(self) -> str:
        return str(self.spec.get("stage", "production"))

    @property
    def datasets(self) -> list[str]:
        return [str(dataset["name"]) for dataset in self.spec.get("datasets", ())]

    @property
    def sources(self) -> list[Mapping[str, Any]]:
        """The label sources' documents."""
        return list(self.spec.get("labels", ()))

    def line(self, head: HeadKey) -> str:
        """What tells performance apart: the model version, and the label source where there are several; '' for one."""
        return ", ".join(filter(None, (head.model_version, head.dataset if len(self.sources) > 1 else "")))

    def date(self, window: Window) -> date:
        return self.rule.date_of(window.start)

    def named(self, window: Window) -> str:
        return calendar.named(self.rule, window)

    @property
    def known(self) -> str:
        """As of when the page knows: 'as known now'."""
        return "as known now" if self.as_of is None else f"as known on {self.clock(self.as_of)}"

    def clock(self, moment: datetime) -> str:
        return calendar.clock(self.rule, moment)

    def windows(self, count: int = LOOK_BACK) -> list[Window]:
        """The last windows up to the page's, from the first that was measured on."""
        first = min(self.measured, default=self.window)
        return [w for w in calendar.upto(self.rule, self.window, count) if w >= min(first, self.window)]

    def read(self, windows: int = 1, **wanted: Unpack[Wanted]) -> list[Recorded]:
        """Measurements of the last windows, as known at the page's moment."""
        return self._read(Window(self.windows(windows)[0].start, self.window.end), wanted)

    def read_of(self, window: Window, **wanted: Unpack[Wanted]) -> list[Recorded]:
        """Measurements of any one window, as known at the page's moment."""
        return self._read(window, wanted)

    def _read(self, span: Window, wanted: Wanted) -> list[Recorded]:
        chosen: Wanted = {
            "rule": str(self.rule),
            "stage": self.stage,
            "as_of": self.as_of,
            **wanted,
            "start": span.start,
            "end": span.end,
        }
        return self.store.current(self.monitor, **chosen)

    @cached_property
    def now(self) -> list[Recorded]:
        """All measurements of the page's window."""
        return self.read()

    @cached_property
    def measured(self) -> frozenset[Window]:
        """Every window that has measurements of a dataset."""
        return _measured(self.store, self.monitor, self.datasets, str(self.rule), self.stage, self.as_of)

    @cached_property
    def decisions(self) -> list[Decision]:
        """All decisions known at the page's moment, newest knowledge first."""
        return self.store.decisions(self.monitor, self.as_of)[::-1]

    @property
    def decision(self) -> Decision | None:
        """The last decision that was made for the page's window."""
        about = str(self.window)
        return next((d for d in self.decisions if d.evidence.get("window") == about), None)

    def judgement(self, window: Window) -> Decision | None:
        """The newest decision whose alarms reach back to a window: what is concluded of it by now."""
        for decision in self.decisions:
            alarms = decision.evidence.get("alarms", ())
            is_whole = len(alarms) < MOST_ALARMS or min(alarm["window"] for alarm in alarms) < str(window)
            if decision.known_at >= window.end and is_whole:
                return decision
        return None

    @cached_property
    def family_of_rule(self) -> dict[str, Family]:
        """Performance (if any condition is) or drift, by a rule's title; of every spec: decisions may be older."""
        documents = [version.document for version in self.store.spec_versions(self.monitor)]
        rules = [rule for document in documents for rule in document.get("policy", {}).get("rules", ())]
        of = {True: Family.PERFORMANCE, False: Family.DRIFT}
        looked = {title_of(rule): {base_of(c["metric"]) for c in conditions_of(rule)} for rule in rules}
        return {title: of[bool(named & labelled_names())] for title, named in looked.items()}

    def alarms_of(self, window: Window) -> list[Mapping[str, Any]]:
        """A window's alarms, as the newest decision that reaches back to it holds them."""
        judged = self.judgement(window)
        found = judged.evidence.get("alarms", ()) if judged else ()
        return [alarm for alarm in found if alarm["window"] == str(window)]

    def alarms(self, family: Family | None, window: Window) -> list[str]:
        """A window's alarms in words: of performance, of columns (drift), of broken data (None)."""
        found = []
        for alarm in self.alarms_of(window):
            is_data = alarm["action"] == Action.INVESTIGATE_DATA
            of = None if is_data else self.family_of_rule.get(alarm["rule"], Family.DRIFT)
            if of is family:
                found.append(str(alarm["text"]))
        return list(dict.fromkeys(found))


def scope_of(
    store: MetricsStore, monitor: str, *, day: date | None = None, as_of: datetime | None = None, rule: str = ""
) -> Scope:
    """The scope of a monitor's page: the window of a day, or the last measured one.

    UnknownName names the monitors that there are; MonitorError where nothing was measured.
    """
    if monitor not in (known := store.monitors()):
        raise UnknownName("monitor", monitor, known)
    versions = store.spec_versions(monitor)
    spec = versions[-1].document if versions else {}
    wanted = calendar.rule_of(rule) if rule else _first_rule(spec)
    if day is not None:
        return _at(Scope(store, monitor, spec, wanted, wanted.of_date(day), as_of))
    datasets = {dataset["name"] for version in versions for dataset in version.document.get("datasets", ())}
    measured = _measured(store, monitor, datasets, str(wanted), spec.get("stage", "production"), as_of)
    if not measured:
        when = f" by {as_of.isoformat()}" if as_of else ""
        raise MonitorError(
            f"no window of {monitor!r} ({wanted}) was measured{when}; run its DAG, or give another moment"
        )
    return _at(Scope(store, monitor, spec, wanted, max(measured), as_of))


def _at(scope: Scope) -> Scope:
    """The same with the spec that is valid in its window."""
    valid = scope.store.spec_at(scope.monitor, scope.window.start)
    return replace(scope, spec=valid.document) if valid else scope


def _first_rule(spec: Mapping[str, Any]) -> WindowRule:
    for rule in spec.get("windows", ()):
        return WindowRule(WindowUnit(rule["unit"]), rule["zone"], timedelta(seconds=rule["offset"]))
    return WindowRule(WindowUnit.DAY)


def _measured(
    store: MetricsStore, monitor: str, datasets: Iterable[str], rule: str, stage: str, as_of: datetime | None
) -> frozenset[Window]:
    states = (
        state
        for dataset in datasets
        for family in (Family.QUALITY, Family.DRIFT)
        for state in store.heads(monitor, family, rule=rule, dataset=dataset, stage=stage, as_of=as_of)
    )
    return frozenset(state.head.window for state in states)
