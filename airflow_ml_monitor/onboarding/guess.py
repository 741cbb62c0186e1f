"""What a guess is, and all of them together: facts → guesses. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.task import TaskKind

MISSING: Final = "TODO"
"""Stands in a spec where nothing could be guessed: it loads, and every check then says that it is not there."""


class Sureness(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Guess:
    """A value, how sure it is, the evidence in words. todo: what a human must say or confirm; empty: nothing."""

    value: Any
    sureness: Sureness
    evidence: str
    todo: str = ""

    @classmethod
    def missing(cls, evidence: str, todo: str) -> Guess:
        """Nothing could be guessed."""
        return cls(MISSING, Sureness.LOW, evidence, todo)


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """A column that is monitored: its kind and role, and why. of: the class of a score, or a quantile's level."""

    name: str
    kind: Kind
    role: Role
    guess: Guess
    of: str | int | float = ""


@dataclass(frozen=True, slots=True)
class LabelGuesses:
    """The label source. label: what is in its column is told by the scores, the rest by how rows are placed.

    mode: what silence means; None: nothing.
    """

    source: Any
    key: Guess
    label_time: Guess
    horizon: Guess
    zone: Guess
    label: Guess | None = None
    mode: Guess | None = None


@dataclass(frozen=True, slots=True)
class TaskGuess:
    """What the model does. classes, separator: of several; at: of a ranking; None where the task has none."""

    kind: Guess
    positive: Guess | None = None
    threshold: Guess | None = None
    classes: Guess | None = None
    separator: Guess | None = None
    at: Guess | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the model says and what came true. columns: of scores, predictions, queries; label: None without a guess.

    label_in_reference: the column of the reference that holds the label.
    """

    model: TaskGuess
    columns: tuple[ColumnGuess, ...]
    label: Guess | None
    label_in_reference: Guess | None

    @property
    def taken(self) -> frozenset[str]:
        """Columns that are no features."""
        truth = (str(guess.value) for guess in (self.label, self.label_in_reference) if guess)
        return frozenset((*(column.name for column in self.columns), *truth))


@dataclass(frozen=True, slots=True)
class Guesses:
    """Everything that a spec says of the data. left_out: columns not monitored, and why."""

    model: TaskGuess
    source: Guess
    event_time: Guess
    zone: Guess
    entity_key: Guess
    columns: tuple[ColumnGuess, ...]
    left_out: Mapping[str, str]
    slice_by: tuple[str, ...]
    unit: Guess
    reference: Any
    reference_label: Guess | None
    labels: LabelGuesses | None = None

    @property
    def named(self) -> dict[str, Guess]:
        """Every guess but those of features, by the field of the spec that it fills."""
        found: dict[str, Guess | None] = {
            **{f"task.{field.name}": getattr(self.model, field.name) for field in fields(TaskGuess)},
            "datasets.source": self.source,
            "datasets.event_time": self.event_time,
            "datasets.zone": self.zone,
            "datasets.entity_key": self.entity_key,
            "windows": self.unit,
            "reference.label": self.reference_label,
        }
        found |= {f"columns.{c.name}": c.guess for c in self.columns if c.role is not Role.FEATURE or c.guess.todo}
        if self.labels:
            names = ("key", "label", "label_time", "zone", "horizon", "mode")
            found |= {f"labels.{name}": getattr(self.labels, name) for name in names}
        return {name: guess for name, guess in found.items() if guess is not None}

    def moved(self, place: Callable[[Any], Any]) -> Guesses:
        """The same with every source put in another way."""
        labels = self.labels and replace(self.labels, source=place(self.labels.source))
        source = replace(self.source, value=place(self.source.value))
        return replace(self, source=source, reference=place(self.reference), labels=labels)

    @property
    def task(self) -> TaskKind:
        return TaskKind(self.model.kind.value)


_WORDS: Final = """
score: score scores p prob proba probability risk likelihood phat confidence propensity
prediction: pred preds prediction predicted predict forecast estimate estimated yhat hat decision
label: label target outcome truth actual response y churned defaulted converted fraud
event_time: event scored prediction predicted request requested created inference ts timestamp
label_time: label labelled labeled known resolved closed settled outcome observed arrived final
key: id key uuid guid pk
version: version
query: query queries qid search searches srch impression impressions serp slate session request
rank: rank ranking position pos place
relevance: relevance relevant grade gain click clicked clicks booked purchased bought worth
past: last past prev previous lag rolling hist historical history avg mean ago
code: id code zip zipcode postcode postal type category class cluster agent company branch flight
"""
NAMES: Final[Mapping[str, frozenset[str]]] = {
    at: frozenset(words.split()) for at, _, words in (line.partition(":") for line in _WORDS.strip().splitlines())
}
"""Words in columns' names, by what they hint at."""


def words(name: str) -> tuple[str, ...]:
    """The words of a column's name, small.

    >>> words("modelVersion"), words("p_default2")
    (('model', 'version'), ('p', 'default', '2'))
    """
    return tuple(w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name))


def hints(name: str, *at: str) -> int:
    """How many words of a name hint at something of NAMES."""
    return sum(len(NAMES[what] & set(words(name))) for what in at)


@dataclass(frozen=True, slots=True)
class Choice:
    """The best of several columns by points, and what came close."""

    name: str
    rivals: tuple[str, ...]

    @classmethod
    def of(cls, points: Iterable[tuple[str, float]]) -> Choice | None:
        """None of none; rivals are those with as many points."""
        ranked = sorted(points, key=lambda pair: -pair[1])
        if not ranked:
            return None
        (name, most), *rest = ranked
        return cls(name, tuple(other for other, p in rest if p > most - 0.05))

    @property
    def instead(self) -> str:
        """The rivals in words; empty without any."""
        return f"; as likely: {', '.join(self.rivals[:4])}" if self.rivals else ""
