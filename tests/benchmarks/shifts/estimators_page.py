"""The report of tests/benchmarks/estimators.py as Markdown."""

from __future__ import annotations

from typing import Any

ROWS = {
    "reference value, no estimation": "reference",
    "NannyML CBPE": "NannyML",
    "`cbpe`": "cbpe",
    "`weighted_cbpe`": "weighted_cbpe",
    "100 labels alone": "labels alone 100",
    "PPI++ on 100 labels": "PPI++ 100",
    "**`prediction_powered`, 100 labels**": "prediction_powered 100",
    "400 labels alone": "labels alone 400",
    "PPI++ on 400 labels": "PPI++ 400",
    "**`prediction_powered`, 400 labels**": "prediction_powered 400",
}
ERRORS = {
    "reference value, no estimation": "reference",
    "NannyML DLE": "NannyML",
    "`direct_loss`": "direct_loss",
    "400 labels alone": "labels alone 400",
    "**`prediction_powered_loss`, 400 labels**": "prediction_powered_loss",
}
Report = dict[str, Any]


def page(report: Report) -> str:
    return "\n".join(
        [
            *_head(report),
            *_errors(report),
            *_coverage(report),
            *_checks(report),
            *_several(report),
            *_regression(report),
            "",
        ]
    )


def _head(report: Report) -> list[str]:
    worlds = ", ".join(f"{w['name']} ({w['rows']:,} reference rows)" for w in report["binary"])
    return [
        "# Estimated performance against what came out",
        "",
        f"{worlds}; windows of 2,000 rows, {report['windows']} for each shift and data set; gradient boosting. Made by "
        f"`make bench NAME=estimators` in {report['seconds']} s; {report['machine']}.",
        "",
        "Shifts: covariate: rows drawn by exp(γ z), z along a random direction of the features, γ 0.5 and 1.2; label: "
        "the odds of label 1 doubled or halved; concept: labels turned in 15 % of the feature space; natural time: "
        "windows from the later half of the data. Labels at hand are a random sample of the window.",
        "",
    ]


def _errors(report: Report) -> list[str]:
    lines = [
        "## Mean absolute error, points of accuracy (of ROC AUC)",
        "",
        "No estimate without labels can see concept drift: its column shows it. The share of right ones among 400 "
        "labels of 2,000 is off by 1.3 points on average at an accuracy of 85 %, by 1.5 at 75 %; whoever trusts labels "
        "alone where the relation may have changed comes below that only by what the scores explain.",
        "",
        _header(report),
    ]
    for title, name in ROWS.items():
        row = [_pair(report, shift, name) for shift in _shifts(report)]
        lines.append(f"| {title} | {' | '.join(row)} |")
    lines.append("")
    for world in report["binary"]:
        row = [_number(world["shifts"][s], "prediction_powered 400", "accuracy") for s in _shifts(report)]
        lines.append(f"`prediction_powered`, 400 labels, {world['name']} alone: {', '.join(row)}.")
    return [*lines, "", *_same(report)]


def _shifts(report: Report) -> list[str]:
    return list(report["binary"][0]["shifts"])


def _header(report: Report) -> str:
    shifts = _shifts(report)
    return f"| | {' | '.join(shifts)} |\n|{'---|' * (len(shifts) + 1)}"


def _mae(shift: Report, name: str, metric: str) -> float | None:
    if name == "reference":
        return next(iter(e for e in shift["errors"].values() if metric in e))[metric]["reference_mae"]
    found = shift["errors"].get(name, {}).get(metric)
    return found and found["mae"]


def _mean(report: Report, shift: str, name: str, metric: str) -> float | None:
    found = [_mae(world["shifts"][shift], name, metric) for world in report["binary"]]
    return None if None in found else 100 * sum(found) / len(found)


def _number(shift: Report, name: str, metric: str) -> str:
    return f"{100 * _mae(shift, name, metric):.1f}"


def _pair(report: Report, shift: str, name: str) -> str:
    accuracy, area = (_mean(report, shift, name, metric) for metric in ("accuracy", "roc_auc"))
    if accuracy is None:
        return "–"
    return f"{accuracy:.1f}" + ("" if area is None else f" ({area:.1f})")


def _same(report: Report) -> list[str]:
    lines = []
    for world in report["binary"]:
        if not world["nannyml"]:
            lines.append(f"{world['name']}: NannyML was not asked (`NANNYML_PYTHON=path/to/python`).")
            continue
        worst: dict[str, float] = {}
        for shift in world["shifts"].values():
            for metric, gap in shift["same"].items():
                worst[metric] = max(worst.get(metric, 0.0), gap)
        decided = "calibrates" if world["nannyml"]["is_calibrated"] else "does not calibrate, so differs"
        gaps = ", ".join(f"{metric} {gap:.0e}" for metric, gap in worst.items())
        lines.append(
            f"{world['name']}: NannyML {world['nannyml']['version']} {decided}; largest difference to `cbpe` over all "
            f"windows: {gaps}."
        )
    return [*lines, ""]


