"""What several commands take; no command itself."""

from __future__ import annotations

import argparse
from datetime import date
from typing import Any, Final

URL_HELP: Final = (
    "SQLAlchemy URL of the metrics database; else that of the variable ML_MONITOR_STORE, else the file "
    "AIRFLOW_HOME/ml_monitor.db. Airflow's tasks use the connection ml_monitor_default if there is one, else the same"
)
"""Of the argument --url: which database is meant without it."""


def add_day(parser: argparse.ArgumentParser, name: str, **more: Any) -> None:
    """An argument that takes a day. argparse's own words for a missing or another text say nothing of its form."""
    # Without a text it is the empty one, which `_day` refuses.
    parser.add_argument(name, type=_day, nargs="?", const="", metavar="YYYY-MM-DD", **more)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        told = f"{text!r} is no day" if text else "the day is missing"
        raise argparse.ArgumentTypeError(f"{told}; write year, month and day, e.g. 2026-03-07") from error
