"""Past windows measured and judged one after the other, as each would have been at its end; without Airflow.

Decisions are stored and none is acted on, as in a backfill: to see what a monitor would have said, and to fill its
history before its DAG begins.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_ml_monitor.errors import SpecError

if TYPE_CHECKING:
    from airflow_ml_monitor.keys import Window, WindowRule
    from airflow_ml_monitor.monitor.run import Monitor

HELP = "measure and judge past windows, without Airflow"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", type=Path, help="the monitor's YAML file")
    parser.add_argument("--start", type=date.fromisoformat, help="the first window's day; else the first with rows")
    parser.add_argument("--end", type=date.fromisoformat, help="the last window's day; else the last with rows")
    parser.add_argument("--rule", default="", help="which of the spec's window rules; else the first")
    parser.add_argument("--url", help="SQLAlchemy URL; else that of ML_MONITOR_STORE; its tables are made if missing")


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
        for window in _windows(monitor, rule, options.start, options.end):
            run = Run(window, rule, window.end, "replay", is_backfill=True)
            measure_all(monitor, run)
            decision = decide(monitor, run, act=False)
            print(f"{rule.date_of(window.start)}  {decision.action.value:<16}  {decision.because}", flush=True)
    return 0


def _windows(monitor: Monitor, rule: WindowRule, first: date | None, last: date | None) -> list[Window]:
    """The rule's windows from one day to another; days that are not given are those of the first and last rows."""
    from airflow_ml_monitor.profile.engines.chosen import Chosen

    if first is None or last is None:
        span = Chosen().preview(monitor.spec.dataset()).span
        if span is None:
            raise SpecError("the predictions have no rows with a time; give --start and --end", field="datasets")
        first, last = first or rule.date_of(span[0]), last or rule.date_of(span[1])
    return list(rule.between(rule.of_date(first).start, rule.of_date(last).end))
