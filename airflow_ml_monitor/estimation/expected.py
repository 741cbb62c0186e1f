"""Labels that are expected: what every estimator answers, and what metrics make of it."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_ml_monitor.profile.labelled_view import ScoredCells


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """All predictions of a window by score, with the labels that they have or are expected to have.

    cells: expected rows, shape (C,). final: D draws of what the window's labels will finally be, (D, C). model: D draws
    of what another window of the same size from the same model and world could show, (D, C): their spread is the
    uncertainty of the model's performance, sampling included. All three have the same C cells.
    """

    cells: ScoredCells
    final: ScoredCells
    model: ScoredCells
