"""Whether every value of a spec's document is of the type that its field declares. Light, as spec.py.

Before anything is converted: true is no number, '0.5' is text, 1 is neither true nor false, NaN is no bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from functools import cache
from numbers import Integral, Real
from os import PathLike
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from airflow_ml_monitor.errors import SpecError, UnknownName

_WORDS: Final[Mapping[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    date: "a moment, e.g. 2026-01-01T00:00:00+00:00",
    timedelta: "a duration, e.g. 30d, 12h or 90m",
}
_AS_WRITTEN: Final = ("separator", "parameters")
"""Fields of text that may be blank: a space between two labels; a metric's value that has no parameters."""


def check_types(value: Any, kind: type[Any], field: str = "") -> None:
    """SpecError for the first value of a mapping that is not of its dataclass's type; what is missing is no concern."""
    if isinstance(value, kind):
        return
    if not isinstance(value, Mapping):
        raise SpecError(f"expected a mapping of {kind.__name__}'s fields, got {value!r}", field=field)
    defaults = {f.name: f.default for f in fields(kind)}
    for name, hint in _hints(kind).items():  # type: ignore[arg-type]
        if name in value and not _is_left_out(value[name], defaults[name]):
            _check(value[name], hint, f"{field}.{name}" if field else name)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return {name: hint for name, hint in get_type_hints(kind).items() if name in {f.name for f in fields(kind)}}


def _is_left_out(value: Any, default: Any) -> bool:
    """True of the empty text that is the field's default."""
    return default is not MISSING and isinstance(value, str) and value == default == ""


def _check(value: Any, hint: Any, field: str) -> None:
    origin, name = get_origin(hint), field.rpartition(".")[2]
    if hint is Any:
        if name == "source":
            _check_source(value, field)
    elif origin in (Union, UnionType):
        _check_either(value, get_args(hint), field)
    elif origin is tuple:
        _check_list(value, get_args(hint)[0], field)
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        _check_mapping(value, get_args(hint)[1], field)
    elif is_dataclass(hint):
        check_types(value, hint, field)  # type: ignore[arg-type]
    elif issubclass(hint, Enum):
        if not isinstance(value, (str, hint)):
            raise _expected(f"one of {', '.join(member.value for member in hint)}", value, field)
        if value not in (known := [member.value for member in hint]):
            raise UnknownName(name, value, known, field=field)
    elif not _fits(value, hint):
        raise _expected(_WORDS[_plain(hint)], value, field)
    else:
        _check_scalar(value, field)


def _check_either(value: Any, hints: tuple[Any, ...], field: str) -> None:
    """One of several types: of plain ones any that fits, else the one that is not."""
    plain = [_plain(hint) for hint in hints if _plain(hint) in _WORDS]
    others = [hint for hint in hints if hint is not NoneType and _plain(hint) not in _WORDS]
    if value is None and NoneType in hints:
        return
    is_list = bool(others) and get_origin(others[0]) is tuple
    if any(_fits(value, hint) for hint in plain):
        _check_scalar(value, field)
    elif others and (isinstance(value, (list, tuple) if is_list else Mapping) or not plain):
        _check(value, others[0], field)
    else:
        shape = ["a list" if is_list else "a mapping"] * bool(others)
        raise _expected(" or ".join([_WORDS[hint] for hint in plain] + shape), value, field)


def _check_list(value: Any, hint: Any, field: str) -> None:
    if not isinstance(value, (list, tuple)):
        raise _expected("a list", value, field)
    for i, item in enumerate(value):
        is_column = field.endswith(".columns") and isinstance(item, Mapping)
        _check(item, hint, f"{field}.{item.get('name', i) if is_column else i}")
        if hint is str and item in value[:i]:
            raise SpecError(f"{item!r} stands there twice; keep one", field=field)


def _check_mapping(value: Any, hint: Any, field: str) -> None:
    if not isinstance(value, Mapping):
        raise _expected("a mapping", value, field)
    for key, item in value.items():
        _check(item, hint, f"{field}.{key}")


def _check_source(value: Any, field: str) -> None:
    if value is None or isinstance(value, (Real, list, tuple, Mapping)):
        raise _expected("a path, a glob, a folder or a table", value, field)
    if isinstance(value, (str, PathLike)):
        _check_scalar(str(value), field)


def _check_scalar(value: Any, field: str) -> None:
    """Text is not blank, and a number is finite."""
    if isinstance(value, str) and not value.strip() and field.rpartition(".")[2] not in _AS_WRITTEN:
        raise SpecError(f"{value!r} is blank; name something, or leave the field out", field=field)
    if isinstance(value, float) and not math.isfinite(value):
        raise SpecError(f"{value} is no finite number; give one, or leave the field out", field=field)


def _plain(hint: Any) -> Any:
    """A moment is a date as well, as YAML reads it."""
    return date if isinstance(hint, type) and issubclass(hint, date) else hint


def _fits(value: Any, hint: Any) -> bool:
    kind = _plain(hint)
    if isinstance(value, bool) or kind is bool:
        return kind is bool and isinstance(value, bool)
    if kind is int:
        return isinstance(value, Integral) or (isinstance(value, float) and value.is_integer())
    if kind is float:
        return isinstance(value, Real)
    return isinstance(value, (kind, str) if kind is date else kind)


def _expected(what: str, value: Any, field: str) -> SpecError:
    remedy = ""
    if value is None:
        remedy = "; give one, or leave the field out"
    elif isinstance(value, str) and "number" in what:
        remedy = "; write it without quotes" if _is_number(value) else ""
    elif isinstance(value, Real) and "text" in what:
        remedy = "; in YAML write it in quotes"
    return SpecError(f"expected {what}, got {value!r}{remedy}", field=field)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
