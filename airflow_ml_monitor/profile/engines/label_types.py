"""What labels, classes and keys arrived as: whether that can be what is declared, and how it is compared."""

from __future__ import annotations

from typing import Final

from airflow_ml_monitor.errors import WrongType
from airflow_ml_monitor.profile.engines.scan import INTEGERS, NUMBERS, is_any
from airflow_ml_monitor.profile.queries.ledger_columns import KeyReading
from airflow_ml_monitor.profile.task import Task, TaskKind

COUNTED: Final = NUMBERS | {"BOOLEAN"}
"""Types whose values are compared as numbers."""


def is_number(arrived: str, task: Task, column: str) -> bool:
    """Whether a label, or class, is compared as a number; raises WrongType if it cannot be the declared one."""
    is_number = is_any(arrived, COUNTED)
    if task.kind is TaskKind.MULTILABEL:
        _need_sets(arrived, column)
        return False
    if task.kind in (TaskKind.REGRESSION, TaskKind.RANKING) and not is_number:
        raise WrongType(f"column {column!r} arrived as {arrived}; a {task.kind} needs numbers")
    if task.kind is TaskKind.MULTICLASS:
        return is_number and arrived != '"NULL"' and _are_numbers(arrived, task, column)
    if task.kind is TaskKind.BINARY and is_number and arrived != '"NULL"':
        try:
            float(task.positive)
        except ValueError:
            raise WrongType(
                f"column {column!r} arrived as {arrived}, but the positive label is {task.positive!r}"
            ) from None
    return is_number and not (isinstance(task.positive, str) and arrived == '"NULL"')


def _need_sets(arrived: str, column: str) -> None:
    """Raise WrongType unless a column can hold sets of labels."""
    if arrived.removesuffix("[]") in ("VARCHAR", '"NULL"') or arrived.startswith("ENUM("):
        return
    if not (is_list(arrived) and arrived.removesuffix("[]") in INTEGERS):
        told = "a multilabel task needs lists of labels, or text with task.separator between them"
        raise WrongType(f"column {column!r} arrived as {arrived}; {told}")


def is_list(arrived: str) -> bool:
    """Whether a column holds lists."""
    return arrived.endswith("[]")


def _are_numbers(arrived: str, task: Task, column: str) -> bool:
    """True if a column of numbers can hold the declared classes; raises WrongType otherwise."""
    for name in task.class_names:
        try:
            float(name)
        except ValueError:
            raise WrongType(f"column {column!r} arrived as {arrived}, but {name!r} is one of the classes") from None
    return True


def key_readings(mine: str, theirs: str) -> tuple[KeyReading, KeyReading]:
    """How a key is read on both sides."""
    if mine == theirs or (is_any(mine, NUMBERS) and is_any(theirs, NUMBERS)):
        return KeyReading.PLAIN, KeyReading.PLAIN
    return as_text(mine), as_text(theirs)


def as_text(arrived: str) -> KeyReading:
    return KeyReading.WHOLE_AS_TEXT if is_any(arrived, NUMBERS - INTEGERS - {'"NULL"'}) else KeyReading.TEXT
