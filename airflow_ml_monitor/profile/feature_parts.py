"""Where in the ledger it stands what features tell together with labels.

Of each feature, in a group of its own, whose slice ends in a part that no column can name (label_sets.part_slice): so
whoever counts rows, labels or their arrival by slice meets rows alone. count: rows with a label and a value; label:
that of a row, by which they are counted; sums: sums.MOMENTS.
"""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind

FEATURE: Final = "feature="
MOST_FEATURES: Final = 24
"""As many as columns whose products are summed (traces.MOST_PRODUCTS)."""


def feature_part(column: str) -> str:
    """The part that holds one feature."""
    return f"{FEATURE}{column}"


def feature_columns(dataset: Dataset) -> tuple[Column, ...]:
    """The columns that are read for it, the first ones; none where it is not asked for."""
    if not dataset.label_moments:
        return ()
    given = (c for c in dataset.columns if c.name in dataset.given and c.kind is not Kind.DATETIME)
    return tuple(given)[:MOST_FEATURES]
