"""Numbers and slices as the page writes them."""

from __future__ import annotations

from datetime import timedelta

from airflow_ml_monitor.keys import Slice
from airflow_ml_monitor.measurement import Estimate

NOTHING = "–"


def number(value: float | None) -> str:
    """Four significant digits; whole numbers with thousands apart.

    >>> number(0.123456), number(12345.0), number(23450.7), number(None)
    ('0.1235', '12,345', '23,451', '–')
    """
    if value is None:
        return NOTHING
    if value == int(value) and abs(value) < 1e12:
        return f"{int(value):,}"
    if 1000 <= abs(value) < 1e12:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def percent(share: float | None) -> str:
    """A share as per cent.

    >>> percent(0.123456), percent(1.0)
    ('12.3 %', '100 %')
    """
    return NOTHING if share is None else f"{100 * share:.3g} %"


def interval(estimate: Estimate | None) -> str:
    """The 95 % interval, where there is one."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return NOTHING
    return f"{number(estimate.low)} to {number(estimate.high)}"


def valued(estimate: Estimate | None) -> str:
    """A value with its interval."""
    if estimate is None:
        return NOTHING
    return number(estimate.value) + ("" if interval(estimate) == NOTHING else f" ({interval(estimate)})")


def ratio(estimate: Estimate) -> float | None:
    """A distance in multiples of what chance alone gives; None where that is not known."""
    return estimate.value / estimate.noise if estimate.noise else None


def times(multiple: float | None) -> str:
    """A multiple of chance."""
    return NOTHING if multiple is None else f"{multiple:.3g}×"


def where(slice: Slice) -> str:
    """A slice in words.

    >>> where((("country", "DE"),))
    'country = DE'
    """
    return ", ".join(f"{column} = {value}" for column, value in slice) or "all rows"


def span(seconds: float) -> str:
    """A duration to two parts.

    >>> span(3725.0), span(90_000)
    ('1 h 2 min', '1 d 1 h')
    """
    minutes = round(seconds / 60)
    days, rest = divmod(timedelta(minutes=minutes), timedelta(days=1))
    hours, left = divmod(int(rest.total_seconds() // 60), 60)
    parts = [f"{amount} {unit}" for amount, unit in ((days, "d"), (hours, "h"), (left, "min")) if amount]
    return " ".join(parts[:2]) or "0 min"


def days(count: float) -> str:
    """So many days.

    >>> days(1.0), days(2.5)
    ('1 day', '2.5 days')
    """
    return f"{number(count)} day{'' if count == 1 else 's'}"


def shortened(text: str, most: int) -> str:
    """A text with its end cut off where it is longer.

    >>> shortened("employment_years", 10)
    'employmen…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def sentence(text: str) -> str:
    """A text that begins with a capital and ends.

    >>> sentence("no rows arrived"), sentence("cut off…")
    ('No rows arrived.', 'Cut off…')
    """
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "…")) else ".")
