"""A monitor of a forecast with quantiles, from the spec to the store and the page: numpy on the labels known."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import mean_absolute_error, mean_pinball_loss

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.measurement import Family, Status
from airflow_ml_monitor.monitor.judgement import decide
from airflow_ml_monitor.monitor.performance import performance
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight
from airflow_ml_monitor.profile.dataset import Column, Role
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.report.page import report

QUANTILES = {"q10": {"role": "quantile", "of": 0.1}, "q90": {"role": "quantile", "of": 0.9}}
MEDIAN = {"q50": {"role": "prediction", "of": 0.5}}
COLUMNS = {"x": "numeric", "purpose": "categorical", **QUANTILES, **MEDIAN}
TASK = {"kind": "regression", "naive_error": 40.0, "error_limits": [0.05, 0.25]}


def forecast(frame: pd.DataFrame) -> pd.DataFrame:
    middle = 100 + 20 * frame["x"]
    return frame.drop(columns=["score", "model_version"]).assign(q10=middle - 10, q50=middle, q90=middle + 10)


@pytest.fixture
def sales(worlds: Callable[..., Any]) -> Callable[..., Any]:
    """Makes worlds of forecasts, right to a normal error of deviation 8; wider ones of purpose 'house'."""

    def make(**changes: Any) -> Any:
        dataset = {"columns": changes.pop("columns", COLUMNS), "slice_by": "purpose"}
        settings = {"task": TASK, "contract": None, "outcomes": {"horizon": "7d"}, **changes}
        world = worlds(days=4, dataset=dataset, **settings)
        rng = np.random.default_rng(5)
        path = world.root / "reference.parquet"
        reference = forecast(pd.read_parquet(path))
        reference.assign(y=reference["q50"] + rng.normal(0, 8, len(reference))).to_parquet(path)
        world.predictions = forecast(world.predictions)
        noise = rng.normal(0, 1, len(world.predictions)) * np.where(world.predictions["purpose"] == "house", 24, 8)
        truth = pd.Series((world.predictions["q50"] + noise).to_numpy(), index=world.predictions["id"])
        world.labels["y"] = truth[world.labels["id"]].to_numpy()
        for number in range(world.days):
            world.write_day(number)
        world.write_labels()
        return world

    return make


def expected(known: pd.DataFrame) -> dict[tuple[str, str], float]:
    y, inside = known["y"], known["y"].between(known["q10"], known["q90"])
    outside = (known["q10"] - y).clip(lower=0) + (y - known["q90"]).clip(lower=0)
    share = (known["q50"] - y).abs() / y.abs()
    return {
        ("pinball_loss", "level=0.9"): mean_pinball_loss(y, known["q90"], alpha=0.9),
        ("interval_coverage", "levels=0.1-0.9"): inside.mean(),
        ("interval_coverage_gap", "levels=0.1-0.9"): inside.mean() - 0.8,
        ("interval_width", "levels=0.1-0.9"): 20.0,
        ("interval_score", "levels=0.1-0.9"): 20 + 10 * outside.mean(),
        ("quantile_coverage", "level=0.1"): (y <= known["q10"]).mean(),
        ("mase", ""): mean_absolute_error(y, known["q50"]) / 40,
        ("share_beyond", "limit=0.25"): (share > 0.25).mean(),
    }


def values(rows: Any, slice: Any = ()) -> dict[tuple[str, str], float]:
    """{(metric, parameters): value}, of the labels at hand until they are final."""
    found = [m for m in rows if m.status is Status.OK and m.slice == slice]
    return {(m.metric.removeprefix("naive."), m.parameters): m.estimate.value for m in found}


def test_as_of_any_moment_it_is_what_the_rows_known_then_say(
    sales: Callable[..., Any], measure: Callable[..., int]
) -> None:
    named = ["pinball_loss", "interval_coverage", "interval_coverage_gap", "interval_width", "interval_score"]
    world = sales(measurements=[*named, "quantile_coverage", "mase", "share_beyond"])
    monitor = world.monitor()
    for number in range(world.days):
        measure(monitor, world.run(number))
    compared = 0
    for number in range(world.days):
        moment = world.run(number).known_at
        for day in range(number + 1):
            known = world.known(world.day(day), moment)
            if len(known) < 20:
                continue
            found = values(performance(monitor, world.day(day), moment))
            for key, value in expected(known).items():
                assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key
            compared += 1
    assert compared >= 6


def test_slices_days_at_once_or_one_by_one_and_the_rule_that_names_the_slice(
    sales: Callable[..., Any], measure: Callable[..., int]
) -> None:
    rule = {"metric": "interval_coverage_gap", "min": -0.2, "max": 0.2, "slices": True, "action": "alert"}
    world = sales(policy={"rules": [rule]})
    monitor, last = world.monitor(), world.run(world.days - 1, hours=24 * 14)
    for number in range(world.days):
        measure(monitor, world.run(number, hours=24 * 14))
    rows = world.store.current(monitor.key, families=[Family.PERFORMANCE])
    for number in range(world.days):
        window = world.day(number)
        stored = [r.measurement for r in rows if r.head.window == window and r.head.stage == "production"]
        assert not [m for m in stored if m.status is Status.UNDEFINED]
        known = world.known(window, last.known_at)
        for purpose in ("house", "car"):
            mine = known[known["purpose"] == purpose]
            found = values(stored, (("purpose", purpose),))
            for key, value in expected(mine).items():
                assert found[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key
    texts = [alarm["text"] for alarm in decide(monitor, last).evidence["alarms"]]
    assert texts
    assert all("purpose=house" in text for text in texts)
    page = report(world.store, monitor.key)
    known = world.known(world.day(world.days - 1), last.known_at)
    low = f"{100 * (known['q50'] < known['y']).mean():.3g}"
    assert re.search(rf"Percentage errors, [^:]*: of {len(known)} rows {low} % are below the label", page)
    assert "interval_coverage [levels=0.1-0.9]" in page


def test_without_quantiles_none_of_their_metrics_is_measured(
    sales: Callable[..., Any], measure: Callable[..., int]
) -> None:
    world = sales(columns={"x": "numeric", "purpose": "categorical", "q50": {"role": "prediction"}}, task="regression")
    monitor = world.monitor()
    measure(monitor, world.run(0, hours=24 * 14))
    found = {
        r.measurement.metric: r.measurement for r in world.store.current(monitor.key, families=[Family.PERFORMANCE])
    }
    assert {"mae", "share_beyond", "percentage_error"} <= {*found}
    assert "mase" not in found
    assert not {name for name in found if name.startswith(("pinball", "interval", "quantile_"))}


def document(task: Any = TASK, **columns: Any) -> dict[str, Any]:
    dataset = {"name": "p", "source": "p", "event_time": "at", "entity_key": "id", "columns": {**MEDIAN, **columns}}
    labels = {"name": "y", "source": "y", "key": "id", "label": "y"}
    return {"name": "sales", "task": task, "datasets": [dataset], "labels": labels, "reference": "r"}


def test_yaml_python_and_the_stored_document_give_the_same_spec(tmp_path: Path) -> None:
    (tmp_path / "sales.yaml").write_text(yaml.safe_dump(document(**QUANTILES), sort_keys=False))
    spec = MonitorSpec.from_yaml(tmp_path / "sales.yaml")
    assert spec.task == Task(TaskKind.REGRESSION, naive_error=40.0, error_limits=(0.05, 0.25))
    assert spec.dataset().columns[1] == Column("q10", role=Role.QUANTILE, of=0.1)
    assert [*spec.dataset().quantiles] == [0.1, 0.5, 0.9]
    assert MonitorSpec.from_document(spec.document()) == spec


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (document(q={"role": "quantile"}), r"^datasets.p.columns.q.of: '' is no level of a quantile"),
        (document(q={"role": "quantile", "of": 90}), r"^datasets.p.columns.q.of: 90 is no level of a quantile"),
        (
            document(q={"role": "quantile", "of": 0.5}),
            r"^datasets.p.columns.q.of: two columns forecast the quantile of",
        ),
        (
            document(q={"of": 0.9}),
            r"^datasets.p.columns.q.of: only a score of several classes is of",
        ),
        (
            document("binary", s={"role": "score"}, **QUANTILES),
            r"^datasets.p.columns.q50.of: a binary task has no quantiles; they are of a regression",
        ),
        (
            document({**TASK, "error_limits": [0.33]}),
            r"^task.error_limits: 0.33 is not on the grid .*; take 0.3 or 0.35",
        ),
        (document({**TASK, "naive_error": -1}), r"^task.naive_error: -1.* is no positive number"),
    ],
)
def test_a_forecast_that_cannot_be_judged_is_refused_before_data_is_read(given: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        MonitorSpec.from_document(given)


ON_QUANTILES = {"rules": [{"metric": "interval_score", "max": 90, "action": "alert"}]}


def test_a_rule_on_quantiles_that_no_column_holds_is_no_spec(sales: Callable[..., Any]) -> None:
    with pytest.raises(SpecError, match="'interval_score' needs a column of role quantile"):
        sales(columns={"x": "numeric", "purpose": "categorical", "q50": {"role": "prediction"}}, policy=ON_QUANTILES)


def test_a_rule_on_quantiles_is_told_before_the_first_run(sales: Callable[..., Any]) -> None:
    found = preflight(sales(columns=COLUMNS, policy=ON_QUANTILES).spec)
    assert [one.level for one in found if one.field == "policy.rules.interval_score"] == [Level.OK]
