"""`python -m airflow_ml_monitor contract …` on a spec of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from airflow_ml_monitor.__main__ import main


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    at = pd.Timestamp("2026-01-05", tz="UTC") + pd.to_timedelta(np.sort(random.random(4_000)) * 40, unit="D")
    frame = pd.DataFrame({"id": [f"o-{i:05}" for i in range(4_000)], "at": at, "x": random.normal(size=4_000)})
    frame["score"] = random.random(4_000)
    frame.to_parquet(tmp_path / "rows.parquet")
    columns = {"x": "numeric", "score": {"role": "score"}}
    dataset = {"name": "rows", "source": "rows.parquet", "event_time": "at", "entity_key": "id", "columns": columns}
    document = {"name": "loans", "task": "binary", "datasets": [dataset], "reference": "rows.parquet"}
    (tmp_path / "loans.yaml").write_text(yaml.safe_dump(document))
    return tmp_path / "loans.yaml"


def test_a_contract_is_written_compared_and_not_overwritten(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "infer", str(spec)]) == 0
    path = spec.parent / "loans_contract.json"
    rules = {rule["meta"]["rule_id"]: rule for rule in json.loads(path.read_text())["expectations"]}
    assert f"{len(rules)} rules" in capsys.readouterr().out
    assert {"expect_column_values_to_be_unique:id", "expect_column_max_to_be_between:at"} <= set(rules)
    assert "by_weekday" in rules["expect_table_row_count_to_be_between"]["meta"]
    assert all(rule["meta"]["why"] for rule in rules.values())
    assert main(["contract", "infer", str(spec)]) == 1
    assert "is there already; use --force" in capsys.readouterr().err
    text = path.read_text().replace('"warning"', '"critical"', 1)
    (spec.parent / "mine.json").write_text(text)
    assert main(["contract", "diff", str(path), str(spec.parent / "mine.json")]) == 1
    assert capsys.readouterr().out == "rows: severity critical was warning\n"
    assert main(["contract", "diff", str(path), str(path)]) == 0
    assert capsys.readouterr().out == "both ask for the same\n"


def test_a_file_that_is_no_contract_is_said_in_words(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["contract", "diff", str(spec.parent / "none.json"), str(spec)]) == 1
    assert "no file" in capsys.readouterr().err
