"""False alarms and days to detection on streams of known truth, of charts and of the peers' default rules.

    python tests/benchmarks/alarms.py [--seeds 3] [--more 12]

Needs ../shared/data for the placebo. A year of 50 columns a seed, 60 reference days before it; of `more` seeds the
charts alone are judged. Writes results/alarms.md and results/alarms.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "alarms"))

import numpy as np  # noqa: E402
from charts import DIAL, charted_auc, charts, of_stream, watched  # noqa: E402
from page import CHARTS, Summaries, page  # noqa: E402
from peers import RULES  # noqa: E402
from performance import performance, three_sigmas  # noqa: E402
from placebo import DATA, SOURCES, placebo  # noqa: E402
from score import Rate, Summary, Verdict, judged, summed  # noqa: E402
from streams import CHANGES, Stream  # noqa: E402
from worlds import WORLDS, stream  # noqa: E402

RESULTS = HERE / "results"
Way = Callable[[Stream], tuple[np.ndarray, np.ndarray | None]]
WAYS: dict[str, Way] = {
    CHARTS: charts,
    **{name: lambda of, rule=rule: (rule(of), None) for name, rule in RULES.items()},  # type: ignore[misc]
}
"""Each way to alarm: a stream's alarms (T, columns), and scores by which its columns can be ranked, or None."""
TYPICAL = "typical"
IN_VOLATILE = ("mean 0.5 σ, 1 column", "mean 0.5 σ, 5 columns")
YEARLY = ("seasonal", "sharp")
SIZES = {
    **{f"{count} columns": {"columns": count} for count in (5, 10, 200, 500)},
    **{f"{rows:,} rows a day": {"rows": rows} for rows in (50, 200, 10_000_000)},
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One stream to be made and judged. of: world, change, year, size, placebo or performance."""

    of: str
    name: str
    seed: int
    detail: str = ""
    peers: bool = True

    def streams(self) -> Stream:
        if self.of == "placebo":
            return placebo(self.name, self.seed, self.detail)
        changes = [CHANGES[self.detail]] if self.of == "change" else []
        settings: dict[str, Any] = SIZES[self.detail] if self.of == "size" else {}
        # After a change 90 days are looked at.
        days = 730 if self.of == "year" else 220 if changes else 365
        return stream(self.name, self.seed, changes, days=days, **settings)


def tried(trial: Trial) -> dict[str, Verdict]:
    """What each way says of one stream."""
    if trial.of == "performance":
        series = performance(trial.seed, float(trial.detail))
        rivals = {f"{CHARTS} of ROC AUC": charted_auc(series), "NannyML, three metrics at 3σ": three_sigmas(series)}
        return {name: judged(series, alarms) for name, alarms in rivals.items()}
    of = trial.streams()
    ways = WAYS if trial.peers else {CHARTS: charts}
    if trial.of != "year":
        return {name: judged(of, *way(of)) for name, way in ways.items()}
    alarms, scores = charts(of)
    second = replace(of, start=of.start + 365)
    first = replace(of, dates=of.dates[: second.start])
    return {"first year": judged(first, alarms[: second.start]), "second year": judged(second, alarms, scores)}


def trials(seeds: int, more: int) -> Iterator[Trial]:
    # Of seeds that nothing was tuned on.
    for seed in range(1000, 1000 + seeds + more):
        peers = seed < 1000 + seeds
        yield from (Trial("world", name, seed, "", peers) for name in WORLDS if name not in YEARLY or peers)
        yield from (Trial("change", TYPICAL, seed, detail, peers) for detail in CHANGES)
        yield from (Trial("change", "volatile", seed, detail, peers=False) for detail in IN_VOLATILE)
        if DATA.exists():
            yield from (Trial("placebo", name, seed, by, peers) for name in SOURCES for by in ("days", "weeks"))
        yield from (Trial("performance", "AUC", seed, loss) for loss in ("0", "1", "2"))
    for seed in range(2000, 2000 + seeds + more // 2):
        yield from (Trial("year", name, seed) for name in YEARLY)
    for seed in range(3000, 3000 + seeds):
        yield from (Trial("size", TYPICAL, seed, detail, peers=False) for detail in SIZES)


def cost() -> tuple[int, float]:
    """(components, seconds) of judging a year of 500 columns."""
    charted = of_stream(stream(TYPICAL, 4000, columns=500))
    began = time.perf_counter()
    watched(charted, 60, DIAL)
    return len(charted.names), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="streams of each kind for everyone")
    parser.add_argument("--more", type=int, default=12, help="further ones for the charts alone")
    asked = parser.parse_args()
    began = time.perf_counter()
    components, judging = cost()
    if DATA.exists():
        for name in SOURCES:
            placebo(name, 0)  # read once, before two processes would
    every = list(trials(asked.seeds, asked.more))
    found: dict[tuple[str, str, str], dict[str, list[Verdict]]] = {}
    with ProcessPoolExecutor(2) as pool:
        for number, (trial, by_way) in enumerate(zip(every, pool.map(tried, every), strict=True)):
            for way, verdict in by_way.items():
                found.setdefault((trial.of, trial.name, trial.detail), {}).setdefault(way, []).append(verdict)
            if number % 50 == 0:
                print(f"{number} of {len(every)} streams, {time.perf_counter() - began:.0f} s", flush=True)
    summaries = {key: {way: summed(mine) for way, mine in ways.items()} for key, ways in found.items()}
    about = {"seeds": asked.seeds, "more": asked.more, "seconds": round(time.perf_counter() - began)}
    about |= {"components of 500 columns": components, "seconds to judge their year": round(judging, 1)}
    write(summaries, about)


def write(summaries: Summaries, about: dict[str, Any]) -> None:
    text = "\n".join(page(summaries, list(WAYS), about)) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "alarms.md").write_text(text)
    document = [{"of": key, "ways": {way: plain(one) for way, one in ways.items()}} for key, ways in summaries.items()]
    (RESULTS / "alarms.json").write_text(lines({**about, "streams": document}))
    print(text)


def lines(report: dict[str, Any]) -> str:
    """JSON, a stream a line."""
    streams = ",\n".join(json.dumps(one, ensure_ascii=False) for one in report["streams"])
    return json.dumps({**report, "streams": []}, ensure_ascii=False)[:-2] + f"\n{streams}\n]}}\n"


def plain(one: Summary) -> dict[str, Any]:
    """JSON of a summary: never is null."""
    counted = ("false_days", "false_incidents", "found", "found_of_it", "right", "top")
    found: dict[str, Any] = {name: number(getattr(one, name)) for name in ("days", "days_of_it")}
    for name in counted:
        part = getattr(one, name)
        total = {"years": round(part.years, 2)} if isinstance(part, Rate) else {"trials": part.trials}
        found[name] = {"count": part.count, **total}
    return found


def number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


if __name__ == "__main__":
    main()
