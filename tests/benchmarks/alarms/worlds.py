"""Simulated streams in which it is known what changes, if anything does.

`stream("typical", seed)` has 50 columns (40 numeric, 10 categorical), 60 reference days and 365 monitored ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from columns import Groups, Maker, targets
from effects import Days, World, day_rows
from streams import CATEGORICAL, NUMERIC, REFERENCE_DAYS, Change, Stream, assigned

TYPICAL = World(weekday=(0.01, 0.25), between=(0.005, 0.12))
WORLDS = {
    # Almost only sampling noise.
    "calm": World(weekday=(0.0, 0.01), between=(0.0, 0.01)),
    "typical": TYPICAL,
    "volatile": replace(TYPICAL, between=(0.05, 0.35)),
    "seasonal": replace(TYPICAL, season=(0.02, 0.3)),
    "sharp": replace(TYPICAL, season=(0.02, 0.3), is_sharp=True),
    "lumpy": replace(TYPICAL, rows=(150, 1_500), lumps=True),
    "smallday": replace(TYPICAL, rows=(200, 200)),
    "hugeday": replace(TYPICAL, rows=(10_000_000, 10_000_000)),
}


def stream(
    name: str,
    seed: int,
    changes: Sequence[Change] = (),
    *,
    columns: int = 50,
    days: int = 365,
    rows: float | None = None,
) -> Stream:
    """One stream of a world. One column in five is categorical; rows: mean of a day, the world's own if None.

    The days before the first change are the same with and without changes.
    """
    world = WORLDS[name]
    first = np.datetime64("2023-01-02") + np.random.default_rng([seed, 0]).integers(365)
    dates = first + np.arange(REFERENCE_DAYS + days)
    kinds = [CATEGORICAL if number % 5 == 4 else NUMERIC for number in range(columns)]
    possible = [targets(number, kind) for number, kind in enumerate(kinds)]
    changed = assigned(changes, possible, REFERENCE_DAYS, np.random.default_rng([seed, 5]))
    shared = Days(world, dates, seed)
    size = day_rows(world, shared, seed, rows)
    groups = Groups.drawn(np.random.default_rng([seed, 6]), size) if world.lumps else None
    maker = Maker(seed, REFERENCE_DAYS, shared, size, groups, changed)
    features = tuple(maker.feature(number, kind) for number, kind in enumerate(kinds))
    named = tuple(replace(one, feature=features[one.column].name) for one in changed)
    return Stream(name, features, dates, REFERENCE_DAYS, named)
