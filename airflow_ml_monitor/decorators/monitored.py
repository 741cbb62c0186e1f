"""`@task.monitored`: what a task returns, profiled and judged."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import DecoratedOperator, context_merge, determine_kwargs, task_decorator_factory
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.hooks.monitor_run import opened
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.operators.branches import decided, small
from airflow_ml_monitor.operators.step import STARTED, MonitorStep
from airflow_ml_monitor.profile.file_source import Files

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run


class MonitoredOperator(DecoratedOperator, MonitorStep):
    """Run the function, then measure and judge the rows that it returns as the monitor's first dataset.

    spec: a MonitorSpec, or its document as a mapping, in which that dataset needs no `source`: the rows are what the
    function returns, a DataFrame, or the path (or glob) of a file that it wrote, or `Files` of an object store or a
    lake's table, with their connection. Rows outside the run's window are left out, as in every step. Where the spec
    has labels, the dataset's `source` must be given as well: labels are joined with the predictions of every day, and
    the task returns those of one.
    known_at: by default the moment at which the run was started, as of MonitorOperator: a second try knows what the
    first one knew, and comes to the same decision.
    Returns the path; for a DataFrame the small decision, as rows have no place in XCom. Pushes the XCom `decision`, as
    DecideOperator does, so that a DecisionNotifier or the trigger of a retraining may follow. Drift never fails the
    task; a wrong spec fails it when the DAG is parsed, and another type than these after the function has run.
    """

    custom_operator_name = "@task.monitored"
    template_fields: Sequence[str] = (*DecoratedOperator.template_fields, *MonitorStep.template_fields)

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        spec: MonitorSpec | Mapping[str, Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        known_at: str | None = STARTED,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("multiple_outputs", None)
        kwargs |= {"op_args": op_args, "op_kwargs": op_kwargs, "known_at": known_at}
        super().__init__(python_callable=python_callable, spec=_spec(spec), **kwargs)
        self._place: str | Files | None = None

    def execute(self, context: Context) -> Any:
        from airflow_ml_monitor.monitor.whole import measure_all

        context_merge(context, self.op_kwargs)
        arguments = determine_kwargs(self.python_callable, self.op_args, context)
        rows = self.python_callable(*self.op_args, **arguments)
        run = self.run_of(context)
        with opened(self.spec, self.conn_id) as monitor:
            measure_all(monitor, run, _checked(rows))
            decision, acts = decided(monitor, run)
        self._stored, self._place = run, None if _is_frame(rows) else _checked(rows)
        self.log.info("%s: %s", decision.action, decision.because)
        told = small(decision, acts)
        context["ti"].xcom_push(key="decision", value=told)
        return told if _is_frame(rows) else str(rows)

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import WHOLE_WINDOW, lineage_of

        return lineage_of(monitor.on(self._place), run, WHOLE_WINDOW)


def monitored(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """The decorator; its arguments are those of MonitoredOperator."""
    return task_decorator_factory(python_callable=python_callable, decorated_operator_class=MonitoredOperator, **kwargs)


def _spec(spec: MonitorSpec | Mapping[str, Any]) -> MonitorSpec:
    if isinstance(spec, MonitorSpec):
        return spec
    first, *others = spec.get("datasets", ({},))
    if spec.get("labels") and "source" not in first:
        raise SpecError(
            "labels are joined with the predictions of every day, and the task returns those of one; "
            "give the source that holds them all, e.g. a glob",
            field="datasets.0.source",
        )
    return MonitorSpec.from_document({**spec, "datasets": [{"source": "what the task returns", **first}, *others]})


def _is_frame(rows: Any) -> bool:
    # Asked by name: pandas is not imported for a task that returns a path.
    return type(rows).__name__ == "DataFrame" and type(rows).__module__.startswith("pandas")


def _checked(rows: Any) -> Any:
    if _is_frame(rows):
        return rows
    # Files are a path as well, which says nothing of who may read it.
    if isinstance(rows, Files):
        return rows
    if isinstance(rows, (str, os.PathLike)):
        return os.fspath(rows)
    told = f"the task returned a {type(rows).__qualname__}; return a DataFrame, the path of a file, or Files"
    raise SpecError(told, field="return value")
