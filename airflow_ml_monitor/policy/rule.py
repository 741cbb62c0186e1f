"""What a policy is made of: actions and rules. Light: imported when a DAG is parsed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Severity
from airflow_ml_monitor.policy.action import ORDER as ORDER  # handed out from here
from airflow_ml_monitor.policy.action import Action as Action
from airflow_ml_monitor.policy.bounds import Bounds as Bounds
from airflow_ml_monitor.policy.bounds import Condition as Condition
from airflow_ml_monitor.policy.bounds import Improvement as Improvement
from airflow_ml_monitor.policy.chart import Chart


@dataclass(frozen=True, slots=True)
class Rule:
    """When to do what: a limit on one metric, or several together.

    metric, bounds, columns, parameters, slices, share_of_columns, least_n, sure, improvement: as in `Condition`.
    all, any: conditions instead of a metric of its own. It is broken in a window where all of them are, and none is
    judged where one cannot be; or where any of them is, and it is judged where one can be. Those of `all` that look at
    slices must be broken in the same slice. Where a condition has no value by model version, that of all versions
    stands for each.
    k of m: it must be broken in k of the last m windows that could be judged.
    cooldown: after so many judged windows without an alarm its incident is resolved; None: the policy's. Alarms of one
    action are one story, so of its rules the largest counts.
    """

    metric: str = ""
    bounds: Bounds | None = None
    action: Action = Action.ALERT
    columns: tuple[str, ...] = ()
    parameters: str | None = None
    slices: bool | tuple[str, ...] = False
    k: int = 1
    m: int = 1
    least_n: int = 1
    severity: Severity = Severity.WARNING
    sure: bool = True
    name: str = ""
    share_of_columns: float | None = None
    improvement: Improvement = Improvement.IGNORE
    cooldown: int | None = None
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        where = f"policy.rules.{self.title}"
        if not 1 <= self.k <= self.m:
            raise SpecError(f"k = {self.k} of m = {self.m}; 1 ≤ k ≤ m is needed", field=where)
        if self.cooldown is not None and self.cooldown < 1:
            raise SpecError(f"{self.cooldown} is not a positive number of windows", field=f"{where}.cooldown")
        if self.all and self.any:
            raise SpecError("all and any stand side by side; make two rules", field=where)
        if self.is_composite:
            # MISSING, the default of what a condition must have, equals nothing.
            if given := [f.name for f in fields(Condition) if getattr(self, f.name) not in (f.default, "", None)]:
                told = f"a rule of conditions has none of its own; put it into those under {self.how}"
                raise SpecError(told, field=f"{where}.{given[0]}")
            return
        if not self.metric or self.bounds is None:
            told = f"no {'bounds' if self.metric else 'metric'}; give both, or conditions under all or any"
            raise SpecError(told, field=where)
        try:
            _ = self.conditions
        except SpecError as error:
            raise SpecError(error.told, field=f"{where}.{error.field}") from None

    @property
    def is_composite(self) -> bool:
        """True if it holds conditions instead of a metric."""
        return bool(self.all or self.any)

    @property
    def how(self) -> str:
        """'all' or 'any'"""
        return "any" if self.any else "all"

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What it looks at; one, unless it holds several."""
        if self.is_composite:
            return self.all or self.any
        assert self.bounds is not None  # checked above
        mine = {f.name: getattr(self, f.name) for f in fields(Condition)}
        return (Condition(**mine),)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that it looks at."""
        return tuple(condition.metric for condition in self.conditions)

    @property
    def title(self) -> str:
        """The rule's name in decisions: its own, or its metric's, or 'psi and roc_auc' of several."""
        joint = " or " if self.any else " and "
        return self.name or self.metric or joint.join(condition.metric for condition in self.all or self.any)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one monitor.

    Faults of data (a column missing or of another type, no rows, duplicate keys, a window never measured, every named
    fault) are always looked for, and mean `investigate_data`.
    cooldown: after so many judged windows without an alarm an incident is resolved, where no rule says otherwise.
    act: False is shadow mode: decisions are stored, no action is taken.
    order: from the mildest to the strongest action; of several the strongest is decided, faults of data first.
    charts: what is watched for anything unusual, beside rules. false_alarms_per_year: how many false incidents all of
    them together may raise in a year, whatever the number of columns and of rows; 0: none is judged.
    overlook: named faults that are looked for and stored, and ask for nothing, e.g. ('frozen_column',) where a table of
    the same customers comes every day, or of one column: ('unit_changed of income',).
    holidays: days that charts neither judge nor learn from, by the windows' calendar; of windows of a day.
    trust_estimates: True lets rules on estimates without labels (`cbpe.roc_auc`) retrain or roll back. None of them can
    see concept drift, and what scores alone say is a guess: False refuses such a rule.
    """

    rules: tuple[Rule, ...] = ()
    cooldown: int = 3
    act: bool = True
    order: tuple[Action, ...] = field(default=ORDER)
    charts: tuple[Chart, ...] = (Chart(),)
    false_alarms_per_year: float = 1.0
    holidays: tuple[date, ...] = ()
    trust_estimates: bool = False
    overlook: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.cooldown < 1:
            raise SpecError(f"{self.cooldown} is not a positive number of windows", field="policy.cooldown")
        if not 0 <= self.false_alarms_per_year < math.inf:
            told = f"{self.false_alarms_per_year} is no number of alarms; give 0 or more"
            raise SpecError(told, field="policy.false_alarms_per_year")
        if sorted(self.order) != sorted(ORDER):
            raise SpecError(f"must name each action once: {', '.join(ORDER)}", field="policy.order")
        charts = [chart.title for chart in self.charts]
        if twice := sorted({title for title in charts if charts.count(title) > 1}):
            raise SpecError(f"two charts are called {twice[0]!r}; give them different names", field="policy.charts")
        titles = [rule.title for rule in self.rules]
        if twice := sorted({title for title in titles if titles.count(title) > 1}):
            raise SpecError(f"two rules are called {twice[0]!r}; give them different names", field="policy.rules")

    def cooldown_of(self, action: Action) -> int:
        """The largest cooldown of an action's rules; of faults of data, which need no rule, the policy's too."""
        own = [
            self.cooldown if rule.cooldown is None else rule.cooldown for rule in self.rules if rule.action is action
        ]
        own += [self.cooldown] * (not own or action is Action.INVESTIGATE_DATA)
        return max(own)

    def conditions(self) -> Iterator[tuple[str, Rule, Condition]]:
        """(where it stands in the spec, its rule, condition): each condition of each rule."""
        for rule in self.rules:
            for i, condition in enumerate(rule.conditions):
                where = f".{rule.how}.{i}" if rule.is_composite else ""
                yield f"policy.rules.{rule.title}{where}", rule, condition
