"""A notifier as a task: a branch of the decision, or after it."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class NotifyOperator(BaseOperator):
    """Send a notification as a task of its own, which may fail and be tried again. notifier: any Airflow notifier."""

    def __init__(self, *, notifier: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.notifier = notifier

    def execute(self, context: Context) -> None:
        # Airflow renders a notifier's templates in place: the next run of this process must render them anew.
        copy.copy(self.notifier)(context)
