"""Guesses → a spec in YAML, a contract, a DAG file: texts, not yet written anywhere."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from airflow_ml_monitor.errors import ReferenceMismatch, SpecError
from airflow_ml_monitor.monitor.spec import Importance
from airflow_ml_monitor.onboarding.columns import guesses
from airflow_ml_monitor.onboarding.gather import gathered
from airflow_ml_monitor.onboarding.guess import Guesses
from airflow_ml_monitor.onboarding.preset import Preset, Wanted
from airflow_ml_monitor.onboarding.text import marked, spec_text
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.profile.task import CUTOFFS, TaskKind

_WHOLE: Final = 1_000_000
"""A reference of up to so many rows makes the contract; of a larger one the rows that were looked at."""

_DAG: Final = '''\
"""Watches the model {name}: measures every {unit} once it is over, judges what is known, decides."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_ml_monitor import MonitorSpec, monitoring_dag

spec = MonitorSpec.from_yaml("{name}.yaml")

# What each action leads to is yours: on=lambda: {{"alert": [a_task()], "retrain": [retrain_dag("train_{name}")]}}.
# An action without tasks ends green, its decision stored.
# The past is not caught up: `python -m airflow_ml_monitor replay {name}.yaml` measures and judges it, without Airflow.
monitor = monitoring_dag(spec, start_date=datetime({start}, tzinfo=UTC){compact})
'''


@dataclass(frozen=True, slots=True)
class Draft:
    """A first monitor. dag: a text; contract: a suite, None without one; seen: how much was looked at, in words."""

    name: str
    guesses: Guesses
    wanted: Wanted
    dag: str
    contract: dict[str, Any] | None
    seen: str

    @property
    def spec(self) -> str:
        return spec_text(self.name, self.guesses, self.wanted, has_contract=self.contract is not None)

    @property
    def files(self) -> dict[str, str]:
        """What to write, by file name."""
        found = {f"{self.name}.yaml": self.spec, f"{self.name}_dag.py": self.dag}
        if self.contract:
            found[f"{self.name}_contract.json"] = json.dumps(self.contract, indent=2) + "\n"
        return found

    @property
    def todos(self) -> list[tuple[int, str]]:
        """(line of the spec, question)."""
        return marked(self.spec)

    def write(self, folder: Path, *, force: bool = False) -> list[Path]:
        """Write the files; SpecError, and nothing is written, where one is there already and force is not given.

        The spec names data by its way from the folder where they share one: both may move together.
        """
        placed = replace(self, guesses=self.guesses.moved(lambda source: way_from(folder, source)))
        paths = {folder / name: text for name, text in placed.files.items()}
        if (there := [path for path in paths if path.exists()]) and not force:
            raise SpecError(f"{', '.join(map(str, there))} is there already; use --force, or another --name or --out")
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in paths.items():
            path.write_text(text, encoding="utf-8")
        return list(paths)


def way_from(folder: Path, source: Any) -> Any:
    """A source by its way from a folder; as it is where they share no more than the root."""
    if not isinstance(source, str) or not os.path.isabs(source):
        return source
    # As from_yaml reads it: from where the folder really is. A link in the source's way is kept: it may be moved on.
    ways = source, os.path.realpath(folder)
    return os.path.relpath(*ways) if len(Path(os.path.commonpath(ways)).parts) > 1 else source


def draft(
    reference: Any,
    *,
    predictions: Any = None,
    labels: Any = None,
    name: str = "",
    preset: str = "standard",
    importance: str = "normal",
) -> Draft:
    """Look at the data, guess what it means, write a first monitor.

    reference, predictions, labels: a Parquet or CSV file, a glob, a directory, a pandas DataFrame or an Arrow table.
    name: of the monitor; else that of the reference's file. NoSource, ScanError where a source cannot be read.
    """
    reference, predictions, labels = (_absolute(source) for source in (reference, predictions, labels))
    facts = gathered(reference, predictions, labels)
    guessed = guesses(facts)
    wanted = Wanted(
        Preset(preset),
        Importance(importance),
        guessed.task,
        guessed.labels is not None,
        guessed.reference_label is not None,
        any(column.kind is Kind.CATEGORICAL for column in guessed.columns),
        frozenset(column.role for column in guessed.columns),
        _at(guessed),
    )
    called = _name(name, reference)
    rows = reference if facts.reference.rows <= _WHOLE else facts.reference.sample
    span = facts.current.columns.get(str(guessed.event_time.value))
    # From the first day that can be measured: a run about an earlier one would end green, with nothing done.
    start = span.first if span and span.first else datetime(2026, 1, 1)
    dag = _DAG.format(
        name=called,
        unit=guessed.unit.value,
        start=f"{start.year}, {start.month}, 1",
        compact=", compact=True" if wanted.preset is Preset.BASIC else "",
    )
    feed = reference if predictions is None else predictions
    contract = _contract(rows, feed, guessed, called) if wanted.has_contract else None
    return Draft(called, guessed, wanted, dag, contract, facts.reference.seen)


def _at(guessed: Guesses) -> str:
    """The parameters of a ranking's metrics that are judged: not the first place alone, and not the whole list."""
    first = guessed.model.at.value if guessed.model.at else CUTOFFS
    return f"at={first[1]}" if guessed.task is TaskKind.RANKING else ""


def _absolute(source: Any) -> Any:
    """A DAG file is parsed from elsewhere than where the command was typed."""
    if not isinstance(source, str | Path) or "://" in str(source):
        return source
    return os.path.abspath(source)


def _name(given: str, reference: Any) -> str:
    """The monitor's name: as given, or the reference's file's, or its folder's where that says nothing."""
    if given:
        if not re.fullmatch(r"[\w.-]+", given):
            raise SpecError(f"{given!r} is no name; use letters, digits, '_', '-', '.'", field="name")
        return given
    if not isinstance(reference, str):
        return "model"
    path = Path(reference)
    parts = [path.stem.split(".")[0], path.parent.name, path.parent.parent.name]
    plain = ("", "reference", "data", "train", "training", "test", "validation", "tmp")
    chosen = next((part for part in parts if part.strip("*") not in plain), "model")
    return re.sub(r"\W+", "_", chosen).strip("_") or "model"


def _contract(reference: Any, feed: Any, guessed: Guesses, name: str) -> dict[str, Any] | None:
    """The suite that the reference keeps; None where a declared column is not in it yet."""
    from airflow_ml_monitor.onboarding.contract import contract_of_guesses

    try:
        suite = contract_of_guesses(reference, feed, guessed, name)
    except ReferenceMismatch:
        return None
    return {**suite, "meta": {"origin": "inferred", "reference": "the rows that `init` looked at"}}


def summary(made: Draft) -> Mapping[str, tuple[str, str, str]]:
    """Every guess but those of sure features: (value, how sure, evidence), by field."""
    found = {}
    for at, guess in made.guesses.named.items():
        shown = ", ".join(map(str, guess.value)) or "(none)" if isinstance(guess.value, tuple) else str(guess.value)
        found[at] = (shown, guess.sureness.value, guess.evidence)
    return found
