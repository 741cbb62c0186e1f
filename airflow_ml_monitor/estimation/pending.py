"""What awaited labels will be: expected rows of each label, and draws of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit
from scipy.special import logit as logit_of

from airflow_ml_monitor.estimation.expected import Expected
from airflow_ml_monitor.estimation.likelihood import LEAST, Seen
from airflow_ml_monitor.profile.cells import Counts, Floats
from airflow_ml_monitor.profile.labelled_view import ScoredCells
from airflow_ml_monitor.truth.arrivals import Cells

_MOST = 0.9
"""Of the variance that a bunch has if all its rows have one fate."""


@dataclass(frozen=True, slots=True, eq=False)
class Finals:
    """Rows that will finally be positive, and negative, by cell: expected, (2, C), and drawn, (D, 2, C)."""

    expected: Floats
    drawn: Floats

    @property
    def base_rate(self) -> Floats:
        """The share of positives in each draw, (D,)."""
        positive, all_rows = self.drawn[:, 1].sum(axis=1), self.drawn.sum(axis=(1, 2))
        return np.asarray(positive / np.maximum(all_rows, LEAST), np.float64)

    def as_expected(self, cells: Cells, rng: np.random.Generator) -> Expected:
        """As metrics read it: cells by ascending bucket; the model's draws have another sample's noise on top."""
        order = np.lexsort((cells.stratum, cells.prediction, cells.bucket))
        score = np.nan_to_num(cells.score, nan=0.5)[order]

        def scored(rows: Floats) -> ScoredCells:
            negatives, positives = rows[..., 0, order], rows[..., 1, order]
            return ScoredCells(cells.bucket[order], cells.prediction[order], score, positives, negatives)

        resampled = rng.poisson(self.drawn).astype(np.float64)
        return Expected(scored(self.expected), scored(self.drawn), scored(resampled))


def settled(counts: Floats, draws: int) -> Finals:
    """All labels are in: rows by label and cell, (2, C), as they are."""
    return Finals(counts, np.repeat(counts[None], draws, axis=0))


def finals(
    seen: Seen, drawn: Seen, logit: Floats, logits: Floats, overdispersion: float, rng: np.random.Generator
) -> Finals:
    """From the relation of score and label, at its mode, (1, C), and drawn, (D, C)."""
    likely = np.stack([positive_share(seen, logit, state)[0] for state in range(3)])
    positive = (seen.counts * likely).sum(axis=(0, 1))
    total = seen.counts.sum(axis=(0, 1))
    found, whole = np.zeros((2, len(logits), seen.counts.shape[2]))
    for state in range(3):
        rows = _whole(seen.counts[state], len(logits), rng)
        whole += rows.sum(axis=1)
        found += _hits(rows, positive_share(drawn, logits, state), seen, overdispersion, rng).sum(axis=1)
    return Finals(np.stack([total - positive, positive]), np.stack([whole - found, found], axis=1))


def _whole(rows: Floats, draws: int, rng: np.random.Generator) -> Counts:
    """Whole rows in each draw, (D, N, C), or (1, N, C) where they are whole anyway; on average as many as there are."""
    if (rows == np.rint(rows)).all():
        return rows[None].astype(np.int64)
    return np.floor(rows + rng.random((draws, *rows.shape))).astype(np.int64)


def positive_share(seen: Seen, logit: Floats, state: int) -> Floats:
    """P(finally positive | state) by draw, group and cell, (D, N, C)."""
    p = expit(logit)[:, None, :]
    positive, negative = p * seen.by_cell(1, state), (1 - p) * seen.by_cell(0, state)
    both = positive + negative
    return np.asarray(np.where(both > LEAST, positive / np.maximum(both, LEAST), p), np.float64)


def _hits(rows: Counts, share: Floats, seen: Seen, overdispersion: float, rng: np.random.Generator) -> Floats:
    """Binomial draws; where rows come in bunches, with so many times the variance in each stratum's sum."""
    if not rows.any() or not share.any():
        return np.zeros(share.shape)
    share = np.clip(share, 0.0, 1.0)
    if (share == 1.0).all():
        return np.broadcast_to(rows, share.shape).astype(np.float64)
    if overdispersion > 1.0:
        share = _bunched(rows, share, seen.stratum, overdispersion, rng)
    return rng.binomial(rows, share).astype(np.float64)


def _bunched(rows: Counts, share: Floats, stratum: Counts, overdispersion: float, rng: np.random.Generator) -> Floats:
    """Shares that rows have moved together, half of it by cell as far as that goes, the rest by stratum: one day of a
    cell is a row or two, and would hide any bunch.

    Shares are moved on the logit, as one threshold that normal shifts have in common would (MacKay 1992; Sheppard
    1899): the mean stays, and sums vary about so many times as much as if each row were drawn alone.
    """
    of_stratum = np.eye(int(stratum.max()) + 1)[stratum]
    sd = np.sqrt(share * (1 - share))
    alone, alike = (rows * sd**2).sum(axis=1), (rows * sd).sum(axis=1)
    added = (overdispersion - 1) * alone
    by_cell = np.minimum(added / 2 / np.maximum(alike, LEAST) ** 2, _MOST / 2)
    rest = (added - by_cell * alike**2) @ of_stratum
    by_stratum = np.minimum(rest / np.maximum(alike @ of_stratum, LEAST) ** 2, _MOST / 2) @ of_stratum.T
    across, within = (np.sin(np.pi / 2 * part) for part in (by_stratum, by_stratum + by_cell))
    total = within / (1 - within)
    of_all = across * (1 + total)
    drawn = (rng.standard_normal((len(alone), of_stratum.shape[1])) @ of_stratum.T, rng.standard_normal(alone.shape))
    shift = np.sqrt(of_all) * drawn[0] + np.sqrt(np.maximum(total - of_all, 0.0)) * drawn[1]
    certain = (share <= 1e-6) | (share >= 1 - 1e-6)
    logits = logit_of(np.clip(share, 1e-6, 1 - 1e-6)) * np.sqrt(1 + total)[:, None]
    return np.where(certain, share, expit(logits + np.sqrt(8 / np.pi) * shift[:, None]))
