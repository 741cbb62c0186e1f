"""Is the truth one of several classes, and where is what the model said of them? Facts → guesses, pure."""

from __future__ import annotations

from typing import Any

from airflow_ml_monitor.onboarding.by_class import score_guesses, scores_of, sum_to_one
from airflow_ml_monitor.onboarding.facts import ColumnFacts, Facts
from airflow_ml_monitor.onboarding.guess import ColumnGuess, Guess, Outcome, Sureness, TaskGuess, hints
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.task import UNDECLARED, TaskKind


def multiclass(facts: Facts, structure: frozenset[str]) -> Outcome | None:
    """None unless a column that is not known at the prediction has a few values, and the model a score or word of each.

    Scores must sum to 1. Whole numbers may be counts or grades: without scores they are no classes.
    """
    table, known = facts.labels or facts.reference, facts.predictions.columns if facts.predictions else {}
    for name, c in table.columns.items():
        if name in structure or name in known or hints(name, "prediction") or not _may_be_classes(c):
            continue
        classes = tuple(int(v) if c.is_number else v for v in c.values)
        scores = scores_of(classes, facts.lasting.values())
        if scores and not sum_to_one(facts.reference.sample, scores.values()):
            scores = {}
        decided = _decided(facts, c, structure) if c.is_text else None
        if scores or decided:
            return _outcome(facts, c, classes, (score_guesses(scores, "the class's chance: all sum to 1"), decided))
    return None


def _may_be_classes(c: ColumnFacts) -> bool:
    return len(c.values) > 2 and (c.is_text or c.is_whole) and not c.is_time_text and UNDECLARED not in c.values


def _decided(facts: Facts, label: ColumnFacts, structure: frozenset[str]) -> ColumnGuess | None:
    """The class that was predicted: by its name, with words of the label's."""
    for name, c in facts.lasting.items():
        same = c.is_text and len(c.values) > 1 and {*c.values} <= {*label.values}
        if same and name not in structure and name != label.name and hints(name, "prediction"):
            guess = Guess(name, Sureness.HIGH, f"by its name, with values of {label.name}")
            return ColumnGuess(name, Kind.CATEGORICAL, Role.PREDICTION, guess)
    return None


def _outcome(
    facts: Facts,
    label: ColumnFacts,
    classes: tuple[Any, ...],
    columns: tuple[tuple[ColumnGuess, ...], ColumnGuess | None],
) -> Outcome:
    scores, decided = columns
    told = f"{label.name} has {len(classes)} values, and the model a {'score' if scores else 'word'} for each"
    model = TaskGuess(
        Guess(TaskKind.MULTICLASS, Sureness.HIGH, told),
        classes=Guess(classes, Sureness.HIGH, f"the values of {label.name}"),
    )
    truth = Guess(label.name, Sureness.HIGH, "its values are the classes")
    mine = facts.reference.columns.get(label.name)
    inside = None
    if mine is not None and {*mine.values} & {*label.values}:
        inside = Guess(label.name, Sureness.HIGH, "stands in the reference under the same name, with the same values")
    return Outcome(model, (*scores, *((decided,) if decided else ())), truth, inside)
