"""Two real hotels for a year and a half, through the operators in real DAG runs: what was known when, and decided.

    python tests/benchmarks/hotel.py

Needs ../shared/data/hotel_bookings.parquet. A run every Monday, also on those on which only labels came, and one when
every horizon has passed; then a run a window in one sitting, newest first, when all is known; then everything again
from rows, by a script of its own. What labels at hand come to (`naive.roc_auc`, at last `roc_auc`) must be what the
rows known then do; what was estimated meanwhile is held against what all rows came to.
Writes results/hotel.md and results/hotel.json.
"""

from __future__ import annotations

import json
import math
import os
import platform
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

# Before the first import of Airflow, which reads its configuration then.
HOME = tempfile.TemporaryDirectory(prefix="ml-monitor-hotel-")
FOLDER = Path(HOME.name)
HERE = Path(__file__).resolve().parent
os.environ.update(
    AIRFLOW_HOME=str(FOLDER),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{FOLDER}/airflow.db",
    AIRFLOW__LOGGING__LOGGING_LEVEL="ERROR",
    AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
)
sys.path.insert(0, str(HERE.parent / "airflow" / "hotel"))

import hotel_estimates as early  # noqa: E402
import hotel_season as runs  # noqa: E402
import pandas as pd  # noqa: E402
from hotel_world import FIRST_MONDAY, HotelWorld, build_world  # noqa: E402

from airflow_ml_monitor.measurement import Family  # noqa: E402

BOOKINGS = HERE.parents[2] / "shared" / "data" / "hotel_bookings.parquet"
RESULTS = HERE / "results"
WEEKS = 64
"""The last begins on 2017-05-22; later bookings are incomplete in the file."""
LABELLED = pd.Timestamp("2017-09-18")
"""The first Monday on which every label is known; the horizon of the last week passes eight months later."""
SAME, BOUND = 1e-9, 0.002
"""How far current rows may lie apart; and an AUC from the rows'."""
EACH = 48
"""Of so many pairs one is asked of the ledger, which estimates anew: history has them all."""

RESTATED = (Family.QUALITY, Family.CONTRACT, Family.DRIFT, Family.PERFORMANCE)
"""What comes to the same whenever it is measured."""

Spent = dict[str, float]


