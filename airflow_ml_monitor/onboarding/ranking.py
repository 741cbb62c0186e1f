"""Does the model rank the items of a query? Facts → guesses, pure.

Rows of one query were scored at one moment, and what is relevant stands further up within a query. Neither holds of
customers, sessions or requests whose rows are each judged by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_ml_monitor.onboarding.facts import FEW, ColumnFacts, Facts
from airflow_ml_monitor.onboarding.guess import ColumnGuess, Guess, Outcome, Sureness, TaskGuess, hints, words
from airflow_ml_monitor.onboarding.queries import Order, are_ranks, moments_apart, order
from airflow_ml_monitor.onboarding.structure import Structure
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.task import CUTOFFS, TaskKind

_FEWEST: Final = 30
"""Queries."""
_AT_ONCE: Final = 2.0
"""Seconds within which the rows of a query were scored."""
_SELDOM: Final = ("request", "session")
"""Names of what may hold rows that have nothing to do with each other."""


@dataclass(frozen=True, slots=True)
class _Found:
    """query, label, column: their names. is_rank: of the column; found: how relevant items stand in its order."""

    query: str
    label: str
    column: str
    is_rank: bool
    found: Order


def ranking(facts: Facts, structure: Structure, label: Guess | None) -> Outcome | None:
    """None unless rows come in queries, and relevant ones stand further up. label: what else was guessed to be one."""
    rows = facts.reference.sample
    for query in _queries(facts, str(structure.event_time.value)):
        for truth in _labels(facts, structure.taken, label):
            found = []
            for name, is_rank in _orders(facts, query, structure.taken | {truth}):
                up = order(*(rows[column].to_pandas() for column in (query, name, truth)), falls=is_rank)
                found.append(_Found(query, truth, name, is_rank, up))
            # Where nothing tells of relevance but the score, a column that hardly orders anything is none.
            if found := [one for one in found if one.found.is_sure]:
                return _outcome(facts, found)
    return None


def _queries(facts: Facts, event_time: str) -> list[str]:
    """Columns that say which rows were shown together."""
    sample, found = facts.reference.sample, []
    for name, c in facts.lasting.items():
        if not hints(name, "query") or not (c.is_text or c.is_whole) or c.is_share or c.nulls:
            continue
        if c.distinct < _FEWEST or not 2 * c.distinct <= c.rows or c.rows > 1000 * c.distinct:
            continue
        at = sample[event_time].to_pandas() if event_time in sample.column_names else None
        if at is not None and moments_apart(sample[name].to_pandas(), at) <= _AT_ONCE:
            found.append(name)
    return found


def _labels(facts: Facts, taken: frozenset[str], label: Guess | None) -> list[str]:
    """Few whole numbers from 0 on that predictions do not have, those first that are called relevance."""
    known = facts.predictions.columns if facts.predictions else {}
    theirs = facts.labels.columns if facts.labels else facts.reference.columns
    fitting = [
        c
        for name, c in facts.reference.columns.items()
        if name in theirs and name not in known and name not in taken and _is_grade(c)
        and (hints(name, "relevance") or (label is not None and name == label.value))
    ]  # fmt: skip
    return [c.name for c in sorted(fitting, key=lambda c: -hints(c.name, "relevance"))]


def _is_grade(c: ColumnFacts) -> bool:
    if c.type == "BOOLEAN":
        return c.is_two_valued
    return c.is_whole and c.low == 0 and 2 <= c.distinct <= FEW


def _orders(facts: Facts, query: str, taken: frozenset[str]) -> list[tuple[str, bool]]:
    """(column, whether it holds ranks): of role prediction and score."""
    found, sample = [], facts.reference.sample
    for name, c in facts.lasting.items():
        # A part of the key may be the rank: what names a row of a query is its place.
        if not c.is_number or c.nulls or name == query or (name in taken and not hints(name, "rank")):
            continue
        if hints(name, "rank") and c.is_whole and are_ranks(sample[query].to_pandas(), sample[name].to_pandas()):
            found.append((name, True))
        elif hints(name, "score", "prediction") and c.distinct > 2:
            found.append((name, False))
    return found


def _outcome(facts: Facts, found: list[_Found]) -> Outcome | None:
    """found: every order of the same queries and label. None where rows may as well be judged one by one."""
    ranks, scores = ([one for one in found if one.is_rank is wanted] for wanted in (True, False))
    scores = sorted(scores, key=lambda one: -abs(one.found.share - 0.5))[:1]
    first = (ranks or scores)[0]
    columns, label = facts.reference.columns, facts.reference.columns[first.label]
    is_graded, is_named = label.distinct > 2, hints(first.label, "relevance") > 0
    is_query = not {*words(first.query)} & {*_SELDOM}
    is_chance = bool(scores) and columns[scores[0].column].is_share
    if not is_query and not (ranks and is_named):
        return None
    todo = ""
    if is_chance and not is_graded and not ranks:
        if not is_named:
            return None
        todo = "is each query judged as a whole (ranking), or each row by itself (binary)?"
    sizes = facts.reference.sample[first.query].to_pandas().value_counts()
    size = int(sizes.median())
    told = f"{len(sizes):,} values of {first.query}, each scored at one moment, have {size} rows in the median"
    sure = Sureness.LOW if todo else Sureness.HIGH if ranks else Sureness.MEDIUM
    at = None if size > CUTOFFS[-1] else Guess(_cutoffs(size), Sureness.MEDIUM, f"first places of {size}")
    truth = Guess(
        first.label, Sureness.HIGH if is_named else Sureness.MEDIUM, f"0 to {int(label.high or 1)}{_up(first)}"
    )
    query = ColumnGuess(first.query, Kind.CATEGORICAL, Role.QUERY, Guess(first.query, sure, told))
    ordered = [_column(one) for one in (*ranks[:1], *scores)]
    return Outcome(TaskGuess(Guess(TaskKind.RANKING, sure, told, todo), at=at), (query, *ordered), truth, truth)


def _cutoffs(size: int) -> tuple[int, ...]:
    """Up to three numbers of first places.

    >>> _cutoffs(8), _cutoffs(3), _cutoffs(2)
    ((1, 3, 8), (1, 3), (1, 2))
    """
    return tuple(sorted({1, min(3, size), size}))


def _up(one: _Found) -> str:
    return f"; of two items of a query the more relevant stands further up in {one.found.share:.0%}"


def _column(one: _Found) -> ColumnGuess:
    role = Role.PREDICTION if one.is_rank else Role.SCORE
    told = ("1 is first" if one.is_rank else "a number for each item") + _up(one)
    sure, todo = Sureness.HIGH, ""
    if one.found.share < 0.5:
        sure, todo = Sureness.LOW, f"relevant items have a low {one.column}: "
        if one.is_rank:
            todo = f"relevant items have a high {one.column}: is 1 the last? Then write the rank from the top"
        else:
            todo += "if 1 is the first, declare role: prediction (a rank); else write it with the other sign"
    return ColumnGuess(one.column, Kind.NUMERIC, role, Guess(one.column, sure, told, todo))
