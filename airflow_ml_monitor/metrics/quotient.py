"""Quotients of counts, of one window or of many draws of it."""

from __future__ import annotations

import numpy as np

from airflow_ml_monitor.profile.cells import Floats


def quotient(part: Floats, whole: Floats) -> Floats:
    """part / whole, element by element; NaN where whole is 0: of nothing there is no share."""
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    found: Floats = np.divide(part, whole, out=np.full(shape, np.nan), where=np.not_equal(whole, 0))
    return found
