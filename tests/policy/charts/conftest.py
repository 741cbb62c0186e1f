"""Simulated components: weekdays, memory and heavy tails, and nothing that changes unless it is made to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import lfilter

from airflow_ml_monitor.policy.charts.panel import SHAPE, Panel

World = Callable[..., Panel]


def _world(seed: int, components: int = 40, windows: int = 200, between: float = 0.05, lag: float = 0.4) -> Panel:
    random = np.random.default_rng(seed)
    day = 20_000.0 + np.arange(windows)
    phase = np.arange(windows) % 7
    innovations = random.standard_t(6, (windows + 50, components)) * np.sqrt((1 - lag**2) * 4 / 6)
    noise = between * lfilter([1.0], [1.0, -lag], innovations, axis=0)[50:]
    weekday = 0.1 * random.standard_normal((7, components))
    variance = np.full((windows, components), 1 / 10_000)
    sampled = np.sqrt(variance) * random.standard_normal(variance.shape)
    return Panel(
        day=day,
        phase=phase,
        value=weekday[phase] + noise + sampled,
        variance=variance,
        group=np.full(components, SHAPE),
        least=np.full(components, 0.04),
        side=np.zeros(components, np.int64),
        weight=np.ones(components),
    )


@pytest.fixture
def world() -> World:
    """A panel in which nothing changes, by seed."""
    return _world
