"""Keys, times, windows, horizon: how rows are named, placed and joined. Facts → guesses, pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from airflow_ml_monitor.keys import WindowUnit
from airflow_ml_monitor.onboarding.facts import ColumnFacts, Delays, Facts, Join, TableFacts
from airflow_ml_monitor.onboarding.guess import MISSING, Choice, Guess, LabelGuesses, Sureness, hints, words
from airflow_ml_monitor.profile.engines.scan import ROW_NUMBER

ENOUGH_ROWS: Final = 200
"""Rows that a window should have: the interval of a ROC AUC of 0.8 is then some ±0.07 wide."""
_SURE_MATCH: Final = 0.5
_ENOUGH_DELAYS: Final = 300
"""Of so many delays three lie above the 99th percentile."""


@dataclass(frozen=True, slots=True)
class Structure:
    """How rows are named, placed and joined."""

    event_time: Guess
    zone: Guess
    entity_key: Guess
    unit: Guess
    labels: LabelGuesses | None

    @property
    def taken(self) -> frozenset[str]:
        """Columns that are no features, and no labels."""
        theirs = {*self.labels.key.value, str(self.labels.label_time.value)} if self.labels else set()
        return frozenset({str(self.event_time.value), *self.entity_key.value, *theirs})


def structure(facts: Facts) -> Structure:
    """How rows are named, placed and joined."""
    event_time, labels = _event_time(facts), None
    key, label_key = _keys(facts)
    if facts.labels and label_key:
        time = _label_time(facts, facts.labels, event_time)
        zone = _zone(facts.labels.columns.get(str(time.value)))
        labels = LabelGuesses(facts.labels.source, label_key, time, _horizon(facts, event_time, time), zone)
    zone = _zone(facts.current.columns.get(str(event_time.value)))
    return Structure(event_time, zone, key, _unit(facts, event_time), labels)


def _event_time(facts: Facts) -> Guess:
    points = {}
    for name, c in facts.current.columns.items():
        if c.is_time and not c.nulls and c.distinct > 1:
            # A label's time may stand beside the label in the reference; predictions made later are not known then.
            points[name] = hints(name, "event_time") + 0.5 * ("at" in words(name)) - 2 * hints(name, "label_time")
    choice = Choice.of(points.items())
    if choice is None:
        told, todo = "no column holds times in every row", "the predictions need the time at which each was made"
        for text in (c.name for c in facts.current.columns.values() if c.is_time_text):
            told, todo = f"{text} holds times as text", f"write {text} as a timestamp, then name it here"
        return Guess.missing(told, todo)
    if choice.rivals:
        todo = f"is {choice.name} the time of the prediction{choice.instead}?"
        return Guess(choice.name, Sureness.LOW, f"one of {len(points)} columns of times", todo)
    if len(points) == 1:
        return Guess(choice.name, Sureness.HIGH, "the only column that holds a time in every row")
    return Guess(choice.name, Sureness.MEDIUM, f"by its name, of {len(points)} columns of times")


def _zone(column: ColumnFacts | None) -> Guess:
    if column is None:
        return Guess("UTC", Sureness.LOW, "no time was found")
    if not column.is_naive:
        return Guess("UTC", Sureness.HIGH, f"{column.name} carries its zone; days are cut at midnight UTC")
    if column.type == "DATE":
        return Guess("UTC", Sureness.MEDIUM, f"{column.name} holds days without a time: any zone cuts them alike")
    todo = "by the clock of which zone were these times written? e.g. Europe/Berlin"
    return Guess("UTC", Sureness.LOW, f"{column.name} is naive", todo)


def _keys(facts: Facts) -> tuple[Guess, Guess | None]:
    """The predictions' key, and the labels' that matches it."""
    where = f"in {facts.current.seen}"
    if facts.labels and facts.joins:
        return _joined(facts, facts.joins[0], f"unique {where}")
    theirs = None
    if facts.labels:
        todo = "the column of the labels that matches entity_key"
        theirs = Guess((MISSING,), Sureness.LOW, "no column matches the predictions' key", todo)
    unique = [c for c in facts.current.columns.values() if c.names_rows]
    if choice := Choice.of((c.name, hints(c.name, "key") + 0.1 * c.is_text) for c in unique):
        sure = Sureness.HIGH if hints(choice.name, "key") else Sureness.MEDIUM
        return Guess((choice.name,), sure, f"unique {where}"), theirs
    if facts.keys:
        told = f"together unique {where}; no column is by itself"
        return Guess(facts.keys, Sureness.MEDIUM, told), theirs
    told = f"no column, and no few columns together, name a row {where}"
    if facts.labels is None:
        told += "; without labels none is needed, but repeated rows go unseen"
        return Guess((), Sureness.MEDIUM, told), theirs
    todo = (
        "labels cannot be joined without a key: write an id beside every score (the row's number in the table that was "
        f"scored will do) and run init again; {ROW_NUMBER!r} serves a single Parquet file that is never rewritten"
    )
    return Guess((MISSING,), Sureness.LOW, told, todo), theirs


def _joined(facts: Facts, best: Join, unique: str) -> tuple[Guess, Guess]:
    agreed = "" if best.agreed is None else f", and what both tables hold agrees in {best.agreed:.0%} of them"
    told = f"{best.matched:.0%} of predictions find a label by it{agreed}"
    if best.theirs == (ROW_NUMBER,):
        told = f"the labels have no such column, but it is the row's number in their file: {told}"
    others = (join for join in facts.joins[1:] if join.mine != best.mine and len(join.mine) == 1)
    rivals = [" + ".join(join.mine) for join in others if join.worth > best.worth - 0.05]
    mine, same = " + ".join(best.mine), best.mine == best.theirs
    certain = best.worth >= _SURE_MATCH and (same or best.agreed is not None)
    disagree = best.agreed is not None and best.agreed < 0.5
    todo = ""
    if not best.matched:
        todo = f"no row finds a label by {mine}; right if none of these has one yet"
    elif disagree or not (certain or same):
        todo = f"do {mine} and {' + '.join(best.theirs)} name the same thing?{' Other columns disagree' * disagree}"
    elif rivals and not hints(best.mine[0], "key"):
        todo = f"is {mine} the key; as likely: {rivals[0]}?"
    sure = Sureness.LOW if todo else Sureness.HIGH if certain and not rivals else Sureness.MEDIUM
    return Guess(best.mine, sure, unique, todo), Guess(best.theirs, sure, told)


def _delays(facts: Facts, event_time: Guess) -> dict[str, Delays]:
    """From the guessed event time to every time column of the labels, by the best join."""
    if not facts.joins:
        return {}
    return {theirs: d for (mine, theirs), d in facts.joins[0].delays.items() if mine == event_time.value}


def _label_time(facts: Facts, labels: TableFacts, event_time: Guess) -> Guess:
    delays = _delays(facts, event_time)
    points = {}
    for name, c in labels.columns.items():
        delay = delays.get(name)
        if not c.is_time or (delay and (delay.p99 <= 0 or delay.early > 0.5)):
            continue
        known_before = name in facts.current.columns
        points[name] = hints(name, "label_time") + 0.3 * ("at" in words(name)) - known_before
    choice = Choice.of(points.items())
    if choice is None:
        told = "no column of the labels holds a time after the prediction"
        todo = "when did each label become known? Without it late labels cannot be replayed, and backfills are refused"
        return Guess(None, Sureness.LOW, told, todo)
    delay = delays.get(choice.name)
    told = f"in {1 - delay.early:.0%} of rows not before the prediction" if delay else "a column of times"
    if choice.rivals:
        return Guess(choice.name, Sureness.LOW, told, f"is {choice.name} when the label became known{choice.instead}?")
    if len(points) == 1 and delay:
        return Guess(choice.name, Sureness.HIGH, f"the only time after the prediction, {told}")
    return Guess(choice.name, Sureness.MEDIUM, f"by its name, {told}")


def _horizon(facts: Facts, event_time: Guess, label_time: Guess) -> Guess:
    delay = _delays(facts, event_time).get(str(label_time.value))
    if delay is None or delay.p99 <= 0:
        return Guess("30d", Sureness.LOW, "no delay could be seen", "after how long is no label awaited any more?")
    days = rounded_days(delay.p99)
    told = f"99 % of {delay.labelled:,} labels came within {delay.p99:.1f} days, half of them within {delay.median:.1f}"
    if delay.labelled < _ENOUGH_DELAYS:
        return Guess(f"{days}d", Sureness.LOW, told, "these are few: after how long is no label awaited any more?")
    return Guess(f"{days}d", Sureness.MEDIUM, told)


def rounded_days(days: float) -> int:
    """Up to whole days, weeks above two weeks, and months of thirty days above a quarter.

    >>> [rounded_days(d) for d in (0.2, 3.0, 16.2, 361.0)]
    [1, 3, 21, 390]
    """
    step = 1 if days <= 14 else 7 if days <= 90 else 30
    return max(1, math.ceil(days / step) * step)


def _unit(facts: Facts, event_time: Guess) -> Guess:
    column = facts.current.columns.get(str(event_time.value))
    if column is None or column.first is None or column.last is None:
        return Guess(WindowUnit.DAY, Sureness.LOW, "no event time")
    days = (column.last - column.first).total_seconds() / 86_400 + 1
    rows = facts.current.rows / days
    for unit, length in ((WindowUnit.DAY, 1), (WindowUnit.WEEK, 7), (WindowUnit.MONTH, 30)):
        if rows * length >= ENOUGH_ROWS:
            told = f"about {rows * length:,.0f} rows a {unit}"
            return Guess(unit, Sureness.HIGH if facts.predictions else Sureness.MEDIUM, told)
    told = f"only about {rows * 30:,.0f} rows a month: most numbers will be too unsure to judge"
    return Guess(WindowUnit.MONTH, Sureness.MEDIUM, told)
