"""A monitor's whole day in one process."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import BaseBranchOperator
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.hooks.monitor_run import failing_at_once, opened
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.operators.branches import Branches, decided, small
from airflow_ml_monitor.operators.step import STARTED, MonitorStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run

_NAME = "{{ task.monitor_name }}"


class MonitorOperator(MonitorStep, BaseBranchOperator):
    """Measure and judge a window in one task: profile, quality, contract, drift, performance, decision, branch.

    Stores the same rows as the tasks of `monitor_tasks`, and pays the imports of one process for those of six; of six,
    each can be seen, timed and cleared by itself. It waits for no labels.

    spec: a MonitorSpec; or its document as a mapping, or the path of its YAML file, relative to the DAG's file. The
    latter two are read when the task runs: a parse reads nothing, and one that is broken fails its own task, at once.
    known_at: by default the moment at which the run was started, so that a second try knows what the first one knew
    and comes to the same decision; a run that is cleared when it is over is judged anew. Labels that came later count
    the next day. After a GroundTruthSensor give its moment, `{{ ti.xcom_pull(task_ids='labels')['known_at'] }}`.
    branches, act_in_backfill: as of DecideOperator.
    Returns the small decision, and pushes it as the XCom `decision`: id, monitor, action, because, incident, acts, …

    Mapped, `MonitorOperator.partial(task_id="watch").expand(spec=[...])`, each spec is a task of its own, called by
    its monitor's name. Airflow skips nothing for one map index alone, so a mapped one may have no branches: what is to
    follow is mapped over the returned decisions of those that ask for it, as `monitors_dag` does.
    """

    template_fields: Sequence[str] = (*MonitorStep.template_fields, "spec")

    def __init__(
        self,
        *,
        spec: MonitorSpec | Mapping[str, Any] | str | os.PathLike[str],
        branches: Mapping[str, Sequence[str]] | None = None,
        act_in_backfill: bool = False,
        known_at: str | None = STARTED,
        map_index_template: str | None = _NAME,
        **kwargs: Any,
    ) -> None:
        given: Any = spec
        super().__init__(spec=given, known_at=known_at, map_index_template=map_index_template, **kwargs)
        self.branches = Branches.of(branches, self.task_id)
        self.act_in_backfill = act_in_backfill

    @property
    def monitor_name(self) -> str:
        """The monitor's name; of a file that is not read yet the file's."""
        spec: Any = self.spec
        if isinstance(spec, Mapping):
            return str(spec.get("name", ""))
        return str(spec.name) if isinstance(spec, MonitorSpec) else Path(str(spec)).stem

    def execute(self, context: Context) -> dict[str, Any]:
        from airflow_ml_monitor.monitor.whole import measure_all

        with failing_at_once():
            self._read(context)
        run = self.run_of(context)
        with opened(self.spec, self.conn_id) as monitor:
            measure_all(monitor, run)
            decision, acts = decided(monitor, run, act_in_backfill=self.act_in_backfill)
        self._stored = run
        self.log.info("%s: %s", decision.action, decision.because)
        told = small(decision, acts)
        self._hand_on(context, told)
        return told

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from dataclasses import replace

        from airflow_ml_monitor.monitor.lineage import WHOLE_WINDOW, lineage_of

        return lineage_of(monitor, run, replace(WHOLE_WINDOW, writes=(*WHOLE_WINDOW.writes, "decision")))

    def _read(self, context: Context) -> None:
        """The spec, if it was given as something to read; and whether its branches can be followed."""
        from airflow_ml_monitor.monitor.document import read

        self.spec = read(self.spec, self.dag.fileloc)
        self.spec.rule(self.rule)
        self.branches.check(self)
        if not _is_mapped(context):
            return
        # Airflow 3.1 does not give a mapped task its operator's own template.
        context["map_index_template"] = context.get("map_index_template") or _NAME
        if self.branches.ids:
            raise SpecError(
                "a mapped task cannot skip what follows one map index; map what is to follow over its output",
                field=f"{self.task_id}.branches",
            )

    def _hand_on(self, context: Context, told: dict[str, Any]) -> None:
        context["ti"].xcom_push(key="decision", value=told)
        if not _is_mapped(context):
            # A task that skips others ends with that, and what it returns would be lost.
            context["ti"].xcom_push(key="return_value", value=told)
            self.do_branch(context, self.branches.followed(self, told["action"], told["acts"]))


def _is_mapped(context: Context) -> bool:
    index = context["ti"].map_index
    return index is not None and index >= 0
