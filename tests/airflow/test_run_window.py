"""Every kind of run resolves to one calendar window, seen through Airflow's own task runner."""

from datetime import UTC, datetime, timedelta

import pytest

from airflow_ml_monitor.airflow_compat import AIRFLOW_VERSION, DAG, BaseOperator
from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.hooks.run_window import is_backfill, resolve_known_at, resolve_window
from airflow_ml_monitor.keys import Window, WindowRule, WindowUnit

DAY = WindowRule(WindowUnit.DAY)
BERLIN = WindowRule(WindowUnit.DAY, "Europe/Berlin")
WEEK = WindowRule(WindowUnit.WEEK)


class Resolve(BaseOperator):
    """Pushes what a run resolves to, as text."""

    template_fields = ("start", "end")

    def __init__(self, *, rule, start=None, end=None, **rest):
        super().__init__(**rest)
        self.rule, self.start, self.end = rule, start, end

    def execute(self, context):
        window = resolve_window(context, self.rule, self.start, self.end)
        known_at = resolve_known_at(context, window)
        return [str(window), known_at and known_at.isoformat(), is_backfill(context)]


@pytest.fixture
def resolve(run_task):
    """What a run of the given fields resolves to: its window, what was known, whether it is a backfill."""

    def run(rule, start=None, end=None, asset_extras=(), **fields):
        with DAG("d", schedule=None):
            task = Resolve(rule=rule, start=start, end=end, task_id="resolve")
        if asset_extras:
            fields["consumed_asset_events"] = [event(extra) for extra in asset_extras]
            fields["run_type"] = "asset_triggered"
        result, api = run_task(task, dag_run=fields)
        if result.error is not None:
            raise result.error
        return api.pushed[("resolve", "return_value")]

    return run


def event(extra):
    return {
        "timestamp": "2026-11-01T00:00:00Z",
        "extra": extra,
        "asset": {"name": "scored", "uri": "scored", "extra": {}},
        "source_task_id": None,
        "source_dag_id": None,
        "source_run_id": None,
        "source_map_index": None,
        "source_aliases": [],
    }


def of(first, last):
    """The window from day `first` to day `last` of January 2026, in UTC."""
    january = datetime(2025, 12, 31, tzinfo=UTC)
    return str(Window(january + timedelta(days=first), january + timedelta(days=last)))


@pytest.mark.airflow_min
def test_a_scheduled_interval_is_the_window(resolve):
    fields = {"data_interval_start": "2026-01-05T00:00:00Z", "data_interval_end": "2026-01-06T00:00:00Z"}
    assert resolve(DAY, run_type="scheduled", logical_date="2026-01-05T00:00:00Z", **fields) == [of(5, 6), None, False]


def test_a_cron_tick_of_no_length_measures_the_day_that_is_over(resolve):
    tick = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end"), "2026-01-06T00:00:00Z")
    assert resolve(DAY, run_type="scheduled", **tick)[0] == of(5, 6)


def test_a_tick_at_six_measures_the_day_that_ended_at_midnight(resolve):
    tick = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end"), "2026-01-06T06:00:00Z")
    assert resolve(DAY, run_type="scheduled", **tick)[0] == of(5, 6)


@pytest.mark.parametrize("hour", ["00:00", "11:30", "23:59"])
def test_a_run_by_hand_at_any_hour_measures_yesterday(resolve, hour):
    assert resolve(DAY, run_after=f"2026-01-06T{hour}:00Z") == [of(5, 6), None, False]


def test_a_run_by_hand_for_a_date_measures_the_day_before_it(resolve):
    assert resolve(DAY, logical_date="2026-01-06T09:00:00Z", run_after="2026-02-01T00:00:00Z")[0] == of(5, 6)


def test_a_weekly_rule_on_a_daily_schedule_measures_the_last_whole_week(resolve):
    # 2026-01-05 is a Monday. On Monday the 12th the week is over; on Wednesday it still is the last one.
    for start, end in (("11", "12"), ("13", "14")):
        fields = {"data_interval_start": f"2026-01-{start}T00:00:00Z", "data_interval_end": f"2026-01-{end}T00:00:00Z"}
        assert resolve(WEEK, run_type="scheduled", **fields)[0] == of(5, 12)


def test_a_daily_rule_on_a_weekly_schedule_says_that_one_run_measures_one_window(resolve):
    fields = {"data_interval_start": "2026-01-05T00:00:00Z", "data_interval_end": "2026-01-12T00:00:00Z"}
    with pytest.raises(SpecError, match="holds 7 windows of day@UTC, and a run measures one"):
        resolve(DAY, run_type="scheduled", **fields)


