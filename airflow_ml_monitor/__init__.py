"""ML monitoring for Apache Airflow: data quality, drift, performance under delayed labels, and a decision.

Public names load lazily (PEP 562), so that importing the package at DAG-parse time costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
    from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit
    from airflow_ml_monitor.monitor.checks.trailing import Trailing
    from airflow_ml_monitor.monitor.parting import parts_by_value
    from airflow_ml_monitor.monitor.reading import history
    from airflow_ml_monitor.monitor.spec import MonitorSpec, Reference
    from airflow_ml_monitor.notifications.decision import DecisionNotifier
    from airflow_ml_monitor.onboarding.draft import draft
    from airflow_ml_monitor.onboarding.preflight import preflight
    from airflow_ml_monitor.operators.claim_retraining import ClaimRetrainingOperator
    from airflow_ml_monitor.operators.data_quality import DataQualityOperator
    from airflow_ml_monitor.operators.decide import DecideOperator
    from airflow_ml_monitor.operators.drift import DriftOperator
    from airflow_ml_monitor.operators.freeze_reference import FreezeReferenceOperator
    from airflow_ml_monitor.operators.measure import MeasureOperator
    from airflow_ml_monitor.operators.monitor import MonitorOperator
    from airflow_ml_monitor.operators.notify import NotifyOperator
    from airflow_ml_monitor.operators.performance import PerformanceOperator
    from airflow_ml_monitor.operators.profile import ProfileOperator
    from airflow_ml_monitor.operators.report import ReportOperator
    from airflow_ml_monitor.operators.settle_retraining import SettleRetrainingOperator
    from airflow_ml_monitor.operators.validate_rows import ValidateRowsOperator
    from airflow_ml_monitor.policy.chart import Chart
    from airflow_ml_monitor.policy.rule import Policy, Rule
    from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
    from airflow_ml_monitor.profile.file_source import Files, Format
    from airflow_ml_monitor.profile.label_source import LabelSource
    from airflow_ml_monitor.profile.replay import Replay
    from airflow_ml_monitor.profile.spark_source import Spark
    from airflow_ml_monitor.profile.table import Table
    from airflow_ml_monitor.profile.task import Task
    from airflow_ml_monitor.report.plot import plot
    from airflow_ml_monitor.sensors.ground_truth import GroundTruthSensor
    from airflow_ml_monitor.sensors.measurement import MeasurementSensor
    from airflow_ml_monitor.store.repository import MetricsStore
    from airflow_ml_monitor.task_groups.monitor_tasks import monitor_tasks
    from airflow_ml_monitor.task_groups.monitoring_dag import monitoring_dag
    from airflow_ml_monitor.task_groups.monitors_dag import monitors_dag
    from airflow_ml_monitor.task_groups.retrain_dag import retrain_dag

__version__ = "0.1.0"

_HOMES = {
    "MonitorSpec": "monitor.spec",
    "Dataset": "profile.dataset",
    "Column": "profile.dataset",
    "Kind": "profile.dataset",
    "Role": "profile.dataset",
    "Task": "profile.task",
    "LabelSource": "profile.label_source",
    "Replay": "profile.replay",
    "Files": "profile.file_source",
    "Format": "profile.file_source",
    "Table": "profile.table",
    "Spark": "profile.spark_source",
    "Reference": "monitor.spec",
    "Trailing": "monitor.checks.trailing",
    "Window": "keys",
    "WindowRule": "keys",
    "WindowUnit": "keys",
    "Policy": "policy.rule",
    "Rule": "policy.rule",
    "Chart": "policy.chart",
    "monitoring_dag": "task_groups.monitoring_dag",
    "monitors_dag": "task_groups.monitors_dag",
    "monitor_tasks": "task_groups.monitor_tasks",
    "retrain_dag": "task_groups.retrain_dag",
    "FreezeReferenceOperator": "operators.freeze_reference",
    "ValidateRowsOperator": "operators.validate_rows",
    "ProfileOperator": "operators.profile",
    "DataQualityOperator": "operators.data_quality",
    "DriftOperator": "operators.drift",
    "PerformanceOperator": "operators.performance",
    "MeasureOperator": "operators.measure",
    "DecideOperator": "operators.decide",
    "MonitorOperator": "operators.monitor",
    "ReportOperator": "operators.report",
    "ClaimRetrainingOperator": "operators.claim_retraining",
    "SettleRetrainingOperator": "operators.settle_retraining",
    "NotifyOperator": "operators.notify",
    "DecisionNotifier": "notifications.decision",
    "GroundTruthSensor": "sensors.ground_truth",
    "MeasurementSensor": "sensors.measurement",
    "MetricsStoreHook": "hooks.metrics_store",
    "MetricsStore": "store.repository",
    "parts_by_value": "monitor.parting",
    "history": "monitor.reading",
    "plot": "report.plot",
    "draft": "onboarding.draft",
    "preflight": "onboarding.preflight",
}

__all__ = [
    "MonitorSpec",
    "Dataset",
    "Column",
    "Kind",
    "Role",
    "Task",
    "Trailing",
    "LabelSource",
    "Replay",
    "Files",
    "Format",
    "Table",
    "Spark",
    "Reference",
    "Window",
    "WindowRule",
    "WindowUnit",
    "Policy",
    "Rule",
    "Chart",
    "monitoring_dag",
    "monitors_dag",
    "monitor_tasks",
    "retrain_dag",
    "FreezeReferenceOperator",
    "ValidateRowsOperator",
    "ProfileOperator",
    "DataQualityOperator",
    "DriftOperator",
    "PerformanceOperator",
    "MeasureOperator",
    "DecideOperator",
    "MonitorOperator",
    "ReportOperator",
    "ClaimRetrainingOperator",
    "SettleRetrainingOperator",
    "NotifyOperator",
    "DecisionNotifier",
    "GroundTruthSensor",
    "MeasurementSensor",
    "MetricsStoreHook",
    "MetricsStore",
    "parts_by_value",
    "history",
    "plot",
    "draft",
    "preflight",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted((*globals(), *__all__))
