"""The results as Markdown."""

from __future__ import annotations

from typing import Any

Cost = dict[str, float]
NAMES = {
    "scan": "bare scan: `count, min, max, avg`",
    "alone": "profile: cells alone",
    "profile": "full profile: and what columns tell together (second moments, their scatter, distances)",
    "sliced": "full profile, 50 slices",
}
_LIKE = "like for like, as the presets look at no columns together"
PEERS = {
    "evidently DataDriftPreset": "Evidently, drift preset",
    "evidently DataSummaryPreset": "Evidently, summary preset",
    "evidently ClassificationPreset": "Evidently, classification preset",
    "nannyml": "NannyML, univariate drift, 4 + 4 methods",
    "whylogs": "whylogs, one profile of the current rows",
}


def page(report: dict[str, Any]) -> str:
    lines = [
        "# What knowing a dataset costs",
        "",
        f"{report['machine']}. Made by `make bench NAME=engines` in {report['minutes']} minutes.",
        "Whole processes, imports included; medians of three that took turns (one of the peers).",
        "CPU in seconds, peaks in MB.",
        "",
        *_profiles(report),
        *_monitor(report),
        *_joined(report["joined"]),
        *_postgres(report["postgres"]),
        *_small(report["small"]),
    ]
    return "\n".join(lines)


def _table(*heads: str) -> list[str]:
    return ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]


def _profiles(report: dict[str, Any]) -> list[str]:
    lines = ["## A profile beside a bare scan, DuckDB over Parquet", ""]
    lines += _table("file", "", "CPU", "… of the bare scan", "wall", "peak")
    named = {f"{name} × 40": of for name, of in report["wide"].items()}
    named |= {f"{name} × 14": of for name, of in report["narrow"].items()}
    for name, of in named.items():
        for task, words in NAMES.items():
            if one := of.get(task):
                ratio = one["cpu"] / of["scan"]["cpu"]
                lines.append(
                    f"| {name} | {words} | {one['cpu']:.1f} | {ratio:.2f}× | {one['wall']:.1f} | {one['peak_mb']:.0f} |"
                )
    largest = list(report["wide"].values())[-1]
    together, slices = (
        _ratio(largest[one], largest[other]) for one, other in (("profile", "alone"), ("sliced", "profile"))
    )
    imports = largest["imports"]
    return [
        *lines,
        "",
        f"Of the largest × 40: what columns tell together costs {together} of cells alone, 50 slices {slices} of none. "
        f"Imports alone: {imports['cpu']:.1f} s, {imports['peak_mb']:.0f} MB.",
        "",
    ]


def _ratio(one: Cost, other: Cost) -> str:
    return f"{one['cpu'] / other['cpu']:.2f}×"


def _monitor(report: dict[str, Any]) -> list[str]:
    lines = []
    for name, of in report["monitor"].items():
        day, profile = (of["monitor"], of["monitor alone"]), (of["profile"], of["alone"])
        lines += [f"## Reference {name} + current {name}, 40 columns", ""]
        lines += _table("", "CPU", "of ours", "of ours alone", "wall", "peak", "of ours", "of ours alone")
        stored = "a reference frozen; quality, faults, drift and performance stored"
        lines.append(_beside(f"ours: {stored}", day[0], day))
        lines.append(_beside(f"ours alone: the same, `second_moments: false`: {_LIKE}", day[1], day))
        lines.append(
            _beside("ours: the first, `label_moments: true`: and features with labels", of["monitor labels"], day)
        )
        for peer, words in PEERS.items():
            if peer != "whylogs":
                lines.append(_beside(words, of[peer], day))
        presets = [of[peer] for peer in PEERS if peer.startswith("evidently")]
        if all(presets):
            three = {key: sum(one[key] for one in presets) for key in ("cpu", "wall")}
            three["peak_mb"] = max(one["peak_mb"] for one in presets)
            lines.append(_beside("Evidently, its three presets", three, day))
        lines.append(_beside("ours: one full profile", profile[0], profile))
        lines.append(_beside("ours alone: one profile, `second_moments: false`", profile[1], profile))
        lines.append(_beside(PEERS["whylogs"], of["whylogs"], profile))
        versions = ", ".join(f"{peer} {number}" for peer, number in report["peers"].items())
        lines += [
            "",
            f"{versions}. The tables of the metrics database were there before, as the peers' packages were.",
            "",
        ]
    return lines


def _beside(words: str, one: Cost | None, ours: tuple[Cost, Cost]) -> str:
    """A row; ours: with what columns tell together, and without."""
    if one is None:
        return f"| {words} | did not finish |" + " |" * 6
    cpu, peak = ([f"{one[key] / mine[key]:.1f}×" for mine in ours] for key in ("cpu", "peak_mb"))
    cells = [f"{one['cpu']:.1f}", *cpu, f"{one['wall']:.1f}", f"{one['peak_mb']:.0f}", *peak]
    return f"| {words} | {' | '.join(cells)} |"


def _joined(of: dict[str, Any]) -> list[str]:
    predictions, labels = of["rows"]
    lines = [f"## {predictions:,} predictions ⟕ {labels:,} labels, shuffled", ""]
    lines += _table("", "CPU", "… of the join that counts", "wall", "peak")
    for task, words in {"count": "a hash join that only counts", "entries": "label entries"}.items():
        one = of[task]
        ratio = _ratio(one, of["count"])
        lines.append(f"| {words} | {one['cpu']:.1f} | {ratio} | {one['wall']:.1f} | {one['peak_mb']:.0f} |")
    return [*lines, ""]


def _postgres(of: dict[str, float]) -> list[str]:
    if not of:
        return []
    lines = [f"## PostgreSQL, {of['rows']:,} × 40, CPU of the server", ""]
    lines += _table("", "CPU", "… of the statements by hand")
    names = {
        "scan": "bare scan",
        "by_hand": "cells by hand: 30 statements, one of grouping sets",
        "cells": "ours, the same cells",
        "profile": "ours, the full profile",
    }
    lines += [f"| {words} | {of[key]:.1f} | {of[key] / of['by_hand']:.2f}× |" for key, words in names.items()]
    return [*lines, ""]


def _small(of: dict[str, list[float]]) -> list[str]:
    lines = ["## A small window: 12 columns, 5 slices, ms a call in one process", ""]
    lines += _table("rows", "by the kernel, at once", "streamed")
    lines += [f"| {int(rows):,} | {one:.0f} | {other:.0f} |" for rows, (one, other) in of.items()]
    return [*lines, ""]
