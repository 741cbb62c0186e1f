"""Several datasets are stages of the same rows: where they broke is said."""

from __future__ import annotations

from typing import Any

import pytest

STAGES = ("raw", "features", "predictions")


@pytest.fixture
def because(desk: Any) -> Any:
    """What is said of a day in which some stages are broken."""

    def said(*broken: str) -> str:
        evidence = [row for name in STAGES for row in (desk.rows(0, dataset=name), desk.rows(1, dataset=name))]
        evidence += [desk.broken(1, dataset=name, reason="all is NULL") for name in broken]
        verdict = desk.judge(desk.policy(), evidence, datasets=STAGES)
        assert verdict.action == "investigate_data"
        return str(verdict.because)

    return said


def test_raw_data_that_is_sound_leaves_the_pipeline_to_blame(because: Any) -> None:
    assert because("features", "predictions") == (
        "2026-01-06: all is NULL in 'features'; all is NULL in 'predictions'; "
        "'raw' is sound: it broke between 'raw' and 'features'"
    )


def test_predictions_alone_blame_the_model(because: Any) -> None:
    assert because("predictions").endswith("it broke between 'features' and 'predictions'")


def test_broken_raw_data_blame_nobody_after_them(because: Any) -> None:
    assert because("raw", "features") == "2026-01-06: all is NULL in 'features'; all is NULL in 'raw'"


def test_of_one_dataset_its_name_is_not_said(desk: Any) -> None:
    verdict = desk.judge(desk.policy(), [desk.rows(0), desk.broken(0, reason="all is NULL")])
    assert verdict.because == "2026-01-05: all is NULL"
