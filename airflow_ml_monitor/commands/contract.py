"""A contract inferred from a spec's reference, as a file to review; what changed from one contract to another."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "a contract from a reference; what changed between two"


def add(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="infer | diff")
    infer = verbs.add_parser("infer", help="write the contract that a spec's reference keeps")
    infer.add_argument("spec", type=Path, help="the monitor's YAML file")
    infer.add_argument("--out", type=Path, help="the file to write; else <name>_contract.json beside the spec")
    infer.add_argument("--force", action="store_true", help="overwrite a file that is there, and say what changed")
    infer.set_defaults(verb="infer")
    diff = verbs.add_parser("diff", help="what changed, a line a change; ends with 1 if anything did")
    diff.add_argument("before", type=Path)
    diff.add_argument("after", type=Path)
    diff.set_defaults(verb="diff")


def run(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.expectations.difference import diff_suites

    if options.verb == "infer":
        return _infer(options.spec, options.out, force=options.force)
    lines = diff_suites(options.before, options.after)
    print("\n".join(lines) or "both ask for the same")
    return 1 if lines else 0


def _infer(spec: Path, out: Path | None, *, force: bool) -> int:
    import json

    from airflow_ml_monitor.errors import SpecError
    from airflow_ml_monitor.expectations.difference import diff_suites
    from airflow_ml_monitor.expectations.suite import load_suite
    from airflow_ml_monitor.monitor.spec import MonitorSpec
    from airflow_ml_monitor.onboarding.contract import contract_of_spec

    monitor = MonitorSpec.from_yaml(spec.absolute())
    path = out or spec.parent / f"{monitor.name}_contract.json"
    before = load_suite(path) if path.exists() else None
    if before is not None and not force:
        raise SpecError(f"{path} is there already; use --force, or another --out")
    suite = contract_of_spec(monitor)
    path.write_text(json.dumps(suite, indent=2) + "\n", encoding="utf-8")
    print(f"{path}: {len(suite['expectations'])} rules; read them, they are yours")
    if before is not None:
        print("\n".join(diff_suites(before, suite)) or "both ask for the same")
    return 0
