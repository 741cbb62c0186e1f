"""The command line: demo · db upgrade · db check."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from airflow_ml_monitor.errors import MonitorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it went well, 1 if not, 2 for a misspelt one."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except MonitorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m airflow_ml_monitor", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="demo | db")
    demo = commands.add_parser("demo", help="a simulated credit model, monitored through real DAG runs")
    demo.add_argument("--days", type=int, default=int(os.environ.get("DAYS") or 100))
    demo.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or 0))
    demo.add_argument("--faults", default=os.environ.get("FAULTS", ""), help="none, or e.g. feed@40,concept@70")
    demo.add_argument("--dags", type=Path, default=Path("dags"), help="the folder of the example DAGs")
    demo.set_defaults(command=_demo)
    database = commands.add_parser("db", help="the metrics database")
    verbs = database.add_subparsers(required=True, metavar="upgrade | check")
    for verb, text in (("upgrade", "make or renew its tables"), ("check", "are its tables those of this release?")):
        one = verbs.add_parser(verb, help=text)
        one.add_argument("--url", default=os.environ.get("ML_MONITOR_STORE"), help="SQLAlchemy URL; else the hook's")
        one.set_defaults(command=_database, verb=verb)
    return parser


def _demo(options: argparse.Namespace) -> int:
    dags = options.dags.resolve()
    home = dags.parent / ".demo"
    os.environ.setdefault("AIRFLOW_HOME", str(home / "airflow"))
    for name, value in (
        ("CORE__DAGS_FOLDER", str(dags)),
        ("CORE__LOAD_EXAMPLES", "False"),
        ("LOGGING__LOGGING_LEVEL", "ERROR"),
    ):
        os.environ.setdefault(f"AIRFLOW__{name}", value)
    from airflow_ml_monitor.demo import World, run

    return run(World(dags, home, options.days, options.seed, options.faults))


def _database(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.store.repository import MetricsStore

    if options.url is None:
        raise MonitorError("no database given; use --url or the variable ML_MONITOR_STORE")
    store = MetricsStore(options.url)
    store.upgrade() if options.verb == "upgrade" else store.check()
    print(f"{store!r} is ready")
    return 0


if __name__ == "__main__":
    sys.exit(main())
