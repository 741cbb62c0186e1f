"""The metrics database: make or renew its tables, check them."""

from __future__ import annotations

import argparse
import os

from airflow_ml_monitor.errors import MonitorError

HELP = "the metrics database: upgrade, check"


def add(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="upgrade | check")
    for verb, text in (("upgrade", "make or renew its tables"), ("check", "are its tables those of this release?")):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("--url", default=os.environ.get("ML_MONITOR_STORE"), help="SQLAlchemy URL")
        one.set_defaults(verb=verb)


def run(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.store.repository import MetricsStore

    if options.url is None:
        raise MonitorError("no database given; use --url or the variable ML_MONITOR_STORE")
    store = MetricsStore(options.url)
    store.upgrade() if options.verb == "upgrade" else store.check()
    print(f"{store!r} is ready")
    return 0
