"""The example whose rows Spark counts, run for real: what its docstring promises, happens."""

import os
from importlib.util import find_spec

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.spark]

DAYS, CENTS = 2, 1
QUICK = "--conf spark.driver.extraJavaOptions='-XX:TieredStopAtLevel=1 -XX:+UseSerialGC'"
FEW = "--conf spark.sql.codegen.factoryMode=NO_CODEGEN --conf spark.sql.codegen.wholeStage=false"
ONE = "--conf spark.sql.shuffle.partitions=1 --conf spark.sql.adaptive.enabled=false"


@pytest.fixture(scope="module")
def store(days_of):
    """What two days of the example leave behind."""
    if find_spec("pyspark") is None and os.environ.get("ML_MONITOR_TEST_SPARK") != "required":
        pytest.skip("pyspark is not installed; install the extra [spark]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", f"{QUICK} {FEW} {ONE} pyspark-shell")
        yield days_of("watch_orders", DAYS)


def test_amounts_in_cents_have_their_name_and_ask_for_the_data_not_for_a_retraining(store):
    made = store.decisions("default/orders")
    assert [d.action.value for d in made] == ["none"] * CENTS + ["investigate_data"]
    assert "unit_changed" in made[CENTS].because
    assert "times=100" in made[CENTS].because


def test_performance_is_measured_by_the_labels_that_spark_joins(store):
    found = store.history("default/orders", metric="roc_auc")
    found = found[(found["stage"] == "production") & (found["status"] == "ok")]
    assert found["window_start"].nunique() == DAYS
    assert found["value"].between(0.55, 0.85).all()
