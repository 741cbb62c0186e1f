"""How near estimators come to the realised performance, under shifts of a known kind, on real data; and NannyML's.

    python tests/benchmarks/estimators.py [--nannyml path/to/python] [--windows 42]
    NANNYML_PYTHON=path/to/python make bench NAME=estimators

Needs ../shared/data. Every window has 2,000 rows; what they really show is known here and to no estimator.
NannyML runs in an environment of its own (pip install nannyml); without it its columns stay empty.
Writes results/estimators.md and results/estimators.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "shifts"), str(HERE.parent / "laws")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import rows as build  # noqa: E402
from estimators_page import page  # noqa: E402
from worlds import DATA, SHIFTS, WINDOW, World, delays, flights, hotel, lateness  # noqa: E402

from airflow_ml_monitor.estimation.calibration import Calibration, Scored  # noqa: E402
from airflow_ml_monitor.estimation.estimator import Part, Question, estimator_named  # noqa: E402
from airflow_ml_monitor.estimation.predictions import Predictions  # noqa: E402
from airflow_ml_monitor.estimation.scoreboard import Trial, scoreboard  # noqa: E402
from airflow_ml_monitor.estimation.values import value_of  # noqa: E402
from airflow_ml_monitor.metrics.metric import metric_named  # noqa: E402
from airflow_ml_monitor.profile.ledger import score_within  # noqa: E402
from airflow_ml_monitor.profile.task import Task, TaskKind  # noqa: E402

RESULTS = HERE / "results"
AT_HAND = (100, 400)
JUDGED = ("accuracy", "roc_auc")
COMPARED = ("accuracy", "roc_auc", "precision", "recall", "specificity", "f1")
"""The metrics that NannyML's CBPE gives by the same method: its average precision breaks ties one by one."""

Said = dict[tuple[str, str], tuple[float, float, float]]
"""(estimator, metric) -> (value, low, high)."""


def main() -> None:
    if not DATA.exists():
        sys.exit("no ../shared/data beside the project: nothing to measure")
    arguments = _arguments()
    began, busy = time.perf_counter(), os.getloadavg()[0]
    report: dict[str, Any] = {"windows": arguments.windows}
    report["binary"] = [_measured(world, arguments) for world in (hotel(), flights())]
    report["several"] = _measured(lateness(), arguments)
    report["regression"] = _measured(delays(), arguments)
    report["seconds"] = round(time.perf_counter() - began)
    report["machine"] = f"{os.cpu_count()} cores (load {busy:.1f} before the run), Python {platform.python_version()}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "estimators.json").write_text(json.dumps(report, indent=1) + "\n")
    (RESULTS / "estimators.md").write_text(page(report))
    print(page(report))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--nannyml", default=os.environ.get("NANNYML_PYTHON"), help="the Python of an environment that has nannyml"
    )
    parser.add_argument("--windows", type=int, default=42, help="for each shift and data set")
    return parser.parse_args()


def _measured(world: World, arguments: argparse.Namespace) -> dict[str, Any]:
    """Every estimator in every window of one data set: errors, coverage, checks."""
    answer = binary_answers if world.is_binary else regression_answers
    peer = _nannyml(world, arguments)
    shifts = {}
    for shift in SHIFTS:
        trials: list[Trial] = []
        holds: dict[str, list[bool]] = defaultdict(list)
        for number in range(arguments.windows):
            window = world.window(shift, number)
            said, checks = answer(world, window, number)
            for name, values in peer.get(shift, {}).items():
                said["NannyML", name] = (values[number], -np.inf, np.inf)
            truth, before = _realised(world, window), _realised(world, world.reference)
            trials += [Trial(*key, *value, truth[key[1]], before[key[1]]) for key, value in said.items()]
            for name, of_one in checks.items():
                holds[name].append(bool(of_one))
        shifts[shift] = _summed(trials, holds)
    return {"name": world.name, "rows": len(world.reference), "nannyml": peer.get("about"), "shifts": shifts}


