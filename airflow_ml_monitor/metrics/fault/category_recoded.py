"""Categories under new names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.category_shift import CategoryShift, shortened
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.feed_view import FeedColumn

LEAST: Final = 0.05
"""Of the rows must have a new name that only its share explains."""
MOST_NAMED: Final = 6


@fault(Subject.FEED_COLUMN, kinds=(Kind.CATEGORICAL,))
def category_recoded(column: FeedColumn) -> Estimates:
    """New values have the shares of categories that are gone, or are their names in another spelling: `car→CAR`.

    The share of the rows with a value that bear a new name. Asked for: names that differ in case, blanks, quotes,
    hyphens or leading zeros only, the old and the new one together as frequent as ever; or as many new values as
    categories that are gone, each as frequent as its own, 5 % of the rows together, and all others as they were. Which
    is which is said of up to six where the shares tell. A new value that replaces none is no fault: `unseen_share`
    shows it.
    """
    shift, n = column.shift, column.current.n
    if not shift.tells:
        return {}
    for pairs in (respelled(shift), _same_shares(shift)):
        if pairs:
            rows = sum(shift.new[value] for value in pairs)
            named = _named(shift, pairs)
            return {named: interval.share_of(rows, n)}
    return {}


def respelled(shift: CategoryShift) -> dict[str, str]:
    """New values that are a known category in another spelling, and that category."""
    known: dict[str, list[str]] = {}
    for name in shift.share:
        known.setdefault(_spelling(name), []).append(name)
    found = {value: known[_spelling(value)][0] for value in shift.newest if len(known.get(_spelling(value), [])) == 1}
    together = {name: shift.rows[name] for name in found.values()}
    for value, name in found.items():
        together[name] += shift.new[value]
    return {value: name for value, name in found.items() if shift.is_as(together[name], [name])}


def _spelling(name: str) -> str:
    """What is left of a name without case, blanks, quotes and hyphens; of a whole number without leading zeros, .0."""
    if number := re.fullmatch(r"\s*([+-]?)0*([0-9]+)(?:[.]0+)?\s*", name):
        return "".join(number.groups())
    return re.sub(r"[\s_\"']|(?<=[^\W\d])-(?=[^\W\d])", "", name.casefold()) or name


def _same_shares(shift: CategoryShift) -> dict[str, str]:
    """New values as frequent as the categories that are gone, one to one. Values too rare to be named may be the rest
    of several that are gone."""
    pairs = dict(zip(shift.newest, shift.gone, strict=False))
    lost = shift.gone[len(pairs) :]
    if not pairs or len(pairs) < len(shift.newest) or (lost and len(pairs) < 2):
        return {}
    if shift.expected(pairs.values()) < LEAST * shift.n or not shift.others_stay(lost=lost):
        return {}
    is_match = all(shift.is_tight(name) and shift.is_as(shift.new[value], [name]) for value, name in pairs.items())
    return pairs if is_match else {}


def _named(shift: CategoryShift, pairs: Mapping[str, str]) -> str:
    is_spelling = all(_spelling(value) == _spelling(name) for value, name in pairs.items())
    if len(pairs) > MOST_NAMED or not (is_spelling or shift.tells_apart(list(pairs.values()))):
        return "several categories"
    return ", ".join(sorted(f"{shortened(name)}→{shortened(value)}" for value, name in pairs.items()))
