"""How alike two columns' names are."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Final

_SHORTEST: Final = 3
"""Letters of a name that says something where it is part of another."""


@lru_cache(maxsize=4096)
def likeness(a: str, b: str) -> float:
    """In [0, 1]: 1 for names that differ in case and separators only; high where one contains the other.

    >>> likeness("customerId", "customer_id")
    1.0
    >>> likeness("income", "monthly_income") > likeness("income", "outcome")
    True
    """
    a, b = (re.sub(r"[\W_]", "", name.casefold()) or name for name in (a, b))
    ratio = SequenceMatcher(None, a, b).ratio()
    shorter, longer = sorted((a, b), key=len)
    if len(shorter) >= _SHORTEST and shorter in longer:
        ratio = max(ratio, 0.8 + 0.2 * len(shorter) / len(longer))
    return ratio
