"""Where the features of a dataset's rows lie as training computes them. Light: imported when a DAG is parsed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Replay:
    """The rows of a dataset once more, their features computed by the code that makes training rows.

    source: as in Dataset; all of it is read, so name what holds recent rows. key: the columns that match the dataset's
    entity_key, in its order; empty: those of the same names. columns: which are compared, of the same names on both
    sides; empty: every feature. zone: of naive times; empty: the dataset's. It need not hold every row, nor at once:
    windows are compared again while rows are missing. A backfill sees rows that came later.
    """

    source: Any
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    zone: str = ""
