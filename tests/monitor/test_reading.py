"""The table that a notebook reads, and what a spec's file may get wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_ml_monitor import history
from airflow_ml_monitor.errors import SpecError, StoreNotMigrated
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.store.records import Revision
from airflow_ml_monitor.store.repository import MetricsStore

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Window(MARCH, datetime(2026, 3, 2, tzinfo=UTC))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with one value that was 1 first and became 2 four days later."""
    store = MetricsStore(f"sqlite:///{tmp_path}/metrics.db")
    store.upgrade()
    head = HeadKey(Family.DRIFT, "rows", "day@UTC", DAY)
    for number, known in ((1.0, 2), (2.0, 6)):
        revision = Revision(datetime(2026, 3, known, tzinfo=UTC), str(known), None, True, "", "", "")
        store.write_revision("default/churn", head, revision, [Measurement("psi", Status.OK, Estimate(number, 9))])
    store.dispose()
    return store.url


def test_history_is_read_from_a_url_an_open_store_or_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_MONITOR_STORE", url)
    store = MetricsStore(url)
    frames = [history("default/churn"), history("default/churn", url=url), history("default/churn", url=store)]
    store.dispose()
    assert frames[0]["value"].tolist() == [2.0]
    for other in frames[1:]:
        pd.testing.assert_frame_equal(other, frames[0])


def test_history_as_of_a_day_is_what_was_known_then(url: str) -> None:
    known = {text: history("default/churn", text, url=url)["value"].tolist() for text in ("2026-03-01T23:59+00:00",)}
    known |= {
        m: history("default/churn", datetime(2026, 3, m, tzinfo=UTC), url=url)["value"].tolist() for m in (2, 5, 6)
    }
    assert list(known.values()) == [[], [1.0], [1.0], [2.0]]
    assert history("default/churn", start="2026-03-02T00:00+00:00", url=url).empty
    assert history("default/churn", metric="roc_auc", url=url).empty


def test_history_without_a_database_a_zone_or_tables_says_what_to_do(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ML_MONITOR_STORE", raising=False)
    with pytest.raises(SpecError, match=r"url: no metrics database; .*set ML_MONITOR_STORE"):
        history("default/churn")
    with pytest.raises(SpecError, match="no time zone"):
        history("default/churn", "2026-03-01", url=url)
    with pytest.raises(StoreNotMigrated, match="upgrade"):
        history("default/churn", url=f"sqlite:///{tmp_path}/new.db")
    monkeypatch.setenv("ML_MONITOR_STORE", f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(StoreNotMigrated, match=r"new.db \(of the variable ML_MONITOR_STORE\) has no tables of ours"):
        history("default/churn")


BASE: dict[str, Any] = {
    "name": "credit",
    "task": "binary",
    "datasets": [{"name": "p", "source": "p.parquet", "event_time": "at", "columns": {"x": "numeric"}}],
    "reference": {"source": "r.parquet"},
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reference": {"source": "r", "start": "2026-01-01"}}, ["reference.start", "no time zone", "+00:00"]),
        (
            {"reference": {"source": "r", "start": "2026-01-02T00:00Z", "end": "2026-01-01T00:00Z"}},
            ["reference.end", "not after the start"],
        ),
        ({"stage": "reference"}, ["stage", "'reference'", "production"]),
        (
            {"measurements": "mean", "policy": {"rules": [{"metric": "psi", "max": 1}]}},
            ["policy.rules.psi.metric", "'psi' is not measured", "add it to measurements"],
        ),
    ],
)
def test_what_no_run_could_make_good_is_refused_before_data_is_read(changes: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        MonitorSpec.from_document({**BASE, **changes})
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_rule_may_look_at_what_is_always_measured(tmp_path: Path) -> None:
    rules = [{"metric": name, "max": 1, "action": "alert"} for name in ("row_count", "orphan_labels")]
    spec = MonitorSpec.from_document({**BASE, "measurements": "mean", "policy": {"rules": rules}})
    assert spec.measurements == ("mean",)


def test_a_file_that_is_no_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "credit.yaml").write_text("name: credit\ntask: {kind: binary\n")
    with pytest.raises(SpecError, match=r"credit\.yaml is no YAML \(line 3\)"):
        MonitorSpec.from_yaml(tmp_path / "credit.yaml")
    (tmp_path / "list.yaml").write_text("- name\n")
    with pytest.raises(SpecError, match="holds no mapping"):
        MonitorSpec.from_yaml(tmp_path / "list.yaml")
