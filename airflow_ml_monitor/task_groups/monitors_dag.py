"""Many monitors as one DAG."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from airflow_ml_monitor.airflow_compat import DAG, AirflowSkipException, CronTriggerTimetable, TriggerRule, task
from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.hooks.metrics_store import MetricsStoreHook
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.operators.monitor import MonitorOperator
from airflow_ml_monitor.policy.rule import Action

Written = MonitorSpec | Mapping[str, Any] | str | os.PathLike[str]
_NAME = re.compile(r"^name:[ \t]*([^#\n]*[^#\s])", re.MULTILINE)
_NAMESPACE = re.compile(r"^namespace:[ \t]*([^#\n]*[^#\s])", re.MULTILINE)


def monitors_dag(
    specs: str | os.PathLike[str] | Iterable[Written],
    start_date: datetime,
    *,
    on: Mapping[str, Callable[[Any], Any]] | None = None,
    dag_id: str = "monitors",
    rule: str = "",
    conn_id: str = MetricsStoreHook.default_conn_name,
    **kwargs: Any,
) -> DAG:
    """A DAG of one mapped MonitorOperator: every monitor is measured and judged in a task of its own, and no other.

    specs: a folder, relative to the DAG's file, each of whose YAML files is a monitor; or a list of specs, their
    documents or paths. No file is parsed as YAML here: the task that watches a monitor reads it, so that a broken one
    fails alone. Other monitors go on, and the run fails.
    on: {action: function}. It is called inside the DAG with the decisions that ask for the action, a list made by a
    task once all monitors are done: `lambda asked: tell(asked)` is one task for all of them,
    `lambda asked: tell.expand(decision=asked)` one for each, `lambda asked: retrain_dag("train", decisions=asked)` a
    run of a DAG for each. Skipped where nobody asks.
    None of them waits for another: an `upstream` monitor belongs into a DAG that runs before.
    A run starts at midnight in UTC unless `schedule` is given, and is about the last window of each monitor that is
    over. rule: as of `monitor_tasks`; empty means the first of each. Other arguments are the DAG's.
    """
    from airflow_ml_monitor.monitor.document import caller_file

    watched = _listed(specs, Path(caller_file(1)).parent)
    for action in on or {}:
        if action not in set(Action):
            raise UnknownName("action", action, Action, field="on")
    settings = {
        "schedule": CronTriggerTimetable("0 0 * * *", timezone="UTC"),
        "catchup": False,
        "max_active_runs": 1,
        "tags": ["ml-monitor"],
        "default_args": {"retries": 2},
        **kwargs,
    }
    with DAG(dag_id, start_date=start_date, **settings) as dag:
        watch = MonitorOperator.partial(task_id="watch", rule=rule, conn_id=conn_id).expand(spec=watched)
        if on:
            _all_watched(watch)
        for action, follow in sorted((on or {}).items()):
            follow(_asking(watch.output, action))
    return dag


def _all_watched(watch: Any) -> None:
    """An end that fails where a monitor failed: what follows the others' decisions would leave the run green."""
    from airflow.providers.standard.operators.empty import EmptyOperator

    watch >> EmptyOperator(task_id="all_watched")


def _asking(decisions: Any, action: str) -> Any:
    """The decisions that ask for an action, of those that were made: a monitor that failed made none."""

    @task(task_id=f"asking_to_{action}", trigger_rule=TriggerRule.ALL_DONE)
    def asking(made: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        # A slice is one request to Airflow's API; an iteration is one each.
        wanted = [decision for decision in made[:] if decision["acts"] and decision["action"] == action]
        if not wanted:
            raise AirflowSkipException(f"no monitor asks to {action}")
        return wanted

    return asking(decisions)


def _listed(specs: str | os.PathLike[str] | Iterable[Written], folder: Path) -> list[Written]:
    """The specs in an order that does not change; paths as they are relative to the DAG's file."""
    if isinstance(specs, (str, os.PathLike)):
        found = sorted(path for path in (folder / specs).glob("*") if path.suffix in (".yaml", ".yml"))
        listed: list[Written] = [os.path.relpath(path, folder) for path in found]
        if not listed:
            raise SpecError(f"no YAML file in {str(folder / specs)!r}; put the monitors' specs there", field="specs")
    else:
        listed = [os.fspath(one) if isinstance(one, os.PathLike) else one for one in specs]
    _check_distinct(listed, folder)
    return listed


def _check_distinct(listed: Sequence[Written], folder: Path) -> None:
    """A copied file whose name was not changed would be two specs of one monitor, in turn."""
    known: dict[str, Written] = {}
    for one in listed:
        key = _key(one, folder)
        if key and key in known:
            raise SpecError(f"{known[key]!s} and {one!s} are both called {key!r}; name one otherwise", field="specs")
        known[key] = one


def _key(one: Written, folder: Path) -> str:
    """The monitor's key as far as a look tells it; YAML is not parsed, which takes a hundred times as long."""
    if isinstance(one, MonitorSpec):
        return one.key
    if isinstance(one, Mapping):
        return f"{one.get('namespace', 'default')}/{one['name']}" if "name" in one else ""
    path = folder / one
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    name, namespace = _NAME.search(text), _NAMESPACE.search(text)
    return f"{_plain(namespace[1]) if namespace else 'default'}/{_plain(name[1])}" if name else ""


def _plain(value: str) -> str:
    return value.strip("'\"")
