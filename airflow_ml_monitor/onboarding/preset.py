"""How much is measured and judged: presets, and what the model's importance makes of them. Pure.

basic      a small team with a minor model; its DAG has three tasks. Measured: row count, duplicates, completeness,
           unseen categories and, with labels, one number for performance. Judged: broken data, and with labels that
           number (alert). No contract, no drift, no slices.
standard   measured besides: means, quantiles, freshness, psi, and the usual performance metrics. Judged besides: drift
           (psi, alert) and calibration or error (alert); a lasting loss of performance means retrain. The contract is
           inferred from the reference and stands in a file.
full       every metric there is, by slice too. Bounds are stricter; wasserstein looks for values that explode.

The bounds of a preset:          basic    standard   full
completeness may fall by         0.2      0.1        0.05
unseen categories may rise by    0.2      0.1        0.05     (share of rows; judged as broken data)
psi at most                      –        0.2        0.1
ROC AUC may fall by              0.05     0.03       0.02     (binary)
calibration error may rise by    –        0.05       0.03     (binary)
MAE may rise by                  30 %     20 %       10 %     (regression; the alert's bound is half of retrain's)

importance sets what a broken bound is worth, how often it must break, and how many rows must stand behind it:
low     alert info, retrain warning;         3 of the last 4 windows; 500 labels
normal  alert warning, retrain critical;     2 of the last 3 windows; 200 labels
high    alert critical, retrain critical;    the first window;        100 labels
Broken data is judged at the first window whatever the importance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from airflow_ml_monitor.monitor.spec import Importance
from airflow_ml_monitor.profile.dataset import TaskKind


class Preset(StrEnum):
    BASIC = "basic"
    STANDARD = "standard"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class _Bounds:
    completeness: float
    unseen: float
    psi: float | None
    auc: float
    calibration: float
    mae: float


_BOUNDS: Final[Mapping[Preset, _Bounds]] = {
    Preset.BASIC: _Bounds(0.2, 0.2, None, 0.05, 0.0, 0.3),
    Preset.STANDARD: _Bounds(0.1, 0.1, 0.2, 0.03, 0.05, 0.2),
    Preset.FULL: _Bounds(0.05, 0.05, 0.1, 0.02, 0.03, 0.1),
}


@dataclass(frozen=True, slots=True)
class _Weight:
    severity: str
    retrain: str
    k: int
    m: int
    least_n: int


_WEIGHTS: Final[Mapping[Importance, _Weight]] = {
    Importance.LOW: _Weight("info", "warning", 3, 4, 500),
    Importance.NORMAL: _Weight("warning", "critical", 2, 3, 200),
    Importance.HIGH: _Weight("critical", "critical", 1, 1, 100),
}

_QUALITY: Final = ("row_count", "duplicate_rows", "completeness", "unseen_share")
_DRIFT: Final = ("mean", "quantiles", "freshness", "psi")
_PERFORMANCE: Final[Mapping[Preset, Mapping[TaskKind, tuple[str, ...]]]] = {
    Preset.BASIC: {TaskKind.BINARY: ("roc_auc",), TaskKind.REGRESSION: ("mae",)},
    Preset.STANDARD: {
        TaskKind.BINARY: ("roc_auc", "average_precision", "expected_calibration_error", "precision", "recall"),
        TaskKind.REGRESSION: ("mae", "rmse", "bias"),
    },
}

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a draft is for. labelled: there is a label source; relative: the reference holds labels."""

    preset: Preset
    importance: Importance
    task: TaskKind
    labelled: bool
    relative: bool
    categories: bool

    @property
    def has_contract(self) -> bool:
        return self.preset is not Preset.BASIC

    @property
    def has_slices(self) -> bool:
        return self.preset is Preset.FULL

    @property
    def measurements(self) -> tuple[str, ...]:
        """Names of metrics; empty for all."""
        if self.preset is Preset.FULL:
            return ()
        drift = _DRIFT if self.preset is Preset.STANDARD else ()
        return (*_QUALITY, *drift, *(_PERFORMANCE[self.preset][self.task] if self.labelled else ()))

    @property
    def rules(self) -> list[tuple[Rule, str]]:
        """Each rule, and what a human must say about it (empty: nothing)."""
        found = [(rule, "") for rule in self._data()]
        if self.labelled:
            found += self._performance()
        return found

    def _data(self) -> list[Rule]:
        bounds, weight = _BOUNDS[self.preset], _WEIGHTS[self.importance]
        broken = {"action": "investigate_data", "severity": "critical"}
        found: list[Rule] = [{"name": "values vanish", "metric": "completeness", "fall": bounds.completeness, **broken}]
        if self.categories:
            found.append({"name": "unknown categories", "metric": "unseen_share", "rise": bounds.unseen, **broken})
        if self.preset is Preset.FULL:
            found.append({"name": "values explode", "metric": "wasserstein", "max": 3, **broken})
        if bounds.psi is not None:
            often = {"k": weight.k, "m": weight.m, "severity": weight.severity}
            found.append({"name": "inputs drift", "metric": "psi", "max": bounds.psi, "action": "alert", **often})
        return found

    def _performance(self) -> list[tuple[Rule, str]]:
        bounds, weight = _BOUNDS[self.preset], _WEIGHTS[self.importance]
        often = {"k": weight.k, "m": weight.m, "least_n": weight.least_n}
        alert = {"action": "alert", **often, "severity": weight.severity}
        retrain = {"action": "retrain", **often, "severity": weight.retrain}
        last = alert if self.preset is Preset.BASIC else retrain
        if self.task is TaskKind.BINARY:
            worse = {"name": "ranking got worse", "metric": "roc_auc"}
            found = [(self._bound(worse, {"fall": bounds.auc}, {"min": 0.7}) | last, "roc_auc")]
            if self.preset is not Preset.BASIC:
                off = {"name": "probabilities are off", "metric": "expected_calibration_error"}
                found.append((self._bound(off, {"rise": bounds.calibration}, {"max": 0.1}) | alert, off["metric"]))
        else:
            worse = {"name": "errors grew", "metric": "mae"}
            found = [(self._bound(worse, {"rise_share": bounds.mae}, {"max": 1.0}) | last, "mae")]
            if self.preset is not Preset.BASIC:
                soon = {"name": "errors begin to grow", "metric": "mae"}
                found.append((self._bound(soon, {"rise_share": bounds.mae / 2}, {"max": 1.0}) | alert, "mae"))
        todo = "the reference holds no label to compare with; which {} is still good?"
        return [(rule, "" if self.relative else todo.format(metric)) for rule, metric in found]

    def _bound(self, rule: Rule, relative: Rule, fixed: Rule) -> Rule:
        return {**rule, **(relative if self.relative else fixed)}
