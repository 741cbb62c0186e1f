"""Is the truth a set of labels, and where is what the model said of it? Facts → guesses, pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from airflow_ml_monitor.onboarding.by_class import score_guesses, scores_of
from airflow_ml_monitor.onboarding.facts import Facts
from airflow_ml_monitor.onboarding.guess import ColumnGuess, Guess, Outcome, Sureness, TaskGuess, hints
from airflow_ml_monitor.onboarding.sets import Sets, sets_of
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.task import TaskKind

_SAME: Final = 0.8
"""Share of the predicted classes that are among the labels'."""
_MORE: Final = 0.05
"""By so much more than chance do the sets of a row agree, if one is the prediction of the other."""


def multilabel(facts: Facts, structure: frozenset[str]) -> Outcome | None:
    """None unless a column that is not known at the prediction holds sets, and another predicts them."""
    found = {name: sets for name, sets in _sets(facts, structure).items() if not hints(name, "prediction")}
    for label, sets in found.items():
        scores = scores_of(sets.classes, facts.lasting.values())
        decided = _decided(facts, label, sets, structure)
        if scores or decided:
            return _outcome(facts, label, sets, scores, decided)
    return None


def _sets(facts: Facts, structure: frozenset[str]) -> Mapping[str, Sets]:
    """Columns of sets that may be the truth: of the labels where they are given, else of the reference."""
    table, known = facts.labels or facts.reference, facts.predictions.columns if facts.predictions else {}
    names = (name for name in table.columns if name not in structure and name not in known)
    return {name: sets for name in names if (sets := sets_of(table.sample[name])) is not None}


def _decided(facts: Facts, label: str, sets: Sets, structure: frozenset[str]) -> ColumnGuess | None:
    """The set that was predicted: by its name, of the same labels, in the same form, and right more than by chance."""
    for name in facts.lasting:
        if name == label or name in structure or not hints(name, "prediction"):
            continue
        mine = sets_of(facts.reference.sample[name])
        if mine is None or (mine.separator or sets.separator) != (sets.separator or mine.separator):
            continue
        if len({*mine.classes} & {*sets.classes}) < _SAME * len(mine.classes):
            continue
        told, todo, sure = "by its name, with sets of the same labels", f"is {name} the set predicted?", Sureness.LOW
        theirs = sets_of(facts.reference.sample[label]) if label in facts.reference.columns else None
        if theirs:
            right, chance = mine.agreement(theirs)
            if right < chance + _MORE:
                continue
            told += f"; shares {right:.0%} of them with {label} in the reference, {chance:.0%} by chance"
            todo, sure = "", Sureness.HIGH
        return ColumnGuess(name, Kind.CATEGORICAL, Role.PREDICTION, Guess(name, sure, told, todo))
    return None


def _outcome(
    facts: Facts, label: str, sets: Sets, scores: Mapping[str, str], decided: ColumnGuess | None
) -> Outcome | None:
    several = sum(len(row) > 1 for row in sets.rows if row) / max(1, len(sets.rows))
    kind = Guess(TaskKind.MULTILABEL, Sureness.HIGH, f"{label} holds several labels in {several:.0%} of its rows")
    rare = f"; {sets.rare} others are rare and left out" if sets.rare else ""
    classes = Guess(sets.classes, Sureness.HIGH, f"what {label} holds, the most frequent first{rare}")
    separator = threshold = None
    if sets.separator is not None:
        separator = Guess(sets.separator, Sureness.HIGH, f"stands between the labels in {label}")
    if decided is None:
        todo = "from which score on is a class predicted? Precision, recall and f1 depend on it"
        threshold = Guess(0.5, Sureness.LOW, "no column holds the set that was decided for", todo)
    model = TaskGuess(kind, threshold=threshold, classes=classes, separator=separator)
    columns = score_guesses(scores, "in [0, 1], by the name of the class") + ((decided,) if decided else ())
    inside = label in facts.reference.columns and sets_of(facts.reference.sample[label]) is not None
    truth = Guess(label, Sureness.HIGH, "sets of labels, which the predictions do not have")
    same = Guess(label, Sureness.HIGH, "stands in the reference under the same name") if inside else None
    return Outcome(model, columns, truth, same)
