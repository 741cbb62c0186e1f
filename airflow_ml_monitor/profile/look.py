"""What one look at a reference's rows tells beyond its cells: counts only, no value of a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TextLook:
    """A column of texts. lengths: rows by number of characters; forms: rows by name of the form that they have.

    damaged: rows with signs of a wrong encoding. foreign: rows with a character beyond ASCII.
    """

    lengths: Mapping[int, int]
    forms: Mapping[str, int]
    damaged: int
    foreign: int

    @property
    def n(self) -> int:
        """Rows with a text."""
        return sum(self.lengths.values())


@dataclass(frozen=True, slots=True)
class RelationLook:
    """A relation between columns. n: rows in which all of them have a finite value; kept: of these, where it holds."""

    n: int
    kept: int


@dataclass(frozen=True, slots=True)
class Look:
    """A reference's rows, looked at once.

    rows: how many. present: rows with a value (neither NULL nor NaN), by column. texts: by column.
    orders: by (smaller, greater), where the order is more than chance. sums: by (a, b, c), where a + b is c.
    distinct_keys: different values of the key among the rows that have one, and how many these are; None without a key.
    """

    rows: int
    present: Mapping[str, int]
    texts: Mapping[str, TextLook] = field(default_factory=dict)
    orders: Mapping[tuple[str, str], RelationLook] = field(default_factory=dict)
    sums: Mapping[tuple[str, str, str], RelationLook] = field(default_factory=dict)
    keys: RelationLook | None = None
    key: tuple[str, ...] = ()
