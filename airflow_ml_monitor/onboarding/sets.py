"""Which columns hold sets of labels, and in what form: lists, or text with a separator. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pyarrow as pa

from airflow_ml_monitor.profile.layout import RARE
from airflow_ml_monitor.profile.task import MOST_CLASSES, UNDECLARED

_SEPARATORS: Final = ("|", ";", ", ", ",")
_LONGEST: Final = 40
"""Letters of a label; more are a sentence."""
_SEVERAL: Final = 0.02
"""Share of the rows that must have several labels; and of another number of labels than most: parts of a name, such as
a town and its country, are always as many."""


@dataclass(frozen=True, slots=True)
class Sets:
    """A column of sets. separator: None where it holds lists. classes: those of 20 rows and more, the most frequent
    first; rare: how many others there are. rows: the sets themselves, None where one is missing."""

    separator: str | None
    classes: tuple[str, ...]
    rare: int
    rows: tuple[frozenset[str] | None, ...]

    def agreement(self, other: Sets) -> tuple[float, float]:
        """Mean Jaccard index of the rows' sets; and that of each row's with the next row's, which is chance."""
        mine = [pair for pair in zip(self.rows, other.rows, strict=True) if None not in pair]
        return _jaccard((a, b) for a, b in mine), _jaccard((a[0], b[1]) for a, b in pairwise(mine))


def sets_of(column: pa.ChunkedArray) -> Sets | None:
    """The sets of a column; None where it holds none, or so few or so many labels that no task could be of them."""
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inside = kind.value_type
        is_text = pa.types.is_string(inside) or pa.types.is_large_string(inside)
        parted = [None if v is None else [str(x) for x in v] for v in column.to_pylist()]
        return _checked(None, parted) if is_text else None
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return None
    values = column.to_pylist()
    for separator in _SEPARATORS:
        if any(separator in v for v in values if v):
            # pandas and DuckDB read an empty text as no label at all.
            parted = [None if v is None else v.split(separator) if v else [] for v in values]
            if (found := _checked(separator, parted)) is not None:
                return found
    return None


def _checked(separator: str | None, parted: Sequence[list[str] | None]) -> Sets | None:
    known = [labels for labels in parted if labels is not None]
    count = Counter(label for labels in known for label in labels)
    sizes = Counter(map(len, known))
    least = _SEVERAL * len(known)
    is_varied = len(known) - max(sizes.values(), default=0) >= least
    if sum(n for size, n in sizes.items() if size > 1) < least or not is_varied or not _are_labels(count):
        return None
    if any(len({*labels}) < len(labels) for labels in known) or _is_path(known):
        return None
    classes = [label for label, n in count.most_common() if n >= RARE and label != UNDECLARED]
    if not 2 <= len(classes) <= MOST_CLASSES:
        return None
    rows = tuple(None if labels is None else frozenset(labels) for labels in parted)
    return Sets(separator, tuple(classes), len(count) - len(classes), rows)


def _are_labels(count: Counter[str]) -> bool:
    """Short, without blanks at their ends, few enough to come back."""
    fine = all(label and label == label.strip() and len(label) <= _LONGEST for label in count)
    return fine and len(count) <= 2 * MOST_CLASSES


def _is_path(known: Iterable[list[str]]) -> bool:
    """Whether later parts never come first, as in 'tools, saws': parts of a name and no labels."""
    firsts, later = set(), Counter[str]()
    for labels in known:
        firsts.update(labels[:1])
        later.update(labels[1:])
    return sum(n for label, n in later.items() if label in firsts) < 0.5 * sum(later.values())


def _jaccard(pairs: Iterable[tuple[frozenset[str] | None, frozenset[str] | None]]) -> float:
    found = [len(a & b) / len(a | b) if a or b else 1.0 for a, b in pairs if a is not None and b is not None]
    return sum(found) / len(found) if found else 0.0
