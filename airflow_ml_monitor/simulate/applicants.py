"""Who applies for credit, and what decides whether they default."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from airflow_ml_monitor.profile.dataset import Column, Kind

FEATURES: tuple[Column, ...] = (
    Column("income"),
    Column("loan_amount"),
    Column("age"),
    Column("debt_ratio"),
    Column("employment_years"),
    Column("num_cards"),
    Column("purpose", Kind.CATEGORICAL),
    Column("region", Kind.CATEGORICAL),
    Column("channel", Kind.CATEGORICAL),
    Column("has_account", Kind.BOOLEAN),
)
"""The columns a model may learn from, in the order of the frames."""

# (share, effect on the logit) of each level.
PURPOSES = MappingProxyType(
    {
        "car": (0.30, 0.0),
        "home": (0.25, -0.35),
        "education": (0.15, 0.1),
        "medical": (0.12, 0.25),
        "business": (0.18, 0.55),
    }
)
REGIONS = MappingProxyType(
    {
        "north": (0.20, 0.0),
        "south": (0.18, 0.1),
        "east": (0.16, 0.15),
        "west": (0.14, -0.1),
        "coast": (0.11, -0.15),
        "lakes": (0.09, 0.05),
        "hills": (0.08, 0.1),
        "islands": (0.04, 0.3),
    }
)
CHANNELS = MappingProxyType({"web": (0.45, 0.0), "app": (0.30, 0.15), "branch": (0.15, -0.25), "broker": (0.10, 0.35)})

MISSING_EMPLOYMENT = 0.05
"""Share of applicants who do not state their years of employment; independent of the outcome."""

Values = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Relation:
    """The logit's intercept and its effects per standard deviation of a feature; the other effects never change."""

    intercept: float
    employment_years: float
    num_cards: float


# Intercepts give the same default rate (0.17) on the same applicants, so that the concept's change does not show in
# the number of positives either.
BEFORE = Relation(intercept=-1.94, employment_years=-0.5, num_cards=0.4)
AFTER = Relation(intercept=-1.88, employment_years=0.5, num_cards=-0.4)


def draw_applicants(random: np.random.Generator, rows: int, *, is_shifted: bool) -> Values:
    """So many applicants as they are, nothing missing.

    Shifted: six years older on average, loans 25 % larger; all other distributions given these are as before. The two
    move the default rate in opposite directions, so that it stays where it was.
    """
    wealth = random.standard_normal(rows)
    income = 42_000 * np.exp(0.4 * wealth)
    loan = 12_000 * np.exp(0.5 * (0.3 * wealth + np.sqrt(1 - 0.3**2) * random.standard_normal(rows)))
    age = 42 + 12 * random.standard_normal(rows)
    if is_shifted:
        age, loan = age + 6, loan * 1.25
    age = np.clip(np.round(age), 18, 80)
    return {
        "income": np.round(income),
        "loan_amount": np.round(loan),
        "age": age.astype(np.int64),
        "debt_ratio": np.round(random.beta(2.2, 4.0, rows), 4),
        "employment_years": np.round(np.minimum(random.gamma(2.2, 3.2, rows), age - 17), 1),
        "num_cards": random.poisson(2.0, rows).astype(np.int64),
        "purpose": _draw_levels(random, rows, PURPOSES),
        "region": _draw_levels(random, rows, REGIONS),
        "channel": _draw_levels(random, rows, CHANNELS),
        "has_account": random.random(rows) < 0.6,
    }


def default_probability(values: Values, relation: Relation) -> NDArray[np.float64]:
    """The true probability of a default given an applicant's true features; logistic, linear in the features.

    Linear in the raw columns, so that a plain logistic regression on them is the right model.
    """
    number = {name: values[name].astype(np.float64) for name in ("income", "loan_amount", "age", "debt_ratio")}
    logit = (
        relation.intercept
        - 0.5 * (number["income"] - 45_500) / 19_000
        + 0.35 * (number["loan_amount"] - 13_600) / 7_200
        - 0.2 * (number["age"] - 42) / 12
        + 0.85 * (number["debt_ratio"] - 0.355) / 0.178
        + relation.employment_years * (values["employment_years"].astype(np.float64) - 6.9) / 4.5
        + relation.num_cards * (values["num_cards"].astype(np.float64) - 2) / 1.41
        - 0.5 * values["has_account"].astype(np.float64)
        + _effects(values["purpose"], PURPOSES)
        + _effects(values["region"], REGIONS)
        + _effects(values["channel"], CHANNELS)
    )
    return np.asarray(1 / (1 + np.exp(-logit)), dtype=np.float64)


def _draw_levels(
    random: np.random.Generator, rows: int, levels: MappingProxyType[str, tuple[float, float]]
) -> NDArray[np.generic]:
    edges = np.cumsum([share for share, _ in levels.values()])[:-1]
    return np.array(list(levels), dtype=object)[np.searchsorted(edges, random.random(rows), side="right")]


def _effects(values: NDArray[np.generic], levels: MappingProxyType[str, tuple[float, float]]) -> NDArray[np.float64]:
    return np.array([levels[str(value)][1] for value in values], dtype=np.float64)
