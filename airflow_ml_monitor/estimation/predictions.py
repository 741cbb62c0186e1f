"""Predictions of a window by score and decided class, and their labels laid beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airflow_ml_monitor.keys import WHOLE, Slice
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.labelled_view import LabelledView
from airflow_ml_monitor.profile.layout import SLICE_SCORE_JOIN
from airflow_ml_monitor.profile.ledger import PREDICTED, UNSCORED, Entries, score_within


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """How many rows were predicted, whether or not their label is known: arrays of C cells.

    Cells ascend by bucket, then by prediction, the decided class. score: one inside the bucket. count: rows, above 0.
    is_slice: the buckets are those of a slice, which are wider.
    """

    bucket: Counts
    prediction: Counts
    score: Floats
    count: Floats
    is_slice: bool = False

    @property
    def n(self) -> int:
        return int(self.count.sum())

    @classmethod
    def of(
        cls, entries: Entries, slice: Slice = WHOLE, version: str | None = None, stratum: str | None = None
    ) -> Predictions:
        """Of a ledger, rows without a score left out; of one slice (model version, delay stratum)."""
        rows = (entries.label == PREDICTED) & (entries.bucket != UNSCORED)
        if entries.size:
            named = [s == slice and version in (None, v) and stratum in (None, t) for s, t, v in entries.groups]
            rows &= np.array(named, bool)[entries.group]
        found = (entries.bucket[rows], entries.prediction[rows], entries.count[rows])
        return cls.counted(*found, is_slice=slice != WHOLE)

    @classmethod
    def counted(
        cls, bucket: Counts, prediction: Counts, count: Counts | Floats, *, is_slice: bool = False
    ) -> Predictions:
        """From rows of (bucket, prediction, count), which may repeat or cancel."""
        key, where = np.unique(2 * bucket + prediction, return_inverse=True)
        total = np.bincount(where, weights=count, minlength=len(key)).astype(np.float64)
        key, total = key[total > 0], total[total > 0]
        return cls(key // 2, key % 2, scores(key // 2, is_slice=is_slice), total, is_slice)

    def known(self, labels: LabelledView) -> tuple[Floats, Floats]:
        """(positives, negatives) of the labels in each of the cells."""
        place = self.place(labels)
        positives, negatives = (
            np.bincount(place[mine], weights=labels.count[mine], minlength=len(self.count)).astype(np.float64)
            for mine in ((place >= 0) & (labels.label == 1), (place >= 0) & (labels.label == 0))
        )
        return np.maximum(positives, 0.0), np.maximum(negatives, 0.0)

    def place(self, labels: LabelledView) -> Counts:
        """The cell of each of the labels' entries; -1 where its prediction is no longer in the ledger."""
        key, wanted = 2 * self.bucket + self.prediction, 2 * labels.bucket + labels.prediction
        if not len(key):
            return np.full(len(wanted), -1, np.int64)
        place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        return np.where(key[place] == wanted, place, -1)


def scores(bucket: Counts, *, is_slice: bool = False) -> Floats:
    """A score inside each bucket; in a slice one is SLICE_SCORE_JOIN of the whole's, joined."""
    if not is_slice:
        return score_within(bucket)
    middle = bucket * SLICE_SCORE_JOIN + SLICE_SCORE_JOIN // 2
    found: Floats = (score_within(middle - 1) + score_within(middle)) / 2
    return found
