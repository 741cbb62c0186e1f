"""Label, score, prediction, task: what the model says and what came true. Facts → guesses, pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from airflow_ml_monitor.onboarding.facts import FEW, ColumnFacts, Facts
from airflow_ml_monitor.onboarding.forecast import level_of, with_quantiles
from airflow_ml_monitor.onboarding.guess import Choice, ColumnGuess, Guess, Outcome, Sureness, TaskGuess, hints
from airflow_ml_monitor.onboarding.multiclass import multiclass
from airflow_ml_monitor.onboarding.multilabel import multilabel
from airflow_ml_monitor.onboarding.ranking import ranking
from airflow_ml_monitor.onboarding.structure import Structure
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.task import TaskKind

_RANKS: Final = 0.6
"""A share with at least this ROC AUC (or its mirror image) for a class has something to do with it."""
_EXPLAINS: Final = 0.05
"""A number that, taken as it is, explains so much of another's variance may be its prediction."""


def outcome(facts: Facts, structure: Structure) -> Outcome:
    """The first kind of task that the data bear out; binary or a regression where they bear out none."""
    taken, plain = structure.taken, _plain(facts, structure.taken)
    if (ranked := ranking(facts, structure, plain.label)) is not None:
        return ranked
    label = (facts.labels or facts.reference).columns.get(str(plain.label.value)) if plain.label else None
    if label is not None and label.is_two_valued and _ranked(facts).get(label.name):
        return plain
    several = multilabel(facts, taken) or multiclass(facts, taken)
    return several or with_quantiles(plain, facts, taken)


def _plain(facts: Facts, structure: frozenset[str]) -> Outcome:
    """Of a binary task or a regression. structure: columns that keys and times have taken."""
    label = _label(facts, structure)
    inside = _inside(facts, label, structure)
    truth = str(inside.value) if inside else ""
    column = _told(facts, label)
    score, prediction = _score(facts, truth, structure), _prediction(facts, truth, structure)
    kind = _kind(column, score, prediction)
    if kind.value is TaskKind.REGRESSION:
        prediction = prediction or score or _no_column("prediction", "its predicted value")
        return Outcome(TaskGuess(kind), (_as(facts, Role.PREDICTION, prediction),), label, inside)
    positive = _positive(facts, column, score)
    if score is None and label is not None:
        score = _no_column("score", "the score in [0, 1]")
    decided = _decided(facts, column, structure | {str(g.value) for g in (score, label, inside) if g})
    todo = "from which score on does the model say yes? Precision, recall and f1 depend on it"
    threshold = None if decided else Guess(0.5, Sureness.LOW, "no column holds the model's decision", todo)
    columns = [_as(facts, role, g) for role, g in ((Role.SCORE, score), (Role.PREDICTION, decided)) if g]
    return Outcome(TaskGuess(kind, positive, threshold), tuple(columns), label, inside)


def _told(facts: Facts, label: Guess | None) -> ColumnFacts | None:
    """The label's column: of the labels, or of the reference where the labels tell of one value alone."""
    name = str(label.value) if label else ""
    landed, referred = (facts.labels or facts.reference).columns.get(name), facts.reference.columns.get(name)
    if landed and referred and landed.distinct == 1 and {*landed.values} <= {*referred.values}:
        return referred
    return landed


def _as(facts: Facts, role: Role, guess: Guess) -> ColumnGuess:
    c = facts.reference.columns.get(str(guess.value))
    is_class = role is Role.PREDICTION and c is not None and not c.is_number
    kind = Kind.NUMERIC if c is None or not is_class else Kind.BOOLEAN if c.type == "BOOLEAN" else Kind.CATEGORICAL
    return ColumnGuess(str(guess.value), kind, role, guess)


def _no_column(role: str, what: str) -> Guess:
    todo = f"the reference and the predictions need a column with {what}; score them with the model, then name it here"
    return Guess.missing(f"no column looks like the {role}", todo)


