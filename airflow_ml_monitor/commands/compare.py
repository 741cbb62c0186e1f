"""Drift between two spans of stored days: a quarter, a month or a day against what lay before it. Scans no data.

The days' profiles are added up; the frozen reference owns the buckets. No measurement is stored of it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from airflow_ml_monitor.commands.arguments import URL_HELP, add_day
from airflow_ml_monitor.errors import MonitorError, UnknownName

if TYPE_CHECKING:
    from airflow_ml_monitor.measurement import Measurement

HELP = "drift of any span of stored days against the days before it, without a scan"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("monitor", help="'namespace/name'")
    add_day(parser, "--start", required=True, help="the first day")
    add_day(parser, "--end", required=True, help="the last day")
    parser.add_argument("--before", default="90d", help="how long before it is compared with (90d)")
    parser.add_argument("--metric", default="psi", help="which drift metric is told (psi)")
    parser.add_argument("--as-of", help="as it was known then: ISO 8601 with an offset; else as it is known now")
    parser.add_argument("--url", help=URL_HELP)


def run(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.keys import WHOLE, Window, parse_moment
    from airflow_ml_monitor.metrics.metric import metric_named
    from airflow_ml_monitor.monitor.duration import duration
    from airflow_ml_monitor.monitor.run import Monitor
    from airflow_ml_monitor.monitor.spec import MonitorSpec
    from airflow_ml_monitor.monitor.trailing import trailing_drift
    from airflow_ml_monitor.store.opening import opened_store

    metric = metric_named(options.metric).name
    try:
        as_of = None if options.as_of is None else parse_moment(options.as_of)
    except ValueError as error:
        raise MonitorError(f"--as-of: {error}; expected e.g. 2026-03-01T06:00:00+00:00") from error
    before = duration(options.before, "before")
    with opened_store(options.url) as store:
        versions = store.spec_versions(options.monitor)
        if not versions:
            raise UnknownName("monitor", options.monitor, store.monitors())
        spec = MonitorSpec.from_document(versions[-1].document)
        rule = spec.rule().days
        span = Window(rule.of_date(options.start).start, rule.of_date(options.end).end)
        found = trailing_drift(Monitor(spec, store), span, before, as_of)
    mine = [row for row in found if row.metric == metric and row.slice == WHOLE]
    mine.sort(key=lambda row: row.estimate.value if row.estimate else -1.0, reverse=True)
    print("\n".join(map(_line, mine)) or f"no column has a value of {metric}")
    return 0


def _line(row: Measurement) -> str:
    where = f"{row.column} {row.parameters}".strip()
    if row.estimate is None:
        return f"{where}  {row.status}: {row.reason}"
    noise = "" if row.estimate.noise is None else f"  ({row.estimate.noise:.4g} if nothing has changed)"
    return f"{where}  {row.estimate.value:.4g}{noise}"
