"""Confidence-based performance estimation by a reference that is weighted to resemble the window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from airflow_ml_monitor.errors import TooFew
from airflow_ml_monitor.estimation.agreement import agreement
from airflow_ml_monitor.estimation.calibration import between, curves, redrawn
from airflow_ml_monitor.estimation.drawing import expect, generator
from airflow_ml_monitor.estimation.estimator import Check, Need, Question, estimator
from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.task import TaskKind

BINS: Final = 10
"""Of the score, equally filled by the reference: a weight must rest on more than a few of its rows."""
PSEUDO_ROWS: Final = 10.0
"""Of the whole score bin, added to each part's: a part that the reference hardly has is not given a huge weight."""
MOST_UNSEEN: Final = 0.1
"""Of the window's rows, where the reference has next to none like them: above, it cannot speak for the window."""
FEW_ROWS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """Labelled rows of the reference by part and score: arrays of K cells; and the window's rows, (parts, BINS).

    group: part and bin of each cell, one number. score: those that occur, ascending; place: each cell's among them.
    """

    group: Counts
    score: Floats
    place: Counts
    positives: Floats
    negatives: Floats
    window: Floats

    @classmethod
    def of(cls, question: Question) -> _Reference:
        """TooFew without labelled rows in the reference's parts, or rows in the window's."""
        cells = [part.reference.scored for part in question.parts]
        every, positives, negatives = (
            np.concatenate([getattr(part, name) for part in cells]) for name in ("score", "positives", "negatives")
        )
        if not len(every):
            raise TooFew("no part of the reference has a labelled row with a score")
        if not any(part.predictions.n for part in question.parts):
            raise TooFew("no part of the window has a prediction with a score")
        edges = _edges(every, positives + negatives)
        windows = [
            np.bincount(np.searchsorted(edges, part.predictions.score), part.predictions.count, BINS)
            for part in question.parts
        ]
        number = np.repeat(np.arange(len(cells)), [len(one.score) for one in cells])
        score, place = np.unique(every, return_inverse=True)
        group = number * BINS + np.searchsorted(edges, every)
        return cls(group, score, place, positives, negatives, np.stack(windows).astype(np.float64))

    def seen(self, positives: Floats, negatives: Floats) -> Floats:
        """Rows of the reference by part and bin, (parts, BINS)."""
        found = np.bincount(self.group, positives + negatives, self.window.size)
        return found.reshape(self.window.shape).astype(np.float64)

    def weighted(self, positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
        """Positives and rows by score, counted as often as rows of their part and bin are met in the window."""
        seen = self.seen(positives, negatives)
        of_bin = self.window.sum(axis=0) / np.maximum(seen.sum(axis=0), 1.0)
        ratio = (self.window + PSEUDO_ROWS * of_bin) / (seen + PSEUDO_ROWS)
        # A bin that the window does not have must still be calibrated, or the curve would have a hole.
        weight = np.maximum(ratio, 1e-3 * self.window.sum() / seen.sum()).reshape(-1)[self.group]
        true, rows = (
            np.bincount(self.place, weight * part, len(self.score)).astype(np.float64)
            for part in (positives, positives + negatives)
        )
        return true, rows


def _edges(score: Floats, rows: Floats) -> Floats:
    """BINS - 1 scores between bins of about equally many rows."""
    order = np.argsort(score, kind="stable")
    upto = np.cumsum(rows[order])
    places = np.searchsorted(upto, upto[-1] * np.arange(1, BINS) / BINS)
    found: Floats = score[order][places]
    return found


def _chances(question: Question) -> tuple[Floats, Floats]:
    """(chance of label 1 in each cell of the window, the same by references drawn anew)."""
    reference = _Reference.of(question)
    as_it_was = reference.positives, reference.negatives
    weighted = [reference.weighted(*one) for one in (as_it_was, *zip(*redrawn(*as_it_was), strict=True))]
    positives, rows = (np.stack(part) for part in zip(*weighted, strict=True))
    found = between(curves(reference.score, positives, rows), reference.score, question.predictions.score)
    return found[0], found[1:]


def check(question: Question) -> Check:
    """Does the reference have rows like the window's in every part; and do labels at hand agree with the chances?"""
    reference = _Reference.of(question)
    seen = reference.seen(reference.positives, reference.negatives)
    total = max(float(reference.window.sum()), 1.0)
    unseen = float(reference.window[seen < FEW_ROWS].sum()) / total
    if unseen > MOST_UNSEEN:
        why = f"the reference has fewer than {FEW_ROWS} rows of their part and score"
        return Check(False, f"for {unseen:.0%} of the window's rows {why}")
    return agreement(question, *_chances(question))


@estimator(
    assumption="Rows of equal score and part (delay stratum or slice) come true as often as in the reference.",
    needs=(Need.REFERENCE_LABELS, Need.PARTS),
    tasks=(TaskKind.BINARY, TaskKind.MULTICLASS),
    check=check,
)
def weighted_cbpe(question: Question) -> Expected:
    """Labels expected by score, calibrated on a reference weighted to have the window's mix of parts and scores.

    What it sees beyond `cbpe`: that a part of the rows, within which a score means something else, became more or less
    frequent. A covariate shift that shows in no stratum or slice it sees no more than `cbpe`. It cannot see concept
    drift, as no estimate without labels can. Weights are the window's rows over the reference's by part and tenth of
    the score, shrunk towards the tenth's own; the draws bootstrap them with the reference.
    After Sugiyama, Krauledat and Müller 2007 (importance weights); NannyML's PAPE (Białek, Kuberski, Perrakis and
    Bifet 2024) weights by a classifier of all features, for which the ledger has no rows.
    """
    return expect(question.predictions, *_chances(question), generator())
