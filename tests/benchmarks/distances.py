"""How far distances from cells are from those of the rows themselves.

    python tests/benchmarks/distances.py [--rows 200000]

Numeric columns of thirteen kinds: a reference, a window that has moved and spread a little, and one whose upper
half alone has; five seeds. Through the public API (DuckDB: reference → layout → profiles → metrics), in the buckets
of the whole (512 on either side of the centre; up to 8,192 of a column with narrow peaks) and of slices and old
profiles (an eighth of them). Beside the rows' own:

* Kolmogorov-Smirnov: scipy.stats.ks_2samp;
* Wasserstein: scipy.stats.wasserstein_distance over the reference's standard deviation;
* PSI and Jensen-Shannon: over deciles of the reference's rows, a value that spans several in that of its middle; of at
  most 20 values over these.

Then a column of 100,000 categories, of which the profile names those with 20 reference rows, 1,000 at most: JS, PSI and
χ² of what is kept against those of every category, with the bound that `other`'s rows give.
Writes results/distances.md and results/distances.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.stats
from scipy.spatial.distance import jensenshannon

from airflow_ml_monitor import Column, Dataset, Kind, Role
from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.metrics.metric import metrics
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.coarse import coarse, coarse_layout
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.fitting import fitted
from airflow_ml_monitor.profile.layout import FEW_VALUES, OTHER, Layout
from airflow_ml_monitor.profile.views import ColumnView, PairView

RESULTS = Path(__file__).parent / "results"
SEEDS = range(5)
CATEGORIES = 100_000
Array = np.ndarray[Any, np.dtype[np.float64]]
Draw = Callable[[np.random.Generator, int], Array]


def peaks(rng: np.random.Generator, rows: int, width: float) -> Array:
    return rng.choice([-1.0, 0.0, 1.0, 5.0], rows, p=[0.3, 0.3, 0.2, 0.2]) + width * rng.normal(size=rows)


KINDS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda rng, n: rng.normal(3, 2, n), 2.0),
    "uniform": (lambda rng, n: rng.random(n), 0.3),
    "lognormal, σ = 2": (lambda rng, n: rng.lognormal(0, 2, n), 0.5),
    "Student, 2 degrees": (lambda rng, n: rng.standard_t(2, n), 1.0),
    "Cauchy": (lambda rng, n: rng.standard_cauchy(n), 1.0),
    "counts up to 20": (lambda rng, n: rng.binomial(19, 0.2, n).astype(float), 5.0),
    "counts of many": (lambda rng, n: rng.poisson(60, n).astype(float), 12.0),
    "two decimals": (lambda rng, n: np.round(rng.gamma(2, 30, n), 2), 40.0),
    "70 % zeros": (lambda rng, n: np.where(rng.random(n) < 0.7, 0.0, rng.lognormal(0, 1, n)), 1.0),
    "four peaks": (lambda rng, n: peaks(rng, n, 0.1), 0.1),
    "four needles": (lambda rng, n: peaks(rng, n, 1e-4), 1e-4),
    "scale 10⁻¹²": (lambda rng, n: 1e-12 * rng.normal(size=n), 1e-12),
    "10¹² + noise": (lambda rng, n: 1e12 + rng.normal(size=n), 1.0),
}
"""Of a number of rows; and the size by which they move."""
MOVES = ("all", "the upper half")


def moved(kind: str, how: str, rng: np.random.Generator, rows: int) -> Array:
    """A window of the same kind, a twentieth of its size higher and 5 % wider; counts stay whole, decimals short."""
    draw, size = KINDS[kind]
    x = draw(rng, rows)
    picked = np.full(rows, True) if how == "all" else x > np.median(x)
    centre = np.median(x)
    y = np.where(picked, centre + (x - centre) * 1.05 + size / 20, x)
    if kind == "four needles":
        y = np.where(picked, x + size / 20, x)
    if kind == "70 % zeros":
        y = np.where(x == 0, x, y)
    if kind.startswith("counts"):
        y = x + (picked & (rng.random(rows) < 0.1))
    return np.round(y, 2) if kind == "two decimals" else np.minimum(y, 19) if kind == "counts up to 20" else y


def of_rows(reference: Array, current: Array) -> dict[str, float]:
    """What the metrics are of the rows themselves, in float64."""
    # About the centre: scipy's own sums would lose what is small beside an offset.
    centre = np.median(reference)
    a, b = reference - centre, current - centre
    sigma = float(a.std(ddof=1))
    values = np.unique(a)
    places = [np.searchsorted(values, x) for x in (a, b)] if len(values) <= FEW_VALUES else deciles(a, a, b)
    bins = np.array([np.bincount(of, minlength=FEW_VALUES + 1) for of in places])
    bins = bins[:, bins.any(axis=0)]
    share, other = ((of + 0.5) / (of + 0.5).sum() for of in bins)
    return {
        "kolmogorov_smirnov": float(scipy.stats.ks_2samp(a, b, method="asymp").statistic),
        "wasserstein": float(scipy.stats.wasserstein_distance(a / sigma, b / sigma)),
        "psi": float(((other - share) * np.log(other / share)).sum()),
        "jensen_shannon": float(jensenshannon(*bins, base=2)),
    }


def deciles(reference: Array, *samples: Array) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
    """The decile of the reference in which each row lies: that of the middle of the rows with its value."""
    ordered = np.sort(reference)
    found = []
    for x in samples:
        middle = (np.searchsorted(ordered, x, "left") + np.searchsorted(ordered, x, "right")) / 2 / len(ordered)
        found.append(np.minimum(np.floor(10 * middle), 9).astype(np.int64))
    return found


def of_cells(pair: PairView) -> dict[str, float]:
    names = ("kolmogorov_smirnov", "wasserstein", "psi", "jensen_shannon")
    return {name: float(metrics()[name].function(pair).value) for name in names}


def largest(pair: PairView) -> float:
    """The largest share of rows in one bucket: Kolmogorov-Smirnov lies no further off."""
    return max(float(of.cells.count.max() / of.n) for of in (pair.reference, pair.current))


def profiles(folder: Path, tables: list[dict[str, Any]], kind: Kind) -> tuple[Layout, list[Profile]]:
    """The layout of the first table, and profiles of both."""
    columns = tuple(Column(name, kind, Role.FEATURE) for name in tables[0])
    datasets = []
    for place, table in zip(("reference", "current"), tables, strict=True):
        moments = pa.array(np.full(len(next(iter(table.values()))), "2026-03-01", "datetime64[us]"))
        pq.write_table(pa.table({**table, "at": moments}), folder / f"{place}.parquet")
        datasets.append(Dataset("rows", str(folder / f"{place}.parquet"), columns, "at"))
    layout, reference = fitted(DuckDB(), datasets[0], EVER)
    return layout, [reference, DuckDB().profile(datasets[1], layout, EVER)]


def errors(folder: Path, rows: int, seed: int) -> list[dict[str, Any]]:
    """By kind, move, resolution and metric: the rows' own value and how far ours is from it."""
    rng = np.random.default_rng(seed)
    names = {f"{kind} | {how}": (kind, how) for kind in KINDS for how in MOVES}
    reference = {name: KINDS[kind][0](rng, rows) for name, (kind, _) in names.items()}
    current = {name: moved(kind, how, rng, rows) for name, (kind, how) in names.items()}
    layout, made = profiles(folder, [reference, current], Kind.NUMERIC)
    cuts = {"whole": (layout, made), "coarse": (coarse_layout(layout), [coarse(one, layout) for one in made])}
    found = []
    for name, (kind, how) in names.items():
        truth = of_rows(reference[name], current[name])
        for grid, (cut, (before, now)) in cuts.items():
            pair = PairView(ColumnView.of(before, cut, name), ColumnView.of(now, cut, name))
            ours = of_cells(pair)
            about: dict[str, Any] = {
                "kind": kind,
                "move": how,
                "grid": grid,
                "buckets": 2 * cut[name].resolution,
                "largest": largest(pair),
            }
            found += [about | {"metric": m, "rows": truth[m], "error": abs(ours[m] - truth[m])} for m in truth]
    return found


