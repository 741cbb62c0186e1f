"""What cells say of a rule, before it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Found:
    """Kept or not; how many values were checked; how many break it, where the rule counts."""

    kept: bool
    checked: int
    unexpected: int | None = None


def kept_mostly(kwargs: Mapping[str, Any], checked: int, unexpected: int) -> Found:
    """Kept if the share that keeps the rule is at least `mostly`, in Great Expectations' own arithmetic."""
    kept = not checked or (checked - unexpected) / checked >= kwargs.get("mostly", 1)
    return Found(kept, checked, unexpected)


def set_answer(
    kind: str, kwargs: Mapping[str, Any], checked: int, *, held: int | None, missing: bool | None
) -> Found | None:
    """A rule on a set of values. held: rows with a value of it; missing: whether one of it is absent; None: unknown."""
    match kind:
        case "expect_column_values_to_be_in_set":
            return None if held is None else kept_mostly(kwargs, checked, checked - held)
        case "expect_column_values_to_not_be_in_set":
            return None if held is None else kept_mostly(kwargs, checked, held)
        case "expect_column_distinct_values_to_be_in_set":
            return None if held is None else Found(held == checked, checked)
        case "expect_column_distinct_values_to_contain_set":
            return None if missing is None else Found(not missing, checked)
        case _:
            if (held is not None and held != checked) or missing:
                return Found(False, checked)
            return None if held is None or missing is None else Found(True, checked)
