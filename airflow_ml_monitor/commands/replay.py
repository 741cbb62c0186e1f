"""Past windows measured and judged one after the other, as each would have been at its end; without Airflow.

Decisions are stored and none is acted on, as in a backfill: to see what a monitor would have said, and to fill its
history before its DAG begins. A window that the store has measured before keeps the spec of then, of which only the
policy is taken from now; where that matters, a last line says so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from airflow_ml_monitor.commands.arguments import URL_HELP, add_day
from airflow_ml_monitor.errors import SpecError

if TYPE_CHECKING:
    from airflow_ml_monitor.keys import Window, WindowRule
    from airflow_ml_monitor.monitor.run import Monitor

_OF_NOW: Final = ("name", "namespace", "policy", "importance", "owners", "upstream")
"""Fields that older windows too are judged by as they are now; `Monitor.by_spec` takes sources from now."""

HELP = "measure and judge past windows, without Airflow"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", type=Path, help="the monitor's YAML file")
    add_day(parser, "--start", help="the first window's day; else the first with rows")
    add_day(parser, "--end", help="the last window's day; else the last with rows")
    parser.add_argument("--rule", default="", help="which of the spec's window rules; else the first")
    parser.add_argument("--url", help=f"{URL_HELP}. Its tables are made if missing")


def run(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.monitor.judgement import decide
    from airflow_ml_monitor.monitor.run import Monitor, Run
    from airflow_ml_monitor.monitor.spec import MonitorSpec
    from airflow_ml_monitor.monitor.whole import measure_all
    from airflow_ml_monitor.store.opening import opened_store

    spec = MonitorSpec.from_yaml(options.spec.absolute())
    rule = spec.rule(options.rule)
    with opened_store(options.url, migrated=False) as store:
        store.upgrade()
        monitor = Monitor(spec, store)
        windows = _windows(monitor, rule, options.start, options.end)
        for window in windows:
            run = Run(window, rule, window.end, "replay", is_backfill=True)
            measure_all(monitor, run)
            decision = decide(monitor, run, act=False)
            print(f"{rule.date_of(window.start)}  {decision.action.value:<16}  {decision.because}", flush=True)
        if told := _kept(monitor, rule, windows):
            print(f"note: {told}", file=sys.stderr)
    return 0


def _kept(monitor: Monitor, rule: WindowRule, windows: Sequence[Window]) -> str:
    """What an edited spec says that windows measured before do not follow, and how they would; empty without any."""
    mine = monitor.document
    older = {window: by.spec.document() for window, by in monitor.by_spec(windows).items()}
    changed = {window: [n for n in mine if n not in _OF_NOW and then[n] != mine[n]] for window, then in older.items()}
    kept = sorted(window for window, names in changed.items() if names)
    if not kept:
        return ""
    names = dict.fromkeys(name for window in kept for name in changed[window])
    days = f"{rule.date_of(kept[0].start)} to {rule.date_of(kept[-1].start)}"
    return (
        f"{len(kept)} of {len(windows)} windows ({days}) were measured before, and keep the spec of then: what has "
        f"changed in {', '.join(names)} counts for later windows only. To have them anew, give --url another database, "
        f"or first run `python -m airflow_ml_monitor db delete {monitor.key} --yes` on this one, which deletes all "
        "that is stored of the monitor"
    )


def _windows(monitor: Monitor, rule: WindowRule, first: date | None, last: date | None) -> list[Window]:
    """The rule's windows from one day to another; days that are not given are those of the first and last rows."""
    from airflow_ml_monitor.profile.engines.chosen import Chosen

    if first is None or last is None:
        span = Chosen().preview(monitor.spec.dataset()).span
        if span is None:
            raise SpecError("the predictions have no rows with a time; give --start and --end", field="datasets")
        first, last = first or rule.date_of(span[0]), last or rule.date_of(span[1])
    return list(rule.between(rule.of_date(first).start, rule.of_date(last).end))
