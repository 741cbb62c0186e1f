"""The benchmark's page: tables of false incidents and of days to detection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from score import Rate, Share, Summary

CHARTS = "charts"
Summaries = dict[tuple[str, str, str], dict[str, Summary]]
Keys = Sequence[tuple[str, str, str]]


def page(summaries: Summaries, ways: Sequence[str], about: dict[str, Any]) -> Iterator[str]:
    """Markdown, line by line."""

    def of(kind: str) -> Keys:
        return [key for key in summaries if key[0] == kind]

    yield "# Alarms: false ones a year, and days to true ones"
    yield ""
    yield f"{about['seeds']} streams of each kind for everyone and {about['more']} more for the charts, of seeds that"
    yield f"nothing was tuned on; made by `make bench NAME=alarms` in {about['seconds']} s. The dial stands at 1 false"
    yield "incident a year for a stream's columns together. Alarm days with fewer than 3 quiet days between are one."
    yield ""
    yield "## Nothing changes: days with a false alarm a year / false incidents a year (95 % interval)"
    yield ""
    yield from quiet(summaries, of("world"), ways)
    yield "Seasons that the reference has not seen, charts by year:"
    yield ""
    yield from quiet(summaries, of("year"), ["first year", "second year"])
    yield "Charts, by columns and by rows:"
    yield ""
    yield from quiet(summaries, of("size"), [CHARTS])
    yield "## Real days shuffled: nothing changes by construction"
    yield ""
    yield from quiet(summaries, of("placebo"), ways)
    yield "## Days to detection"
    yield ""
    yield "Median days to the first alarm of a changed column; share in which one is found within 30 days (90 of a"
    yield "gradual change); of the columns flagged on the first alarm day, those that changed. Rules that always alarm"
    yield "find everything at once. top: the column that charts rank first has changed."
    yield ""
    yield from detected(summaries, of("change"), ways)
    yield "## Realised performance, 2,000 labels a day"
    yield ""
    yield from performed(summaries, of("performance"))
    yield ""
    components, seconds = about["components of 500 columns"], about["seconds to judge their year"]
    yield f"Judging a year of 500 columns ({components:,} components) anew took {seconds} s."


def quiet(summaries: Summaries, keys: Keys, ways: Sequence[str]) -> Iterator[str]:
    titles = [" ".join(filter(None, key[1:])) for key in keys]
    yield f"| | {' | '.join(titles)} |"
    yield f"|---|{'---|' * len(titles)}"
    for way in ways:
        found = [summaries[key].get(way) for key in keys]
        told = (f"{one.false_days.value:.0f} / {rate(one.false_incidents)}" if one else "" for one in found)
        yield f"| {way} | {' | '.join(told)} |"
    yield ""


def detected(summaries: Summaries, keys: Keys, ways: Sequence[str]) -> Iterator[str]:
    yield f"| | top | {' | '.join(ways)} |"
    yield f"|---|---|{'---|' * len(ways)}"
    for key in keys:
        mine = summaries[key]
        told = (
            f"{days(one.days_of_it)}, {share(one.found_of_it)}, {share(one.right)}" if (one := mine.get(way)) else ""
            for way in ways
        )
        yield f"| {key[1]}: {key[2]} | {share(mine[CHARTS].top)} | {' | '.join(told)} |"
    yield ""


def performed(summaries: Summaries, keys: Keys) -> Iterator[str]:
    yield "| points of AUC lost | " + " | ".join(summaries[keys[0]]) + " |"
    yield "|---|" + "---|" * len(summaries[keys[0]])
    for key in keys:
        ways = summaries[key].values()
        told = [
            f"{days(one.days)} days, {share(one.found)} within 30"
            if float(key[2])
            else f"{rate(one.false_incidents)} false incidents a year"
            for one in ways
        ]
        yield f"| {key[2]} | {' | '.join(told)} |"


def days(value: float) -> str:
    return f"{value:.0f} d" if np.isfinite(value) else "never"


def rate(one: Rate) -> str:
    return f"{one.value:.1f} ({one.low:.1f}–{one.high:.1f})"


def share(one: Share) -> str:
    return f"{one.value:.0%}" if one.trials else "–"
