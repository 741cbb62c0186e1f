"""A window's rows of lowest hash, where its dataset asks for a sample."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from airflow_ml_monitor.profile.cells import Counts
from airflow_ml_monitor.profile.dataset import Dataset, Kind
from airflow_ml_monitor.profile.engines.scan import Scan
from airflow_ml_monitor.profile.kernel import kernel
from airflow_ml_monitor.profile.layout import NULL, OTHER, Binning
from airflow_ml_monitor.profile.queries import sample_query
from airflow_ml_monitor.profile.row_sample import FINE, MISSING, NAMELESS, RowSample


def sampled(scan: Scan, dataset: Dataset, binnings: Iterable[Binning], event_time: str) -> RowSample | None:
    """By what the model is given: another version of it says something else of the same rows. None where the dataset
    asks for none, or rows have no key. binnings: what rows are looked at by together."""
    types = scan.types["source"]
    key = tuple(name for name in dataset.row_key if name in types)
    if not dataset.sample_rows or any(name not in types for name in dataset.entity_key):
        return None
    chosen = [binning for binning in binnings if binning.column in dataset.given]
    wanted = tuple((b.column, b.kind) for b in chosen)
    found = scan.masked(sample_query.lowest_rows, wanted, key, dataset.sample_rows, event_time)
    values = [coded(binning, found[f"c{i}"]) for i, binning in enumerate(chosen)]
    hashes = np.asarray(found[sample_query.HASH], np.int64)
    stacked = np.stack(values, axis=1) if values else np.zeros((len(hashes), 0), np.int64)
    return RowSample.lowest([b.column for b in chosen], dataset.sample_rows, hashes, stacked)


def coded(binning: Binning, column: kernel.Column) -> Counts:
    """A column's rows as RowSample keeps them."""
    if binning.kind is Kind.CATEGORICAL:
        code = kernel.slice_codes(binning, column)
        return np.select([code == NULL, code == OTHER], [MISSING, NAMELESS], code)
    u = kernel.u_values([binning], {binning.column: column})[0]
    return np.where(np.isnan(u), MISSING, np.rint(FINE * np.nan_to_num(u))).astype(np.int64)
