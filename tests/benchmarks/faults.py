"""Broken feeds, by name: how often each fault is named right, wrong or missed, and how often a quiet day is named.

    python tests/benchmarks/faults.py [--seeds 20] [--quiet 3]

Days of the simulated lender at the demo's size (600 rows a day, ten features and a score), each damage of
simulate/damage.py done to one day, with the fourteen days before it. right: the fault is named of its column, and
nothing else is; beside: so it is, and other names with it; wrong: other names only. quiet: years of days in which
nothing breaks; and 60 days after a harmless shift of the applicants. Rows beside their replay: features of the same
rows as training computes them. Lost ids: of one day a tenth of the predictions is not in the log; labels come within 30
days, and after 44 without a fault they are looked at. Writes results/faults.md and .json.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from airflow_ml_monitor.keys import EVER, Window
from airflow_ml_monitor.measurement import Measurement
from airflow_ml_monitor.monitor.faults import EARLIER
from airflow_ml_monitor.monitor.measure import fault_rows, label_feed_rows, skew_rows
from airflow_ml_monitor.profile.cells import Profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.feed_view import FeedView
from airflow_ml_monitor.profile.label_feed_view import LabelFeedView
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.layout import Layout
from airflow_ml_monitor.profile.replay import Replay
from airflow_ml_monitor.simulate.applicants import FEATURES
from airflow_ml_monitor.simulate.credit import HORIZON, CreditWorld, Purpose
from airflow_ml_monitor.simulate.damage import DAMAGES, SKEW, SKEWS, Damage, unlogged
from airflow_ml_monitor.simulate.faults import Faults, parse_faults

RESULTS = Path(__file__).resolve().parent / "results"
YEAR = 365
SHIFTED = 60
START = date(2026, 1, 1)
COLUMNS = (*FEATURES, Column("score", role=Role.SCORE))


class Desk:
    """One simulated lender, its reference, and its days as profiles."""

    def __init__(self, seed: int, days: int, faults: Faults = ()) -> None:
        self.world = CreditWorld(seed, START, days=days, faults=faults)
        self.engine = DuckDB(threads=1)
        # A model that was fitted to the features: near the truth, not the truth.
        self.random = np.random.default_rng([seed, 7])
        history = self.world.history(10_000, Purpose.REFERENCE)
        self.weights = _fit(history)
        dataset = self._dataset(self._scored(history.drop(columns=["defaulted", "known_at"])))
        self.layout: Layout = self.engine.layout(dataset, EVER)
        self.reference: Profile = self.engine.profile(dataset, self.layout, EVER)

    def _dataset(self, rows: pd.DataFrame) -> Dataset:
        return Dataset("predictions", rows, COLUMNS, "scored_at", entity_key=("application_id",))

    def _scored(self, rows: pd.DataFrame) -> pd.DataFrame:
        logit = _design(rows) @ self.weights
        return rows.assign(score=1 / (1 + np.exp(-logit)))

    def day(self, number: int) -> pd.DataFrame:
        return self._scored(self.world.applications(number))

    def profile(self, number: int, rows: pd.DataFrame | None = None) -> Profile:
        window = Window(self.world.midnight(number), self.world.midnight(number + 1))
        rows = self.day(number) if rows is None else rows
        return self.engine.profile(self._dataset(rows), self.layout, window)

    def named(self, current: Profile, before: list[Profile]) -> list[Measurement]:
        view = FeedView(self._dataset(pd.DataFrame()), self.layout, self.reference, current, before)
        rows = fault_rows(view)
        assert not [row for row in rows if row.status == "failed"]
        return [row for row in rows if row.estimate is not None and row.estimate.value > 0]


def _design(rows: pd.DataFrame) -> np.ndarray:
    numbers = [c.name for c in FEATURES if c.kind == "numeric"]
    parts = [(rows[name].fillna(6.0) - 0.0).to_numpy(float) for name in numbers]
    scale = {
        "income": 19_000,
        "loan_amount": 7_200,
        "age": 12,
        "debt_ratio": 0.178,
        "employment_years": 4.5,
        "num_cards": 1.4,
    }
    parts = [part / scale[name] for name, part in zip(numbers, parts, strict=True)]
    return np.stack([np.ones(len(rows)), *parts, rows["has_account"].to_numpy(float)], axis=1)


def _fit(history: pd.DataFrame) -> np.ndarray:
    """Logistic regression by Newton's method."""
    x, y = _design(history), history["defaulted"].to_numpy(float)
    beta = np.zeros(x.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-x @ beta))
        beta += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + 1e-6 * np.eye(len(beta)), x.T @ (y - p))
    return beta


