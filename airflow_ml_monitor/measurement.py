"""A value with its uncertainty, or the reason why there is none. Light: no numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from airflow_ml_monitor.errors import DataFault, Immature, NoValue, TooFew
from airflow_ml_monitor.keys import WHOLE, Slice, Window


class Status(StrEnum):
    """What became of a measurement that was asked for."""

    OK = "ok"
    UNDEFINED = "undefined"
    TOO_FEW = "too_few"
    IMMATURE = "immature"
    FAILED = "failed"


class Severity(StrEnum):
    """How grave a broken rule is, of a contract or of a policy."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Its place among them; the gravest has the highest."""
        return tuple(Severity).index(self)


class Family(StrEnum):
    """What is revised together: one scan's quality, its drift, its named faults; what was held back of a batch before
    it was scored; one ledger's performance; what is said of it without labels, and how right that was."""

    QUALITY = "quality"
    CONTRACT = "contract"
    DRIFT = "drift"
    FAULT = "fault"
    ROWS = "rows"
    PERFORMANCE = "performance"
    ESTIMATE = "estimate"


NAIVE: Final = "naive"
"""`naive.<metric>`: of the labels at hand, scored as if they were all: biased where those of one class come earlier."""
FINAL: Final = "final"
"""`final.<metric>`: the value that a window will show when its last label is in, with the interval for that value."""


BOUNDS: Final = "bounds"
"""`bounds.<metric>`: the value of the labelled rows, and between what the value of all rows must lie."""

CENSORED_ROWS: Final = "censored_rows"
"""The share of a window's predictions whose label will never come, as they are no longer observed."""

NOTES: Final = frozenset({"column_added"})
"""Named faults that only inform: stored and shown as others are, but no window is broken by them."""

LABEL_MATURITY: Final = "label_maturity"
"""How complete labels are: of a source by the age of the predictions, of totals by window."""

BROKEN_RULES: Final = "broken_rules"
"""How many rules of a contract are broken, by their severity: `severity=critical` as parameters; n: rules evaluated."""


def base_of(metric: str) -> str:
    """The formula behind a name: 'roc_auc' of 'naive.roc_auc'."""
    return metric.rpartition(".")[2]


def is_beside(metric: str) -> bool:
    """True if a name says no performance itself but stands beside it: naive, final, of an estimator; how many rows
    are censored, or covered by totals."""
    return "." in metric or metric in (CENSORED_ROWS, LABEL_MATURITY)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A finite value, the rows behind it, and how sure it is.

    low, high: 95 % interval. noise: the value to expect when nothing has changed (distances only).
    """

    value: float
    n: int
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    noise: float | None = None


Estimates = Mapping[str, Estimate]
"""{parameters: estimate}; parameters is '' for a metric of one value, else e.g. 'q=0.5'."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One metric's answer in one slice and column: an estimate, or a status with its reason.

    An `immature` row has no value: what the labels at hand come to is another metric, `naive.<metric>`. Of an estimator
    that is muted an `undefined` row keeps the value, which is judged nowhere.
    """

    metric: str
    status: Status
    estimate: Estimate | None = None
    reason: str = ""
    column: str = ""
    parameters: str = ""
    slice: Slice = WHOLE


@dataclass(frozen=True, slots=True)
class HeadKey:
    """What is revised as one: a family's numbers for one window."""

    family: Family
    dataset: str
    rule: str
    window: Window
    stage: str = "production"
    model_version: str = ""
    reference: str = ""


def finite(estimate: Estimate) -> bool:
    """True if every number present is finite."""
    numbers = (estimate.value, estimate.low, estimate.high, estimate.p_value, estimate.noise)
    return all(x is None or math.isfinite(x) for x in numbers)


def attempt(
    metric: str, function: Callable[[], Estimate | Estimates], *, column: str = "", slice: Slice = WHOLE
) -> list[Measurement]:
    """Run one metric; whatever happens becomes rows.

    The one place where an exception becomes a status. The message of an unforeseen exception may quote data, so
    only its type is kept.
    """
    try:
        found = function()
    except NoValue as none:
        status = {TooFew: Status.TOO_FEW, Immature: Status.IMMATURE}.get(type(none), Status.UNDEFINED)
        return [Measurement(metric, status, None, none.reason, column, "", slice)]
    except DataFault as fault:
        return [Measurement(metric, Status.FAILED, None, fault.reason, column, "", slice)]
    except Exception as error:
        return [Measurement(metric, Status.FAILED, None, f"raised {type(error).__name__}", column, "", slice)]
    rows = []
    for parameters, estimate in ({"": found} if isinstance(found, Estimate) else found).items():
        if finite(estimate):
            rows.append(Measurement(metric, Status.OK, estimate, "", column, parameters, slice))
        else:
            reason = "the value or its interval is not finite"
            rows.append(Measurement(metric, Status.UNDEFINED, None, reason, column, parameters, slice))
    return rows
