"""A share whose events are counted between two limits."""

from __future__ import annotations

from airflow_ml_monitor.measurement import Estimate
from airflow_ml_monitor.metrics import interval


def counted_share(events: tuple[float, float], n: int) -> Estimate:
    """The middle of (fewest, most) events of n, and what either leaves possible; n is above 0.

    >>> counted_share((20.0, 30.0), 100).value
    0.25
    """
    fewest, most = (min(max(count, 0.0), float(n)) for count in events)
    return Estimate((fewest + most) / 2 / n, n, interval.share(fewest, n)[0], interval.share(most, n)[1])
