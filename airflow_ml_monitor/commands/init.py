"""A first monitor from a file: guesses what its columns mean, says how sure it is, writes spec, contract and DAG.

Presets: basic watches broken data and, with labels, one number for performance; standard adds drift, calibration and a
contract; full measures everything, by slice too. `airflow_ml_monitor/onboarding/preset.py` says what each sets.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "a first monitor from a file: spec, contract and DAG"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reference", help="past rows with the model's scores: Parquet, CSV, a glob or a directory")
    parser.add_argument("--labels", help="where the ground truth appears; the same forms")
    parser.add_argument("--predictions", help="where scored rows land; the same forms")
    parser.add_argument("--name", default="", help="of the monitor; else the reference's file name")
    parser.add_argument("--preset", choices=("basic", "standard", "full"), default="standard")
    parser.add_argument("--importance", choices=("low", "normal", "high"), default="normal")
    parser.add_argument("--out", type=Path, default=Path("."), help="the folder to write to, e.g. that of the DAGs")
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")


def run(options: argparse.Namespace) -> int:
    from airflow_ml_monitor.onboarding.draft import draft, summary

    made = draft(
        options.reference,
        predictions=options.predictions,
        labels=options.labels,
        name=options.name,
        preset=options.preset,
        importance=options.importance,
    )
    written = made.write(options.out, force=options.force)
    print(f"Looked at {made.seen} of the reference.\n")
    for field, (value, sureness, evidence) in summary(made).items():
        print(f"{sureness:<7} {field:<22} {value}\n{'':<30} {evidence}")
    features = [c for c in made.guesses.columns if c.role == "feature"]
    print(f"\nFeatures that are monitored: {len(features)}; columns that are left out: {len(made.guesses.left_out)}")
    for column, why in made.guesses.left_out.items():
        print(f"  {column}: {why}")
    print("\nWritten: " + ", ".join(map(str, written)))
    if made.todos:
        print(f"\nLines of {written[0].name} that need you: {len(made.todos)}; put each right, delete the question:")
        for line, todo in made.todos:
            print(f"  line {line}: {todo}")
    print(f"\nThen: python -m airflow_ml_monitor check {written[0]}")
    return 0