def test_a_schedule_in_another_zone_measures_the_last_local_day_that_is_over(resolve):
    fields = {"data_interval_start": "2026-01-05T00:00:00Z", "data_interval_end": "2026-01-06T00:00:00Z"}
    expected = Window(datetime(2026, 1, 4, 23, tzinfo=UTC), datetime(2026, 1, 5, 23, tzinfo=UTC))
    assert resolve(BERLIN, run_type="scheduled", **fields)[0] == str(expected)


def test_a_day_of_25_hours_is_one_window(resolve):
    fields = {"data_interval_start": "2026-10-24T22:00:00Z", "data_interval_end": "2026-10-25T23:00:00Z"}
    expected = "2026-10-24T22:00:00+00:00/2026-10-25T23:00:00+00:00"
    assert resolve(BERLIN, run_type="scheduled", **fields)[0] == expected


def test_an_asset_event_names_the_window(resolve):
    extra = {"window_start": "2026-01-05T00:00:00+00:00", "window_end": "2026-01-06T00:00:00+00:00"}
    assert resolve(DAY, asset_extras=[extra], run_after="2026-01-20T00:00:00Z")[0] == of(5, 6)


def test_of_several_asset_events_the_newest_window_counts(resolve):
    days = [
        {"window_start": f"2026-01-0{day}T00:00:00+00:00", "window_end": f"2026-01-0{day + 1}T00:00:00+00:00"}
        for day in (6, 5)
    ]
    assert resolve(DAY, asset_extras=days)[0] == of(6, 7)


def test_an_asset_event_without_a_window_leaves_the_moment_of_the_run(resolve):
    assert resolve(DAY, asset_extras=[{"rows": 5}], run_after="2026-01-06T03:00:00Z")[0] == of(5, 6)


@pytest.mark.skipif(AIRFLOW_VERSION < (3, 3), reason="Airflow tells tasks of partition dates since 3.3")
def test_a_partition_is_the_window_in_which_its_date_lies(resolve):
    fields = {"partition_date": "2026-01-05T00:00:00Z", "partition_key": "2026-01-05"}
    assert resolve(DAY, run_after="2026-01-20T00:00:00Z", **fields)[0] == of(5, 6)


def test_given_ends_come_before_everything_else(resolve):
    given = ("2026-01-05T00:00:00+00:00", "2026-01-06T00:00:00+00:00")
    conf = {"window_start": "2026-01-01T00:00:00Z", "window_end": "2026-01-02T00:00:00Z"}
    assert resolve(DAY, *given, conf=conf)[0] == of(5, 6)


def test_conf_comes_before_the_dates_of_the_run(resolve):
    conf = {"window_start": "2026-01-05T00:00:00Z", "window_end": "2026-01-06T00:00:00Z"}
    assert resolve(DAY, conf=conf, logical_date="2026-01-20T00:00:00Z")[0] == of(5, 6)


def test_templates_that_render_to_nothing_count_as_absent(resolve):
    ends = ("{{ dag_run.conf.get('a') }}", "{{ dag_run.conf.get('b', '') }}")
    assert resolve(DAY, *ends, run_after="2026-01-06T03:00:00Z")[0] == of(5, 6)


def test_one_end_alone_is_refused(resolve):
    with pytest.raises(SpecError, match="one end of the window is missing"):
        resolve(DAY, conf={"window_start": "2026-01-05T00:00:00Z"})


def test_a_time_without_a_zone_is_refused(resolve):
    with pytest.raises(SpecError, match="has no time zone"):
        resolve(DAY, conf={"window_start": "2026-01-05T00:00:00", "window_end": "2026-01-06T00:00:00"})


@pytest.mark.airflow_min
def test_a_backfill_knows_what_was_known_at_the_end_of_its_interval(resolve):
    interval = {"data_interval_start": "2026-01-05T00:00:00Z", "data_interval_end": "2026-01-06T00:00:00Z"}
    found = resolve(DAY, run_type="backfill", logical_date="2026-01-05T00:00:00Z", **interval)
    assert found == [of(5, 6), "2026-01-06T00:00:00+00:00", True]


def test_a_backfill_of_a_cron_tick_knows_what_was_known_at_the_tick(resolve):
    tick = dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end"), "2026-01-06T06:00:00Z")
    assert resolve(DAY, run_type="backfill", **tick) == [of(5, 6), "2026-01-06T06:00:00+00:00", True]


def test_conf_says_what_was_known_in_any_run(resolve):
    conf = {"known_at": "2026-01-09T12:00:00+00:00"}
    found = resolve(DAY, conf=conf, run_after="2026-01-06T03:00:00Z")
    assert found == [of(5, 6), "2026-01-09T12:00:00+00:00", False]
