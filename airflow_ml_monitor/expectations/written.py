"""How a spec may write a contract. Light: read when a DAG is parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.errors import SpecError

_FUNCTION: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_OF_A_PROJECT: Final = frozenset({"gx_project", "suite", "checkpoint"})


def is_function(contract: str) -> bool:
    """True for the dotted name of a function.

    >>> is_function("checks.orders:suite"), is_function("checks/orders.json"), is_function("C:suite.json")
    (True, False, False)
    """
    return _FUNCTION.fullmatch(contract) is not None


@dataclass(frozen=True, slots=True)
class FailedRows:
    """Where a sample of the rows that break a contract goes, and what of them: never more than the named columns.

    table: in the metrics database; made where it is missing. limit: rows of each broken rule.
    """

    table: str
    columns: tuple[str, ...]
    limit: int = 100


OURS: Final = ("monitor", "dataset", "window_start", "window_end", "rule")
"""Columns of the table beside those that a user names."""
_TABLE: Final = re.compile(r"[A-Za-z_]\w{0,62}")
_MOST_ROWS: Final = 10_000


def parted(contract: Any) -> tuple[Any, FailedRows | None]:
    """A contract's suite, as one writes it alone, and where its failed rows go; None: nowhere. Raises SpecError.

    >>> parted({"suite": "suite.json", "failed_rows": {"table": "broken", "columns": ["id"]}})
    ('suite.json', FailedRows(table='broken', columns=('id',), limit=100))
    """
    if not isinstance(contract, Mapping) or "failed_rows" not in contract:
        return contract, None
    rest = {key: value for key, value in contract.items() if key != "failed_rows"}
    return rest["suite"] if set(rest) == {"suite"} else rest, _failed_rows(contract["failed_rows"])


def _failed_rows(wanted: Any) -> FailedRows:
    field = "contract.failed_rows"
    known = isinstance(wanted, Mapping) and {"table", "columns"} <= set(wanted) <= {"table", "columns", "limit"}
    if not known:
        raise SpecError(f"{wanted!r}; give table, columns and, if need be, limit", field=field)
    table, columns, limit = wanted["table"], wanted["columns"], wanted.get("limit", 100)
    if not isinstance(table, str) or not _TABLE.fullmatch(table) or table.startswith("ml_monitor"):
        raise SpecError(
            f"{table!r} is no name for it; use letters, digits and '_', and not our own 'ml_monitor…'",
            field=f"{field}.table",
        )
    if not isinstance(columns, (list, tuple)) or not columns or not all(isinstance(c, str) and c for c in columns):
        raise SpecError(f"{columns!r}; name the columns that tell a row, e.g. [order_id]", field=f"{field}.columns")
    if wrong := [c for c in columns if c.lower() in OURS]:
        raise SpecError(f"{wrong[0]!r} is a column of ours in that table; leave it out", field=f"{field}.columns")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_ROWS:
        raise SpecError(f"{limit!r} is no limit from 1 to {_MOST_ROWS:,}", field=f"{field}.limit")
    return FailedRows(table, tuple(dict.fromkeys(columns)), limit)


def check_written(contract: str | Mapping[str, Any] | None) -> None:
    """Raise SpecError unless a contract has one of the forms that there are; looks at no file."""
    contract, _ = parted(contract)
    if not isinstance(contract, Mapping) or "expectations" in contract or not set(contract) & _OF_A_PROJECT:
        return
    if unknown := sorted(map(str, set(contract) - _OF_A_PROJECT)):
        raise SpecError(
            f"unknown field {unknown[0]!r}; of a project of Great Expectations give gx_project, suite or checkpoint",
            field="contract",
        )
    if "gx_project" not in contract or ("suite" in contract) is ("checkpoint" in contract):
        raise SpecError(
            f"{dict(contract)!r}: of a project of Great Expectations give gx_project, and either suite or checkpoint",
            field="contract",
        )
