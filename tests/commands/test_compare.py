"""`python -m airflow_ml_monitor compare` on stored days whose rows are gone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from airflow_ml_monitor.__main__ import main
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.monitor.steps import scan
from airflow_ml_monitor.store.repository import MetricsStore


@pytest.fixture
def world(builders: Callable[[str], ModuleType], tmp_path: Path) -> Any:
    """Six days profiled, in the last two of which x has moved; then the rows go."""
    desk = builders("monitor/conftest.py")
    (tmp_path / "predictions").mkdir()
    reference = desk.make_predictions(1, 1500, 99)
    reference["y"] = (np.random.default_rng(98).uniform(size=1500) < reference["score"]).astype(float)
    reference.to_parquet(tmp_path / "reference.parquet")
    predictions = desk.make_predictions(6, 100, 1)
    late = predictions["at"] >= desk.MONDAY + 4 * desk.DAY
    predictions.loc[late, "x"] += 1.5
    store = MetricsStore(f"sqlite:///{tmp_path}/monitor.db")
    store.upgrade()
    spec = MonitorSpec.from_document(desk.document(tmp_path))
    world = desk.World(tmp_path, store, predictions, desk.make_labels(predictions, 2), spec, 6)
    for number in range(6):
        world.write_day(number)
        scan(world.monitor(), world.run(number))
    store.dispose()
    shutil.rmtree(tmp_path / "predictions")
    return world


def test_the_column_that_moved_comes_first(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["compare", world.spec.key, "--url", world.store.url, "--before", "4d"]
    assert main([*asked, "--start", "2026-03-06", "--end", "2026-03-07"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:1]] == ["x"]
    assert {line.split()[0] for line in lines} == {"x", "purpose", "score"}
    assert float(lines[0].split()[1]) > 0.2 > float(lines[1].split()[1])
    assert all("if nothing has changed" in line for line in lines)
    assert main([*asked, "--start", "2026-03-07", "--end", "2026-03-07", "--metric", "wasserstein"]) == 0
    assert capsys.readouterr().out.startswith("x")


def test_what_cannot_be_compared_is_an_error_in_words(world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["compare", world.spec.key, "--url", world.store.url, "--start", "2026-03-02", "--end", "2026-03-02"]
    assert main(asked) == 1
    assert "no profile is stored of a day in 2025-12-02" in capsys.readouterr().err
    assert main([*asked, "--as-of", "2026-03-01"]) == 1
    assert "no time zone" in capsys.readouterr().err
    assert main([*asked, "--metric", "psy"]) == 1
    assert "'psy'" in capsys.readouterr().err
    assert main(["compare", "default/x", *asked[2:]]) == 1
    assert "unknown monitor 'default/x'" in capsys.readouterr().err
