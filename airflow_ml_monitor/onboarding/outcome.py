"""Label, score, prediction, task: what the model says and what came true. Facts → guesses, pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from airflow_ml_monitor.onboarding.facts import FEW, ColumnFacts, Facts
from airflow_ml_monitor.onboarding.guess import Choice, Guess, Sureness, hints
from airflow_ml_monitor.profile.dataset import TaskKind

_RANKS: Final = 0.6
"""A share with at least this ROC AUC (or its mirror image) for a class has something to do with it."""
_EXPLAINS: Final = 0.05
"""A number that, taken as it is, explains so much of another's variance may be its prediction."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model says and what came true. label, score, prediction: None where there is none to guess.

    label_in_reference: the column of the reference that holds the label.
    """

    kind: Guess
    positive: Guess | None
    threshold: Guess | None
    score: Guess | None
    prediction: Guess | None
    label: Guess | None
    label_in_reference: Guess | None

    @property
    def taken(self) -> frozenset[str]:
        """Columns that are no features."""
        every = (self.score, self.prediction, self.label, self.label_in_reference)
        return frozenset(str(guess.value) for guess in every if guess)


def outcome(facts: Facts, structure: frozenset[str]) -> Outcome:
    """structure: columns that keys and times have taken."""
    label = _label(facts, structure)
    inside = _inside(facts, label, structure)
    column = _label_facts(facts, label)
    score, prediction = _score(facts, inside, structure), _prediction(facts, inside, structure)
    kind = _kind(column, score, prediction)
    if kind.value is TaskKind.REGRESSION:
        prediction = prediction or score or _no_column("prediction", "its predicted value")
        return Outcome(kind, None, None, None, prediction, label, inside)
    positive = _positive(facts, column, score)
    if score is None and label is not None:
        score = _no_column("score", "the score in [0, 1]")
    decided = _decided(facts, column, structure | {str(g.value) for g in (score, label, inside) if g})
    return Outcome(kind, positive, None if decided else _threshold(), score, decided, label, inside)


def _no_column(role: str, what: str) -> Guess:
    return Guess.missing(
        f"no column looks like the {role}",
        f"the reference and the predictions need a column with {what}; score them with the model, then name it here",
    )


def _label(facts: Facts, structure: frozenset[str]) -> Guess | None:
    """The column of the truth: in the label source if there is one, else in the reference."""
    where = facts.labels or facts.reference
    known = set(facts.predictions.columns) if facts.predictions else set()
    points = {}
    for name, c in where.columns.items():
        if c.is_time or c.names_rows or name in structure or c.is_time_text or not c.distinct or c.is_share:
            continue
        if name in known or (c.is_text and c.distinct > FEW):
            continue
        points[name] = _label_points(facts, name, c)
    if facts.labels is None:
        points = {name: p for name, p in points.items() if p >= 1}
    choice = Choice.of(points.items())
    if choice is None:
        return (
            None
            if facts.labels is None
            else Guess.missing("no column of the labels looks like one", "name the label's column")
        )
    return _label_guess(facts, choice, len(points))


def _label_guess(facts: Facts, choice: Choice, among: int) -> Guess:
    ranked, explained = _ranked(facts).get(choice.name), _explained(facts).get(choice.name)
    told = []
    if among == 1 and facts.labels:
        told.append("the only column of the labels that is neither key nor time nor known at the prediction")
    if ranked:
        told.append(f"{ranked[0]} ranks it with ROC AUC {ranked[1]:.2f} in the reference")
    if explained:
        told.append(f"{explained[0]} explains {explained[1]:.0%} of it in the reference")
    if hints(choice.name, "label"):
        told.append("by its name")
    # A flag that drives the score is ranked by it as well as the truth is: the score alone does not tell them apart.
    apart = facts.predictions or hints(choice.name, "label")
    is_safe = (among == 1 and facts.labels) or ((ranked or explained) and apart)
    if choice.rivals or not is_safe:
        todo = f"is {choice.name} the truth{choice.instead}?"
        return Guess(choice.name, Sureness.LOW, "; ".join(told) or "nothing tells it from others", todo)
    return Guess(choice.name, Sureness.HIGH, "; ".join(told))


def _label_points(facts: Facts, name: str, c: ColumnFacts) -> float:
    """Points of a candidate; one or more where something but its type speaks for it."""
    points = float(hints(name, "label") > 0)
    points += 1.0 if c.is_two_valued else 0.2 if c.is_number and c.distinct > FEW else -1.0
    # With two values it needs a score that ranks it: any flag has two.
    points -= 0.5 if c.is_two_valued and facts.labels is None and not hints(name, "label") else 0
    if name in _ranked(facts):
        points += 2 * abs(_ranked(facts)[name][1] - 0.5) * 2
    if name in _explained(facts):
        points += 1 + _explained(facts)[name][1]
    if facts.labels and name in facts.reference.columns:
        points += 0.5
    return points


def _ranked(facts: Facts) -> dict[str, tuple[str, float]]:
    """For each class column, the share that ranks it best."""
    best: dict[str, tuple[str, float]] = {}
    for (share, label), auc in (facts.rankings or {}).items():
        if abs(auc - 0.5) >= _RANKS - 0.5 and abs(auc - 0.5) > abs(best.get(label, ("", 0.5))[1] - 0.5):
            best[label] = (share, auc)
    return best


def _explained(facts: Facts) -> dict[str, tuple[str, float]]:
    """For each number, the prediction by its name, and how much of the number it explains."""
    best: dict[str, tuple[str, float]] = {}
    for (a, b), share in (facts.likeness or {}).items():
        named = hints(a, "prediction") + hints(a, "score")
        if named and not hints(b, "prediction") and share >= _EXPLAINS and share > best.get(b, ("", 0.0))[1]:
            best[b] = (a, share)
    return best


def _inside(facts: Facts, label: Guess | None, structure: frozenset[str]) -> Guess | None:
    """The label's column in the reference: of the same name, or one that looks like it."""
    if label is None or facts.labels is None:
        return label
    theirs = facts.labels.columns.get(str(label.value))
    mine = facts.reference.columns.get(str(label.value))
    if mine and theirs and mine.is_number == theirs.is_number:
        return Guess(mine.name, Sureness.HIGH, "stands in the reference under the same name, with the same type")
    own = _label(replace(facts, labels=None), structure)
    if own is None or theirs is None or own.value not in facts.reference.columns:
        return None
    if facts.reference.columns[own.value].is_two_valued != theirs.is_two_valued:
        return None
    todo = f"does {own.value} hold in the reference what {label.value} is in the labels? If not, delete the line"
    return Guess(own.value, Sureness.LOW, own.evidence, todo)