def many_categories(folder: Path, rows: int) -> list[dict[str, Any]]:
    """Distances of 10⁵ categories, of all and of those that a profile names, with what `other` may hide."""
    found = []
    for law, power in (("Zipf, exponent 1.1", 1.1), ("Zipf, exponent 0.7", 0.7), ("all alike", 0.0)):
        rng = np.random.default_rng(11)
        share = np.arange(1, CATEGORIES + 1.0) ** -power
        share /= share.sum()
        changed = share * rng.lognormal(0, 0.3, CATEGORIES)
        counts = [rng.multinomial(rows, p / p.sum()) for p in (share, changed)]
        names = np.array([f"value {i}" for i in range(CATEGORIES)])
        layout, made = profiles(folder, [{"c": np.repeat(names, of)} for of in counts], Kind.CATEGORICAL)
        pair = PairView(*(ColumnView.of(one, layout, "c") for one in made))
        hidden = [one.cells.at(OTHER) / rows for one in (pair.reference, pair.current)]
        told = (counts, list(pair.shares(10)))
        js, chi = (tuple(of(*each) for each in told) for of in (divergence, chi_square))
        psi = tuple(stability(*each) for each in told)
        ours = {name: float(metrics()[name].function(pair).value) for name in ("jensen_shannon", "psi")}
        assert math.isclose(ours["jensen_shannon"] ** 2, js[1], rel_tol=1e-9)
        assert math.isclose(ours["psi"], psi[1], rel_tol=1e-9)
        limits = {
            "JS divergence, bits": (js, sum(hidden) / 2),
            "PSI": (psi, sum(hidden) * math.log(2 * rows * max(hidden) + 1)),
            "χ² / rows": (chi, sum(hidden)),
        }
        found += [
            {"law": law, "named": len(layout["c"].categories), "other": hidden, "measure": measure}
            | {"every category": every, "kept": kept, "error": every - kept, "bound": bound}
            for measure, ((every, kept), bound) in limits.items()
        ]
    return found


