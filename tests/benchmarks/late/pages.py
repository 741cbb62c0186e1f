"""The report on late labels as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from late.windows import METHODS, METRICS

Row = dict[str, Any]

HEAD = """# Performance when labels come late

Simulated: four worlds, 400 predictions a day, 300 days before a week that is estimated 0 to 60 days after its end. The
relation of score and label changes on the week's first day (its logit × 0.7 about its mean, + 0.35), so that older
labels mislead. Points are percentage points. *naive*: whatever labels have arrived. *as if negative*: the missing ones
taken as negative. *score alone*: the calibrated score believed (CBPE). *two stages*: ours. "–": not defined, or
refused. Bias ± its standard error in the JSON beside. Coverage: of 95 % intervals, for what the week's labels will
finally show, and for what the model is worth."""

TITLES = {
    "concept": "The relation changes with the week",
    "score holds": "Nothing changes",
    "corrections": "Two labels in a hundred are first wrong, and put right later",
    "outage": "No labels for ten days, from the fifth day after the week; then all at once",
    "slower 1.2": "Labels take 1.2 times as long from the week's first day on",
    "slower 1.5": "Labels take 1.5 times as long from the week's first day on",
}


def page(report: Row) -> str:
    """All sections that the report has."""
    lines = [HEAD, "", report["machine"] + ". Made by `make bench NAME=late_labels`.", ""]
    for name, rows in report["sections"].items():
        lines += [f"## {TITLES.get(name, _TITLES.get(name, name))}", ""]
        lines += [*_PAGES.get(name, _windows)(rows), ""]
        lines += [f"{report['took'][name]}", ""]
    return "\n".join(lines)


def _windows(rows: Sequence[Row]) -> list[str]:
    shown = ", ".join(METRICS)
    lines = [
        f"Bias [RMSE] in points of {shown}; {rows[0]['repeats']} repeats.",
        "",
        "| world | age | labels in | " + " | ".join(METHODS) + " | refused |",
        "|---|---|---|" + "---|" * (len(METHODS) + 1),
    ]
    for row in rows:
        by_method = (" · ".join(_error(row[method][name]) for name in METRICS) for method in METHODS)
        cells = (row["world"], f"{row['age']} d", f"{row['labels_in']:.0%}", *by_method, _refused(row))
        lines.append("| " + " | ".join(cells) + " |")
    lines += [
        "",
        "Of ours: share of intervals that cover [half width in points].",
        "",
        "| world | age | final: " + " · ".join(METRICS) + " | model |",
        "|---|---|---|---|",
    ]
    for row in rows:
        if row["refused"] < 1:
            both = (" · ".join(_limits(row[which][name]) for name in METRICS) for which in ("final", "model"))
            lines.append(f"| {row['world']} | {row['age']} d | " + " | ".join(both) + " |")
    reasons = {(row["world"], row["age"]): row["reason"] for row in rows if row["reason"]}
    return [*lines, "", *(f"- {world}, {age} d: {why}" for (world, age), why in reasons.items())]


def _error(error: Row | None) -> str:
    return "–" if error is None else f"{error['bias']:+.1f} [{error['rmse']:.1f}]"


def _limits(limits: Row | None) -> str:
    return "–" if limits is None else f"{limits['coverage']:.1%} [{limits['half_width']:.1f}]"


def _refused(row: Row) -> str:
    flagged = f" (delay flagged {row['flagged']:.0%})" if row["flagged"] else ""
    return f"{row['refused']:.0%}{flagged}"


def _slowed(rows: Sequence[Row]) -> list[str]:
    lines = [
        "A look a day for 14 days from the change on. Awaited: all labels that have yet to come slow down; new: only "
        "those of predictions made since, which can hardly be told from another base rate.",
        "",
        "| world | factor, whose labels | repeats | noticed in 14 days | days until noticed, median (90 %) | "
        "factor said then, median | first day of the change said, median |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        days = "–" if row["days"] is None else f"{row['days']:.0f} ({row['days_90']:.0f})"
        factor = "–" if row["factor"] is None else f"{row['factor']:.2f}"
        since = "–" if row["since"] is None else f"{round(row['since']):+d} d"
        lines.append(
            f"| {row['world']} | {row['case']} | {row['repeats']} | {row['noticed']:.0%} | {days} | {factor} | "
            f"{since} |"
        )
    return lines


def _steady(rows: Sequence[Row]) -> list[str]:
    lines = [
        "A look a day; the delay never changes; the model's world does, half-way. Flags less than 14 days apart count "
        "as one.",
        "",
        "| world | corrections | years | false flags | a year |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        each = row["flags"] / row["years"]
        lines.append(f"| {row['world']} | {row['corrected']:.0%} | {row['years']} | {row['flags']} | {each:.2f} |")
    years, flags = sum(row["years"] for row in rows), sum(row["flags"] for row in rows)
    return [*lines, f"| all | | {years} | {flags} | {flags / years:.2f} |"]


def _stopped(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| world | repeats | told as stopped | on day, median | repeats with a flag in the 60 days after it |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row['world']} | {row['repeats']} | {row['told']:.0%} | {row['day']:.0f} | {row['flagged_after']:.0%} |"
        )
    return lines


def _gained(rows: Sequence[Row]) -> list[str]:
    lines = [
        "The first age from which on accuracy is within 1 point of the truth (RMSE over repeats), and from which on "
        "the 95 % interval for the final value is at most ± 2 points.",
        "",
        "| world | naive | as if negative | two stages | days gained | interval ≤ ± 2 points | days gained |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        ages = [row[name] for name in ("naive", "as if negative", "two stages")]
        told = " | ".join("–" if age is None else f"{age} d" for age in ages)
        narrow = "–" if row["narrow"] is None else f"{row['narrow']} d"
        lines.append(
            f"| {row['world']} | {told} | {_less(ages[0], ages[2])} | {narrow} | {_less(ages[0], row['narrow'])} |"
        )
    return lines


def _less(late: int | None, early: int | None) -> str:
    return "–" if late is None or early is None else str(late - early)


def _hotel(rows: Sequence[Row]) -> list[str]:
    lines = [
        "Real labels, 26 and 13 weekly windows. Bias [RMSE] in points, coverage and half width of 95 % intervals.",
        "",
        "| period | age | method | metric | windows | bias [RMSE] | covered | half width | refused |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        error = "–" if row["bias"] is None else f"{row['bias']:+.1f} [{row['rmse']:.1f}]"
        about = (row["period"], f"{row['age']} d", row["method"], row["metric"], row["windows"], error)
        ours = (row.get("covered", ""), row.get("half", ""), row.get("refused", ""))
        lines.append("| " + " | ".join(str(cell) for cell in (*about, *ours)) + " |")
    return lines


_TITLES = {
    "slowed": "Labels slow down: is it noticed?",
    "steady": "The delay never changes: false flags",
    "stopped": "No labels for ten days: is it told?",
    "gained": "Days gained against waiting",
    "hotel": "Hotel bookings",
}
_PAGES = {"slowed": _slowed, "steady": _steady, "stopped": _stopped, "gained": _gained, "hotel": _hotel}
