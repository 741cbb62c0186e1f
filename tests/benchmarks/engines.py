"""What knowing a dataset costs: the profile beside a bare scan of the same columns, a monitor's day beside the peers.

    make bench NAME=engines          # a quarter of an hour and the files' making; QUICK=1: small files

Every figure comes from whole processes, imports included, that took turns in one run, for only their ratios outlive the
machine. Files (rows.py) and the peers' environments are made in ML_MONITOR_BENCH (a folder of the system's temporary
one) and kept there: 8 GB. PostgreSQL is measured where ML_MONITOR_TEST_POSTGRES names a server.
Writes results/engines.md and results/engines.json; QUICK=1 writes nothing.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "engines"))

from costs import Cost, cost, in_turns  # noqa: E402
from page import page  # noqa: E402
from rows import DAY, declared, layout_of, write, write_joined  # noqa: E402

__all__ = ["DAY", "declared", "layout_of", "write"]
RESULTS = HERE / "results"
FOLDER = Path(os.environ.get("ML_MONITOR_BENCH", Path(tempfile.gettempdir()) / "ml-monitor-bench"))
QUICK = bool(os.environ.get("QUICK"))
SIZES = {"100k": 100_000, "1M": 1_000_000} if QUICK else {"100k": 100_000, "1M": 1_000_000, "10M": 10_000_000}
NARROW = {"1M": 1_000_000} if QUICK else {"50M": 50_000_000}
BESIDE_PEERS = {"100k": 100_000} if QUICK else {"1M": 1_000_000}
JOINED = (1_000_000, 800_000) if QUICK else (10_000_000, 8_000_000)
SMALL = (300, 1_000, 5_000, 20_000, 60_000)
SLICED = "c4"
"""50 values."""
TURNS = 3
PEERS = {"evidently": "0.7.23", "nannyml": "0.13.1", "whylogs": "1.6.4"}
PRESETS = ("DataDriftPreset", "DataSummaryPreset", "ClassificationPreset")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    busy, began = os.getloadavg()[0], time.time()
    report: dict[str, Any] = {
        "wide": {name: in_turns(_profiles(path, "wide"), TURNS) for name, path in _files(SIZES, "wide").items()},
        "narrow": {name: in_turns(_profiles(path, "narrow"), TURNS) for name, path in _files(NARROW, "narrow").items()},
        "joined": {"rows": JOINED, **in_turns(_joins(), TURNS)},
        "small": {str(rows): _small(rows) for rows in SMALL},
        "monitor": {name: _beside_peers(name, rows) for name, rows in BESIDE_PEERS.items()},
        "postgres": _postgres(),
    }
    report["machine"] = (
        f"{os.cpu_count()} cores (load {busy:.1f} before the run), {time.strftime('%Y-%m-%d')}, "
        f"Python {platform.python_version()}, DuckDB {version('duckdb')}, numpy {version('numpy')}"
    )
    report["minutes"] = round((time.time() - began) / 60)
    report["peers"] = PEERS
    text = page(report)
    print(text)
    if not QUICK:
        (RESULTS / "engines.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
        (RESULTS / "engines.md").write_text(text)


def _files(sizes: dict[str, int], width: str) -> dict[str, Path]:
    found = {name: FOLDER / f"{width}-{rows}.parquet" for name, rows in sizes.items()}
    for name, path in found.items():
        write(path, sizes[name], narrow=width == "narrow")
    return found


def _ours(task: str, *arguments: object) -> Callable[[], Cost | None]:
    return partial(cost, sys.executable, HERE / "engines" / "ours.py", task, *arguments)


def _profiles(path: Path, width: str) -> dict[str, Callable[[], Cost | None]]:
    tasks = {
        "imports": _ours("nothing"),
        "scan": _ours("scan", path, width),
        "alone": _ours("profile", path, width, "alone"),
        "profile": _ours("profile", path, width),
    }
    return tasks if width == "narrow" else {**tasks, "sliced": _ours("profile", path, width, SLICED)}


def _joins() -> dict[str, Callable[[], Cost | None]]:
    paths = [FOLDER / f"{name}-{JOINED[0]}.parquet" for name in ("predictions", "labels")]
    write_joined(*paths, *JOINED)
    return {"count": _ours("count_join", *paths), "entries": _ours("label_entries", *paths)}


def _small(rows: int) -> list[float]:
    """Milliseconds of a small window by the kernel that reads its rows at once, and by the stream."""
    path = FOLDER / f"wide-{rows}.parquet"
    write(path, rows)
    costs = [_ours("small_day", path, small)() for small in (10**9, -1)]
    return [round(one["ms"], 1) if one else float("nan") for one in costs]


def _beside_peers(name: str, rows: int) -> dict[str, Cost | None]:
    """A reference and a day of so many rows each: our quality, drift and performance, and what peers do of it."""
    reference, current = FOLDER / f"reference-{rows}.parquet", FOLDER / f"wide-{rows}.parquet"
    write(reference, rows, seed=11)
    write(current, rows)

    def monitor(*how: str) -> Cost | None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "metrics.db"
            _ours("database", path)()
            return _ours("monitor", reference, current, path, *how)()

    def peer(peer: str, *arguments: str) -> Callable[[], Cost | None]:
        return lambda: cost(_environment(peer), HERE / "engines" / "peers.py", peer, reference, current, *arguments)

    theirs = {f"evidently {preset}": peer("evidently", preset) for preset in PRESETS}
    theirs |= {"nannyml": peer("nannyml"), "whylogs": peer("whylogs")}
    print(f"{name} beside the peers", file=sys.stderr)
    ours = {
        "monitor": monitor,
        "monitor alone": partial(monitor, "alone"),
        "monitor labels": partial(monitor, "labels"),
        "profile": _ours("profile", current, "wide"),
        "alone": _ours("profile", current, "wide", "alone"),
    }
    return in_turns(ours, TURNS) | in_turns(theirs, 1)


def _environment(peer: str) -> Path:
    """The interpreter of a peer's own environment, made when first asked for."""
    folder = FOLDER / f"{peer}-{PEERS[peer]}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        print(f"installing {peer} {PEERS[peer]} …", file=sys.stderr)
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
        wanted = [f"{peer}=={PEERS[peer]}", "pandas<3", "pyarrow", "setuptools", "statsmodels"]
        # Compiled when installed, as pip does: else the first run would pay for it.
        subprocess.run(
            [*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), *wanted], check=True
        )
        (folder / "ready").touch()
    return python


def _postgres() -> dict[str, float]:
    url = os.environ.get("ML_MONITOR_TEST_POSTGRES")
    if not url:
        return {}
    from postgres import compared

    rows = 100_000 if QUICK else 1_000_000
    return {"rows": rows, **compared(url, _files({"": rows}, "wide")[""], TURNS)}


if __name__ == "__main__":
    main()