def _summed(trials: list[Trial], holds: dict[str, list[bool]]) -> dict[str, Any]:
    found: dict[str, Any] = {"errors": {}, "same": {}, "holds": {name: np.mean(h) for name, h in holds.items()}}
    for score in scoreboard(trials):
        found["errors"].setdefault(score.estimator, {})[score.metric] = {
            "mae": score.mean_absolute_error,
            "bias": score.mean_error,
            "coverage": score.coverage,
            "reference_mae": score.reference_mean_absolute_error,
        }
    for name in COMPARED:
        ours, theirs = ([t.value for t in trials if (t.estimator, t.metric) == (e, name)] for e in ("cbpe", "NannyML"))
        if ours and theirs:
            found["same"][name] = float(np.max(np.abs(np.subtract(ours, theirs))))
    # What a monitor would say after its first ten windows.
    order: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        order[trial.estimator, trial.metric].append(trial)
    first = [trial for of_one in order.values() for trial in of_one[:10]]
    found["muted"] = {f"{s.estimator} {s.metric}": s.muted for s in scoreboard(first) if s.muted}
    return found


def _realised(world: World, rows: pd.DataFrame) -> dict[str, float]:
    view = labelled(world, rows)
    names = compared(world) if world.is_binary else ("mae", "rmse", "bias")
    return {name: metric_named(name).function(view).value for name in names}


def compared(world: World) -> tuple[str, ...]:
    """Of several classes the accuracy alone is estimated."""
    return ("accuracy",) if world.classes else COMPARED


def labelled(world: World, rows: pd.DataFrame) -> Any:
    if world.classes:
        # The question is whether the prediction is right: that it is, is predicted of every row.
        return build.labelled(rows.label, rows.score, 0.0)
    return (build.labelled if world.is_binary else build.regressed)(rows.label, rows.score)


def predicted(world: World, rows: pd.DataFrame) -> Predictions:
    score = rows.score.to_numpy()
    if not world.is_binary:
        nothing = np.zeros(len(score), np.int64)
        return Predictions.counted(nothing, nothing, np.ones(len(score)))
    decided = np.ones(len(score), np.int64) if world.classes else (score >= 0.5).astype(np.int64)
    return Predictions.counted(build.score_bucket(score), decided, np.ones(len(score)))


def question(world: World, window: pd.DataFrame, at_hand: pd.DataFrame) -> Question:
    names = sorted({*world.reference.part, *window.part})
    parts = []
    for name in names:
        reference, rows, labels = (frame[frame.part == name] for frame in (world.reference, window, at_hand))
        parts.append(Part(name, labelled(world, reference), predicted(world, rows), labelled(world, labels)))
    task = Task(TaskKind.BINARY if world.is_binary else TaskKind.REGRESSION)
    whole = (labelled(world, world.reference), predicted(world, window), labelled(world, at_hand))
    return Question(task, *whole, tuple(parts))


def binary_answers(world: World, window: pd.DataFrame, number: int) -> tuple[Said, dict[str, bool | None]]:
    """What each estimator says of a window; and whether, with 400 labels at hand, its assumption holds."""
    said: Said = {}
    random = np.random.default_rng([number, 1])
    asked = {n: question(world, window, window.iloc[random.choice(WINDOW, n, replace=False)]) for n in AT_HAND}
    answers = [(name, name, 400) for name in ("cbpe", "weighted_cbpe")]
    answers += [(f"prediction_powered {n}", "prediction_powered", n) for n in AT_HAND]
    for key, name, n in answers:
        expected = estimator_named(name).function(asked[n])
        for metric in compared(world):
            value = value_of(expected, metric_named(metric))
            said[key, metric] = (value.value, *value.final)
    for n, of in asked.items():
        for metric in set(JUDGED) & set(compared(world)):
            only = metric_named(metric).function(of.labels)
            said[f"labels alone {n}", metric] = (only.value, only.low, only.high)
        said[f"PPI++ {n}", "accuracy"] = _ppi(of)
    checks = {name: estimator_named(name).check(asked[400]).holds for name in ("cbpe", "prediction_powered")}
    return said, checks


