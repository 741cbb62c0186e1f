"""Spark with executors in processes of their own, and by Connect: each in a process beside this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.codec import decode_entries, decode_profile
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB

pytestmark = [pytest.mark.spark, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SIZE = 5000


def rows() -> pa.Table:
    rng = np.random.default_rng(3)
    start = datetime(2026, 3, 1)
    hours = [start + timedelta(hours=int(h)) for h in rng.integers(0, 9000, SIZE)]
    wild = rng.standard_cauchy(SIZE)
    wild[:60] = np.tile([np.nan, np.inf, -np.inf, -0.0, 1e308, 5e-324], 10)
    return pa.table({
        "id": [f"A{i}" for i in range(SIZE)],
        "at": pa.array([start + timedelta(seconds=int(s)) for s in rng.integers(0, 100_000, SIZE)], pa.timestamp("us")),
        "score": pa.array(rng.random(SIZE), mask=rng.random(SIZE) < 0.02),
        "wild": pa.array(wild, from_pandas=False),
        "money": pa.array([Decimal(int(x)) / 100 for x in rng.integers(0, 10**6, SIZE)], pa.decimal128(12, 2)),
        "few": rng.integers(0, 4, SIZE),
        "moment": pa.array(hours, pa.timestamp("us", "UTC")),
        "flag": rng.random(SIZE) < 0.3,
        "name": [f"ä {x}" for x in np.minimum(rng.zipf(1.5, SIZE), 300)],
        "group": rng.choice(["north", "south"], SIZE),
    })  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, spark_home: Callable[..., Any]) -> Path:
    """Rows in many row groups, so that every executor has some; and labels of four fifths of them."""
    made = tmp_path_factory.mktemp("elsewhere")
    pq.write_table(rows(), made / "rows.parquet", row_group_size=500)
    rng = np.random.default_rng(4)
    some = rng.permutation(SIZE)[: SIZE * 4 // 5]
    known = [datetime(2026, 3, 2) + timedelta(seconds=int(s)) for s in rng.integers(0, 80_000, len(some))]
    labels = {"id": [f"A{i}" for i in [*some, SIZE + 1]], "label": rng.integers(0, 2, len(some) + 1)}
    moments = pa.array([*known, known[0]], pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({**labels, "known_at": moments}), made / "labels.parquet")
    return made


@pytest.mark.parametrize("where", ["local-cluster[2,1,1024]", "connect"])
def test_what_many_processes_count_is_what_one_counts(
    folder: Path, builders: Callable[[str], ModuleType], oracle: ModuleType, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["", str(ROOT)])
    elsewhere, ledger = builders("profile/spark_elsewhere.py"), builders("profile/test_tables_ledger.py")
    here, dataset = DuckDB(small=-1), elsewhere.declared(folder / "rows.parquet")
    layout = here.layout(dataset, EVER)
    (folder / "layout.json").write_text(json.dumps(layout.document()))
    command = [sys.executable, elsewhere.__file__, str(ROOT), str(folder), where]
    # Executors find the kernel by themselves.
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found, expected = (
        decode_profile((folder / "profile.bin").read_bytes()),
        here.profile(dataset, layout, elsewhere.DAY),
    )
    oracle.same_profile(found, expected.cells)
    assert (found.rows, found.duplicates, found.newest) == (expected.rows, expected.duplicates, expected.newest)
    assert found.faults == {}
    assert found.traces.hours == expected.traces.hours
    assert found.traces.distances == expected.traces.distances
    assert found.traces.unseen == expected.traces.unseen
    np.testing.assert_allclose(found.traces.products.matrix, expected.traces.products.matrix, rtol=1e-9, atol=1e-9)
    more = json.loads((folder / "more.json").read_text())
    assert len(more["prints"][0]) == 24
    request = elsewhere.request(dataset, folder / "labels.parquet", layout)
    known = here.watermark(request.labels, request.since, request.upto)
    assert more["known"] == [known.since.split("/")[0], known.upto.split("/")[0]]
    if where == "connect":
        return
    batch = here.label_entries(request)
    mine = ledger.as_rows(decode_entries((folder / "entries.bin").read_bytes()))
    theirs = ledger.as_rows(batch.entries[elsewhere.DAY])
    assert mine.keys() == theirs.keys()
    assert more["orphans"] == batch.orphans == 1
    for key, values in theirs.items():
        np.testing.assert_allclose(mine[key], values, rtol=1e-9, atol=1e-9, err_msg=str(key))
