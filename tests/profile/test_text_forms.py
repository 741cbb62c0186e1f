"""How texts are written, and whether they were decoded wrongly: the same by Python, by the kernel and by SQL."""

from __future__ import annotations

import re
from types import ModuleType

import pandas as pd
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.text_forms import DAMAGE, FORMS, VALUES, wholly

WRITTEN = {
    "12.50": "number",
    " -1e6 ": "number",
    "1,234": "thousands separator",
    "1 234 567,89": "thousands separator",
    "12,5": "decimal comma",
    "1.234,56": "decimal comma",
    "12.5 %": "percent sign",
    "$1,234.50": "currency sign",
    "12,50 €": "currency sign",
    "USD 3": "currency sign",
    "3:07": "m:ss",
    "75:59.5": "m:ss",
    "1:02:03": "h:mm:ss",
    "2026-03-01": "ISO date",
    "2026-03-01T23:59:59Z": "ISO time",
    "2026-03-01 23:59:59.123+02:00": "ISO time",
    "31.12.2025": "day and month in a date",
    "12/31/25": "day and month in a date",
    "yes": "yes or no",
    "F": "yes or no",
    "3:75": "",
    "n/a": "",
    "": "",
    "1,23,4": "",
    "12\n5": "",
}
DAMAGED = ("ZÃ¼rich", "a�b", "it’s â€™", "Ð°", "a\x02", "R&amp;D", "caf\\u00e9", "caf%C3%A9", "a\nÃ©", "ðŸ˜€")
SOUND = ("Zürich", "SÃO", "ÑU", "R&D", "a&b;", "100%", "tab\there", "line\nend", "C:\\users", "Đà Nẵng", "Ålesund")


@pytest.mark.parametrize("text", WRITTEN)
def test_a_text_has_the_first_form_that_it_is_wholly_made_of(text: str) -> None:
    assert next((name for name, form in VALUES.items() if re.fullmatch(form, text.strip(" "))), "") == WRITTEN[text]


def test_the_engine_counts_the_same_forms(either: DuckDB, oracle: ModuleType) -> None:
    numbers = pd.DataFrame({"at": oracle.NOON, "x": range(100)})
    layout = either.layout(oracle.dataset(numbers, {"x": Kind.NUMERIC}), EVER)
    texts = numbers.head(len(WRITTEN) + 1).assign(x=[*WRITTEN, None])
    found = either.profile(oracle.dataset(texts, {"x": Kind.NUMERIC}), layout, oracle.DAY).traces.forms
    assert found == {"x": pd.Series(WRITTEN.values()).value_counts().to_dict()}


def test_a_contract_reads_values_as_faults_do() -> None:
    texts = pd.DataFrame({"c": [text for text in WRITTEN if text == text.strip(" ")]})
    found = DuckDB().look(Dataset("d", texts, (), event_time=""), EVER, ["c"]).texts["c"].forms
    named = texts["c"].map(WRITTEN).value_counts()
    assert {name: found[name] for name in VALUES if found[name] < named.get(name, 0)} == {}
    assert found["ISO time"] == 2
    assert [name for name in FORMS if not re.search(wholly(FORMS[name]), "1,2,3")] == list(FORMS)


def test_a_contract_counts_the_damage_that_faults_count() -> None:
    texts = pd.DataFrame({"c": [*DAMAGED, *SOUND]})
    found = DuckDB().look(Dataset("d", texts, (), event_time=""), EVER, ["c"]).texts["c"]
    assert (found.n, found.damaged) == (len(DAMAGED) + len(SOUND), len(DAMAGED))


def test_damage_is_seen_and_soundness_too() -> None:
    assert [text for text in DAMAGED if not re.search(DAMAGE, text)] == []
    assert [text for text in SOUND if re.search(DAMAGE, text)] == []


def test_the_engine_counts_damage_among_values_without_a_bucket(either: DuckDB, oracle: ModuleType) -> None:
    known = pd.DataFrame({"at": oracle.NOON, "c": ["R&amp;D", "plain"] * 50})
    layout = either.layout(oracle.dataset(known, {"c": Kind.CATEGORICAL}), EVER)
    texts = pd.DataFrame({"at": oracle.NOON, "c": [*DAMAGED, *SOUND, "R&amp;D", "plain", None]})
    found = either.profile(oracle.dataset(texts, {"c": Kind.CATEGORICAL}), layout, oracle.DAY).traces
    # R&amp;D is a category of the reference.
    assert found.damaged == {"c": len(DAMAGED) - 1}
    assert found.unseen.get("c", {}) == {}
