"""How much is measured and judged: presets, and what the model's importance makes of them. Pure.

basic      a small team with a minor model; its DAG has three tasks. Measured: row count, duplicates, completeness,
           unseen categories and, with labels, one number for performance. Judged: broken data, and with labels that
           number (alert). No contract, no drift, no charts, no slices.
standard   measured besides: means, quantiles, freshness, psi, and the usual performance metrics. Judged besides: drift
           (psi, alert), calibration or error, and labels that stopped (alert); a lasting loss of performance means
           retrain. Charts watch every column. The contract is inferred from the reference and stands in a file.
full       every metric there is, by slice too. Bounds are stricter; wasserstein looks for values that explode, and
           labels that slowed down are told. Charts watch the performance too, of the whole and of each slice.

Importance sets what a broken bound is worth, how often it must break, and how many labels must stand behind it. Broken
data is judged at the first window, as critical, whatever the importance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from airflow_ml_monitor.monitor.spec import Importance
from airflow_ml_monitor.profile.dataset import Role
from airflow_ml_monitor.profile.task import TaskKind

AT: Final = "at"
"""Parameters of a ranking's metrics: the first places that the task looks at."""


class Preset(StrEnum):
    BASIC = "basic"
    STANDARD = "standard"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class _Row:
    """A rule. bound: its name, or 'within' for both sides; bounds: by preset, None where it is not judged.

    without: the bound where no reference has labels. parameters: of the metric, AT for a ranking's. needs: a column.
    """

    name: str
    metric: str
    bound: str
    bounds: tuple[float | None, float | None, float | None]
    action: str
    task: TaskKind | None = None
    without: Mapping[str, float] = field(default_factory=dict)
    parameters: str = ""
    needs: Role | None = None


_ROWS: Final = (
    _Row("values vanish", "completeness", "fall", (0.2, 0.1, 0.05), "investigate_data"),
    _Row("unknown categories", "unseen_share", "rise", (0.2, 0.1, 0.05), "investigate_data"),
    _Row("values explode", "wasserstein", "max", (None, None, 3), "investigate_data"),
    _Row("inputs drift", "psi", "max", (None, 0.2, 0.1), "alert"),
    _Row("ranking got worse", "roc_auc", "fall", (0.05, 0.03, 0.02), "retrain", TaskKind.BINARY, {"min": 0.7}),
    _Row(
        *("probabilities are off", "expected_calibration_error", "rise", (None, 0.05, 0.03), "alert"),
        *(TaskKind.BINARY, {"max": 0.1}),
    ),
    _Row("errors grew", "mae", "rise_share", (0.3, 0.2, 0.1), "retrain", TaskKind.REGRESSION, {"max": 1.0}),
    _Row("answers got worse", "accuracy", "fall", (0.05, 0.05, 0.03), "retrain", TaskKind.MULTICLASS, {"min": 0.7}),
    _Row(
        *("probabilities are off", "expected_calibration_error", "rise", (None, 0.05, 0.03), "alert"),
        *(TaskKind.MULTICLASS, {"max": 0.1}, "", Role.SCORE),
    ),
    _Row(
        *("labels are missed", "f1", "fall", (0.1, 0.05, 0.03), "retrain", TaskKind.MULTILABEL, {"min": 0.7}),
        "average=micro",
    ),
    _Row(
        *("new labels", "label_rate", "max", (None, 0.05, 0.02), "alert", TaskKind.MULTILABEL, {"max": 0.05}),
        "class=undeclared",
    ),
    _Row("out of order", "ndcg", "fall", (0.1, 0.05, 0.03), "retrain", TaskKind.RANKING, {"min": 0.5}, AT),
    _Row(
        *("nothing relevant", "queries_without_relevant", "rise", (0.2, 0.1, 0.1), "investigate_data"),
        *(TaskKind.RANKING, {"max": 0.5}),
    ),
    _Row(
        *("too sure of itself", "interval_coverage_gap", "within", (None, 0.1, 0.05), "alert"),
        *(TaskKind.REGRESSION, {}, "", Role.QUANTILE),
    ),
    _Row("labels stopped", "label_silence", "max", (None, 0, 0), "alert"),
    _Row("labels slowed down", "label_delay", "max", (None, None, 1.2), "alert"),
    _Row("errors begin to grow", "mae", "rise_share", (None, 0.1, 0.05), "alert", TaskKind.REGRESSION, {"max": 1.0}),
)

