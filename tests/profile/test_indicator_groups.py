"""Which columns of 0 and 1 are one category, found from sums of products: against every subset of the rows' columns."""

from __future__ import annotations

from itertools import chain, combinations
from types import ModuleType

import numpy as np
import pandas as pd

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.indicator_groups import Indicators, indicator_columns

SIZE = 400


def rows(oracle: ModuleType) -> pd.DataFrame:
    """Two groups, flags of their own, one column that is never 1 and one that holds a 2."""
    rng = np.random.default_rng(3)
    colour, side = rng.choice(["r", "g", "b"], SIZE, p=(0.7, 0.2, 0.1)), rng.random(SIZE) < 0.4
    frame = pd.DataFrame({"at": oracle.NOON, **{name: (colour == name) * 1 for name in "rgb"}})
    frame = frame.assign(left=side * 1, right=~side * 1, flag=(rng.random(SIZE) < 0.5) * 1, never=0)
    return frame.assign(count=rng.integers(0, 3, SIZE))


def test_the_groups_are_those_that_every_row_bears_out(either: DuckDB, oracle: ModuleType) -> None:
    frame = rows(oracle)
    names = [name for name in frame if name != "at"]
    dataset = oracle.dataset(frame, dict.fromkeys(names, Kind.NUMERIC))
    layout = either.layout(dataset, EVER)
    reference = either.profile(dataset, layout, EVER)
    columns = indicator_columns(layout, reference)
    assert set(columns) == set(names) - {"never", "count"}
    assert reference.traces.products is not None
    found = Indicators.of(reference.traces.products, layout, columns)
    np.testing.assert_array_equal(found.ones, frame[list(columns)].sum())
    np.testing.assert_array_equal(found.both, frame[list(columns)].T @ frame[list(columns)])
    subsets = chain.from_iterable(combinations(columns, size) for size in range(1, len(columns) + 1))
    assert (
        found.groups()
        == [s for s in subsets if (frame[list(s)].sum(axis=1) == 1).all()][::-1]
        == [
            ("r", "g", "b"),
            ("left", "right"),
        ]
    )


def test_of_forty_flags_the_search_ends(oracle: ModuleType) -> None:
    ones = np.full(40, 10.0)
    # None excludes another's ones, and none are all: the worst case.
    flags = Indicators(tuple(f"f{i}" for i in range(40)), 395, ones, np.diag(ones))
    assert flags.groups() == []