def divergence(a: Array, b: Array) -> float:
    return float(jensenshannon(a, b, base=2)) ** 2


def stability(a: Array, b: Array) -> float:
    """As metrics/drift/psi.py: half a row in every bin that has one on either side."""
    there = (a + b) > 0
    p, q = ((of[there] + 0.5) / (of[there] + 0.5).sum() for of in (a, b))
    return float(((q - p) * np.log(q / p)).sum())


def chi_square(a: Array, b: Array) -> float:
    """Of as many rows on both sides: Σ (a - b)² / (a + b) over all rows, in [0, 1]."""
    there = (a + b) > 0
    return float(((a - b)[there] ** 2 / (a + b)[there]).sum() / (a + b).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ml-monitor-distances-") as folder:
        found = [row for seed in SEEDS for row in errors(Path(folder), asked.rows, seed)]
        named = many_categories(Path(folder), 1_000_000)
    worst: dict[str, dict[str, dict[str, tuple[float, float]]]] = defaultdict(lambda: defaultdict(dict))
    for row in found:
        cell = worst[row["kind"]][row["grid"]]
        cell[row["metric"]] = max(cell.get(row["metric"], (0.0, 0.0)), (row["error"], row["rows"]))
        cell["largest"] = max(cell.get("largest", (0.0, 0.0)), (row["largest"], 0.0))
        cell["buckets"] = max(cell.get("buckets", (0, 0)), (row["buckets"], 0))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}"
    report = {"rows": asked.rows, "machine": machine, "worst": worst, "categories": named}
    (RESULTS / "distances.json").write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    (RESULTS / "distances.md").write_text(page(report))
    print(page(report))


def page(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    metric_names = ("kolmogorov_smirnov", "wasserstein", "psi", "jensen_shannon")
    lines = [
        "# Distances from cells, beside those of the rows",
        "",
        f"{report['rows']:,} rows in the reference and in the window, {len(SEEDS)} seeds, two changes each;",
        f"{report['machine']}. Made by `python tests/benchmarks/distances.py`, which says what each is held against.",
        "The worst error of each, in parentheses the rows' own value there. Wasserstein in standard deviations.",
        "Of a grid KS is read at the buckets' borders: off by no more than the largest share of rows in one bucket.",
    ]
    for grid, where in (("whole", "The whole"), ("coarse", "Slices, and profiles of more than 90 days")):
        lines += [
            "",
            f"## {where}",
            "",
            "| | buckets | KS | bucket's share | Wasserstein | PSI | JS |",
            "|---|---|---|---|---|---|---|",
        ]
        for kind, of in report["worst"].items():
            told = [f"{error:.1e} ({value:.3g})" for error, value in (of[grid][name] for name in metric_names)]
            told = [f"{of[grid]['buckets'][0]:,}", told[0], f"{of[grid]['largest'][0]:.1e}", *told[1:]]
            lines.append(f"| {kind} | {' | '.join(told)} |")
    lines += [
        "",
        f"## A column of {CATEGORIES:,} categories, a million rows on either side",
        "",
        "What is kept of them can only lie nearer: rows in `other` may have moved among themselves unseen. By how much "
        "at most their share tells:",
        "the bound of JS is their mean share, of χ² their sum, of PSI their sum times the log of twice their rows.",
        "",
        "| | named | `other`, % | | every category | kept | error | at most |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in report["categories"]:
        hidden = " → ".join(f"{100 * part:.1f}" for part in row["other"])
        lines.append(
            f"| {row['law']} | {row['named']:,} | {hidden} | {row['measure']} | {row['every category']:.4f} | "
            f"{row['kept']:.4f} | {row['error']:.4f} | {row['bound']:.3f} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
