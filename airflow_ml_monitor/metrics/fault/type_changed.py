"""A declared column that arrived as another type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from airflow_ml_monitor.measurement import Estimates
from airflow_ml_monitor.metrics import interval
from airflow_ml_monitor.metrics.metric import Subject, fault
from airflow_ml_monitor.profile.feed_view import FeedColumn
from airflow_ml_monitor.profile.text_forms import DECIMAL_COMMA, NUMBER, THOUSANDS

MOST: Final = 0.95
"""Of the texts must have a form."""


@fault(Subject.LOST_COLUMN)
def type_changed(column: FeedColumn) -> Estimates:
    """A column arrived as a type by which its kind cannot be read: `from=DOUBLE,to=VARCHAR`.

    1 where it is found: a column has one type. Numbers, times and booleans that arrived as text are said by their form,
    if 95 % of the texts have it: `to=m:ss`, `to=decimal comma`, `to=number in text` (profile/text_forms.py).
    """
    arrived = column.feed.current.traces.columns.get(column.name)
    if arrived is None:
        return {}
    was, rows = column.feed.reference.traces.columns.get(column.name, ""), column.feed.rows
    to = _form(column.feed.current.traces.forms.get(column.name, {})) or _plain(arrived)
    parameters = f"from={_plain(was)},to={to}" if was else f"to={to}"
    return {parameters: interval.share_of(rows, rows)}


def _plain(type_: str) -> str:
    """DECIMAL(18,3) is a DECIMAL."""
    return type_.split("(")[0]


def _form(forms: Mapping[str, int]) -> str:
    """What the texts are, in words; '' if they are several things."""
    rows, total = dict(forms), sum(forms.values())
    # 1,234 is a thousand in a column that also has 12,345.6 or 512, and a decimal in one that has 1,2.
    if rows.get(DECIMAL_COMMA, 0) > 0:
        rows[DECIMAL_COMMA] += rows.pop(THOUSANDS, 0)
    named = {name: count for name, count in rows.items() if name not in ("", NUMBER)}
    if not total or sum(rows.values()) - rows.get("", 0) < MOST * total:
        return ""
    if rows.get(NUMBER, 0) >= MOST * total:
        return f"{NUMBER} in text"
    name = max(named, key=lambda form: named[form])
    # Small numbers have neither thousands nor decimals.
    plain = rows.get(NUMBER, 0) if name in (THOUSANDS, DECIMAL_COMMA) else 0
    return name if named[name] + plain >= MOST * total else ""