def _coverage(report: Report) -> list[str]:
    lines = ["## Coverage of the 95 % intervals for the realised value, accuracy (ROC AUC), %", "", _header(report)]
    for title, name in ROWS.items():
        if name.startswith(("reference", "NannyML")):
            continue
        row = []
        for shift in _shifts(report):
            accuracy, area = (_covered(report, shift, name, metric) for metric in ("accuracy", "roc_auc"))
            row.append(f"{accuracy:.0f}" + ("" if area is None else f" ({area:.0f})"))
        lines.append(f"| {title} | {' | '.join(row)} |")
    return [
        *lines,
        "",
        "`labels alone` and PPI++ take the window as a draw from many, so are wide for its own value.",
        "",
    ]


def _covered(report: Report, shift: str, name: str, metric: str) -> float | None:
    found = [world["shifts"][shift]["errors"][name].get(metric) for world in report["binary"]]
    return None if None in found else 100 * sum(one["coverage"] for one in found) / len(found)


def _checks(report: Report) -> list[str]:
    lines = [
        "## Share of windows in which the assumption is said not to hold, with 400 labels at hand, %",
        "",
        _header(report),
    ]
    for name in ("cbpe", "prediction_powered"):
        row = []
        for shift in _shifts(report):
            holds = [world["shifts"][shift]["holds"][name] for world in report["binary"]]
            row.append(f"{100 * (1 - sum(holds) / len(holds)):.0f}")
        lines.append(f"| `{name}` | {' | '.join(row)} |")
    lines += ["", "Muted on accuracy by the scoreboard after ten windows (data set, shift):", ""]
    for world in report["binary"]:
        for shift, found in world["shifts"].items():
            muted = [key.removesuffix(" accuracy") for key in found["muted"] if key.endswith(" accuracy")]
            if shown := [name for name in muted if name.startswith(("cbpe", "weighted", "prediction"))]:
                lines.append(f"- {world['name']}, {shift}: {', '.join(f'`{name}`' for name in shown)}")
    return [*lines, ""]


def _several(report: Report) -> list[str]:
    world = report["several"]
    lines = [
        "## Several classes: mean absolute error of the estimated accuracy, points",
        "",
        f"{world['name']} ({world['rows']:,} reference rows): flights that arrive early, on time or late. Label: right "
        "predictions twice or half as frequent; concept: none right in 15 % of the space. NannyML calibrates each "
        "class's score by itself; `cbpe` that of the class decided for. In brackets the coverage of the 95 % intervals "
        "for the realised value, %.",
        "",
        _header(report),
    ]
    for title, name in ROWS.items():
        row = []
        for found in world["shifts"].values():
            covered = found["errors"].get(name, {}).get("accuracy", {}).get("coverage")
            value = _mae(found, name, "accuracy")
            has_interval = covered is not None and name != "NannyML"
            row.append(
                "–" if value is None else f"{100 * value:.1f}" + (f" ({100 * covered:.0f})" if has_interval else "")
            )
        lines.append(f"| {title} | {' | '.join(row)} |")
    return [*lines, ""]


def _regression(report: Report) -> list[str]:
    world = report["regression"]
    lines = [
        "## Regression: mean absolute error of the estimated MAE (RMSE), minutes of delay",
        "",
        f"{world['name']} ({world['rows']:,} reference rows); parts are two hours of the day each. Label: long delays "
        "twice or half as frequent; concept: half an hour more in 15 % of the space.",
        "",
        _header(report),
    ]
    for title, name in ERRORS.items():
        row = []
        for found in world["shifts"].values():
            size, root = (_mae(found, name, metric) for metric in ("mae", "rmse"))
            row.append("–" if size is None else f"{size:.2f} ({root:.2f})")
        lines.append(f"| {title} | {' | '.join(row)} |")
    lines += ["", "Coverage of the 95 % intervals for the realised MAE (RMSE), %:", "", _header(report)]
    for title, name in list(ERRORS.items())[2:]:
        row = []
        for found in world["shifts"].values():
            size, root = (100 * found["errors"][name][metric]["coverage"] for metric in ("mae", "rmse"))
            row.append(f"{size:.0f} ({root:.0f})")
        lines.append(f"| {title} | {' | '.join(row)} |")
    return [*lines, ""]
