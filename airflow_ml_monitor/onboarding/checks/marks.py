"""Lines that a human was asked about."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_ml_monitor.onboarding.finding import Finding, error, warning
from airflow_ml_monitor.onboarding.guess import MISSING
from airflow_ml_monitor.onboarding.text import marked


def check(text: str) -> Iterator[Finding]:
    """Every question that still stands: an error where nothing could be guessed, else a warning."""
    lines = text.splitlines()
    for number, todo in marked(text):
        said = lines[number - 1].partition("#")[0].strip().removeprefix("- ")
        is_missing = MISSING in said.replace(":", " ").replace("[", " ").replace("]", " ").split()
        field = f"line {number}"
        if is_missing:
            yield error(field, f"nothing could be guessed: {todo}", f"put what is right in place of {MISSING}")
        else:
            yield warning(
                field, f"a guess that nobody confirmed, {said!r}: {todo}", "put it right, delete the question"
            )