_PROOF: Final[Mapping[Importance, tuple[str, str, int, int, int]]] = {
    Importance.LOW: ("info", "warning", 3, 4, 500),
    Importance.NORMAL: ("warning", "critical", 2, 3, 200),
    Importance.HIGH: ("critical", "critical", 1, 1, 100),
}
"""Severity of an alert, of a retraining; broken in k of the last m windows; with at least so many labels."""

_QUALITY: Final = ("row_count", "duplicate_rows", "completeness", "unseen_share")
_DRIFT: Final = ("mean", "quantiles", "freshness", "psi")
_PERFORMANCE: Final[Mapping[Preset, Mapping[TaskKind, tuple[str, ...]]]] = {
    Preset.BASIC: {
        TaskKind.BINARY: ("roc_auc",),
        TaskKind.REGRESSION: ("mae",),
        TaskKind.MULTICLASS: ("accuracy",),
        TaskKind.MULTILABEL: ("f1",),
        TaskKind.RANKING: ("ndcg", "queries_without_relevant"),
    },
    Preset.STANDARD: {
        TaskKind.BINARY: ("roc_auc", "average_precision", "expected_calibration_error", "precision", "recall"),
        TaskKind.REGRESSION: ("mae", "rmse", "bias"),
        TaskKind.MULTICLASS: ("accuracy", "balanced_accuracy", "expected_calibration_error", "precision", "recall"),
        TaskKind.MULTILABEL: ("f1", "precision", "recall", "accuracy", "label_rate"),
        TaskKind.RANKING: ("ndcg", "mean_reciprocal_rank", "recall_at_k", "queries_without_relevant"),
    },
}

_QUANTILES: Final = ("interval_coverage_gap", "interval_width", "pinball_loss")
"""Of a regression that forecasts them, besides."""

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a draft is for. labelled: there is a label source; relative: the reference holds labels.

    roles: of its columns; at: the parameters of a ranking's metrics that a rule judges.
    """

    preset: Preset
    importance: Importance
    task: TaskKind
    labelled: bool
    relative: bool
    categories: bool
    roles: frozenset[Role] = frozenset()
    at: str = ""

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
        mine = _PERFORMANCE[self.preset][self.task] if self.labelled else ()
        has_quantiles = self.labelled and self.preset is Preset.STANDARD and Role.QUANTILE in self.roles
        return (*_QUALITY, *drift, *mine, *(_QUANTILES if has_quantiles else ()))

    @property
    def charts(self) -> tuple[str | Rule, ...]:
        """What charts watch; nothing: none."""
        if self.preset is not Preset.FULL or not self.labelled:
            return () if self.preset is Preset.BASIC else ("shift",)
        return "shift", {"metric": next(row.metric for row in _ROWS if row.task is self.task), "slices": True}

    @property
    def rules(self) -> list[tuple[Rule, str]]:
        """Each rule, and what a human must say about it (empty: nothing)."""
        return [self._rule(row) for row in _ROWS if self._bound(row) is not None and self._is_for(row)]

    def _bound(self, row: _Row) -> float | None:
        return row.bounds[list(Preset).index(self.preset)]

    def _is_for(self, row: _Row) -> bool:
        if row.task:
            return self.labelled and row.task is self.task and (row.needs is None or row.needs in self.roles)
        if row.metric in ("label_silence", "label_delay"):
            return self.labelled
        return self.categories or row.metric != "unseen_share"

    def _rule(self, row: _Row) -> tuple[Rule, str]:
        rule: Rule = {"name": row.name, "metric": row.metric}
        if row.parameters:
            rule["parameters"] = self.at if row.parameters == AT else row.parameters
        bare, bound, is_absolute = dict(rule), self._bound(row) or 0, row.bound in ("min", "max", "within")
        rule |= {"min": -bound, "max": bound} if row.bound == "within" else {row.bound: self._bound(row)}
        todo = f"the reference holds no label to compare with; which {row.metric} is still good?"
        is_asked = row.task is not None and not self.relative and not is_absolute
        rule, todo = ({**bare, **row.without}, todo) if is_asked else (rule, "")
        if row.action == "investigate_data":
            return {**rule, "action": row.action, "severity": "critical"}, todo
        alert, retrain, k, m, least_n = _PROOF[self.importance]
        action = "alert" if self.preset is Preset.BASIC else row.action
        proof = {"k": k, "m": m, **({"least_n": least_n} if row.task else {})}
        often = {"action": action, **proof, "severity": retrain if action == "retrain" else alert}
        return {**rule, **often}, todo
