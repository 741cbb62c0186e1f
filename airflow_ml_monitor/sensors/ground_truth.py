"""Wait for labels, and fix what counts as known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import AirflowFailException, AirflowSkipException, PokeReturnValue
from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.hooks.monitor_run import run_of
from airflow_ml_monitor.hooks.run_window import resolve_known_at
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.profile.task import TaskKind
from airflow_ml_monitor.sensors.wait import Wait
from airflow_ml_monitor.triggers.ground_truth import GroundTruthTrigger, asked
from airflow_ml_monitor.triggers.polling import carried
from airflow_ml_monitor.truth.maturity import Enough

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_ml_monitor.monitor import label_condition
    from airflow_ml_monitor.monitor.run import Run

DEADLINES = ("go_on", "skip", "fail")


class GroundTruthSensor(Wait):
    """Wait until labels of the run's window have come, by share, class or horizon; hand on the moment as `known_at`.

    Of every label source all that is given must hold; without any it waits for nothing and only fixes the moment:
    coverage: share of the window's predictions that need a label, in [0, 1].
    positives, negatives: labels of each class, of a binary task; in rows, as how many of a class a window holds is not
    known before all its labels are, and as rows are what the interval of a recall or a ROC AUC depends on.
    arrived: labels that became known since the window was last measured: enough for measuring it again.
    The horizon of the label source ends the wait as well: nothing more is awaited.
    deadline: how long after the window's end the wait is over; then on_deadline: 'go_on' with what there is, 'skip'
    or 'fail'. A run whose known_at is fixed (conf, backfill) cannot wait: its deadline is now.
    deferrable: between looks wait in the triggerer, which then reads label files only when they change.
    Returns {known_at, reached, coverage, positives, negatives, arrived: each by label source}.
    """

    template_fields: Sequence[str] = ("window_start", "window_end")

    def __init__(
        self,
        *,
        spec: MonitorSpec,
        coverage: float = 0.0,
        positives: int = 0,
        negatives: int = 0,
        arrived: int = 0,
        deadline: timedelta | None = None,
        on_deadline: str = "go_on",
        rule: str = "",
        window_start: str | None = None,
        window_end: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        try:
            self.enough = Enough(coverage, positives, negatives, arrived)
        except SpecError as error:
            raise SpecError(f"{self.task_id}.{error}") from error
        if (positives or negatives) and spec.task.kind is not TaskKind.BINARY:
            raise SpecError(
                f"no label of a {spec.task.kind} is positive or negative; wait for coverage or arrived",
                field=f"{self.task_id}.positives",
            )
        if on_deadline not in DEADLINES:
            raise UnknownName("choice", on_deadline, DEADLINES, field=f"{self.task_id}.on_deadline")
        if self.deferrable:
            carried(spec, f"{self.task_id}.deferrable")
        self.spec = spec
        self.deadline = deadline
        self.on_deadline = on_deadline
        self.rule = str(spec.rule(rule))
        self.window_start = window_start
        self.window_end = window_end
        self._seen: Mapping[str, str] | None = {} if self.mode == "poke" else None

    def poke(self, context: Context) -> PokeReturnValue:
        from airflow_ml_monitor.monitor.label_condition import Answer

        run, wait = self._waited_for(context)
        if not wait.enough or not self.spec.labels:
            return PokeReturnValue(is_done=True, xcom_value=Answer(run.known_at).document())
        answer = asked(self.spec, self.conn_id, run, wait, self._seen)
        # In `poke` mode this process looks again; of another look it would not be known what was seen.
        self._seen = answer.seen if self._seen is not None else None
        if not answer.is_over:
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self.ended(answer.document()))

    def trigger(self, context: Context) -> GroundTruthTrigger:
        run, wait = self._waited_for(context)
        return GroundTruthTrigger.of(self.spec, run, wait, conn_id=self.conn_id, poke_interval=self.poke_interval)

    def ended(self, found: dict[str, Any]) -> dict[str, Any]:
        if found["reached"] or self.on_deadline == "go_on":
            return found
        at_hand = {name: found[name] for name in ("coverage", "positives", "negatives", "arrived")}
        text = f"labels known at {found['known_at']}: {at_hand}; wanted {self.enough}, and the wait is over"
        raise AirflowFailException(text) if self.on_deadline == "fail" else AirflowSkipException(text)

    def _waited_for(self, context: Context) -> tuple[Run, label_condition.Wait]:
        from airflow_ml_monitor.monitor.label_condition import Wait

        run = run_of(context, self.spec, self.rule, (self.window_start, self.window_end))
        is_fixed = resolve_known_at(context, run.window) is not None
        deadline = None if self.deadline is None else run.window.end + self.deadline
        return run, Wait(self.enough, deadline, is_fixed)
