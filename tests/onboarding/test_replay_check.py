"""`check` tells whether rows find themselves among the features that training computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.preflight import preflight

PREDICTED = pd.DataFrame({
    "id": range(400),
    "at": pd.Timestamp("2026-03-01", tz="UTC") + pd.to_timedelta(range(400), unit="min"),
    "x": [i / 7 for i in range(400)],
    "c": ["a", "b"] * 200,
    "score": [i / 400 for i in range(400)],
})  # fmt: skip


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """'level field' → what is told, of the replay."""
    PREDICTED.to_parquet(tmp_path / "rows.parquet")

    def check(features: pd.DataFrame | None, **replay: Any) -> dict[str, str]:
        if features is not None:
            features.to_parquet(tmp_path / "features.parquet")
        dataset = {"name": "rows", "source": str(tmp_path / "rows.parquet"), "event_time": "at", "entity_key": "id"}
        dataset["columns"] = {"x": "numeric", "c": "categorical", "score": {"role": "score"}}
        replayed = {"source": str(tmp_path / "features.parquet"), **replay}
        reference = str(tmp_path / "rows.parquet")
        document = {
            "name": "m",
            "task": "binary",
            "datasets": [{**dataset, "replay": replayed}],
            "reference": reference,
        }
        found = preflight(MonitorSpec.from_document(document))
        return {f"{f.level.value} {f.field}": f.what for f in found if ".replay" in f.field}

    return check


def test_a_replay_that_fits_is_told_with_the_share_of_the_rows_that_it_holds(checked: Any) -> None:
    assert checked(PREDICTED[["id", "x", "c"]].head(300)) == {
        "ok datasets.rows.replay.source": "300 rows in 1 file",
        "ok datasets.rows.replay.columns": "all 2 declared columns are in the replay, with types that fit",
        "ok datasets.rows.replay.key": "75.0% of the 400 rows of 2026-03-01 are in the replay",
    }


def test_a_column_or_key_that_is_missing_there_is_named(checked: Any) -> None:
    found = checked(PREDICTED[["id", "c"]].rename(columns={"id": "number"}))
    assert found["error datasets.rows.replay.columns.x"] == "column 'x' is missing in the replay"
    assert found["error datasets.rows.replay.key"] == "column 'id' is missing in the replay"


def test_what_differs_already_is_told(checked: Any) -> None:
    found = checked(PREDICTED[["id", "x", "c"]].assign(c="a"))
    assert found["warning datasets.rows.replay.columns.c"] == "50.0% of the rows of 2026-03-01 have another 'c' there"


def test_rows_that_never_find_a_partner_are_told(checked: Any) -> None:
    found = checked(PREDICTED[["id", "x", "c"]].assign(id=-1))
    assert "none has 30 rows" in found["warning datasets.rows.replay.key"]
    assert checked(None, source="nowhere/*.parquet") == {"warning datasets.rows.replay.source": "no file is there yet"}
