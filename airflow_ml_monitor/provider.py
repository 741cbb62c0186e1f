"""What Airflow is told about this package: a literal, read by every Airflow process, so it imports nothing.

Airflow refuses to start if `package-name` differs from the distribution's name; dashes, not underscores.
"""

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """The provider's description after Airflow's schema `provider_info.schema.json`."""
    return {
        "package-name": "airflow-ml-monitor",
        "name": "ML Monitor",
        "description": "Data quality, drift and performance under delayed labels, measured, stored and decided on.",
        "versions": ["0.1.0"],
        "integrations": [{"integration-name": "ML Monitor", "tags": ["software"]}],
        "operators": [
            {
                "integration-name": "ML Monitor",
                "python-modules": [
                    "airflow_ml_monitor.operators.freeze_reference",
                    "airflow_ml_monitor.operators.validate_rows",
                    "airflow_ml_monitor.operators.profile",
                    "airflow_ml_monitor.operators.data_quality",
                    "airflow_ml_monitor.operators.drift",
                    "airflow_ml_monitor.operators.performance",
                    "airflow_ml_monitor.operators.measure",
                    "airflow_ml_monitor.operators.decide",
                    "airflow_ml_monitor.operators.monitor",
                    "airflow_ml_monitor.operators.report",
                    "airflow_ml_monitor.operators.claim_retraining",
                    "airflow_ml_monitor.operators.settle_retraining",
                    "airflow_ml_monitor.operators.notify",
                ],
            }
        ],
        "sensors": [
            {
                "integration-name": "ML Monitor",
                "python-modules": [
                    "airflow_ml_monitor.sensors.ground_truth",
                    "airflow_ml_monitor.sensors.measurement",
                ],
            }
        ],
        "triggers": [
            {
                "integration-name": "ML Monitor",
                "python-modules": [
                    "airflow_ml_monitor.triggers.ground_truth",
                    "airflow_ml_monitor.triggers.measurement",
                    "airflow_ml_monitor.triggers.labels_arrived",
                ],
            }
        ],
        "hooks": [
            {
                "integration-name": "ML Monitor",
                "python-modules": ["airflow_ml_monitor.hooks.metrics_store"],
            }
        ],
        "task-decorators": [
            {"name": "monitored", "class-name": "airflow_ml_monitor.decorators.monitored.monitored"},
        ],
        "notifications": ["airflow_ml_monitor.notifications.decision.DecisionNotifier"],
        "connection-types": [
            {
                "connection-type": "ml_monitor",
                "hook-class-name": "airflow_ml_monitor.hooks.metrics_store.MetricsStoreHook",
                "hook-name": "ML metrics store",
                "ui-field-behaviour": {
                    "hidden-fields": ["extra"],
                    "relabeling": {"host": "SQLAlchemy URL, or host", "schema": "Database"},
                    "placeholders": {"host": "postgresql+psycopg2://monitor@db:5432/ml_monitor"},
                },
                "conn-fields": {
                    "driver": {
                        "label": "Driver",
                        "description": "SQLAlchemy dialect and driver, where the host field holds no URL.",
                        "schema": {"type": ["string", "null"], "default": "postgresql+psycopg2"},
                    },
                    "create_tables": {
                        "label": "Create tables",
                        "description": "Create or migrate the tables on first use; else run `db upgrade` yourself.",
                        "schema": {"type": ["boolean", "null"], "default": False},
                    },
                },
            }
        ],
        "config": {
            "ml_monitor": {
                "description": "ML monitoring.",
                "options": {
                    "sqlite_file": {
                        "description": "The metrics database while there is neither the connection ml_monitor_default "
                        "nor the variable ML_MONITOR_STORE; relative to AIRFLOW_HOME. Used with local executors only.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "ml_monitor.db",
                        "default": "ml_monitor.db",
                    },
                },
            }
        },
    }