def broken_days(seed: int) -> list[tuple[str, str, list[str]]]:
    """(damage, verdict, names) of every damage, done to a day of one lender."""
    desk = Desk(seed, EARLIER + 1)
    frames = [desk.day(number) for number in range(EARLIER + 1)]
    before = [desk.profile(number) for number in range(EARLIER)][::-1]
    random = np.random.default_rng([seed, 8])
    found = []
    for damage in DAMAGES:
        broken = damage.spoil(frames[EARLIER], frames[EARLIER - 1], random)
        names = desk.named(desk.profile(EARLIER, broken), before)
        found.append((damage.title, verdict(damage, names), sorted(map(_written, names))))
    return found


def verdict(damage: Damage, names: list[Measurement]) -> str:
    """right, beside, wrong or missed."""
    mine = [row for row in names if _is_right(damage, row)]
    if mine:
        return "right" if len(mine) == len(names) else "beside"
    return "wrong" if names else "missed"


def _is_right(damage: Damage, row: Measurement) -> bool:
    if row.metric not in (damage.fault, *damage.also):
        return False
    # A swap may be named of either column.
    told = row.parameters if row.column == damage.column else f"{row.column} {row.parameters}"
    return (row.column == damage.column or damage.column in row.parameters) and damage.detail in told


def _written(row: Measurement) -> str:
    return " ".join(filter(None, (row.metric, row.column, row.parameters)))


def quiet_days(seed: int, days: int, faults: str) -> tuple[int, list[str]]:
    """(days looked at, names given) of a lender whose feed never breaks."""
    desk = Desk(seed, days + EARLIER, parse_faults(faults))
    before: list[Profile] = []
    names: list[str] = []
    for number in range(days + EARLIER):
        profile = desk.profile(number)
        if number >= EARLIER:
            names += [f"day {number}: {_written(row)}" for row in desk.named(profile, before)]
        before = [profile, *before[: EARLIER - 1]]
    return days, names


def skewed_days(seed: int) -> list[tuple[str, str, list[str]]]:
    """(damage, verdict, names) of rows beside their replay; of the same rows in 32 bits, which should have none."""
    desk = Desk(seed, 2)
    today, yesterday = desk.day(1), desk.day(0)
    random = np.random.default_rng([seed, 9])
    found = []
    for damage in (None, *SKEWS):
        served = damage.spoil(today, yesterday, random) if damage else today.astype({"income": np.float32})
        dataset = Dataset("rows", served, FEATURES, "scored_at", "UTC", ("application_id",), (), Replay(today))
        rows = skew_rows(desk.engine.skew(dataset, EVER), [column.name for column in FEATURES])
        names = [r for r in rows if r.metric == SKEW and r.estimate is not None and r.estimate.value > 0]
        said = verdict(damage, names) if damage else "wrong" if names else "right"
        found.append((damage.title if damage else "nothing differs", said, sorted(map(_written, names))))
    return found


LOST = 80


