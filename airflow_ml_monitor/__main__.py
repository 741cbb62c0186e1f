"""The command line; each command is a file in `commands`."""

from __future__ import annotations

import argparse
import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module

from airflow_ml_monitor import commands
from airflow_ml_monitor.errors import MonitorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it went well, 1 if not, 2 for a misspelt one."""
    options = parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except MonitorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """What can be typed."""
    names = sorted(module.name for module in pkgutil.iter_modules(commands.__path__) if module.name != "arguments")
    made = argparse.ArgumentParser(prog="python -m airflow_ml_monitor", description="ML monitoring for Airflow.")
    chosen = made.add_subparsers(required=True, metavar=" | ".join(names))
    for name in names:
        command = import_module(f"{commands.__name__}.{name}")
        one = chosen.add_parser(name, help=command.HELP, description=command.__doc__)
        command.add(one)
        one.set_defaults(run=command.run)
    return made


if __name__ == "__main__":
    sys.exit(main())
