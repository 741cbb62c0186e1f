"""What a decision is worth, by what it turned out to be. Light: imported when a DAG is parsed."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from airflow_ml_monitor.errors import SpecError


@dataclass(frozen=True, slots=True)
class Worth:
    """What one row is worth, a cost below 0: per_row + of_amount · its amount (the column of role amount)."""

    per_row: float = 0.0
    of_amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Payoff:
    """What a row is worth by its prediction and label, in the currency of the amounts; nothing where nothing is said.

    A blocked fraud: true_positive. A customer who was blocked in error: false_positive.
    """

    true_positive: Worth = Worth()
    false_positive: Worth = Worth()
    false_negative: Worth = Worth()
    true_negative: Worth = Worth()

    def __post_init__(self) -> None:
        for outcome in fields(self):
            for part in fields(Worth):
                if not math.isfinite(value := getattr(getattr(self, outcome.name), part.name)):
                    field = f"task.payoff.{outcome.name}.{part.name}"
                    raise SpecError(f"{value} is no amount of money; give a finite number", field=field)
        if all(worth == Worth() for worth in self.by_outcome.values()):
            raise SpecError(
                "every outcome is worth nothing; say what one is worth, e.g. false_negative: {of_amount: -1}",
                field="task.payoff",
            )

    @property
    def by_outcome(self) -> dict[tuple[int, int], Worth]:
        """By (label, prediction)."""
        return {
            (1, 1): self.true_positive,
            (0, 1): self.false_positive,
            (1, 0): self.false_negative,
            (0, 0): self.true_negative,
        }

    @property
    def has_rates(self) -> bool:
        """True if amounts decide what a row is worth."""
        return any(worth.of_amount for worth in self.by_outcome.values())
