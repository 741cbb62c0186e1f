"""A step measures the same day in every kind of run that may be about it."""

import pytest

from airflow_ml_monitor import DataQualityOperator
from airflow_ml_monitor.airflow_compat import AIRFLOW_VERSION, DAG
from airflow_ml_monitor.measurement import Family

START, END, LATER = "2026-01-08T00:00:00+00:00", "2026-01-09T00:00:00+00:00", "2026-01-09T06:30:00+00:00"
DAY = 3
"""Thursday 2026-01-08."""


def tick(moment, **fields):
    return {**dict.fromkeys(("logical_date", "data_interval_start", "data_interval_end"), moment), **fields}


def event(extra):
    return {
        "timestamp": LATER,
        "extra": extra,
        "asset": {"name": "scored", "uri": "scored", "extra": {}},
        **dict.fromkeys(("source_task_id", "source_dag_id", "source_run_id", "source_map_index")),
        "source_aliases": [],
    }


INTERVAL = {"logical_date": START, "data_interval_start": START, "data_interval_end": END, "run_after": END}
NAMED = {"window_start": START, "window_end": END}
LONG_AFTER = {"run_after": "2026-03-01T00:00:00+00:00"}
KINDS = {
    "scheduled with an interval": {"run_type": "scheduled", **INTERVAL},
    "cron, an interval of no length": {"run_type": "scheduled", **tick(END), "run_after": END},
    "cron at half past six": {"run_type": "scheduled", **tick(LATER), "run_after": LATER},
    "by hand without a date": {"run_type": "manual", "run_after": LATER},
    "by hand for a date": {"run_type": "manual", "logical_date": LATER, **LONG_AFTER},
    "by hand, conf names the window": {"run_type": "manual", "conf": NAMED, **LONG_AFTER},
    "an asset that names the window": {
        "run_type": "asset_triggered",
        "consumed_asset_events": [event(NAMED)],
        **LONG_AFTER,
    },
    "an asset that does not": {"run_type": "asset_triggered", "consumed_asset_events": [event({})], "run_after": LATER},
    "backfill with an interval": {"run_type": "backfill", **INTERVAL},
    "backfill of a cron tick": {"run_type": "backfill", **tick(END), "run_after": END},
}


@pytest.fixture
def measured(desk, run_task):
    """The windows that are stored after a run of these fields, and what was known then."""

    def run(fields, **arguments):
        spec = desk.spec()
        with DAG("d", schedule=None):
            task = DataQualityOperator(task_id="quality", spec=spec, **arguments)
        result, _ = run_task(task, dag_run=fields)
        assert result.state.value == "success", result.error
        return desk.store().heads(spec.key, Family.QUALITY, rule="day@UTC", dataset="predictions")

    return run


@pytest.mark.airflow_min
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_run_measures_the_day_that_it_is_about(desk, measured, kind):
    (state,) = measured(KINDS[kind])
    assert state.head.window == desk.day(DAY)
    assert (state.known_at == desk.day(DAY).end) == kind.startswith("backfill")


@pytest.mark.skipif(AIRFLOW_VERSION < (3, 3), reason="Airflow tells tasks of partition dates since 3.3")
def test_a_partitioned_run_measures_the_day_of_its_partition(desk, measured):
    fields = {"run_type": "scheduled", "partition_key": "2026-01-08", "partition_date": START, **LONG_AFTER}
    (state,) = measured(fields)
    assert state.head.window == desk.day(DAY)


def test_ends_that_are_given_are_rendered_and_come_before_the_runs_own(desk, measured):
    ends = {name: f"{{{{ dag_run.conf['{name}'] }}}}" for name in ("window_start", "window_end")}
    conf = {"window_start": START, "window_end": END}
    other = {"data_interval_start": END, "data_interval_end": "2026-01-10T00:00:00+00:00"}
    (state,) = measured({"run_type": "scheduled", "conf": conf, **other}, **ends)
    assert state.head.window == desk.day(DAY)


def test_a_run_by_hand_can_measure_a_window_of_any_length(desk, measured):
    ends = {"window_start": "2026-01-06T12:00:00+00:00", "window_end": "2026-01-08T18:00:00+00:00"}
    (state,) = measured({"run_type": "manual", **LONG_AFTER}, **ends)
    assert str(state.head.window) == "/".join(ends.values())
