"""One week of predictions in a simulated world, estimated while its labels come: how wrong is each way to read them?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from late.worlds import Watched, watched

from airflow_ml_monitor.errors import NoValue
from airflow_ml_monitor.estimation.two_stage import TwoStage
from airflow_ml_monitor.estimation.values import value_of
from airflow_ml_monitor.metrics.metric import metric_named
from airflow_ml_monitor.profile.labelled_view import ScoredCells
from airflow_ml_monitor.simulate.label_delays import WorldKind
from airflow_ml_monitor.simulate.late_labels import Concept, LabelFaults, Outage, Slowdown
from airflow_ml_monitor.truth.delay_watch import watch_delay

FIRST, LAST = 300, 306
"""The week; the relation of score and label changes on its first day, so that older labels mislead."""
AGES = (0, 7, 14, 30, 60)
"""Days from the end of the week to the day on which it is estimated."""
METRICS = {"base rate": "label_rate", "accuracy": "accuracy", "precision": "precision", "recall": "recall"}
METRICS |= {"AUC": "roc_auc"}
METHODS = ("naive", "as if negative", "score alone", "two stages")
CONCEPT = Concept(FIRST)

CASES: dict[str, LabelFaults] = {
    "concept": LabelFaults(concept=CONCEPT),
    "score holds": LabelFaults(),
    "corrections": LabelFaults(concept=CONCEPT, corrected=0.02),
    "outage": LabelFaults(concept=CONCEPT, outage=Outage(LAST + 5, 10)),
    "slower 1.2": LabelFaults(concept=CONCEPT, slowdown=Slowdown(FIRST, 1.2)),
    "slower 1.5": LabelFaults(concept=CONCEPT, slowdown=Slowdown(FIRST, 1.5)),
}
"""The outage lasts from the week's fifth day of waiting to its fourteenth."""


@dataclass(frozen=True)
class Seen:
    """One repeat at one age. errors: method → metric → value less the truth. limits: metric → (low, high) of the final
    value less the truth, and of the model's less its truth. refused: why there is no value; flagged: by the watch."""

    labels_in: float
    errors: dict[str, dict[str, float]]
    final: dict[str, tuple[float, float]]
    model: dict[str, tuple[float, float]]
    refused: str
    flagged: bool


def values(cells: ScoredCells) -> dict[str, float]:
    """Every metric's value; NaN where undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {name: float(metric_named(metric).formula(cells)) for name, metric in METRICS.items()}


@cache
def model_truth(kind: WorldKind, case: str) -> dict[str, float]:
    """What the model is worth in the week's world: expected labels of a million rows."""
    concept = CASES[case].concept
    faults = LabelFaults(concept=Concept(0, concept.shift, concept.slope) if concept else None)
    world = watched(kind, 99, 50, faults, rows_per_day=20_000)
    return values(world.scored(np.ones(len(world.where), bool), world.rows.probability))


def repeat(kind: WorldKind, case: str, seed: int, ages: tuple[int, ...] = AGES, *, is_watched: bool) -> list[Seen]:
    """One world, its week at each age. is_watched: the watch on the delay may refuse, and sets the day back to the
    last one with labels where they have stopped."""
    # Predictions go on after the week, or labels would seem to dry up.
    world = watched(kind, seed, LAST + 1 + max(ages), CASES[case])
    truth = values(world.truth(FIRST, LAST))
    return [_seen(world, truth, model_truth(kind, case), LAST + age, is_watched) for age in ages]


def _seen(world: Watched, truth: dict[str, float], of_model: dict[str, float], today: int, is_watched: bool) -> Seen:
    at_hand = world.at_hand(FIRST, LAST, today)
    read = {
        "naive": values(at_hand),
        "as if negative": values(world.as_if_negative(FIRST, LAST, today)),
        "score alone": values(world.by_score(FIRST, LAST)),
    }
    arrivals, refused, flagged = world.arrivals(today), "", False
    final: dict[str, tuple[float, float]] = {}
    model: dict[str, tuple[float, float]] = {}
    if is_watched:
        watch = watch_delay(arrivals)
        flagged = watch.is_flagged
        if watch.complete_until < today:
            arrivals = arrivals.as_of(watch.complete_until)
        elif flagged:
            refused = watch.words
    if not refused:
        try:
            expected = TwoStage.of(arrivals).nowcast(FIRST, LAST).expected
            found = {name: value_of(expected, metric_named(metric)) for name, metric in METRICS.items()}
        except NoValue as why:
            refused = why.reason
        else:
            read["two stages"] = {name: value.value for name, value in found.items()}
            for name, value in found.items():
                final[name] = (value.final[0] - truth[name], value.final[1] - truth[name])
                model[name] = (value.model[0] - of_model[name], value.model[1] - of_model[name])
    errors = {method: {name: value - truth[name] for name, value in by.items()} for method, by in read.items()}
    labels_in = float(at_hand.rows.sum() / world.truth(FIRST, LAST).rows.sum())
    return Seen(labels_in, errors, final, model, refused, flagged)


def summary(kind: WorldKind, case: str, age: int, found: list[Seen]) -> dict[str, Any]:
    """Over repeats, in points: bias and RMSE of each method and metric, coverage and half widths of ours, refusals."""
    shown = [one for one in found if not one.refused]
    about: dict[str, Any] = {"world": kind.value, "case": case, "age": age, "repeats": len(found)}
    about |= {"labels_in": _mean([one.labels_in for one in found]), "refused": 1 - len(shown) / len(found)}
    about["flagged"] = _mean([one.flagged for one in found])
    about["reason"] = next((one.refused for one in found if one.refused), "")
    for method in METHODS:
        given = [one for one in found if method in one.errors]
        about[method] = {name: _error([one.errors[method][name] for one in given]) for name in METRICS}
    for which in ("final", "model"):
        about[which] = {name: _limits([getattr(one, which)[name] for one in shown]) for name in METRICS}
    return about


def _mean(values: list[Any]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _error(errors: list[float]) -> dict[str, float] | None:
    """None where the value is not defined in half of the repeats."""
    found = 100 * np.array([error for error in errors if np.isfinite(error)])
    if len(found) < max(len(errors) / 2, 1):
        return None
    bias, spread = float(found.mean()), float(found.std(ddof=1)) if len(found) > 1 else float("nan")
    return {"bias": bias, "rmse": float(np.sqrt((found**2).mean())), "error_of_bias": spread / len(found) ** 0.5}


def _limits(limits: list[tuple[float, float]]) -> dict[str, float] | None:
    if not limits:
        return None
    low, high = np.array(limits).T
    # A value that is settled is the truth but for its last digit.
    covers = (low <= 1e-9) & (high >= -1e-9)
    return {"coverage": float(covers.mean()), "half_width": float(50 * (high - low).mean())}
