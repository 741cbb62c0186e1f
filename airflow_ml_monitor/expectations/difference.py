"""Two contracts, and what changed between them, in lines for a reader."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from airflow_ml_monitor.expectations.suite import load_suite, rule_columns

_SHORT: Final = {
    "expect_table_row_count_to_be_between": "rows",
    "expect_column_to_exist": "exists",
    "expect_column_values_to_not_be_null": "has a value",
    "expect_column_values_to_be_between": "range",
    "expect_column_values_to_be_in_set": "values",
    "expect_column_values_to_be_unique": "unique",
    "expect_compound_columns_to_be_unique": "unique",
    "expect_column_value_lengths_to_be_between": "length",
    "expect_column_values_to_match_regex": "form",
    "expect_column_values_to_not_match_regex": "encoding",
    "expect_column_pair_values_a_to_be_greater_than_b": "order",
    "expect_columns_to_add_up": "sum",
    "expect_column_max_to_be_between": "newest",
}
_NAMING: Final = ("column", "column_A", "column_B", "column_list")
"""Arguments that say what a rule is about: with another one it is another rule."""

_Rule = Mapping[str, Any]


def diff_suites(before: Any, after: Any) -> list[str]:
    """What changed from one contract to another, a line a change; none if they ask for the same.

    before, after: as `load_suite` takes them. Rules of one rule_id are the same; of the others, those of one type and
    the same columns. That a reason or a name changed is no line.
    """
    old, new = (load_suite(one)["expectations"] for one in (before, after))
    was = _paired(old, new)
    lines = [f"{_title(rule)}: rule removed" for rule in old if not any(rule is one for one in was)]
    for rule, before_it in zip(new, was, strict=True):
        if before_it is not None:
            lines += [f"{_title(rule)}: {line}" for line in _changes(before_it, rule)]
        else:
            lines.append(f"{_title(rule)}: rule added, severity {rule['severity']}{_shown(rule)}")
    return lines


def _paired(old: Sequence[_Rule], new: Sequence[_Rule]) -> list[_Rule | None]:
    """For each new rule the old one that it was: by its id, then by what it is about, in the order of the suites."""
    by_id = {rule["meta"]["rule_id"]: rule for rule in old}
    found = [by_id.pop(rule["meta"]["rule_id"], None) for rule in new]
    by_place: dict[tuple[str, ...], list[_Rule]] = {}
    for rule in by_id.values():
        by_place.setdefault(_place(rule), []).append(rule)
    for i, rule in enumerate(new):
        if found[i] is None and (left := by_place.get(_place(rule))):
            found[i] = left.pop(0)
    return found


def _place(rule: _Rule) -> tuple[str, ...]:
    return rule["type"], *rule_columns(rule)


def topic(rule: Mapping[str, Any]) -> str:
    """What a rule is about, in a word; its type where there is none."""
    return _SHORT.get(rule["type"], str(rule["type"]))


def _title(rule: _Rule) -> str:
    columns, short = rule_columns(rule), topic(rule)
    return f"{' and '.join(columns)}: {short}" if columns else short


def _changes(old: _Rule, new: _Rule) -> Iterator[str]:
    if old["severity"] != new["severity"]:
        yield f"severity {new['severity']} was {old['severity']}"
    mine, theirs = new["kwargs"], old["kwargs"]
    if rule_columns(old) != rule_columns(new):
        yield f"was about {' and '.join(rule_columns(old)) or 'the table'}"
    if old["type"] != new["type"]:
        yield f"{new['type']}{_shown(new)} was {old['type']}{_shown(old)}"
        return
    bounds = ("min_value", "max_value")
    if any(mine.get(name) != theirs.get(name) for name in bounds):
        yield f"{_span(mine)} was {_span(theirs)}"
    for name in sorted({*mine, *theirs} - {*bounds, *_NAMING}):
        if mine.get(name) != theirs.get(name):
            yield from _argument(name, theirs.get(name), mine.get(name))
    for name in ("window", "by_weekday", "seconds_before_end"):
        a, b = old["meta"].get(name), new["meta"].get(name)
        if isinstance(a, dict) and isinstance(b, dict):
            for key in {**a, **b}:
                if a.get(key) != b.get(key):
                    yield f"{key} {_pair(b.get(key))} was {_pair(a.get(key))}"
        elif a != b:
            yield f"{name.replace('_', ' ')} {_said(b)} was {_said(a)}"


def _argument(name: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, list) and isinstance(new, list):
        for value in new:
            if not _holds(old, value):
                yield f"value {value!r} added"
        for value in old:
            if not _holds(new, value):
                yield f"value {value!r} removed"
    elif name == "mostly":
        yield f"in {_share(new)} of the rows was {_share(old)}"
    else:
        yield f"{name} {_said(new)} was {_said(old)}"


def _holds(values: list[Any], value: Any) -> bool:
    """1 and True are equal, and two values of a set."""
    return any(type(one) is type(value) and one == value for one in values)


def _span(kwargs: Mapping[str, Any]) -> str:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if high is None:
        return f"from {_said(low)}"
    return f"up to {_said(high)}" if low is None else f"{_said(low)}…{_said(high)}"


def _pair(bounds: Any) -> str:
    return "none" if bounds is None else "…".join(map(_said, bounds))


def _share(mostly: Any) -> str:
    return "all" if mostly is None else f"{100 * float(mostly):g} %"


def _said(value: Any) -> str:
    if value is None:
        return "none"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _shown(rule: _Rule) -> str:
    kwargs = rule["kwargs"]
    if "min_value" in kwargs or "max_value" in kwargs:
        return f", {_span(kwargs)}"
    return ""
