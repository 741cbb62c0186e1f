"""Spark against the oracle and DuckDB, by the laws of tables: one session of two threads, in this process."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]

LAWS = {
    "test_tables_agree": (
        "test_every_type_is_cut_like_numpy_cuts_it",
        "test_arithmetic_out_of_range_is_infinite_or_nothing_and_ends_no_scan",
        "test_a_fault_reads_as_it_does_of_a_file",
        "test_texts_are_told_apart_letter_by_letter",
        "test_labels_find_their_predictions_letter_by_letter",
        "test_a_table_without_rows_has_none_and_no_fault",
        "test_a_column_may_have_any_name",
        "test_a_replay_beside_the_rows_differs_where_it_does",
        "test_a_role_beside_features_is_read_alike",
    ),
    "test_tables_ledger": ("test_a_label_table_that_is_not_there_yet_holds_no_label",),
}
PAIRS = [
    ("binary", "explicit"),
    ("binary", "implicit"),
    ("binary", "censored"),
    ("regression", "mean"),
    ("multilabel", "explicit"),
    ("ranking", "explicit"),
]
"""Whose statements have every word; each pair costs some seconds."""


@pytest.fixture(scope="module")
def there(spark_home: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    return spark_home(tmp_path_factory.mktemp("spark"), master="local[2]")


@pytest.fixture(scope="module")
def ledger(builders: Callable[[str], ModuleType]) -> ModuleType:
    return builders("profile/test_tables_ledger.py")


@pytest.fixture(scope="module")
def predictions(ledger: ModuleType, oracle: ModuleType) -> Any:
    return inspect.unwrap(ledger.predictions)(oracle)


@pytest.fixture(scope="module")
def labels(ledger: ModuleType, predictions: Any) -> Any:
    return inspect.unwrap(ledger.labels)(predictions)


@pytest.mark.parametrize(("place", "law"), [(place, law) for place, laws in LAWS.items() for law in laws])
def test_a_law_of_tables_holds(
    request: pytest.FixtureRequest, builders: Callable[[str], ModuleType], place: str, law: str
) -> None:
    asked = getattr(builders(f"profile/{place}.py"), law)
    asked(**{name: request.getfixturevalue(name) for name in inspect.signature(asked).parameters})


@pytest.mark.parametrize(("kind", "source"), PAIRS)
def test_entries_are_those_of_the_same_rows_in_memory(
    there: Any, oracle: ModuleType, ledger: ModuleType, predictions: Any, labels: Any, kind: str, source: str
) -> None:
    ledger.test_entries_are_those_of_the_same_rows_in_memory(there, oracle, predictions, labels, kind, source)
