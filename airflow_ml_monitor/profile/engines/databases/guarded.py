"""Text of arithmetic that does not raise, for databases that give up where a double ends."""

from __future__ import annotations

from functools import reduce
from operator import add, mul, sub, truediv
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.sql.compiler import SQLCompiler

NUMBERS: Final = (sa.Numeric, sa.Float)
_SIGNS: Final = {add: "+", sub: "-", mul: "*", truediv: "/"}


class GuardedCompiler(SQLCompiler):
    """Each sum, difference, product and share of numbers as `operation` writes it."""

    operation: ClassVar[staticmethod[[str, str, str], str]]
    """(a, b, sign) → an operation that cannot raise."""

    def visit_binary(self, binary: sa.BinaryExpression[Any], *position: Any, **more: Any) -> str:
        if binary.operator not in _SIGNS or not isinstance(binary.type, NUMBERS):
            plain: str = super().visit_binary(binary, *position, **more)  # type: ignore[no-untyped-call]
            return plain
        a, b = (self.process(side, **more) for side in (binary.left, binary.right))
        return self.operation(a, b, _SIGNS[binary.operator])

    def visit_expression_clauselist(self, clauselist: Any, **more: Any) -> str:
        # Three factors and more are one list.
        if clauselist.operator not in _SIGNS or not isinstance(clauselist.type, NUMBERS):
            plain: str = super().visit_expression_clauselist(clauselist, **more)  # type: ignore[no-untyped-call]
            return plain
        sign, parts = _SIGNS[clauselist.operator], (self.process(part, **more) for part in clauselist.clauses)
        return reduce(lambda a, b: self.operation(a, b, sign), parts)
