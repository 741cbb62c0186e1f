"""Which columns are monitored, and as what. Facts → guesses, pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from airflow_ml_monitor.onboarding.facts import ColumnFacts, Facts
from airflow_ml_monitor.onboarding.guess import ColumnGuess, Guess, Guesses, Outcome, Sureness, hints, words
from airflow_ml_monitor.onboarding.outcome import outcome
from airflow_ml_monitor.onboarding.silence import with_mode
from airflow_ml_monitor.onboarding.strata import with_stratum
from airflow_ml_monitor.onboarding.structure import Structure, structure
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.layout import FEW_VALUES, MOST_CATEGORIES

_NAMES_SOMEONE: Final = 0.5
"""A text with more different values than this share of its rows names things, and says nothing of a distribution."""
_SLICE_VALUES: Final = 8
_SLICE_SHARE: Final = 0.05
_MOST_SLICES: Final = 2


def guesses(facts: Facts) -> Guesses:
    """All guesses of a table, its predictions and labels."""
    placed = structure(facts)
    said = outcome(facts, placed)
    columns, left_out = _columns(facts, placed, said)
    if placed.labels and said.label:
        times = (placed.event_time.value, placed.labels.label_time.value)
        columns = with_stratum(columns, facts, times, said.label.value)
    return Guesses(
        model=said.model,
        source=_source(facts),
        event_time=placed.event_time,
        zone=placed.zone,
        entity_key=placed.entity_key,
        columns=columns,
        left_out=left_out,
        slice_by=_slices(facts, columns),
        unit=placed.unit,
        reference=facts.reference.source,
        reference_label=said.label_in_reference,
        labels=with_mode(placed.labels and replace(placed.labels, label=said.label), facts, said.model, placed),
    )


def _source(facts: Facts) -> Guess:
    if facts.predictions and facts.predictions.source is not None:
        return Guess(facts.predictions.source, Sureness.HIGH, f"{facts.predictions.rows:,} rows")
    todo = "where do the predictions land? One glob over all days, e.g. /data/predictions/*.parquet"
    if facts.reference.source is not None and not facts.predictions:
        return Guess(facts.reference.source, Sureness.LOW, "no predictions were given; this is the reference", todo)
    return Guess.missing("a table in memory has no place", todo)


def _columns(facts: Facts, placed: Structure, said: Outcome) -> tuple[tuple[ColumnGuess, ...], dict[str, str]]:
    """Those that are monitored, and why the others are not."""
    # A part of the key may be a feature as well, e.g. the carrier of a flight.
    parts = set(placed.entity_key.value) if len(placed.entity_key.value) > 1 else set()
    taken = (placed.taken - parts) | said.taken
    found: list[ColumnGuess] = []
    left_out: dict[str, str] = {}
    version = _version(facts, taken)
    for name, c in facts.reference.columns.items():
        if name in taken or (version and name == version.name):
            continue
        if name not in facts.current.columns:
            left_out[name] = "not in the predictions"
        elif why := _moving(c, str(placed.event_time.value)) or _unfit(c):
            left_out[name] = why
        else:
            guess = _kind(c)
            found.append(ColumnGuess(name, guess.value, Role.FEATURE, guess))
    return (*found, *said.columns, *([version] if version else [])), left_out


def _version(facts: Facts, taken: frozenset[str]) -> ColumnGuess | None:
    """The column that says which model scored: few values, so named."""
    for name in facts.lasting:
        c = facts.current.columns[name]
        named = hints(name, "version") or words(name) in (("model",), ("model", "id"), ("model", "name"))
        if named and name not in taken and 0 < c.distinct <= FEW_VALUES and (c.is_text or c.is_whole):
            told = f"by its name, with {c.distinct} value{'s' if c.distinct > 1 else ''}"
            return ColumnGuess(name, Kind.CATEGORICAL, Role.VERSION, Guess(name, Sureness.MEDIUM, told))
    return None


def _moving(c: ColumnFacts, event_time: str) -> str:
    """How a number moves on with time, which makes it drift by itself; empty if it does not."""
    for time, part in c.follows.items():
        if part == "growth":
            return f"grows with {time}: it moves on by itself"
        # The day on which a guest arrives comes back every month; that of the prediction is one a window.
        if time == event_time or part == "year":
            return f"the {part} of {time}: it moves on by itself"
    return ""


def _unfit(c: ColumnFacts) -> str:
    """Why a column is not monitored; empty if it is."""
    if not c.distinct:
        return "holds no value in the reference"
    if c.is_time or c.is_time_text:
        return "a time: it moves on by itself"
    if c.is_text and (c.distinct > _NAMES_SOMEONE * c.rows or c.distinct > MOST_CATEGORIES):
        return f"{c.distinct:,} different texts: names or free text, no distribution"
    if c.names_rows:
        return "another number for every row: an id"
    if c.is_integer and hints(c.name, "code") and c.distinct > MOST_CATEGORIES:
        return f"{c.distinct:,} different codes: names, no distribution"
    if not (c.is_text or c.is_number or c.type == "BOOLEAN"):
        return f"{c.type} cannot be measured"
    return ""


def _kind(c: ColumnFacts) -> Guess:
    """How a feature is read, and why."""
    if c.type == "BOOLEAN" or (c.is_integer and (c.low, c.high) == (0, 1)):
        return Guess(Kind.BOOLEAN, Sureness.HIGH, "true or false" if c.type == "BOOLEAN" else "0 and 1")
    if c.is_text:
        return Guess(Kind.CATEGORICAL, Sureness.HIGH, f"text with {c.distinct:,} values")
    span = f"{c.distinct:,} values"
    if c.is_whole and hints(c.name, "code"):
        return Guess(Kind.CATEGORICAL, Sureness.MEDIUM, f"whole numbers, {span}: codes, by the name")
    if c.is_whole and c.distinct <= FEW_VALUES:
        return Guess(Kind.NUMERIC, Sureness.MEDIUM, f"whole numbers, {span}; categorical if they are codes")
    return Guess(Kind.NUMERIC, Sureness.HIGH, f"numbers, {span}")


def _slices(facts: Facts, columns: tuple[ColumnGuess, ...]) -> tuple[str, ...]:
    """Columns worth looking at value by value: few values, none of them rare."""
    kinds = (Kind.CATEGORICAL, Kind.BOOLEAN)
    roles = (Role.FEATURE, Role.DELAY_STRATUM)
    features = (facts.reference.columns[g.name] for g in columns if g.role in roles and g.kind in kinds)
    fitting = [c for c in features if 2 <= c.distinct <= _SLICE_VALUES and c.least >= _SLICE_SHARE]
    return tuple(name for _, name in sorted((c.distinct, c.name) for c in fitting)[:_MOST_SLICES])