def _label_facts(facts: Facts, label: Guess | None) -> ColumnFacts | None:
    return (facts.labels or facts.reference).columns.get(str(label.value)) if label else None


def _score(facts: Facts, inside: Guess | None, structure: frozenset[str]) -> Guess | None:
    """The share that a model gave; contents decide where the reference has labels."""
    label = str(inside.value) if inside else ""
    points = {}
    for name, c in facts.reference.columns.items():
        if name in structure or name == label or not c.is_share or name not in facts.current.columns:
            continue
        named = hints(name, "score") + 0.5 * hints(name, "prediction")
        auc = (facts.rankings or {}).get((name, label))
        ranks = abs(auc - 0.5) * 2 if auc is not None and abs(auc - 0.5) >= _RANKS - 0.5 else 0.0
        if named or ranks:
            points[name] = named + 2 * ranks
    choice = Choice.of(points.items())
    if choice is None:
        return None
    auc = (facts.rankings or {}).get((choice.name, label))
    told = "in [0, 1]" + (f", ROC AUC {auc:.2f} against {label}" if auc is not None else ", by its name")
    if choice.rivals:
        return Guess(choice.name, Sureness.LOW, told, f"is {choice.name} the score{choice.instead}?")
    ranks = auc is not None and abs(auc - 0.5) >= _RANKS - 0.5
    named = hints(choice.name, "score") or hints(choice.name, "prediction")
    if auc is not None and not ranks:
        return Guess(choice.name, Sureness.LOW, told, f"{choice.name} hardly ranks {label}; is it the model's score?")
    if not named and len(points) > 1:
        return Guess(choice.name, Sureness.LOW, told, f"is {choice.name} the score, and no feature?")
    return Guess(choice.name, Sureness.HIGH if named and ranks else Sureness.MEDIUM, told)


