"""What cells and entries must be, worked out from the rows in plain Python, numpy and pandas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from airflow_ml_monitor.keys import EVER, WHOLE, Slice, Window, WindowRule, WindowUnit
from airflow_ml_monitor.profile.cells import Cells, Profile
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.engine import LabelRequest
from airflow_ml_monitor.profile.label_source import LabelSource
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.layout import Binning, Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.task import Task, TaskKind

DAY = Window(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def as_number(value: Any) -> float:
    """A value as a float; a naive time by its own clock, in seconds since 1970."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return float(value)


def column_cells(rows: ModuleType, values: Sequence[Any], binning: Binning) -> Cells:
    """The cells of a column's values; None is NULL."""
    present = [value for value in values if value is not None]
    if binning.kind is not Kind.CATEGORICAL:
        present = [as_number(value) for value in present]
    with np.errstate(over="ignore"):
        found: Cells = rows.cells(present, binning, len(values) - len(present))
    return found


def profile_cells(
    rows: ModuleType, columns: Mapping[str, Sequence[Any]], layout: Layout
) -> dict[tuple[Slice, str], Cells]:
    """Every column's cells, whole and by slice."""
    found = {}
    for binning in layout.binnings:
        values = columns[binning.column]
        found[WHOLE, binning.column] = column_cells(rows, values, binning)
        for name in layout.slice_by:
            by = layout[name]
            coarse = replace(binning, resolution=min(64, binning.resolution))
            for label in by.labels:
                wanted = {"true": True, "false": False}.get(label, label) if by.kind is Kind.BOOLEAN else label
                mine = [value for value, group in zip(values, columns[name], strict=True) if group == wanted]
                found[((name, label),), binning.column] = column_cells(rows, mine, coarse)
    return found


def same_cells(found: Cells, expected: Cells) -> None:
    """Counts and extremes exactly, sums within 1e-9 of Σ|d|."""
    np.testing.assert_array_equal(found.bucket, expected.bucket)
    np.testing.assert_array_equal(found.count, expected.count)
    np.testing.assert_array_equal(found.low, expected.low)
    np.testing.assert_array_equal(found.high, expected.high)
    # A cell lies on one side of the centre, so that Σ|d| = |Σd|; `other`, which does not, has its d² for a bound.
    with np.errstate(invalid="ignore", over="ignore"):
        reach = np.maximum(np.abs(expected.d1), np.sqrt(expected.count * expected.d2))
        assert ((np.abs(found.d1 - expected.d1) <= 1e-9 * reach) | (found.d1 == expected.d1)).all()
        assert ((np.abs(found.d2 - expected.d2) <= 1e-9 * expected.d2) | (found.d2 == expected.d2)).all()


def same_profile(found: Profile, expected: Mapping[tuple[Slice, str], Cells]) -> None:
    assert set(found.cells) == set(expected)
    for key, cells in expected.items():
        try:
            same_cells(found.cells[key], cells)
        except AssertionError as error:
            raise AssertionError(f"{key}: {error}") from error


def dataset(source: Any, columns: Mapping[str, Kind], **more: Any) -> Dataset:
    """A dataset of features, by event time `at`."""
    declared = tuple(Column(name, kind) for name, kind in columns.items())
    return Dataset("d", source, declared, **{"event_time": "at", **more})


def as_rows(entries: Iterable[Entries]) -> Counter[tuple[Any, ...]]:
    """Signed counts by (slice, stratum, version, known, label, prediction, bucket); keys that cancel left out."""
    found: Counter[tuple[Any, ...]] = Counter()
    for part in entries:
        for i in range(part.size):
            key = (part.known[i], part.label[i], part.prediction[i], part.bucket[i])
            found[(*part.groups[part.group[i]], *(int(x) for x in key))] += int(part.count[i])
    return Counter({key: count for key, count in found.items() if count})


DAYS = tuple(WindowRule(WindowUnit.DAY).between(DAY.start, DAY.start + timedelta(days=12)))
BINARY = Task(TaskKind.BINARY, threshold=0.5)
REGRESSION = Task(TaskKind.REGRESSION)


def predictions(source: Any, *more: Column, slice_by: tuple[str, ...] = (), **other: Any) -> Dataset:
    """Scored rows of `id`, at `at`."""
    columns = (Column("score", role=Role.SCORE), *more)
    return Dataset("p", source, columns, "at", **{"entity_key": ("id",), "slice_by": slice_by, **other})


def labelled_by(source: Any, **more: Any) -> LabelSource:
    return LabelSource("l", source, "label", **{"key": ("id",), "label_time": "known_at", **more})


def request(
    dataset: Dataset, labels: LabelSource, upto: datetime, *, since: datetime | None = None, **more: Any
) -> LabelRequest:
    """Everything known of DAYS up to a moment; with `since`, of days not in `stale` what came after it."""
    wanted = {"task": BINARY, "layout": Layout(()), "days": DAYS, "rule": WindowRule(WindowUnit.DAY), **more}
    stale = frozenset(wanted.pop("stale", wanted["days"]))
    return LabelRequest(dataset, labels=labels, stale=stale, since=since or EVER.start, upto=upto, **wanted)


def latest_labels(labels: pd.DataFrame, known_at: datetime) -> dict[Any, Any]:
    """The label that is in force at a moment, by key; withdrawn ones left out."""
    known = labels[labels["known_at"] <= known_at].sort_values("known_at", kind="stable")
    last = known.drop_duplicates("id", keep="last")
    return {key: label for key, label in zip(last["id"], last["label"], strict=True) if not pd.isna(label)}


def labelled(rows: ModuleType, scored: pd.DataFrame, labels: pd.DataFrame, known_at: datetime) -> LabelledView:
    """A binary model's rows as metrics must see them at a moment."""
    known = latest_labels(labels, known_at)
    # DataFrame's own test for a missing score: NaN compares as False.
    valid = scored[(scored["score"] >= 0) & (scored["score"] <= 1)]
    pairs = [(known[key], score) for key, score in zip(valid["id"], valid["score"], strict=True) if key in known]
    view: LabelledView = rows.labelled([label for label, _ in pairs], [score for _, score in pairs])
    return replace(view, predictions=len(scored))


def same_view(found: LabelledView, expected: LabelledView) -> None:
    """The same rows by label, class and bucket; sums within 1e-9 of their size.

    Rows that no engine read have no hashes: what those are for is in tests/monitor/test_offset_corrections.py.
    """
    assert found.predictions == expected.predictions
    names = sorted(expected.sums)
    assert sorted({*found.sums} - ({"state"} - {*names})) == names
    tables = []
    for view in (found, expected):
        kept = view.count != 0
        keys = list(
            zip(view.label[kept].tolist(), view.prediction[kept].tolist(), view.bucket[kept].tolist(), strict=True)
        )
        values = np.column_stack([view.count[kept], *(view.sums[name][kept] for name in names)])
        tables.append(dict(zip(keys, values.tolist(), strict=True)))
    assert tables[0].keys() == tables[1].keys()
    for key, values in tables[1].items():
        np.testing.assert_allclose(tables[0][key], values, rtol=1e-9, atol=1e-9)
