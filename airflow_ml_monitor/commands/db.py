"""The metrics database: make or renew its tables, check them; list, rename and delete monitors."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_ml_monitor.store.repository import MetricsStore

HELP = "the metrics database: upgrade, check, list, rename, delete"


def add(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="upgrade | check | list | rename | delete")
    for verb, text in (
        ("upgrade", "make or renew its tables"),
        ("check", "are its tables those of this release?"),
        ("list", "the monitors in it"),
        ("rename", "give a monitor another name; change its spec as well"),
        ("delete", "delete a monitor with all that is its; without --yes only shows what, and ends with 1"),
    ):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("--url", help="SQLAlchemy URL; else that of ML_MONITOR_STORE")
        one.set_defaults(verb=verb)
        if verb in ("rename", "delete"):
            one.add_argument("monitor", help="namespace/name")
        if verb == "rename":
            one.add_argument("new", help="namespace/name")
        if verb == "delete":
            one.add_argument("--yes", action="store_true", help="delete; there is no way back")


def run(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.store.opening import opened_store

    with opened_store(options.url, migrated=options.verb != "upgrade") as store:
        print(_done(store, options))
    return 1 if options.verb == "delete" and not options.yes else 0


def _done(store: MetricsStore, options: argparse.Namespace) -> str:
    """Do what is asked for; what to say of it."""
    if options.verb == "upgrade":
        store.upgrade()
    if options.verb == "list":
        return "\n".join(store.monitors())
    if options.verb == "rename":
        store.rename(options.monitor, options.new)
        return f"{options.monitor} is {options.new}; give its spec this name before its next run"
    if options.verb == "delete":
        rows = store.delete(options.monitor) if options.yes else store.counted(options.monitor)
        shown = ", ".join(f"{number:,} {table}" for table, number in rows.items())
        return f"deleted {options.monitor}: {shown}" if options.yes else f"{shown}: to delete them, add --yes"
    return f"{store!r} is ready"