def _prediction(facts: Facts, inside: Guess | None, structure: frozenset[str]) -> Guess | None:
    """The predicted number of a regression."""
    label = str(inside.value) if inside else ""
    points = {}
    for name, c in facts.reference.columns.items():
        if not c.is_number or name in structure or name == label or name not in facts.current.columns:
            continue
        explains = (facts.likeness or {}).get((name, label), 0.0)
        if named := hints(name, "prediction") + hints(name, "score"):
            points[name] = named + explains
    choice = Choice.of(points.items())
    if choice is None:
        return None
    explains = (facts.likeness or {}).get((choice.name, label), 0.0)
    told = f"by its name, and explains {explains:.0%} of {label}" if explains else "by its name"
    if choice.rivals:
        return Guess(choice.name, Sureness.LOW, told, f"is {choice.name} the prediction{choice.instead}?")
    if label and explains <= 0:
        told = f"by its name, but it explains nothing of {label}"
        return Guess(choice.name, Sureness.LOW, told, f"is {choice.name} the prediction of {label}?")
    return Guess(choice.name, Sureness.HIGH if explains >= _EXPLAINS else Sureness.MEDIUM, told)


def _kind(label: ColumnFacts | None, score: Guess | None, prediction: Guess | None) -> Guess:
    if label is None:
        if prediction and not score:
            return Guess(TaskKind.REGRESSION, Sureness.MEDIUM, f"no label; {prediction.value} is a number")
        if score:
            return Guess(TaskKind.BINARY, Sureness.MEDIUM, f"no label; {score.value} lies in [0, 1]")
        return Guess(TaskKind.BINARY, Sureness.LOW, "neither label nor score", "binary or regression?")
    if label.is_two_valued:
        return Guess(TaskKind.BINARY, Sureness.HIGH, f"{label.name} has two values")
    if label.is_number and label.distinct > FEW:
        return Guess(TaskKind.REGRESSION, Sureness.HIGH, f"{label.name} has {label.distinct:,} different numbers")
    kind = TaskKind.REGRESSION if label.is_number and label.distinct > 2 else TaskKind.BINARY
    told = f"{label.name} has {label.distinct} different values"
    todo = "binary (name the positive value) or regression? Models of several classes cannot be monitored yet"
    return Guess(kind, Sureness.LOW, told, todo)


def _positive(facts: Facts, label: ColumnFacts | None, score: Guess | None) -> Guess:
    """Which of the label's values is 1."""
    if label is None or not label.is_two_valued:
        return Guess(1, Sureness.LOW, "no label was seen; 1 is the custom", "which value of the label counts as 1?")
    low, high = label.values
    auc = (facts.rankings or {}).get((str(score.value), label.name)) if score else None
    backwards = auc is not None and auc < 0.5
    told = f"; the score is {'lower' if backwards else 'higher'} where it holds" if auc is not None else ""
    if isinstance(high, bool) or (label.is_number and (low, high) == (0, 1)):
        value = high if isinstance(high, bool) else 1
        share = "true or false" if isinstance(high, bool) else "the values are 0 and 1"
        todo = (
            f"the score falls where {label.name} is {value}: does it give the chance of the other class?"
            if backwards
            else ""
        )
        return Guess(value, Sureness.LOW if backwards else Sureness.HIGH, share + told, todo)
    value = low if backwards else high
    plain = int(value) if label.is_number and label.is_whole else value
    if auc is not None and abs(auc - 0.5) >= _RANKS - 0.5:
        return Guess(plain, Sureness.MEDIUM, "the score is higher where the label has this value")
    return Guess(plain, Sureness.LOW, "one of two values", "which value of the label counts as 1?")


def _threshold() -> Guess:
    todo = "from which score on does the model say yes? Precision, recall and f1 depend on it"
    return Guess(0.5, Sureness.LOW, "no column holds the model's decision", todo)


def _decided(facts: Facts, label: ColumnFacts | None, taken: frozenset[str]) -> Guess | None:
    """The class that the model decided for: two values, the label's own, in a column so named."""
    for name, c in facts.reference.columns.items():
        if name in taken or not c.is_two_valued or not hints(name, "prediction") or name not in facts.current.columns:
            continue
        if label is None or set(map(_plain, c.values)) == set(map(_plain, label.values)):
            return Guess(name, Sureness.HIGH if label else Sureness.MEDIUM, "by its name, with the label's two values")
    return None


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, (bool, int, float)) else value
