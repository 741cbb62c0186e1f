"""What was said of every week while its labels were awaited, beside what all its labels came to.

The truth is that of the script that recomputes from rows; nothing here asks the monitor what it came to in the end.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pandas as pd
from hotel_season import HORIZON, Kept, Season, naive

METRICS = ("roc_auc", "accuracy", "label_rate")
AGES = (0, 14, 28, 63, 91, 182)
"""Days between a week's end and the Monday on which it is looked at: those nearest to 0, 14, 30, 60, 90 and 180."""


def awaited(season: Season, kept: Kept, truth: pd.DataFrame) -> pd.DataFrame:
    """A row for each metric, week and Monday before the week's horizon.

    Columns: metric, window (its start), known_at, age (days), coverage, status, reason; estimate and its 95 % limits,
    low and high, for what the week would finally show, NaN where none was given; naive; realised, of the rows.
    """
    tables = []
    for monday in season.mondays:
        said = kept.said(monday, *METRICS)
        said = said[said.window_end + HORIZON > monday]
        tables += [_about(said, metric, monday) for metric in METRICS]
    table = pd.concat(tables, ignore_index=True)
    last = truth[truth.index.get_level_values("known_at") == naive(season.end)].droplevel("known_at")
    table["realised"] = [last[row.metric][row.window] for row in table.itertuples()]
    return table


def _about(said: pd.DataFrame, metric: str, monday: Any) -> pd.DataFrame:
    own, final, at_hand = (said[said.metric == name].set_index("window_start") for name in _names(metric))
    return pd.DataFrame(
        {
            "metric": metric,
            "window": [naive(start) for start in own.index],
            "known_at": naive(monday),
            "age": [(naive(monday) - naive(end)).days for end in own.window_end],
            "coverage": own.coverage.to_numpy(),
            "status": own.status.to_numpy(),
            "reason": own.reason.to_numpy(),
            "estimate": own.value.to_numpy(),
            "low": final.low.reindex(own.index).to_numpy(),
            "high": final.high.reindex(own.index).to_numpy(),
            "naive": at_hand.value.reindex(own.index).to_numpy(),
        }
    )


def _names(metric: str) -> tuple[str, str, str]:
    return metric, f"final.{metric}", f"naive.{metric}"


def by_age(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Of each metric at each age, and at all together (age None): how far off, in points, and how often inside.

    naive: of all pairs with a value. Beside it of those pairs alone that have an estimate: naive_there, estimate.
    """
    found = []
    for metric, of_metric in table.groupby("metric", sort=False):
        for age in (*AGES, None):
            pairs = of_metric if age is None else of_metric[of_metric.age == age]
            there = pairs[pairs.estimate.notna()]
            row = {"metric": metric, "age": age, "pairs": len(pairs), "estimated": len(there)}
            row |= {"labels": _mean(there.coverage, 1)} | _off("naive", pairs, "naive")
            row |= _off("naive_there", there, "naive") | _off("estimate", there, "estimate")
            inside = (there.low <= there.realised) & (there.realised <= there.high)
            found.append({**row, "covered": _mean(inside, 100), "half": _mean((there.high - there.low) / 2, 100)})
    return found


def _off(name: str, pairs: pd.DataFrame, column: str) -> dict[str, float | None]:
    error = (pairs[column] - pairs.realised).dropna()
    return {f"{name}_bias": _mean(error, 100), f"{name}_rmse": _mean(error**2, 1e4, root=True)}


def _mean(values: pd.Series[Any], factor: float, *, root: bool = False) -> float | None:
    if values.empty:
        return None
    mean = float(values.mean()) * factor
    return round(mean**0.5 if root else mean, 2)


def first_estimates(table: pd.DataFrame, metric: str = "roc_auc") -> dict[pd.Timestamp, dict[str, Any]]:
    """The first estimate of each week that ever had one, by its start: with limits, when, and of how many labels."""
    given = table[(table.metric == metric) & table.estimate.notna()].sort_values("known_at")
    return {
        row.window: {
            "value": round(row.estimate, 4),
            "low": round(row.low, 4),
            "high": round(row.high, 4),
            "coverage": round(row.coverage, 4),
            "known_at": str(row.known_at.date()),
        }
        for row in given.drop_duplicates("window").itertuples()
    }


def refusals(table: pd.DataFrame) -> dict[str, int]:
    """Why there was no estimate of the base rate, without numbers and dates, and how often; the most frequent first."""
    why = table[(table.metric == "label_rate") & table.estimate.isna()].reason
    told = why.str.split("; ").map(lambda parts: "; ".join(parts[2:]))
    return dict(Counter(re.sub(r"\d+(\.\d+)?(-\d\d-\d\d)?", "…", one) for one in told).most_common())


def estimates_page(report: dict[str, Any]) -> list[str]:
    """The figures as Markdown."""
    lines = [
        "## While labels were awaited: what all came to, in points",
        "",
        "The truth is of the rows. Naive: of the labels at hand, as arrived. In brackets the root mean squared error. "
        "An interval is for what the week would finally show.",
        "",
        "| metric | days after the week | pairs of a week and a Monday | naive | estimated | their labels | "
        "naive, there | **estimate** | in the 95 % interval | half-width |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in report["by_age"]:
        share = "" if row["labels"] is None else f"{row['labels']:.0%}"
        inside = "" if row["covered"] is None else f"{row['covered']:.0f} % | {row['half']:.1f}"
        lines.append(
            f"| {row['metric']} | {'all' if row['age'] is None else row['age']} | {row['pairs']:,} | "
            f"{_told(row, 'naive')} | {row['estimated']:,} | {share} | {_told(row, 'naive_there')} | "
            f"{_told(row, 'estimate')} | {inside or ' | '} |"
        )
    lines += ["", "Why there was none, as the rows say it:", ""]
    lines += [f"* {count:,} times: {reason}" for reason, count in report["refusals"].items()]
    return [*lines, ""]


def _told(row: dict[str, Any], name: str) -> str:
    bias, error = row[f"{name}_bias"], row[f"{name}_rmse"]
    return "" if bias is None else f"{bias:+.1f} [{error:.1f}]"


def weeks_page(report: dict[str, Any]) -> list[str]:
    """Each week's ROC AUC as Markdown."""
    weeks = report["windows"]
    estimated = sum(row["estimate"] is not None for row in weeks)
    lines = [
        "## ROC AUC: of the labels at hand, first estimated, at the end",
        "",
        f"{report['restated']} of {len(weeks)} windows were restated; {report['revisions']:,} revisions in all. "
        "At hand: `naive.roc_auc` on the Monday on which the week ended. The first estimate stands under the metric's "
        f"own name, its interval is for what the week would finally show; {estimated} weeks had one.",
        "",
        "| week | bookings | at hand | of labels | first estimate [95 %] | on | of labels | at the end [95 %] | "
        "inside | revisions |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in weeks:
        at_hand, said, end = row["at_hand"], row["estimate"], row["end"]
        told, inside = "never | | ", ""
        if said:
            told = f"{_area(said)} | {said['known_at']} | {said['coverage']:.0%}"
            inside = "yes" if said["low"] <= end["value"] <= said["high"] else "**no**"
        lines.append(
            f"| {row['week']} | {row['bookings']:,} | {at_hand['value']:.3f} | {at_hand['coverage']:.0%} | {told} | "
            f"{_area(end)} | {inside} | {row['revisions']} |"
        )
    return [*lines, ""]


def _area(told: dict[str, Any]) -> str:
    return f"{told['value']:.3f} [{told['low']:.3f}, {told['high']:.3f}]"
