from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow_ml_monitor.store.repository import MetricsStore

THEN = datetime(2026, 1, 2, 6, tzinfo=UTC)
DOCUMENT = {"name": "loans", "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "Größe"}}]}


def test_a_contract_is_stored_once_and_read_back_by_its_digest(store: MetricsStore) -> None:
    store.contracts.save("default/churn", "abc", DOCUMENT, THEN)
    store.contracts.save("default/churn", "abc", {}, THEN + timedelta(days=1))
    found = store.contracts.of("default/churn", "abc")
    assert found is not None
    assert (found.document, found.seen_at) == (DOCUMENT, THEN)
    assert store.contracts.of("default/churn", "other") is None
    assert store.contracts.of("default/nobody", "abc") is None


def test_contracts_stand_in_the_order_of_their_first_use_and_belong_to_one_monitor(store: MetricsStore) -> None:
    store.contracts.save("default/churn", "b", DOCUMENT, THEN)
    store.contracts.save("default/churn", "a", DOCUMENT, THEN + timedelta(days=1))
    store.contracts.save("default/loans", "c", DOCUMENT, THEN)
    assert [one.digest for one in store.contracts.listed("default/churn")] == ["b", "a"]
    store.delete("default/churn")
    assert store.contracts.listed("default/churn") == []
    assert len(store.contracts.listed("default/loans")) == 1
