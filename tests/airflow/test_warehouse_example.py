"""The example whose rows are tables of PostgreSQL, run for real: what its docstring promises, happens."""

import pytest
from sqlalchemy import make_url

pytestmark = [pytest.mark.slow, pytest.mark.servers]

DAYS, CENTS = 5, 3


@pytest.fixture(scope="module")
def store(days_of, empty_database, tmp_path_factory):
    """What five days of the example leave behind."""
    with (
        empty_database("postgresql", tmp_path_factory.mktemp("warehouse")) as url,
        pytest.MonkeyPatch.context() as patch,
    ):
        place = make_url(url).set(drivername="postgres").render_as_string(hide_password=False)
        patch.setenv("AIRFLOW_CONN_WAREHOUSE", place)
        yield days_of("watch_loans", DAYS)


def test_incomes_in_cents_have_their_name_and_ask_for_the_data_not_for_a_retraining(store):
    made = store.decisions("default/loans")
    assert [d.action.value for d in made] == ["none"] * CENTS + ["investigate_data", "wait"]
    assert "unit_changed" in made[CENTS].because
    assert "times=100" in made[CENTS].because


def test_performance_is_measured_by_the_labels_of_the_warehouse(store):
    found = store.history("default/loans", metric="roc_auc")
    found = found[(found["stage"] == "production") & (found["status"] == "ok")]
    # Of the last day they come after its end.
    assert found["window_start"].nunique() == DAYS - 1
    assert found["value"].between(0.75, 0.95).all()
