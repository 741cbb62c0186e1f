"""What a page is made of: four questions, each with a light and the blocks that back it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Light(StrEnum):
    """The colour of an answer; the page never shows it without a word."""

    GOOD = "good"
    LOOK = "look"
    BAD = "bad"
    WAITING = "waiting"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """A light, the word beside it, and one sentence."""

    light: Light
    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Pairs of a name and a value."""

    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text. note: what was left out, and anything that a reader must know of all rows."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its text alternative and its numbers. name: unique on the page; width, height: CSS pixels."""

    name: str
    title: str
    alternative: str
    draw: Callable[[Axes], None]
    table: Table
    width: int = 340
    height: int = 210


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures side by side where there is room."""

    title: str
    pictures: tuple[Picture, ...]
    note: str = ""


Block = Facts | Table | Gallery


@dataclass(frozen=True, slots=True)
class Section:
    """One question with its answer and what it rests on."""

    name: str
    question: str
    answer: Answer
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A monitor and a window, as known at a moment. facts: what stands in the page's head."""

    monitor: str
    window: str
    facts: Facts
    sections: tuple[Section, ...]


def capped(table: Table, most: int, what: str) -> Table:
    """The first rows of a table; its note says how many are left out."""
    if len(table.rows) <= most:
        return table
    left = f"{len(table.rows) - most} more {what} left out."
    return Table(table.title, table.head, table.rows[:most], " ".join(filter(None, (table.note, left))))