def _label(facts: Facts, structure: frozenset[str]) -> Guess | None:
    """The column of the truth: in the label source if there is one, else in the reference."""
    known = facts.predictions.columns if facts.predictions else {}
    ranked, explained = _ranked(facts), _explained(facts)
    points = {}
    for name, c in (facts.labels or facts.reference).columns.items():
        if name in known or name in structure or not c.distinct or (c.is_text and c.distinct > FEW):
            continue
        if not (c.is_time or c.is_time_text or c.names_rows or c.is_share):
            points[name] = _label_points(facts, c, ranked.get(name), explained.get(name))
    if facts.labels is None:
        points = {name: p for name, p in points.items() if p >= 1}
    choice = Choice.of(points.items())
    if choice is None:
        missing = Guess.missing("no column of the labels looks like one", "name the label's column")
        return missing if facts.labels else None
    told, is_only = [], len(points) == 1 and facts.labels is not None
    if is_only:
        told.append("the only column of the labels that is neither key nor time nor known at the prediction")
    if best := ranked.get(choice.name):
        told.append(f"{best[0]} ranks it with ROC AUC {best[1]:.2f} in the reference")
    if most := explained.get(choice.name):
        told.append(f"{most[0]} explains {most[1]:.0%} of it in the reference")
    if by_name := hints(choice.name, "label"):
        told.append("by its name")
    # A flag that drives the score is ranked by it as well as the truth is: the score alone does not tell them apart.
    is_safe = is_only or ((best or most) and (facts.predictions or by_name))
    if choice.rivals or not is_safe:
        todo = f"is {choice.name} the truth{choice.instead}?"
        return Guess(choice.name, Sureness.LOW, "; ".join(told) or "nothing tells it from others", todo)
    return Guess(choice.name, Sureness.HIGH, "; ".join(told))


_Best = tuple[str, float]
"""A column, and how well it fits another."""


def _label_points(facts: Facts, c: ColumnFacts, ranked: _Best | None, explained: _Best | None) -> float:
    """Points of a candidate; one or more where something but its type speaks for it."""
    by_name = hints(c.name, "label") > 0
    points = by_name + (1.0 if c.is_two_valued else 0.2 if c.is_number and c.distinct > FEW else -1.0)
    # With two values it needs a score that ranks it: any flag has two.
    points -= 0.5 if c.is_two_valued and facts.labels is None and not by_name else 0
    points += 4 * abs(ranked[1] - 0.5) if ranked else 0
    points += 1 + explained[1] if explained else 0
    return points + (0.5 if facts.labels and c.name in facts.reference.columns else 0)


def _ranked(facts: Facts) -> dict[str, _Best]:
    """For each class column, the share that ranks it best, with its ROC AUC."""
    best: dict[str, _Best] = {}
    for (share, label), auc in facts.rankings.items():
        if _ranks(auc) and abs(auc - 0.5) > abs(best.get(label, ("", 0.5))[1] - 0.5):
            best[label] = (share, auc)
    return best


def _explained(facts: Facts) -> dict[str, _Best]:
    """For each number, the prediction by its name, and how much of the number it explains."""
    best: dict[str, _Best] = {}
    for (a, b), share in facts.likeness.items():
        named = hints(a, "prediction", "score") and not hints(b, "prediction")
        if named and share >= _EXPLAINS and share > best.get(b, ("", 0.0))[1]:
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


def _score(facts: Facts, label: str, structure: frozenset[str]) -> Guess | None:
    """The share that a model gave; contents decide where the reference has a label."""
    points = {}
    for name, c in facts.lasting.items():
        if c.is_share and name not in structure and name != label and level_of(name) is None:
            named = hints(name, "score") + 0.5 * hints(name, "prediction")
            auc = facts.rankings.get((name, label), 0.5)
            if named or _ranks(auc):
                points[name] = named + (4 * abs(auc - 0.5) if _ranks(auc) else 0.0)
    choice = Choice.of(points.items())
    if choice is None:
        return None
    area, named = facts.rankings.get((choice.name, label)), hints(choice.name, "score", "prediction")
    told = "in [0, 1], by its name" if area is None else f"in [0, 1], ROC AUC {area:.2f} against {label}"
    todo = ""
    if choice.rivals:
        todo = f"is {choice.name} the score{choice.instead}?"
    elif area is not None and not _ranks(area):
        todo = f"{choice.name} hardly ranks {label}; is it the model's score?"
    elif not named and len(points) > 1:
        todo = f"is {choice.name} the score, and no feature?"
    sure = Sureness.LOW if todo else Sureness.HIGH if named and area is not None else Sureness.MEDIUM
    return Guess(choice.name, sure, told, todo)


def _ranks(auc: float) -> bool:
    return abs(auc - 0.5) >= _RANKS - 0.5


