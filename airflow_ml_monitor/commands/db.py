"""The metrics database: make or renew its tables, check them; list, rename, prune and delete monitors."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from airflow_ml_monitor.commands.arguments import URL_HELP

if TYPE_CHECKING:
    from airflow_ml_monitor.monitor.retention.ages import Gone
    from airflow_ml_monitor.store.repository import MetricsStore

HELP = "the metrics database: upgrade, check, list, rename, prune, delete"


def add(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="upgrade | check | list | rename | prune | delete")
    for verb, text in (
        ("upgrade", "make or renew its tables"),
        ("check", "are its tables those of this release?"),
        ("list", "the monitors in it"),
        ("rename", "give a monitor another name; change its spec as well"),
        (
            "prune",
            "let go of what is too old, and of nothing that a decision cites (airflow_ml_monitor.monitor.retention)",
        ),
        ("delete", "delete a monitor with all that is its; without --yes only shows what, and ends with 1"),
    ):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("--url", help=URL_HELP)
        one.set_defaults(verb=verb)
        if verb in ("rename", "delete"):
            one.add_argument("monitor", help="namespace/name")
        if verb == "rename":
            one.add_argument("new", help="namespace/name")
        if verb == "prune":
            one.add_argument("monitor", nargs="?", help="namespace/name; else every monitor")
            one.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")
            one.add_argument("--keep-profiles", default="90d", help="so long profiles stay fine (90d)")
            one.add_argument(
                "--keep-weeks", default="365d", help="so long days stay days, before they are weeks (365d)"
            )
            one.add_argument("--keep-revisions", default="90d", help="so long superseded revisions all stay (90d)")
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
    if options.verb == "prune":
        return _pruned(store, options)
    if options.verb == "delete":
        rows = store.delete(options.monitor) if options.yes else store.counted(options.monitor)
        shown = ", ".join(f"{number:,} {table}" for table, number in rows.items())
        return f"deleted {options.monitor}: {shown}" if options.yes else f"{shown}: to delete them, add --yes"
    return f"{store!r} is ready"


def _pruned(store: MetricsStore, options: argparse.Namespace) -> str:
    """Let go of what is too old; a line for each monitor and kind of it."""
    from airflow_ml_monitor.errors import UnknownName
    from airflow_ml_monitor.monitor.duration import duration
    from airflow_ml_monitor.monitor.retention.ages import Ages
    from airflow_ml_monitor.monitor.retention.prune import prune

    known = store.monitors()
    if options.monitor and options.monitor not in known:
        raise UnknownName("monitor", options.monitor, known)
    kept = {
        name: duration(getattr(options, f"keep_{name}"), f"keep-{name}") for name in ("profiles", "weeks", "revisions")
    }
    ages = Ages(**kept)
    gone = [
        one
        for monitor in ([options.monitor] if options.monitor else known)
        for one in prune(store, monitor, ages, dry_run=options.dry_run)
    ]
    told = [*map(_line, gone)] or ["nothing is too old"]
    if gone and options.dry_run:
        told.append("nothing was changed; to let it go, leave --dry-run out")
    return "\n".join(told)


def _line(one: Gone) -> str:
    about = "about " if one.table == "measurement" else ""
    size = f", {about}{one.bytes / 1e6:,.2f} MB" if one.bytes else ""
    days = f"{one.span.start:%Y-%m-%d} to {one.span.end:%Y-%m-%d}"
    return f"{one.monitor}  {one.table}: {one.rows:,} rows{size}, {days}  {one.what}"
