"""Rules from a look at the reference's rows: presence and form of what has no cells, keys, order and sums."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Final

from airflow_ml_monitor.expectations.adding import ADD_UP
from airflow_ml_monitor.expectations.chance import most_of_window, most_outside, mostly
from airflow_ml_monitor.expectations.rule import SEEN, Rule, allowance, percent, presence, rule
from airflow_ml_monitor.profile.look import Look, RelationLook, TextLook
from airflow_ml_monitor.profile.text_forms import DAMAGE, FORMS, wholly

_HOLDS: Final = 0.999
"""A form or a relation is a rule if so many reference rows have it."""
_ENDS: Final = 0.001
_WITH_ANYTHING: Final = ("e-mail address", "web address")
"""Forms that a damaged character fits."""


def look_rules(look: Look, measured: Collection[str], listed: Collection[str]) -> list[Rule]:
    """The rules that cells do not tell.

    measured: columns whose presence the cells told. listed: columns whose values are a set already.
    """
    rules = _keys(look)
    for name, present in look.present.items():
        if name not in measured:
            rules.append(rule("expect_column_to_exist", "in the reference", column=name))
            rules += presence(name, present, look.rows)
        if text := look.texts.get(name):
            rules += _text(name, text, is_listed=name in listed)
    for (smaller, greater), relation in look.orders.items():
        rules += _order(smaller, greater, relation)
    for columns, relation in look.sums.items():
        rules += _sum(columns, relation)
    return rules


def _keys(look: Look) -> list[Rule]:
    """Unique, if they are so in every row: a key that repeats now and then is none, nor is one that rows lack."""
    if look.keys is None or look.keys.n < max(SEEN, look.rows) or look.keys.kept < look.keys.n:
        return []
    why = f"no key is there twice in {look.keys.n:,} rows"
    if len(look.key) == 1:
        return [rule("expect_column_values_to_be_unique", why, column=look.key[0])]
    return [rule("expect_compound_columns_to_be_unique", why, column_list=list(look.key))]


def _text(name: str, text: TextLook, *, is_listed: bool) -> list[Rule]:
    """How a column is written; of one whose values are a set only whether its encoding is whole."""
    if text.n < SEEN:
        return []
    form = None if is_listed else next((f for f in FORMS if text.forms[f] >= _HOLDS * text.n), None)
    found = [] if is_listed else _length(name, text)
    if form:
        most = most_of_window(text.n - text.forms[form], text.n)
        why = f"{form}: {percent(text.forms[form], text.n)} of {text.n:,} texts; {allowance(most)} be otherwise"
        found.append(
            rule(
                "expect_column_values_to_match_regex", why, column=name, regex=wholly(FORMS[form]), mostly=mostly(most)
            )
        )
    can_break = form is None or form in _WITH_ANYTHING
    if can_break and (text.foreign or not is_listed) and text.damaged <= (1 - _HOLDS) * text.n:
        most = most_of_window(text.damaged, text.n)
        why = f"{text.damaged:,} of {text.n:,} texts show a wrong encoding; {allowance(most)}"
        kwargs: dict[str, Any] = {"column": name, "regex": DAMAGE, "mostly": mostly(most)}
        found.append(rule("expect_column_values_to_not_match_regex", why, **kwargs))
    return found


def _length(name: str, text: TextLook) -> list[Rule]:
    rank = max(3, math.ceil(_ENDS * text.n))
    low, high = _ranked(text, rank), _ranked(text, text.n + 1 - rank)
    # One length only: what is outside is counted, not a matter of ranks.
    outside = text.n - text.lengths[low] if low == high else 0
    most = most_of_window(outside, text.n) if low == high else most_outside(rank, text.n)
    margin = math.ceil((high - low) / 4)
    low, high = max(low - margin, 0), high + margin
    span = f"{low}" if low == high else f"{low} to {high}"
    why = f"{span} characters: of {text.n:,} texts the ends left out, a quarter added; {allowance(most)} be otherwise"
    kwargs: dict[str, Any] = {"column": name, "min_value": low, "max_value": high, "mostly": mostly(most)}
    return [rule("expect_column_value_lengths_to_be_between", why, **kwargs)]


def _ranked(text: TextLook, rank: int) -> int:
    """The length of the `rank`-th shortest text."""
    upto = 0
    for length, rows in sorted(text.lengths.items()):
        upto += rows
        if upto >= rank:
            return length
    raise ValueError(f"rank {rank} of {upto} texts")


def _order(smaller: str, greater: str, relation: RelationLook) -> list[Rule]:
    if not _is_rule(relation):
        return []
    most = most_of_window(relation.n - relation.kept, relation.n)
    why = (
        f"{smaller} <= {greater} in {percent(relation.kept, relation.n)} of {relation.n:,} rows; "
        f"{allowance(most)} break it"
    )
    kwargs: dict[str, Any] = {"column_A": greater, "column_B": smaller, "or_equal": True, "mostly": mostly(most)}
    kind = "expect_column_pair_values_a_to_be_greater_than_b"
    return [rule(kind, why, **kwargs, ignore_row_if="either_value_is_missing")]


def _sum(columns: tuple[str, str, str], relation: RelationLook) -> list[Rule]:
    if not _is_rule(relation):
        return []
    a, b, c = columns
    most = most_of_window(relation.n - relation.kept, relation.n)
    why = f"{a} + {b} = {c} in {percent(relation.kept, relation.n)} of {relation.n:,} rows; {allowance(most)} break it"
    kwargs: dict[str, Any] = {
        "column_list": list(columns),
        "mostly": mostly(most),
        "ignore_row_if": "any_value_is_missing",
    }
    return [rule(ADD_UP, why, **kwargs)]


def _is_rule(relation: RelationLook) -> bool:
    return relation.n >= SEEN and relation.kept >= _HOLDS * relation.n
