"""What stored profiles weigh, and what it costs to add ninety days of them up, beside one scan of one day.

    python tests/benchmarks/rolling.py [--rows 200000]

Rows as those of `engines.py`: 30 numeric columns and ten categorical ones. A day is scanned once; profiles of ninety
days are drawn from it anew (every cell's rows as a Poisson number about its own), saved in SQLite, and read back and
added as `stored_total` does. Medians of nine; scan and sum in one process, for only their ratio outlives the machine.
Writes results/rolling.md and results/rolling.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from airflow_ml_monitor.keys import EVER, WHOLE, Window, WindowRule, WindowUnit
from airflow_ml_monitor.monitor.stored import Place, stored_total
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.coarse import coarse
from airflow_ml_monitor.profile.codec import encode_profile
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.store.records import ProfileKey, ReferenceRecord
from airflow_ml_monitor.store.repository import MetricsStore

RESULTS = Path(__file__).parent / "results"
DAYS, TURNS = 90, 9
MONITOR = "default/rolling"
engines: Any = import_module("engines")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000, help="of a day")
    asked = parser.parse_args()
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="ml-monitor-rolling-") as folder:
        path = Path(folder) / "day.parquet"
        engines.write(path, asked.rows)
        whole, sliced = (engines.declared(path, sliced=of) for of in ("", "c1"))
        layouts = [DuckDB().layout(dataset, EVER) for dataset in (whole, sliced)]
        made = [DuckDB().profile(d, layout, EVER) for d, layout in zip((whole, sliced), layouts, strict=True)]
        report: dict[str, Any] = {
            "rows": asked.rows,
            "columns": len(layouts[0].binnings),
            "bytes": weighed(made[0], layouts[0]),
            "profile_bytes": {
                "fine": len(encode_profile(made[0])),
                "fine, eight slices": len(encode_profile(made[1])),
                "coarse": len(encode_profile(coarse(made[0], layouts[0]))),
            },
            "scan_ms": median(lambda: DuckDB().profile(whole, layouts[0], EVER)),
            **added(Path(folder), made[0], layouts[0]),
        }
    report["ratio"] = {of: round(report["sum_ms"][of] / report["scan_ms"][of], 2) for of in ("cpu", "wall")}
    report["machine"] = f"{os.cpu_count()} cores (load {busy:.1f} before the run), Python {platform.python_version()}"
    (RESULTS / "rolling.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (RESULTS / "rolling.md").write_text(page(report))
    print(page(report))


def weighed(profile: Profile, layout: Layout) -> dict[str, dict[str, float]]:
    """Bytes of a column on its own by kind: beyond those of a profile without a column."""
    bare = len(encode_profile(replace(profile, cells={}, traces=type(profile.traces)())))
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for binning in layout.binnings:
        kind = f"{binning.kind}, {'a grid' if binning.is_grid else 'a bucket a value'}"
        cells = {(WHOLE, binning.column): profile.cells[WHOLE, binning.column]}
        one = replace(profile, cells=cells, traces=type(profile.traces)())
        found[kind]["columns"].append(1)
        found[kind]["cells"].append(len(cells[WHOLE, binning.column].bucket))
        found[kind]["fine"].append(len(encode_profile(one)) - bare)
        found[kind]["coarse"].append(len(encode_profile(coarse(one, layout))) - bare)
    return {
        kind: {name: sum(of) if name == "columns" else round(statistics.mean(of)) for name, of in parts.items()}
        for kind, parts in found.items()
    }


def added(folder: Path, profile: Profile, layout: Layout) -> dict[str, Any]:
    """Milliseconds to read and add ninety days: the first time, and when its whole weeks were added before."""
    url = f"sqlite:///{folder}/monitor.db"
    store = MetricsStore(url)
    store.upgrade()
    rule, rng = WindowRule(WindowUnit.DAY), np.random.default_rng(3)
    first = engines.DAY.start
    days = list(rule.between(first, first + timedelta(days=DAYS)))
    store.register_spec(MONITOR, "spec", {"datasets": [{"name": profile.dataset}]}, first)
    frozen = ReferenceRecord(
        layout.digest, profile.dataset, layout.document(), encode_profile(profile), None, first, ""
    )
    store.save_reference(MONITOR, frozen)
    sizes = []
    for day in days:
        payload = encode_profile(redrawn(profile, day, rng))
        sizes.append(len(payload))
        key = ProfileKey(profile.dataset, str(rule), day, layout.digest, "inputs")
        store.save_profile(MONITOR, key, payload, day.end)
    place, span = Place(store, MONITOR, profile.dataset, rule), Window(days[0].start, days[-1].end)

    def total() -> None:
        found = stored_total(place, span)
        assert found is not None
        assert len(found.windows) == DAYS

    def anew() -> None:
        weeks = [one.scan for one in store.archive.profiles(MONITOR) if one.key.rule.startswith("week")]
        store.archive.swap_profiles(MONITOR, weeks, [])

    once = median(total, anew)
    result = {"first_sum_ms": once, "sum_ms": median(total), "payload_bytes": round(statistics.mean(sizes))}
    store.dispose()
    return result


def redrawn(profile: Profile, window: Window, rng: np.random.Generator) -> Profile:
    """Another day of the same world: each cell's rows drawn anew, its sums in proportion."""
    cells = {}
    for key, one in profile.cells.items():
        count = rng.poisson(one.count)
        there = count > 0
        share = count / one.count
        cells[key] = Cells(
            one.bucket[there], count[there], (one.d1 * share)[there], (one.d2 * share)[there], one.low[there],
            one.high[there],
        )  # fmt: skip
    return replace(profile, window=window, cells=cells)


def median(run: Callable[[], Any], before: Callable[[], Any] = int) -> dict[str, float]:
    """Milliseconds of a run in the middle, by the wall and of the processor, after one to warm up; `before` each is not
    counted."""
    spent = []
    for _ in range(TURNS + 1):
        before()
        began = time.perf_counter(), time.process_time()
        run()
        spent.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    wall, cpu = (statistics.median(each) * 1000 for each in zip(*spent[1:], strict=True))
    return {"wall": round(wall, 1), "cpu": round(cpu, 1)}


def page(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    size = report["profile_bytes"]
    told = {
        "scan_ms": "one day scanned",
        "first_sum_ms": f"{DAYS} stored days read and added for the first time, their weeks stored",
        "sum_ms": f"{DAYS} stored days read and added from then on",
    }
    lines = [
        "# Stored profiles, and adding them up",
        "",
        f"{report['columns']} columns, {report['rows']:,} rows a day; SQLite; {report['machine']}.",
        "Made by `python tests/benchmarks/rolling.py`; medians of nine.",
        "",
        "| kind of column | columns | cells | bytes a column and day | … coarse |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {kind} | {of['columns']} | {of['cells']:,} | {of['fine']:,} | {of['coarse']:,} |"
        for kind, of in sorted(report["bytes"].items())
    ]
    lines += [
        "",
        f"The whole profile: {size['fine']:,} bytes, with eight slices {size['fine, eight slices']:,}; coarse, as it "
        f"is kept after 90 days, {size['coarse']:,}.",
        "",
        "| | CPU ms | wall ms |",
        "|---|---|---|",
        *(f"| {words} | {report[name]['cpu']} | {report[name]['wall']} |" for name, words in told.items()),
        f"| the last in terms of the first | {report['ratio']['cpu']} | {report['ratio']['wall']} |",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
