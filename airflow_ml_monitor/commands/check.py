"""Everything that would fail once Airflow runs a spec, and what it would cost; nothing is written.

Exit code 1 if anything would fail. Column names, types and counts are printed, no value of a row.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

HELP = "what would fail once Airflow runs a spec"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", type=Path, help="the monitor's YAML file")
    parser.add_argument("--url", default=os.environ.get("ML_MONITOR_STORE", ""), help="SQLAlchemy URL of the metrics")


def run(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.onboarding.finding import Level
    from airflow_ml_monitor.onboarding.preflight import preflight

    findings = preflight(options.spec, options.url)
    for finding in findings:
        print(f"{finding.level:<8}{finding.field}: {finding.what}")
        if finding.remedy:
            print(f"{'':<8}→ {finding.remedy}")
    counts = {level: sum(finding.level is level for finding in findings) for level in Level}
    print(f"\nerrors: {counts[Level.ERROR]}, warnings: {counts[Level.WARNING]}, right: {counts[Level.OK]}")
    return 1 if counts[Level.ERROR] else 0
