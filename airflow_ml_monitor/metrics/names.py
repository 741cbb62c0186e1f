"""The names of metrics, and what each asks of a spec, known without importing one: a metric's file bears its name.

Read where a spec is checked. Not here: what a metric is (metric.py).
"""

from __future__ import annotations

import pkgutil
from enum import StrEnum
from functools import cache
from pathlib import Path

from airflow_ml_monitor.measurement import BOUNDS, BROKEN_RULES, CENSORED_ROWS, FINAL, LABEL_MATURITY, NAIVE, base_of
from airflow_ml_monitor.profile.dataset import Dataset, Role
from airflow_ml_monitor.profile.task import Task, TaskKind


class Need(StrEnum):
    """What a metric asks of the spec besides labels."""

    PAYOFF = "task.payoff"
    NAIVE_ERROR = "task.naive_error"
    THRESHOLDS = "task.thresholds"
    WEIGHT = "a column of role weight"
    BASELINE = "a column of role baseline"
    QUANTILE = "a column of role quantile"
    SAMPLE = "sample_rows of a dataset"
    SECOND_MOMENTS = "second_moments: true of a dataset"
    LABEL_MOMENTS = "label_moments: true of a dataset"

    def is_met(self, task: Task, dataset: Dataset) -> bool:
        """True if the spec declares it."""
        if self is Need.PAYOFF:
            return task.payoff is not None
        if self is Need.NAIVE_ERROR:
            return task.naive_error is not None
        if self is Need.THRESHOLDS:
            return bool(task.thresholds)
        if self is Need.SAMPLE:
            return dataset.sample_rows > 0
        if self is Need.SECOND_MOMENTS:
            return dataset.second_moments
        if self is Need.LABEL_MOMENTS:
            return dataset.label_moments
        return Role(self.value.removeprefix("a column of role ")) in dataset.roles


ROOMS = ("quality", "drift", "fault", "performance")
"""The folders of metrics."""

ALWAYS = frozenset({"row_count", "duplicate_rows"})
"""Metrics that are measured and judged whatever the spec asks for: without them no window could be called broken."""

QUARANTINED_ROWS = "quarantined_rows"
"""The share of a batch's rows that its contract held back before they were scored; parameters: the rule, '' for any."""

REPLAY_COVERAGE = "replay_coverage"
"""The share of a window's rows that found their partner in the replay."""
REPLAY_DIFFERENCE = "replay_difference"
"""The share of the joined rows whose value of a column differs, named a fault or not."""

REFERENCE_WINDOWS = "reference_windows"
"""How many windows a trailing reference is the sum of; n: its rows. Which, and which are left out, is the reason."""

LABEL_CORRELATION = "label_correlation_change"
"""What features tell of the label, against the reference; parameters: `income~label`."""

COMPARED = frozenset({"label_drift", LABEL_CORRELATION})
"""Of performance what compares labels with the reference's: the reference has none, nothing is estimated or weighed."""

PROXY_CORRELATION = "proxy_correlation"
"""How a proxy has gone with a performance metric over final windows; column: the proxy, parameters: the metric."""

BESIDES = frozenset(
    {
        BROKEN_RULES,
        CENSORED_ROWS,
        PROXY_CORRELATION,
        QUARANTINED_ROWS,
        REFERENCE_WINDOWS,
        "expectation",
        "orphan_labels",
        "repeated_labels",
        "refused_totals",
        REPLAY_COVERAGE,
        REPLAY_DIFFERENCE,
        LABEL_MATURITY,
        "label_delay",
        "label_silence",
    }
)
"""Stored under a metric's name without being a formula over cells: a contract's outcomes, what a label source shows,
what a proxy is worth."""

LABEL_FREE = ("cbpe", "direct_loss", "weighted_cbpe")
"""Estimators that look at no label: `cbpe.roc_auc` is what scores alone say. None of them can see concept drift."""

OF_TOTALS = {
    TaskKind.BINARY: ("calibration_in_the_large", "label_rate", "prediction_rate", "prediction_surplus"),
    TaskKind.REGRESSION: ("bias", "mean_label", "mean_prediction"),
}
"""What labels tell that come as totals alone; their files are not imported to know it."""

WEIGHTED = "weighted_"
"""`weighted_<metric>`: the same formula, rows counted as often as their weight says; of those that have a formula."""

AT_THRESHOLD = "_at_threshold"
"""`<metric>_at_threshold`: had another of the task's thresholds decided, `threshold=0.3` for each."""

_NEEDS = {
    "profit": Need.PAYOFF,
    "mase": Need.NAIVE_ERROR,
    "domain_auc": Need.SAMPLE,
    "energy_distance": Need.SAMPLE,
    **dict.fromkeys(("component_mean", "component_variance", "correlation_change"), Need.SECOND_MOMENTS),
    **dict.fromkeys(("outlier_share", "reconstruction_error"), Need.SECOND_MOMENTS),
    **dict.fromkeys(("group_broken", "shifted_join"), Need.SECOND_MOMENTS),
    LABEL_CORRELATION: Need.LABEL_MOMENTS,
    "relative_mae": Need.BASELINE,
    **dict.fromkeys(("pinball_loss", "quantile_coverage", "interval_coverage"), Need.QUANTILE),
    **dict.fromkeys(("interval_coverage_gap", "interval_score", "interval_width"), Need.QUANTILE),
}

GAIN = "_gain"
"""`<metric>_gain`: how much better than the baseline, of the same rows."""


@cache
def metric_names() -> frozenset[str]:
    """Every name that may stand in a spec; lists files, imports none (a metric's file bears its name)."""
    of_labels = labelled_names()
    beside = {f"{basis}.{name}" for basis in (NAIVE, FINAL, BOUNDS, *LABEL_FREE) for name in of_labels - COMPARED}
    return BESIDES | _listed(*ROOMS) | of_labels | beside


@cache
def labelled_names() -> frozenset[str]:
    """The metrics of labelled rows, those that weigh them among these; lists files, imports none."""
    weighed = (name for name in performance_names() - COMPARED if not name.endswith(AT_THRESHOLD))
    return performance_names() | {WEIGHTED + name for name in weighed}


def performance_names() -> frozenset[str]:
    """The metrics of labelled rows, each counted once; lists files, imports none."""
    return _listed("performance")


def quality_names() -> frozenset[str]:
    """The metrics of one profile; lists files, imports none."""
    return _listed("quality")


def fault_names() -> frozenset[str]:
    """The named faults; lists files, imports none."""
    return _listed("fault")


@cache
def _listed(*rooms: str) -> frozenset[str]:
    here = Path(__file__).parent
    return frozenset(module.name for module in pkgutil.iter_modules([str(here / room) for room in rooms]))


def need_of(name: str) -> Need | None:
    """What a metric of a name, whatever it is based on, asks of the spec; None: nothing besides labels."""
    plain = base_of(name)
    if plain in _NEEDS:
        return _NEEDS[plain]
    if plain.endswith(AT_THRESHOLD):
        return Need.THRESHOLDS
    if plain.endswith(GAIN):
        return Need.BASELINE
    return Need.WEIGHT if plain.startswith(WEIGHTED) else None