def lost_ids(seed: int, days: int, share: float) -> list[int]:
    """The days on which a lender's missing predictions are named; a share of those of day LOST was not logged."""
    world, random = CreditWorld(seed, START, days=days), np.random.default_rng([seed, 10])
    every = [world.applications(number) for number in range(days)]
    every[LOST] = unlogged(every[LOST], share, random)
    logged = {key for rows in every for key in rows["application_id"]}
    arrived = {}
    for number in range(days):
        window = Window(world.midnight(number), world.midnight(number + 1))
        keys = set(world.outcomes(window.start, window.end)["application_id"])
        arrived[window] = (len(keys), len(keys - logged))
    labels = LabelSource("outcomes", None, "defaulted", ("application_id",), "known_at", horizon=HORIZON)
    views = [LabelFeedView(labels, window, world.midnight(0), arrived) for window in arrived]
    told = [label_feed_rows(view)[0].estimate for view in views]
    return [number for number, estimate in enumerate(told) if estimate is not None and estimate.value > 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="lenders whose day is broken in every way")
    parser.add_argument("--quiet", type=int, default=3, help="years of quiet days, and shifts of 60 days")
    arguments = parser.parse_args()
    with ProcessPoolExecutor(2) as pool:
        broken = [one for each in pool.map(broken_days, range(arguments.seeds)) for one in each]
        seeds = range(1000, 1000 + arguments.quiet)
        quiet = list(pool.map(partial(quiet_days, days=YEAR, faults="none"), seeds))
        shifted = list(pool.map(partial(quiet_days, days=SHIFTED, faults=f"shift@{EARLIER + 5}"), seeds))
        skewed = [one for each in pool.map(skewed_days, range(arguments.seeds)) for one in each]
        lost = list(pool.map(partial(lost_ids, days=LOST + 31, share=0.1), range(arguments.seeds)))
        logged = list(pool.map(partial(lost_ids, days=YEAR + EARLIER + HORIZON.days, share=0.0), seeds))
    report = {
        "skewed": skewed,
        "lost": {"worlds": len(lost), "after": [days[0] - LOST for days in lost if days]},
        "logged": {"days": YEAR * len(logged), "names": sum(map(len, logged))},
        "seeds": arguments.seeds,
        "broken": broken,
        "quiet": {"days": sum(days for days, _ in quiet), "names": [name for _, names in quiet for name in names]},
        "shifted": {
            "days": sum(days for days, _ in shifted),
            "names": [name for _, names in shifted for name in names],
        },
    }
    (RESULTS / "faults.json").write_text(json.dumps(report, indent=1) + "\n")
    page = "\n".join(_page(report)) + "\n"
    (RESULTS / "faults.md").write_text(page)
    print(page)


def _page(report: dict[str, Any]) -> Iterator[str]:
    yield "# Broken feeds, by name"
    yield ""
    yield (__doc__ or "").split("\n\n", 2)[2].strip().rpartition(" Writes")[0]
    yield ""
    yield "| damage | should be named | right | beside | wrong | missed | other names |"
    yield "|---|---|---|---|---|---|---|"
    total: Counter[str] = Counter()
    for damage in DAMAGES:
        mine = [(said, names) for title, said, names in report["broken"] if title == damage.title]
        count = Counter(said for said, _ in mine)
        total += count
        others = Counter(
            n.split()[0] for said, names in mine if said != "right" for n in names if n.split()[0] != damage.fault
        )
        shown = ", ".join(f"{name} {times}" for name, times in others.most_common(3))
        verdicts = " | ".join(str(count[said]) for said in ("right", "beside", "wrong", "missed"))
        yield f"| {damage.title} | `{damage.fault}`{damage.column and ' of ' + damage.column} | {verdicts} | {shown} |"
    every = total.total()
    share = {said: f"{total[said] / every:.1%}" for said in ("right", "beside", "wrong", "missed")}
    yield ""
    yield f"Of {every:,} broken days {share['right']} are named right, and nothing else; {share['beside']} right and "
    yield f"something beside; {share['wrong']} wrong, {share['missed']} missed."
    yield ""
    yield "| beside the same rows as training has them | right | beside | wrong | missed |"
    yield "|---|---|---|---|---|"
    for title in ("nothing differs", *(damage.title for damage in SKEWS)):
        count = Counter(said for of, said, _ in report["skewed"] if of == title)
        yield f"| {title} | {' | '.join(str(count[said]) for said in ('right', 'beside', 'wrong', 'missed'))} |"
    yield ""
    lost, logged = report["lost"], report["logged"]
    yield f"A tenth of one day's predictions is not logged: named in {len(lost['after'])} of {lost['worlds']} worlds, "
    yield f"{np.median(lost['after'] or [np.nan]):.0f} days later (median). All are logged: {logged['names']} names on "
    yield f"{logged['days']:,} days."
    yield ""
    for what, said in (("quiet", "Nothing breaks"), ("shifted", "A harmless shift of the applicants (day 5)")):
        days, names = report[what]["days"], report[what]["names"]
        yield f"{said}: {len(names)} names on {days:,} days{': ' if names else ''}{'; '.join(names[:5])}."
        yield ""


if __name__ == "__main__":
    main()
