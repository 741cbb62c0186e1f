"""A Pydantic model as contract of a row: what is wrong is told by field and kind of error, never by value."""

from __future__ import annotations

import importlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Final, get_args

import numpy as np
import pyarrow as pa
import pydantic
from pydantic_core.core_schema import ErrorType

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.engines.embedded.row_verdicts import Rows

_KNOWN: Final = frozenset(get_args(ErrorType))


@dataclass(frozen=True, slots=True)
class RowModel:
    """A model, asked row by row. A missing value (NULL, NaN) is None; columns that it does not know are its matter.

    Reasons are '<model>.<field>:<kind of error>', as 'Applicant.age:greater_than'; '<model>:<kind>' where the whole row
    is meant. An error kind of the user's own is 'custom', as its text might be made of values; a validator that crashes
    holds the row back as 'raised_<type>'.
    """

    name: str
    adapter: pydantic.TypeAdapter[Any]

    @classmethod
    def named(cls, path: str) -> RowModel:
        """The model of 'package.module:Model'; SpecError where there is none."""
        module, _, attribute = path.partition(":")
        try:
            found = reduce(getattr, attribute.split("."), importlib.import_module(module))
        except (ImportError, AttributeError, ValueError) as error:
            told = f"{path!r} cannot be imported: {error}; write 'package.module:Model', importable on the worker"
            raise SpecError(told, field="row_model") from error
        if not isinstance(found, type) or not hasattr(found, "__pydantic_validator__"):
            raise SpecError(f"{path!r} is no Pydantic model; give a BaseModel's class", field="row_model")
        return cls(found.__name__, pydantic.TypeAdapter(found))

    def broken(self, batch: pa.RecordBatch) -> Iterator[tuple[str, Rows]]:
        """Each reason, and the rows that have it."""
        found: dict[str, list[int]] = defaultdict(list)
        for i, row in enumerate(batch.to_pylist()):
            for reason in self._reasons(row):
                found[reason].append(i)
        for reason in sorted(found):
            yield reason, np.array(found[reason], np.int64)

    def _reasons(self, row: Mapping[str, Any]) -> set[str]:
        try:
            self.adapter.validate_python({name: _told(value) for name, value in row.items()})
        except pydantic.ValidationError as wrong:
            errors = wrong.errors(include_url=False, include_context=False, include_input=False)
            return {self._reason(error["loc"], error["type"], row) for error in errors}
        except Exception as error:
            return {f"{self.name}:raised_{type(error).__name__}"}
        return set()

    def _reason(self, place: tuple[int | str, ...], kind: str, row: Mapping[str, Any]) -> str:
        # Deeper places may be keys of the data; of the first only a name that the model or the batch has.
        names = {*row, *self._fields()}
        field = f".{place[0]}" if place and place[0] in names else ""
        return f"{self.name}{field}:{kind if kind in _KNOWN else 'custom'}"

    def _fields(self) -> set[str]:
        fields = getattr(self.adapter._type, "__pydantic_fields__", {})
        aliases = {field.validation_alias for field in fields.values() if isinstance(field.validation_alias, str)}
        return {*fields, *aliases}


def _told(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
