"""Some rows of a dataset, by what stands in one of its columns. Light: read when a DAG is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_ml_monitor.errors import SpecError

_REST: Final = "other_than"


@dataclass(frozen=True, slots=True)
class Among:
    """The rows whose value in a column is one of some; or the rest: all others, those without a value among them.

    values: as slices name them: texts, whole numbers as digits, 'true' and 'false'.
    """

    column: str
    values: tuple[str, ...]
    is_rest: bool = False

    @classmethod
    def read(cls, column: str, written: Any) -> Among:
        """A value, a list of some, or {other_than: list}. SpecError where it is none of these."""
        is_rest = isinstance(written, Mapping) and set(written) == {_REST}
        values = written[_REST] if is_rest else written
        values = list(values) if isinstance(values, (list, tuple)) else [values]
        if not values or not all(isinstance(value, (str, int)) for value in values):
            told = f"write a value, a list of values, or {{{_REST}: list}}, in which NULL is as well"
            raise SpecError(f"{written!r} of {column!r} is no part; {told}", field="part")
        named = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
        return cls(column, tuple(sorted(set(named))), is_rest)

    @property
    def written(self) -> dict[str, Any]:
        """As a DAG writes it."""
        values = list(self.values)
        return {self.column: {_REST: values} if self.is_rest else values}

    def __str__(self) -> str:
        """Two that are not equal are not written alike."""
        return f"{self.column} {_REST.replace('_', ' ') if self.is_rest else 'is'} {', '.join(map(repr, self.values))}"
