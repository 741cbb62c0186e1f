"""The example whose rows are in a bucket, run for real against a server that speaks S3: what it promises, happens."""

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import make_url

pytestmark = pytest.mark.slow

DAYS, METRES = 3, 2


@pytest.fixture(scope="module")
def store(days_of, object_store):
    """What three days of the example leave behind."""
    object_store.files.create_dir("deliveries")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_LAKE", object_store.connection)
        yield days_of("watch_deliveries", DAYS)


def test_distances_in_metres_have_their_name_and_ask_for_the_data_not_for_a_retraining(store):
    made = store.decisions("default/deliveries")
    assert [d.action.value for d in made] == ["none"] * METRES + ["investigate_data"]
    assert "unit_changed" in made[METRES].because
    assert "times=1000" in made[METRES].because


def test_performance_is_measured_by_the_labels_of_the_table(store):
    found = store.history("default/deliveries", metric="mae")
    found = found[(found["stage"] == "production") & (found["status"] == "ok")]
    # Of the last day they come after its end.
    assert found["window_start"].nunique() == DAYS - 1
    # The mean of |e| of a normal of 5 is 5·√(2/π).
    assert found["value"].between(3.7, 4.3).all()


def test_what_a_connection_holds_is_nowhere_in_the_metrics_database(store):
    with closing(sqlite3.connect(make_url(store.url).database)) as connection:
        kept = "\n".join(connection.iterdump())
    assert "s3://deliveries/scores" in kept
    assert "S3CR3T" not in kept
