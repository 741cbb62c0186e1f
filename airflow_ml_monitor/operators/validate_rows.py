"""Split a batch before it is scored: good rows go on, the others wait in quarantine with their reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_ml_monitor.airflow_compat import AirflowFailException, AirflowSkipException
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.expectations.written import check_written
from airflow_ml_monitor.measurement import Severity
from airflow_ml_monitor.operators.step import MonitorStep

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.lineage import Lineage
    from airflow_ml_monitor.monitor.run import Monitor, Run
    from airflow_ml_monitor.profile.file_source import Files


class ValidateRowsOperator(MonitorStep):
    """Split a batch before scoring into good rows and quarantine, each row with the rules that it breaks.

    source: a path, glob or directory of Parquet or CSV files, or `Files` of an object store. good, quarantine: Parquet
    files to write on this machine; each row of the batch is in one of them, as it was, and a retry replaces both.
    contract: as a spec names one, all of whose rules are meant; None: the spec's; that one and 'inferred' are without
    rules on columns that scoring adds. severity: rules of it, or graver, hold a row back. Rules that no single row can
    answer are left out, and named in the result. A rule whose column is missing or of another type holds back every
    row. row_model: 'package.module:Model', a Pydantic model that rows must fit besides.
    outliers: 0.001 holds back besides what lies farther out, all features together, than all but 0.1 % of the frozen
    reference's rows: each value may be ordinary, and the combination not (see the metric `outlier_share`). Reasons are
    `outlier`, and the two columns that explain most of it, as `outlier:age+income`.
    most_quarantined: a larger share of the rows fails the task, once the files and the measurements are stored.

    The shares are stored as `quarantined_rows`, by rule too. A batch that cannot be read is stored as failed, and
    skips what follows. Returns counts: rows, good, quarantined, by_reason, left_out.
    """

    template_fields: Sequence[str] = (*MonitorStep.template_fields, "source", "good", "quarantine")

    def __init__(
        self,
        *,
        source: str | Files,
        good: str,
        quarantine: str,
        contract: str | Mapping[str, Any] | None = None,
        severity: str = Severity.CRITICAL,
        row_model: str = "",
        outliers: float | None = None,
        most_quarantined: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.good = good
        self.quarantine = quarantine
        self.contract = contract
        self.severity = severity
        self.row_model = row_model
        self.outliers = outliers
        self.most_quarantined = most_quarantined
        check_written(contract)
        if severity not in tuple(Severity):
            raise SpecError(f"{severity!r} is none of {', '.join(Severity)}", field=f"severity of {self.task_id}")
        if outliers is not None and not 0 < outliers < 1:
            raise SpecError(f"{outliers} is no share between 0 and 1", field=f"outliers of {self.task_id}")
        if most_quarantined is not None and not 0 <= most_quarantined <= 1:
            raise SpecError(f"{most_quarantined} is no share in [0, 1]", field=f"most_quarantined of {self.task_id}")

    def measure(self, monitor: Monitor, run: Run) -> dict[str, Any]:
        from airflow_ml_monitor.hooks.connection_store import store_of
        from airflow_ml_monitor.monitor.rows import Batch, validate_rows
        from airflow_ml_monitor.profile.engines.embedded.located import located

        by = (self.contract, Severity(self.severity), self.row_model, self.outliers)
        batch = Batch(located(self.source, store_of), self.good, self.quarantine, *by)
        found = validate_rows(monitor, run, batch)
        self._stored = run
        if found.failed:
            raise AirflowSkipException(f"nothing to hand on: {found.failed}")
        if self.most_quarantined is not None and found.share > self.most_quarantined:
            held = f"{found.quarantined:,} of {found.rows:,} rows are held back, more than {self.most_quarantined:.1%}"
            raise AirflowFailException(f"{held}; see the measurements of quarantined_rows, and {self.quarantine!r}")
        return found.document()

    def lineage(self, monitor: Monitor, run: Run | None) -> Lineage:
        from airflow_ml_monitor.monitor.lineage import lineage_of_batch

        return lineage_of_batch(monitor, run, self.source, self.good, self.quarantine)
