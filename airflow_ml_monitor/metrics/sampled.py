"""What metrics of sampled rows share: rows of the reference and of a window, side by side, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew, Undefined
from airflow_ml_monitor.keys import WHOLE
from airflow_ml_monitor.profile.cells import Counts, Floats, Profile
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.row_sample import FINE, MISSING, RowSample
from airflow_ml_monitor.profile.views import DatasetPair

LEAST_ROWS: Final = 50
"""On either side; a classifier is fitted to four fifths of them."""
MOST_MARKS: Final = 10
"""Categories of one column that are told apart, the most frequent ones of both sides."""
DRAWS: Final = 499
"""Times that rows are dealt anew to both sides: no p-value is below 0.002."""
_CONSTANT: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Rows of both sides, the reference's first. Nothing here depends on which side a row is of.

    numbers: (rows, a), numeric columns' u in deviations from their mean, a missing one at 0. marks: (rows, b), 1 where
    a row has a category, or lacks a value, else 0. main: (rows, columns), of each column its number or first mark.
    n, m: rows of the reference and of the window.
    """

    numbers: Floats
    marks: Floats
    main: Floats
    n: int
    m: int

    @classmethod
    def of(cls, pair: DatasetPair) -> Sampled:
        """TooFew of fewer than 50 rows on either side; Undefined where no rows were kept, or no column varies."""
        sides = [_sample(pair.reference, "in the reference"), _sample(pair.current, "in the window")]
        columns = [name for name in sides[0].columns if name in sides[1].columns and name in pair.layout]
        coded = np.concatenate([side.of(columns) for side in sides])
        numbers: list[Floats] = []
        marks: list[Floats] = []
        main: list[Floats] = []
        for i, name in enumerate(columns):
            is_category = pair.layout[name].kind is Kind.CATEGORICAL
            mine, told = ([], _marked(coded[:, i])) if is_category else _numbered(coded[:, i])
            numbers, marks = numbers + mine, marks + told
            main += mine or (told[:1] if is_category else [])
        if not main:
            raise Undefined("no column that the reference and the window both have varies")
        n, m = (len(side.hashes) for side in sides)
        stacked = [np.array(of).reshape(len(of), n + m).T for of in (numbers, marks, main)]
        return cls(stacked[0], stacked[1], stacked[2], n, m)

    @property
    def is_current(self) -> Floats:
        """(rows,): 1 of the window's, 0 of the reference's."""
        return np.repeat([0.0, 1.0], [self.n, self.m])


def _sample(profile: Profile, where: str) -> RowSample:
    sample = profile.traces.sample
    if sample is None and profile.rows.get(WHOLE):
        raise Undefined(
            f"no rows {where} were kept; give the dataset sample_rows and an entity_key, and freeze the reference again"
        )
    rows = len(sample.hashes) if sample else 0
    if sample is None or rows < LEAST_ROWS:
        raise TooFew(f"{rows} rows {where}, {LEAST_ROWS} needed")
    return sample


def _numbered(values: Counts) -> tuple[list[Floats], list[Floats]]:
    """(a column in its own deviations, where it lacks a value); neither of a constant."""
    missing = values == MISSING
    there = values[~missing] / FINE
    deviation = there.std() if len(there) else 0.0
    number = np.zeros(len(values))
    if deviation > _CONSTANT:
        number[~missing] = (there - there.mean()) / deviation
    lacks = 0 < missing.sum() < len(values)
    return [number] if deviation > _CONSTANT else [], [missing.astype(float)] if lacks else []


def _marked(values: Counts) -> list[Floats]:
    """The marks of a column of categories, the most frequent first; all but the last of them tell the last."""
    found, rows = np.unique(values, return_counts=True)
    often = found[np.argsort(-rows, kind="stable")][:MOST_MARKS]
    return [(values == code).astype(float) for code in often] if len(found) > 1 else []
