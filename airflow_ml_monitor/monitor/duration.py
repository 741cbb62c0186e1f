"""How long something is, as a spec or a command says it. Light."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any, Final

from airflow_ml_monitor.errors import SpecError

_DURATION: Final = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(value: Any, field: str) -> Any:
    """'30d', '12h', '90m', or a timedelta; seconds as a float, as documents hold them: 3 would be meant as days."""
    if isinstance(value, float) and math.isfinite(value):
        return timedelta(seconds=value)
    if isinstance(value, int) and not isinstance(value, bool):
        raise SpecError(f"{value} has no unit; write e.g. {value}d, {value}h or {value}m", field=field)
    if not isinstance(value, str):
        return value
    if match := _DURATION.fullmatch(value.strip()):
        return timedelta(**{_UNITS[match["unit"]]: float(match["number"])})
    raise SpecError(f"{value!r} is no duration; write e.g. 30d, 12h or 90m", field=field)