def _prediction(facts: Facts, label: str, structure: frozenset[str]) -> Guess | None:
    """The predicted number of a regression."""
    points = {}
    for name, c in facts.lasting.items():
        named = hints(name, "prediction", "score")
        if named and c.is_number and name not in structure and name != label and level_of(name) in (None, 0.5):
            points[name] = named + facts.likeness.get((name, label), 0.0)
    choice = Choice.of(points.items())
    if choice is None:
        return None
    explains, todo = facts.likeness.get((choice.name, label), 0.0), ""
    told = f"by its name, and explains {explains:.0%} of {label}" if explains else "by its name"
    if choice.rivals:
        todo = f"is {choice.name} the prediction{choice.instead}?"
    elif label and not explains:
        told += f", but it explains nothing of {label}"
        todo = f"is {choice.name} the prediction of {label}?"
    sure = Sureness.LOW if todo else Sureness.HIGH if explains >= _EXPLAINS else Sureness.MEDIUM
    return Guess(choice.name, sure, told, todo)


def _kind(label: ColumnFacts | None, score: Guess | None, prediction: Guess | None) -> Guess:
    if label is None:
        if prediction and not score:
            return Guess(TaskKind.REGRESSION, Sureness.MEDIUM, f"no label; {prediction.value} is a number")
        if score:
            return Guess(TaskKind.BINARY, Sureness.MEDIUM, f"no label; {score.value} lies in [0, 1]")
        return Guess(TaskKind.BINARY, Sureness.LOW, "neither label nor score", "binary or regression?")
    if label.is_two_valued:
        return Guess(TaskKind.BINARY, Sureness.HIGH, f"{label.name} has two values")
    if label.distinct == 1:
        return Guess(
            TaskKind.BINARY, Sureness.MEDIUM, f"{label.name} has one value: only events are reported, it seems"
        )
    if label.is_number and label.distinct > FEW:
        return Guess(TaskKind.REGRESSION, Sureness.HIGH, f"{label.name} has {label.distinct:,} different numbers")
    kind = TaskKind.REGRESSION if label.is_number and label.distinct > 2 else TaskKind.BINARY
    todo = "binary (name the positive value), multiclass or multilabel (name classes, and a score column of each), "
    todo += "ranking (name a column of role query) or regression?"
    return Guess(kind, Sureness.LOW, f"{label.name} has {label.distinct} different values", todo)


def _positive(facts: Facts, label: ColumnFacts | None, score: Guess | None) -> Guess:
    """Which of the label's values is 1: the true one, else the one where the score is high."""
    if label is not None and len(label.values) == 1:
        value = label.values[0]
        plain = int(value) if label.is_number and label.is_whole else value
        return Guess(plain, Sureness.LOW, "the only value that is reported", "is this the value that counts as 1?")
    if label is None or not label.is_two_valued:
        return Guess(1, Sureness.LOW, "no label was seen; 1 is the custom", "which value of the label counts as 1?")
    low, high = label.values
    auc = facts.rankings.get((str(score.value), label.name)) if score else None
    backwards = auc is not None and auc < 0.5
    if isinstance(high, bool) or (label.is_number and (low, high) == (0, 1)):
        told = "true or false" if isinstance(high, bool) else "the values are 0 and 1"
        told += f"; the score is {'lower' if backwards else 'higher'} where it holds" if auc is not None else ""
        value = high if isinstance(high, bool) else 1
        if not backwards:
            return Guess(value, Sureness.HIGH, told)
        todo = f"the score falls where {label.name} is {value}: does it give the chance of the other class?"
        return Guess(value, Sureness.LOW, told, todo)
    value = low if backwards else high
    plain = int(value) if label.is_number and label.is_whole else value
    if auc is not None and _ranks(auc):
        return Guess(plain, Sureness.MEDIUM, "the score is higher where the label has this value")
    return Guess(plain, Sureness.LOW, "one of two values", "which value of the label counts as 1?")


def _decided(facts: Facts, label: ColumnFacts | None, taken: frozenset[str]) -> Guess | None:
    """The class that the model decided for: two values, the label's own, in a column so named."""
    for name, c in facts.lasting.items():
        # 0 and 1 are False and True.
        like = c.is_two_valued and (label is None or set(c.values) == set(label.values))
        if like and name not in taken and hints(name, "prediction"):
            sure = Sureness.HIGH if label else Sureness.MEDIUM
            return Guess(name, sure, "by its name, with the label's two values")
    return None
