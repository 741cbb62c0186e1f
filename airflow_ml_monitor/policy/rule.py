"""What a policy is made of: actions, rules, bounds. Light: imported when a DAG is parsed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Severity


class Action(StrEnum):
    """What a decision asks for."""

    NONE = "none"
    WAIT = "wait"
    INVESTIGATE_DATA = "investigate_data"
    ALERT = "alert"
    RETRAIN = "retrain"
    ROLL_BACK = "roll_back"


ORDER: tuple[Action, ...] = tuple(Action)
"""From the mildest to the strongest."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a metric's value. min, max: fixed. fall, rise: against its value in the reference, in its unit.

    fall_share, rise_share: the same as a share of the reference's value.
    """

    min: float | None = None
    max: float | None = None
    fall: float | None = None
    rise: float | None = None
    fall_share: float | None = None
    rise_share: float | None = None

    def __post_init__(self) -> None:
        if not any(value is not None for value in (self.min, self.max, *self.relative)):
            raise SpecError("no bound; give one of min, max, fall, rise, fall_share, rise_share", field="bounds")
        given = (self.min, self.max, *self.relative)
        if wrong := [value for value in given if value is not None and not math.isfinite(value)]:
            raise SpecError(f"{wrong[0]} is no finite number; leave out the bound that is none", field="bounds")
        if negative := [value for value in self.relative if value is not None and value < 0]:
            raise SpecError(f"{negative[0]} is negative; fall and rise are distances, 0 or more", field="bounds")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise SpecError(f"min {self.min} is above max {self.max}", field="bounds")

    @property
    def relative(self) -> tuple[float | None, ...]:
        return (self.fall, self.rise, self.fall_share, self.rise_share)

    @property
    def is_relative(self) -> bool:
        """True if a limit depends on the reference's value."""
        return any(value is not None for value in self.relative)

    def limits(self, reference: float | None) -> tuple[float | None, float | None]:
        """(lowest, highest) value that is still good; the tighter one where several are given.

        >>> Bounds(fall=0.05).limits(0.8)
        (0.75, None)
        """
        lows, highs = [self.min], [self.max]
        if reference is not None:
            lows += [
                None if self.fall is None else reference - self.fall,
                None if self.fall_share is None else reference - self.fall_share * abs(reference),
            ]
            highs += [
                None if self.rise is None else reference + self.rise,
                None if self.rise_share is None else reference + self.rise_share * abs(reference),
            ]
        return (
            max((x for x in lows if x is not None), default=None),
            min((x for x in highs if x is not None), default=None),
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A limit on one metric, and what to do when it is broken.

    columns: those it holds for; empty means all. slices: False looks at the whole only.
    k of m: the bound must be broken in k of the last m windows that could be judged.
    least_n: windows with fewer rows behind the value are not judged.
    sure: the whole 95 % interval (or, for a distance, the value less its noise floor) must be beyond the bound.
    """

    metric: str
    bounds: Bounds
    action: Action = Action.ALERT
    columns: tuple[str, ...] = ()
    parameters: str | None = None
    slices: bool = False
    k: int = 1
    m: int = 1
    least_n: int = 1
    severity: Severity = Severity.WARNING
    sure: bool = True
    name: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.m:
            raise SpecError(f"k = {self.k} of m = {self.m}; 1 ≤ k ≤ m is needed", field=f"policy.rules.{self.title}")
        if self.least_n < 0:
            raise SpecError(f"{self.least_n} is no number of rows", field=f"policy.rules.{self.title}.least_n")

    @property
    def title(self) -> str:
        """The rule's name in decisions: its own, or its metric's."""
        return self.name or self.metric


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one monitor.

    Faults of data (a column missing or of another type, no rows, duplicate keys, a window never measured, every named
    fault) are always looked for, and mean `investigate_data`.
    cooldown: after so many judged windows without an alarm an incident is resolved.
    act: False is shadow mode: decisions are stored, no action is taken.
    order: from the mildest to the strongest action; of several the strongest is decided, faults of data first.
    false_alarms_per_year: the budget for charts; kept and stored, not yet spent.
    overlook: named faults that are looked for and stored, and ask for nothing, e.g. ('frozen_column',) where a table of
    the same customers comes every day, or of one column: ('unit_changed of income',).
    trust_estimates: True lets rules on estimates without labels (`cbpe.roc_auc`) retrain or roll back. None of them can
    see concept drift, and what scores alone say is a guess: False refuses such a rule.
    """

    rules: tuple[Rule, ...] = ()
    cooldown: int = 3
    act: bool = True
    order: tuple[Action, ...] = field(default=ORDER)
    false_alarms_per_year: float = 1.0
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
        titles = [rule.title for rule in self.rules]
        if twice := sorted({title for title in titles if titles.count(title) > 1}):
            raise SpecError(f"two rules are called {twice[0]!r}; give them different names", field="policy.rules")
