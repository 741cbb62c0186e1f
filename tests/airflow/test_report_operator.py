"""The page of a run's window, written by a task."""

from pathlib import Path

import pytest

from airflow_ml_monitor import DataQualityOperator, DecideOperator, ProfileOperator, ReportOperator
from airflow_ml_monitor.airflow_compat import DAG
from airflow_ml_monitor.report.page import report


@pytest.mark.airflow_min
def test_the_page_of_the_runs_day_is_written_to_the_rendered_path_as_the_run_knew_it(desk, run_task):
    spec, dag_run = desk.spec(), desk.run(2)
    wanted = str(desk.home / "pages" / "{{ dag_run.run_id }}.html")
    page = {"path": wanted}
    for kind in (ProfileOperator, DataQualityOperator, DecideOperator, ReportOperator):
        with DAG("d", schedule=None):
            task = kind(task_id="step", spec=spec, **(page if kind is ReportOperator else {}))
        result, api = run_task(task, dag_run=dag_run)
        assert result.error is None
    value = api.pushed["step", "return_value"]
    assert "{{" not in value
    text = Path(value).read_text(encoding="utf-8")
    (decision,) = desk.store().decisions(spec.key)
    assert text == report(desk.store(), spec.key, as_of=decision.known_at)
    assert decision.id in text
    assert f"{desk.day(2).start:%Y-%m-%d}" in text
