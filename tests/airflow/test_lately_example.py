"""The example of a trailing reference and of added quarters, run for real: what its docstring promises, happens."""

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from airflow_ml_monitor.keys import WindowRule, WindowUnit
from airflow_ml_monitor.monitor.checks.trailing import Trailing
from airflow_ml_monitor.monitor.run import Monitor, Run
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import scan

ROOT = Path(__file__).resolve().parents[2]
KEY, DAYS = "default/credit_lately", 6


@pytest.fixture
def example(desk, driver, tmp_path):
    """The example, shortened to the days that the desk has: of four, a day between."""
    (tmp_path / ".demo").mkdir()
    shutil.copytree(desk.data, tmp_path / ".demo" / "data")
    shutil.copy(ROOT / "dags" / "credit.yaml", tmp_path / "dags" / "credit.yaml")
    text = (ROOT / "dags" / "lately.py").read_text()
    return driver(text.replace("days=28", "days=4").replace("days=7", "days=1"))


@pytest.fixture
def profiled(desk, tmp_path):
    """The days before, profiled by the same spec."""
    spec = MonitorSpec.from_yaml(tmp_path / "dags" / "credit.yaml")
    windows = (WindowRule(WindowUnit.DAY), WindowRule(WindowUnit.QUARTER, added=True))
    day = timedelta(days=1)
    trailing = Trailing(span=4 * day, gap=day, rule="day")
    spec = replace(spec, name="credit_lately", windows=windows, reference=replace(spec.reference, trailing=trailing))
    store = desk.store()
    store.upgrade()
    for number in range(DAYS):
        scan(Monitor(spec, store), Run(desk.day(number), windows[0], desk.day(number).end))
    store.dispose()


@pytest.mark.airflow_min
def test_a_day_is_held_against_those_before_and_a_quarter_says_which_of_its_days_it_lacks(desk, example, profiled):
    window = desk.day(DAYS)
    known = {"known_at": window.end.isoformat()}
    told = example.run(
        "watch_credit_lately", run_type="scheduled", data_interval=(window.start, window.end), conf=known
    )
    assert told.state == "success"
    store = desk.store()
    (row,) = (r.measurement for r in store.current(KEY, metrics={"reference_windows"}))
    assert (row.estimate.value, row.estimate.n) == (4, sum(desk.rows_of(number) for number in range(1, 5)))
    assert row.reason == "2026-01-06 to 2026-01-09"
    found = [r.measurement for r in store.current(KEY, metrics={"psi"}) if r.head.window == window]
    assert {m.status.value for m in found if m.column == "income"} == {"ok"}

    quarter = WindowRule(WindowUnit.QUARTER).containing(window.start)
    ended = {"known_at": quarter.end.isoformat(), "window_start": quarter.start.isoformat()}
    told = example.run("watch_credit_quarters", conf={**ended, "window_end": quarter.end.isoformat()})
    assert told.state == "success"
    (row,) = (r.measurement for r in store.current(KEY, metrics={"row_count"}, rule="quarter@UTC"))
    days = "2026-01-01, 2026-01-02, 2026-01-03 and 80 more"
    assert (row.status, row.reason) == ("failed", f"83 of its 90 days cannot be added: {days} (not measured)")
    assert store.decisions(KEY)[-1].action == "investigate_data"
