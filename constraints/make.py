"""Resolve what is installed, once for every supported pair of Airflow and Python, into files that are committed.

Airflow publishes such files too; ours also hold what it leaves open, and need nothing but a package index.
Run by `make constraints`; needs `uv` in the running Python.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEWEST, OLDEST = "3.3.2", "3.1.8"
PAIRS = ((NEWEST, "3.11"), (NEWEST, "3.12"), (NEWEST, "3.13"), (OLDEST, "3.11"))

# What Airflow's own metadata leaves too open: its execution API of 3.1 breaks on newer fastapi and cadwyn.
# SQLAlchemy 2.0, so that both of its lines are tested.
CAPS = {OLDEST: ("fastapi<0.137", "cadwyn<6", "sqlalchemy<2.1")}


def path_of(airflow: str, python: str) -> Path:
    """The committed file of a pair; the Makefile builds the same name."""
    return ROOT / "constraints" / f"airflow-{airflow}-py{python}.txt"


def resolve(airflow: str, python: str) -> None:
    """Write the file of a pair; what it holds already is kept where it still fits, unless upgraded."""
    with tempfile.TemporaryDirectory() as folder:
        caps = Path(folder, "caps.txt")
        caps.write_text("\n".join((f"apache-airflow=={airflow}", *CAPS.get(airflow, ()))) + "\n")
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--all-extras", "--group", "dev"),
            *("--constraints", str(caps), "--python-version", python),
            *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet"),
            *("--output-file", str(path_of(airflow, python))),
            *sys.argv[1:],
        ]
        print(f"airflow {airflow}, Python {python} …", flush=True)
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_known_args()
    for pair in PAIRS:
        resolve(*pair)