def _ppi(asked: Question) -> tuple[float, float, float]:
    """PPI++ (Angelopoulos, Duchi and Zrnic 2023) of the accuracy, with its tuned weight clipped to [0, 1]."""
    cells = asked.predictions
    rate = Calibration.fitted(Scored.of(asked.reference, cells))(cells.score)
    positives, negatives = cells.known(asked.labels)
    right = np.where(cells.prediction == 1, positives, negatives)
    foreseen = np.where(cells.prediction == 1, rate, 1 - rate)
    labels, n, size = positives + negatives, asked.labels.n, cells.n
    seen, guess = right.sum() / n, labels @ foreseen / n
    covariance = (right @ foreseen) / n - seen * guess
    variance = labels @ foreseen**2 / n - guess**2
    weight = min(max(covariance / (variance * (1 + n / size)), 0.0), 1.0)
    value = seen + weight * (cells.count @ foreseen / size - guess)
    # Of the difference among the labels, and of the guess among all.
    apart = seen - seen**2 + weight**2 * variance - 2 * weight * covariance
    half = 1.96 * np.sqrt(apart / n + weight**2 * variance / size)
    return float(value), float(value - half), float(value + half)


def regression_answers(world: World, window: pd.DataFrame, number: int) -> tuple[Said, dict[str, bool | None]]:
    random = np.random.default_rng([number, 1])
    asked = question(world, window, window.iloc[random.choice(WINDOW, 400, replace=False)])
    said: Said = {}
    for name in ("direct_loss", "prediction_powered_loss"):
        found = estimator_named(name).function(asked)
        said |= {(name, metric): (e.value, e.low, e.high) for metric, e in found.items()}
    for metric in ("mae", "rmse"):
        only = metric_named(metric).function(asked.labels)
        said["labels alone 400", metric] = (only.value, only.low, only.high)
    return said, {"direct_loss": estimator_named("direct_loss").check(asked).holds}


def _nannyml(world: World, arguments: argparse.Namespace) -> dict[str, Any]:
    """NannyML's values by shift and metric, one a window, of scores as the ledger keeps them; {} without it."""
    if not arguments.nannyml:
        return {}
    every = [world.window(shift, number) for shift in SHIFTS for number in range(arguments.windows)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, rows in (("reference", world.reference), ("windows", pd.concat(every, ignore_index=True))):
            if world.classes:
                # A prediction that the concept shift made right, or wrong, is of another class, whichever.
                following = dict(zip(world.classes, (*world.classes[1:], world.classes[0]), strict=True))
                other = np.where(rows.truth == rows.decided, rows.decided.map(following), rows.truth)
                kept = {"prediction": rows.decided, "label": np.where(rows.label == 1, rows.decided, other)}
                rows = rows[[f"p_{of}" for of in world.classes]].assign(**kept)
            elif world.is_binary:
                kept = score_within(build.score_bucket(rows.score.to_numpy()))
                rows = rows.assign(prediction=(rows.score >= 0.5).astype(int), score=kept)
            rows.drop(columns="part", errors="ignore").to_parquet(folder / f"{file}.parquet")
        (folder / "window.txt").write_text(str(WINDOW))
        kind = "cbpe_multiclass" if world.classes else "cbpe" if world.is_binary else "dle"
        script = HERE / "shifts" / "nannyml_estimates.py"
        subprocess.run([arguments.nannyml, str(script), kind, str(folder)], check=True)
        answer = json.loads((folder / "nannyml.json").read_text())
    found: dict[str, Any] = {"about": {key: answer[key] for key in ("version", "is_calibrated")}}
    for i, shift in enumerate(SHIFTS):
        mine = slice(i * arguments.windows, (i + 1) * arguments.windows)
        found[shift] = {metric: values[mine] for metric, values in answer["values"].items()}
    return found


if __name__ == "__main__":
    main()
