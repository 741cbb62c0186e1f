"""Say of an incident whether its alarm was true or false; without one, how often each rule was right by what was said.

A later word on the same incident supersedes an earlier one, and both are kept. Charts take what they hold in alarm for
usual when it is called false; no rule changes by it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_ml_monitor.commands.arguments import URL_HELP
from airflow_ml_monitor.errors import MonitorError, UnknownName

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_ml_monitor.store.repository import MetricsStore

HELP = "call an incident true or false; how often each rule was right"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("monitor", help="'namespace/name'")
    parser.add_argument("incident", nargs="?", help="its identity, e.g. inc-0123456789ab; else all are listed")
    parser.add_argument("verdict", nargs="?", choices=("true", "false"), help="was something wrong, or not?")
    parser.add_argument("--note", default="", help="what it was, in words")
    parser.add_argument("--author", default="", help="who says so")
    parser.add_argument("--as-of", help="what had been said then: ISO 8601 with an offset; else all by now")
    parser.add_argument("--url", help=URL_HELP)


def run(options: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from airflow_ml_monitor.keys import parse_moment
    from airflow_ml_monitor.policy.feedback import Feedback
    from airflow_ml_monitor.store.opening import opened_store

    if options.incident and not options.verdict:
        raise MonitorError(f"verdict: say whether {options.incident} was true or false, e.g. {options.incident} false")
    try:
        as_of = None if options.as_of is None else parse_moment(options.as_of)
    except ValueError as error:
        raise MonitorError(f"--as-of: {error}; expected e.g. 2026-03-01T06:00:00+00:00") from error
    with opened_store(options.url) as store:
        if options.monitor not in (known := store.monitors()):
            raise UnknownName("monitor", options.monitor, known)
        if options.incident:
            is_true = options.verdict == "true"
            given = Feedback(options.incident, is_true, datetime.now(UTC), options.note, options.author)
            store.save_feedback(options.monitor, given)
            print(f"{options.incident} of {options.monitor}: {options.verdict}")
        else:
            print(_listed(store, options.monitor, as_of))
    return 0


def _listed(store: MetricsStore, monitor: str, as_of: datetime | None) -> str:
    from airflow_ml_monitor.policy.feedback import newest, precision_by_rule, rules_of

    decisions, said = store.decisions(monitor, as_of), store.feedback(monitor, as_of)
    incidents = [one for one in store.incidents(monitor) if as_of is None or one.opened_at <= as_of]
    if not incidents:
        return f"{monitor} has had no incident"
    last, rules = newest(said), rules_of(incidents, decisions)
    head = ("incident", "action", "first window", "last window", "rules", "verdict", "by", "note")
    body = []
    for one in incidents:
        word = last.get(one.id)
        about = (one.id, one.action.value, *(f"{w.start:%Y-%m-%d}" for w in (one.first, one.last)))
        verdict = (word.verdict, word.author, word.note) if word else ("", "", "")
        body.append((*about, ", ".join(sorted(rules[one.id])), *verdict))
    counted = []
    for p in precision_by_rule(incidents, decisions, said):
        e = p.estimate
        shown = f"{e.value:.2f} [{e.low:.2f}, {e.high:.2f}]" if e else "–"
        counted.append((p.rule, shown, str(p.true), str(p.false), str(p.awaited)))
    table = _table(("rule", "precision (95 %)", "true", "false", "without verdict"), counted)
    return f"{_table(head, body)}\n\n{table}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest text."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in (head, *rows))
    return "\n".join(line.rstrip() for line in lines)