def main() -> None:
    if not BOOKINGS.exists():
        sys.exit("no ../shared/data/hotel_bookings.parquet beside the project: nothing to measure")
    busy, spent = os.getloadavg()[0], Spent()
    os.environ[runs.CONNECTION] = runs.connection_to(FOLDER)
    with timed(spent, "fit and score"):
        world = build_world(BOOKINGS, FOLDER)
    season = runs.Season.of(FIRST_MONDAY, WEEKS, LABELLED)
    drive(world, season, spent)
    weekly, at_once = (runs.Kept.of(FOLDER, namespace) for namespace in ("default", "at_once"))
    with timed(spent, "recompute from rows"):
        truth = runs.recomputed_apart(BOOKINGS, FOLDER, season.end)
    truth = truth[truth.index.get_level_values("known_at").isin([runs.naive(monday) for monday in season.mondays])]
    with timed(spent, "compare"):
        awaited = early.awaited(season, weekly, truth)
        windows = seen(season, weekly, early.first_estimates(awaited))
        some = truth.iloc[::EACH]
        deviation = {
            f"history, run every Monday: {metric}": worst(truth[metric], truth, by_history(season, weekly, metric))
            for metric in early.METRICS
        } | {
            f"ledger, run {name}: roc_auc": worst(some.roc_auc, some, by_ledger(some, kept))
            for name, kept in (("every Monday", weekly), ("at once", at_once))
        }
    report = {
        "trained_on": len(world.trained_on),
        "reference": len(world.held_out),
        "scored": int(sum(row["bookings"] for row in windows)),
        "runs": {"every Monday": len(season.mondays), "at once": len(season.windows)},
        "windows": windows,
        "restated": sum(row["revisions"] > 1 for row in windows),
        "revisions": sum(row["revisions"] for row in windows),
        "by_age": early.by_age(awaited),
        "refusals": early.refusals(awaited),
        "pairs": len(truth),
        "deviation": deviation,
        "same_rows": {family.value: compared(weekly, at_once, family) for family in RESTATED},
        "decisions": decisions(weekly),
        "seconds": {name: round(seconds, 1) for name, seconds in spent.items()},
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "database_mb": round((FOLDER / "metrics.db").stat().st_size / 1e6, 1),
        "machine": f"{os.cpu_count()} cores (load {busy:.1f} before the run), Python {platform.python_version()}",
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "hotel.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (RESULTS / "hotel.md").write_text(page(report))
    print(page(report))


@contextmanager
def timed(spent: Spent, name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    spent[name] = spent.get(name, 0.0) + time.perf_counter() - began


def drive(world: HotelWorld, season: runs.Season, spent: Spent) -> None:
    """Every Monday as it came, with the files that had landed; then each window once, with all that is known."""
    began = time.perf_counter()
    with runs.driven(FOLDER) as dags:
        spent["set up Airflow"] = time.perf_counter() - began
        for monday in season.mondays:
            window = season.window_of(monday)
            if window.end == monday:
                world.land(runs.naive(window.start))
            with timed(spent, "runs every Monday"):
                runs.run(dags, "hotel_weekly", window, monday)
        for window in reversed(season.windows):
            with timed(spent, "runs at once"):
                runs.run(dags, "hotel_at_once", window, season.end)


def seen(season: runs.Season, kept: runs.Kept, first: dict[Any, dict[str, Any]]) -> list[dict[str, Any]]:
    """Per window the AUC of the labels at hand at its end, the first estimate if there was any, and at the end."""
    end = kept.by_history(season.end)
    found = []
    for window in season.windows:
        last = end.loc[window.start]
        assert last.is_final, f"the horizon of {window} has passed, and nothing is final"
        found.append(
            {
                "week": str(runs.naive(window.start).date()),
                "bookings": round(last.n / last.coverage),
                "at_hand": told(kept.by_history(window.end).loc[window.start]),
                "estimate": first.get(runs.naive(window.start)),
                "end": told(last),
                "revisions": int(last.revision),
            }
        )
    return found


def by_history(season: runs.Season, kept: runs.Kept, metric: str) -> dict[Any, tuple[float, int]]:
    """All that history says of labels at hand, of every window on each Monday."""
    return {
        (runs.naive(start), runs.naive(monday)): (row.value, 0 if pd.isna(row.n) else int(row.n))
        for monday in season.mondays
        for start, row in kept.by_history(monday, metric).iterrows()
    }


def told(row: Any) -> dict[str, Any]:
    return {name: round(float(row[name]), 4) for name in ("value", "low", "high", "coverage")}


def by_ledger(truth: pd.DataFrame, kept: runs.Kept) -> dict[Any, tuple[float, int]]:
    """`performance(as_of=K)` of windows and Mondays."""
    found = {}
    for start, known_at in truth.index:
        window = runs.WEEKS.containing(runs.aware(start))
        found[start, known_at] = kept.by_ledger(window, runs.aware(known_at))
    return found


def worst(values: pd.Series[float], truth: pd.DataFrame, found: dict[Any, tuple[float, int]]) -> dict[str, Any]:
    """How far from the rows' values a metric is at most, and where; and how often the number of labels differs."""
    assert set(found) == set(truth.index), "not every window and Monday has a value"
    gap = {place: abs(found[place][0] - values[place]) for place in truth.index}
    missing = sum(math.isnan(found[place][0]) != math.isnan(values[place]) for place in gap)
    place = max(gap, key=lambda p: (not math.isnan(gap[p]), gap[p]))
    return {
        "pairs": len(gap),
        "worst": float(gap[place]),
        "week": str(place[0].date()),
        "known_at": str(place[1].date()),
        "mean": float(pd.Series(gap).mean()),
        "beyond": sum(bool(value > BOUND) for value in gap.values()),
        "other_label_counts": sum(bool(found[p][1] != truth.labelled[p]) for p in gap if found[p][1]),
        "only_one_has_a_value": missing,
    }


def compared(a: runs.Kept, b: runs.Kept, family: Family) -> dict[str, int]:
    """Current rows of both, and how many differ by more than SAME."""
    one, other = a.rows(family), b.rows(family)
    return {"rows": len(one), "differences": len(runs.differences(one, other, SAME))}


def decisions(kept: runs.Kept) -> list[dict[str, str]]:
    found = kept.store.decisions(kept.spec.key)
    return [{"date": str(runs.naive(d.known_at).date()), "action": d.action.value, "because": d.because} for d in found]


def page(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    return "\n".join(
        [
            *_head(report),
            *early.weeks_page(report),
            *early.estimates_page(report),
            *_same(report),
            *_decisions(report),
            "",
        ]
    )


def _head(report: dict[str, Any]) -> list[str]:
    seconds = ", ".join(f"{name} {value:.0f} s" for name, value in report["seconds"].items())
    return [
        "# Hotel bookings: real labels that come late",
        "",
        f"Gradient boosting fitted on {report['trained_on']:,} bookings whose label was known by 2016-03-01; the "
        f"reference is {report['reference']:,} others, known by then too, whole booking days apart. "
        f"{report['scored']:,} later bookings in {WEEKS} weeks (Monday to Sunday, Europe/Lisbon), through "
        f"{report['runs']['every Monday']} real DAG runs, one every Monday until the last label was known, and "
        "one when the last horizon (365 days) had passed. Delay strata are ten bands of the lead "
        "time, chosen with one look back.",
        "",
        f"{report['machine']}; {seconds}; peak memory {report['peak_mb']:,} MB; metrics database "
        f"{report['database_mb']} MB for both monitors. Made by `make bench NAME=hotel`.",
        "",
    ]


def _same(report: dict[str, Any]) -> list[str]:
    lines = [
        "## Against a recomputation from rows (pandas and scikit-learn)",
        "",
        "What labels at hand come to: `naive.…` until the horizon, the metric itself from then on.",
        "",
        f"| | pairs of a window and a Monday | worst deviation | week, known at | mean | pairs beyond {BOUND} | label "
        "counts that differ | only one has a value |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, d in report["deviation"].items():
        lines.append(
            f"| {name} | {d['pairs']:,} | {d['worst']:.1e} | {d['week']}, {d['known_at']} | {d['mean']:.1e} | "
            f"{d['beyond']} | {d['other_label_counts']} | {d['only_one_has_a_value']} |"
        )
    rows = ", ".join(f"{name} {f['differences']} of {f['rows']:,}" for name, f in report["same_rows"].items())
    said = f"Current rows that differ between every Monday and at once (by more than {SAME}): {rows}."
    return [*lines, "", f"{said} Estimators without labels are asked while labels are awaited, and not at once.", ""]


def _decisions(report: dict[str, Any]) -> list[str]:
    counts = Counter(one["action"] for one in report["decisions"])
    lines = [
        "## Decisions",
        "",
        "No model was retrained, so an action asked for stays asked for. "
        + ", ".join(f"{action} {count}" for action, count in counts.most_common())
        + "; every text is in hotel.json. Of waiting in a row the first is shown.",
        "",
        "| known at | action | because |",
        "|---|---|---|",
    ]
    for action, group in groupby(report["decisions"], key=lambda one: one["action"]):
        same = list(group)
        shown = same[:1] if action == "wait" else same
        more = f" to {same[-1]['date']} ({len(same)})" if len(same) > len(shown) else ""
        lines += [f"| {one['date']}{more} | {action} | {_cell(one['because'])} |" for one in shown]
    return lines


def _cell(text: str) -> str:
    short = text if len(text) <= 400 else text[:400] + " …"
    return short.replace("|", "\\|")


if __name__ == "__main__":
    main()
