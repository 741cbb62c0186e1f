"""Performance when labels come late: how wrong each way to read them is, what intervals cover, what is refused.

    python tests/benchmarks/late_labels.py [--repeats 100] [--only concept,slowed]

Four simulated worlds, and hotel bookings (../shared/data/hotel_bookings.parquet, where it is). Two processes. With 100
repeats about a quarter of an hour on two free cores; with 500 about an hour. Every section says how many it had;
those that are not asked for are kept as they were. Writes results/late_labels.md and results/late_labels.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

# Two processes on few cores: threads of the linear algebra would only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from late import delays, hotel, pages, windows

from airflow_ml_monitor.simulate.label_delays import WorldKind
from airflow_ml_monitor.simulate.late_labels import Outage

RESULTS = Path(__file__).parent / "results"
KINDS = tuple(WorldKind)
FINE_AGES = (0, 3, 7, 10, 14, 21, 28, 35, 42, 49, 56, 63, 70, 80, 90)
FEW = 5
"""The whole of the repeats for the first section and for the watch; a part of them for the others."""
YEARS = 25
"""Of repeats that make one simulated year of each world and kind."""

Row = dict[str, Any]
Pool = ProcessPoolExecutor


def main() -> None:
    arguments = _arguments()
    file = RESULTS / "late_labels.json"
    report = json.loads(file.read_text()) if file.exists() else {"sections": {}, "took": {}}
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"
    report["machine"] = machine
    with ProcessPoolExecutor(2) as pool:
        for name in arguments.only or SECTIONS:
            began, busy = time.perf_counter(), os.getloadavg()[0]
            rows = SECTIONS[name](arguments.repeats, pool)
            if rows:
                report["sections"][name] = rows
                seconds = time.perf_counter() - began
                report["took"][name] = f"{seconds:,.0f} s in two processes (load {busy:.1f} before)."
                _write(file, report)
    print(pages.page(report))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=100, help="of each world; 500 tell coverage to 1 point")
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"of {', '.join(SECTIONS)}")
    return parser.parse_args()


def _write(file: Path, report: Row) -> None:
    report["sections"] = {name: report["sections"][name] for name in SECTIONS if name in report["sections"]}
    RESULTS.mkdir(exist_ok=True)
    file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    file.with_suffix(".md").write_text(pages.page(report))


def week(case: str, repeats: int, pool: Pool, *, part: int = 1, is_watched: bool = False) -> list[Row]:
    """Every world's week, read in every way at every age."""
    count, found = max(repeats // part, 10), []
    for kind in KINDS:
        one = partial(windows.repeat, kind, case, is_watched=is_watched)
        seen = list(pool.map(one, range(1000, 1000 + count), chunksize=5))
        found += [
            windows.summary(kind, case, age, [repeat[place] for repeat in seen])
            for place, age in enumerate(windows.AGES)
        ]
    return found


def gained(repeats: int, pool: Pool) -> list[Row]:
    """From which age on each way of reading is near the truth."""
    found = []
    for kind in KINDS:
        one = partial(windows.repeat, kind, "concept", ages=FINE_AGES, is_watched=False)
        seen = list(pool.map(one, range(1000, 1000 + max(repeats // 10, 20)), chunksize=2))
        by_age = [
            windows.summary(kind, "concept", age, [repeat[place] for repeat in seen])
            for place, age in enumerate(FINE_AGES)
        ]
        row: Row = {"world": kind.value}
        for method in ("naive", "as if negative", "two stages"):
            near = [row_["refused"] < 0.5 or method != "two stages" for row_ in by_age]
            errors = [row_[method]["accuracy"] for row_ in by_age]
            row[method] = _first_for_good(
                a and e is not None and e["rmse"] <= 1 for a, e in zip(near, errors, strict=True)
            )
        limits = [row_["final"]["accuracy"] if row_["refused"] < 0.5 else None for row_ in by_age]
        row["narrow"] = _first_for_good(one is not None and one["half_width"] <= 2 for one in limits)
        found.append(row)
    return found


def _first_for_good(good: Iterable[bool]) -> int | None:
    """The first age from which on all are good."""
    bad = [place for place, one in enumerate([*good]) if not one]
    place = bad[-1] + 1 if bad else 0
    return FINE_AGES[place] if place < len(FINE_AGES) else None


def slowed(repeats: int, pool: Pool) -> list[Row]:
    """How soon a slower flow is noticed."""
    found = []
    for kind in KINDS:
        for case, slowdown in delays.SLOWDOWNS.items():
            count = max(repeats // (2 if "all awaited" in case else FEW), 10)
            one = partial(delays.noticed, kind, slowdown=slowdown)
            seen = list(pool.map(one, range(2000, 2000 + count), chunksize=5))
            days = [each.days for each in seen if each.days is not None]
            row: Row = {"world": kind.value, "case": case, "repeats": count, "noticed": len(days) / count}
            row |= {"days": None, "days_90": None, "factor": None, "since": None}
            if days:
                row |= {"days": float(np.median(days)), "days_90": float(np.quantile(days, 0.9))}
                factors = [each.factor for each in seen if each.factor is not None]
                since = [each.since - delays.HISTORY for each in seen if each.since is not None]
                row |= {"factor": float(np.median(factors)), "since": float(np.median(since))}
            found.append(row)
    return found


def steady(repeats: int, pool: Pool) -> list[Row]:
    """How often the watch errs while nothing changes."""
    years = max(repeats // (2 * YEARS), 1)
    asked = [(kind, corrected) for kind in KINDS for corrected in (0.0, 0.02)]
    found = {
        which: [pool.submit(delays.false_flags, which[0], 3000 + seed, corrected=which[1]) for seed in range(years)]
        for which in asked
    }
    return [
        {"world": kind.value, "corrected": corrected, "years": years, "flags": sum(each.result() for each in flags)}
        for (kind, corrected), flags in found.items()
    ]


def stopped(repeats: int, pool: Pool) -> list[Row]:
    """Whether an outage is told, and whether its end passes quietly."""
    found = []
    for kind in KINDS:
        count = max(repeats // (2 * FEW), 10)
        one = partial(delays.outage_told, kind, outage=Outage(delays.HISTORY, 10))
        seen = list(pool.map(one, range(4000, 4000 + count)))
        days = [day for day, _ in seen if day is not None]
        row: Row = {"world": kind.value, "repeats": count, "told": len(days) / count}
        row |= {"day": float(np.median(days)) if days else None}
        found.append(row | {"flagged_after": float(np.mean([after > 0 for _, after in seen]))})
    return found


def hotels(repeats: int, pool: Pool) -> list[Row]:
    """Real bookings; nothing where their file is not."""
    return list(hotel.hotel_table()) if hotel.BOOKINGS.exists() else []


SECTIONS: dict[str, Callable[[int, Pool], list[Row]]] = {
    "concept": partial(week, "concept"),
    "score holds": partial(week, "score holds", part=FEW),
    "corrections": partial(week, "corrections", part=FEW),
    "outage": partial(week, "outage", part=FEW, is_watched=True),
    "slower 1.2": partial(week, "slower 1.2", part=FEW, is_watched=True),
    "slower 1.5": partial(week, "slower 1.5", part=FEW, is_watched=True),
    "slowed": slowed,
    "steady": steady,
    "stopped": stopped,
    "gained": gained,
    "hotel": hotels,
}


if __name__ == "__main__":
    main()
