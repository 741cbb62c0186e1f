"""A spec as a commented YAML text: each guessed line with how sure it is, and what a human must say."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from airflow_ml_monitor.onboarding.guess import ColumnGuess, Guess, Guesses, LabelGuesses, Sureness
from airflow_ml_monitor.onboarding.preset import Wanted
from airflow_ml_monitor.onboarding.told import in_words
from airflow_ml_monitor.profile.dataset import Role

MARK: Final = "# TODO(you):"
_MARKED: Final = re.compile(r"#\s*TODO\(you\):\s*(.*?)(\s*\((?:low|medium|high): .*\))?$")


def marked(text: str) -> list[tuple[int, str]]:
    """(line number, what a human must say) of every mark that still stands; a mark explained in the heading is none."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        if (match := _MARKED.search(line)) and match[1] and not line.startswith("#"):
            found.append((number, match[1]))
    return found


def spec_text(name: str, guessed: Guesses, wanted: Wanted, *, has_contract: bool) -> str:
    """The spec. Every line that carries a mark is to be read, put right, and freed of its mark."""
    both_naive = bool(guessed.zone.todo and guessed.labels and guessed.labels.zone.todo)
    lines = [
        f"# The monitor of {name}: preset {wanted.preset}, importance {wanted.importance}.",
        "# A comment says how sure each guess is, and why. Where a line asks you something, put the value right and",
        "# delete the question; then run: python -m airflow_ml_monitor check " + f"{name}.yaml",
        f"name: {_plain(name)}",
        f"importance: {wanted.importance}",
        "task:",
        *_task(guessed),
        "datasets:",
        "  - name: predictions",
        _line(4, "source", guessed.source),
        _line(4, "event_time", guessed.event_time),
        _line(4, "zone", guessed.zone, "&zone " if both_naive else ""),
        _line(4, "entity_key", guessed.entity_key),
        "    columns:",
        *(_column(column) for column in guessed.columns),
        *(f"      # {_plain(column)}: left out, {why}" for column, why in guessed.left_out.items()),
        _slices(guessed, wanted),
        *(_labels(guessed.labels, is_naive=both_naive) if guessed.labels else _NO_LABELS),
        "reference:",
        _line(2, "source", _given(guessed.reference, "where is the reference kept?")),
        _line(2, "label", guessed.reference_label),
        _line(0, "windows", guessed.unit),
        _contract(name, wanted, has_contract),
        f"measurements: {_plain(wanted.measurements)}" if wanted.measurements else "",
        "policy:",
        *_charts(wanted),
        "  rules:",
        *(line for rule, todo in wanted.rules for line in _rule(rule, todo)),
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _task(guessed: Guesses) -> list[str]:
    """The lines of the task; a threshold says nothing without labels."""
    named = {name.removeprefix("task."): guess for name, guess in guessed.named.items() if name.startswith("task.")}
    return [_line(2, name, guess) for name, guess in named.items() if name != "threshold" or guessed.labels]


def _charts(wanted: Wanted) -> list[str]:
    if not wanted.charts:
        return ["  false_alarms_per_year: 0  # 1: charts tell what is unusual of a column, once a year by mistake"]
    return [
        "  false_alarms_per_year: 1  # that many incidents of charts may be false, whatever the number of columns",
        f"  charts: {_plain(wanted.charts)}  # shift: every column, against what is usual of it",
    ]


def _rule(rule: Mapping[str, Any], todo: str) -> list[str]:
    return [f"    # {in_words(rule)}", f"    - {_plain(rule)}" + (f"  {MARK} {todo}" if todo else "")]


def _column(column: ColumnGuess) -> str:
    if column.role is Role.FEATURE:
        return f"      {_plain(column.name)}: {column.kind}  {_comment(column.guess)}"
    about = f"kind: {column.kind}, role: {column.role}" + (f", of: {_plain(column.of)}" if column.of != "" else "")
    return f"      {_plain(column.name)}: {{{about}}}  {_comment(column.guess)}"


def _slices(guessed: Guesses, wanted: Wanted) -> str:
    if not guessed.slice_by:
        return ""
    chosen, why = f"slice_by: {_plain(guessed.slice_by)}", "few values, none of them rare"
    return f"    {chosen}  # {why}" if wanted.has_slices else f"    # {chosen}  ({why}: look at them one by one)"


def _labels(labels: LabelGuesses, *, is_naive: bool) -> list[str]:
    """is_naive: the times are read by the same declared clock as those of the predictions."""
    return [
        "labels:",
        "  - name: outcomes",
        _line(4, "source", _given(labels.source, "where do labels appear?")),
        _line(4, "key", labels.key),
        _line(4, "label", labels.label),
        _line(4, "label_time", labels.label_time),
        "    zone: *zone  # the clock of the predictions" if is_naive else _line(4, "zone", labels.zone),
        _line(4, "horizon", labels.horizon),
        # Events alone stand for nobody else, however many there are.
        _line(4, "mode", labels.mode) or _MATURE,
    ]


_MATURE: Final = (
    "    mature_at: 0.8  # where no estimate is possible, 80 % of the labels stand for all; without it, none do"
)

_NO_LABELS: Final = (
    "# Without labels data and drift are watched, not performance. Once they exist:",
    "# labels:",
    "#   - {name: outcomes, source: …, key: …, label: …, label_time: …, horizon: 30d}",
)


def _given(source: Any, todo: str) -> Guess:
    return Guess(source, Sureness.HIGH, "as given") if source else Guess.missing("a table in memory has no place", todo)


def _contract(name: str, wanted: Wanted, has_contract: bool) -> str:
    if has_contract:
        return f"contract: {name}_contract.json  # inferred from the reference; read it, it is yours"
    if wanted.has_contract:
        return "contract: inferred  # from the reference, once every column above is there"
    return "contract: null  # none in the preset basic"


def _line(indent: int, field: str, guess: Guess | None, anchor: str = "") -> str:
    """Empty without a guess; a key of one column is its name."""
    if guess is None:
        return ""
    value = guess.value[0] if isinstance(guess.value, tuple) and len(guess.value) == 1 else guess.value
    return f"{' ' * indent}{field}: {anchor}{_plain(value)}  {_comment(guess)}"


def _comment(guess: Guess) -> str:
    said = f"{guess.sureness}: {guess.evidence}"
    return f"{MARK} {guess.todo} ({said})" if guess.todo else f"# {said}"


def _plain(value: Any) -> str:
    """A value in YAML's flow style, on one line."""
    if isinstance(value, str) and not value.isprintable():
        return json.dumps(value)
    bare = json.loads(json.dumps(value))  # no tuples, no enumerations
    text = yaml.safe_dump(bare, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...").strip()
