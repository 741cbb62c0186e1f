"""The example that holds rows back, run for real: what its docstring promises, happens."""

import sys
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

DAYS, BROKEN, ROWS = 4, 3, 400


@pytest.fixture(scope="module")
def store(days_of):
    """What four days of the example leave behind."""
    return days_of("score_guarded_credit", DAYS)


@pytest.fixture(scope="module")
def data(store):
    """The folder of the example's data, and the day on which the form broke."""
    return Path(sys.modules["credit_model"].HOME) / "data" / "quarantine"


def rows(data, part, day):
    return pd.read_parquet(data / part / f"2026-01-{day + 1:02}.parquet")


@pytest.mark.parametrize("day", range(DAYS))
def test_every_application_is_scored_or_in_quarantine(data, day):
    came, scored, held = (rows(data, part, day) for part in ("applications", "predictions", "held"))
    assert len(came) > 300
    assert sorted([*scored["application_id"], *held["application_id"]]) == sorted(came["application_id"])
    assert [*held.columns] == [*came.columns, "reasons"]
    assert (len(held) > 0) == (day == BROKEN)


def test_reasons_are_of_the_model_and_of_the_suite(data):
    held = rows(data, "held", BROKEN)
    old, poor = held["age"] == 999, held["income"] == -1.0
    assert [[*why] for why in held["reasons"]] == [
        [*["income is not negative"] * debt, *["Applicant.age:less_than_equal"] * age]
        for age, debt in zip(old, poor, strict=True)
    ]
    assert old.all()
    assert 0 < poor.sum() < old.sum()


def test_the_share_held_back_is_stored_and_investigated_on_its_day_only(store):
    table = store.history("default/credit_quarantine", metric="quarantined_rows")
    whole = table[table["parameters"] == ""].sort_values("window_start")
    assert whole["value"].tolist() == pytest.approx([0, 0, 0, 0.1], abs=0.002)
    made = store.decisions("default/credit_quarantine")
    assert [d.action.value for d in made] == ["none", "none", "none", "investigate_data"]
    assert "quarantined_rows" in made[-1].because
