"""A monitor and a day as one HTML page, from stored rows only."""

from __future__ import annotations

import argparse
from pathlib import Path

from airflow_ml_monitor.commands.arguments import URL_HELP, add_day
from airflow_ml_monitor.errors import MonitorError

HELP = "a monitor and a day as one HTML page"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("monitor", help="'namespace/name'")
    add_day(parser, "--day", help="the window of this day; else the last measured one")
    parser.add_argument("--as-of", help="as it was known then: ISO 8601 with an offset; else as it is known now")
    parser.add_argument("--url", help=URL_HELP)
    parser.add_argument("--out", type=Path, help="the file to write; else <name>-<day>.html")


def run(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.keys import parse_moment
    from airflow_ml_monitor.report.html import rendered
    from airflow_ml_monitor.report.page import page_of
    from airflow_ml_monitor.report.scope import scope_of
    from airflow_ml_monitor.store.opening import opened_store

    try:
        as_of = None if options.as_of is None else parse_moment(options.as_of)
    except ValueError as error:
        raise MonitorError(f"--as-of: {error}; expected e.g. 2026-03-01T06:00:00+00:00") from error
    with opened_store(options.url) as store:
        scope = scope_of(store, options.monitor, day=options.day, as_of=as_of)
        text = rendered(page_of(scope))
    path = options.out or Path(f"{options.monitor.rpartition('/')[2]}-{scope.date(scope.window)}.html")
    path.write_text(text, encoding="utf-8")
    nothing = "" if scope.window in scope.measured else "; nothing was measured of this window"
    print(f"{path}: {len(text.encode()) / 1000:.0f} kB{nothing}")
    return 0
