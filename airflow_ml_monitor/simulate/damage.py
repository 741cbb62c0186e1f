"""What can break in a feed overnight, done to a day of the credit world, and by what name it should be called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Spoil = Callable[[pd.DataFrame, pd.DataFrame, np.random.Generator], pd.DataFrame]
"""(today, yesterday, random numbers) → today, broken. Neither is changed."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One way to break a day.

    fault, column: the named fault that it is, and of which column ('' for the feed). detail: what its parameters say
    among other things. also: other names that are as right.
    """

    title: str
    fault: str
    column: str
    spoil: Spoil
    detail: str = ""
    also: tuple[str, ...] = ()


def _scaled(column: str, times: float, share: float = 1.0) -> Spoil:
    def spoil(today: pd.DataFrame, _: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        touched = random.random(len(today)) < share
        return today.assign(**{column: np.where(touched, today[column] * times, today[column])})

    return spoil


def _set(column: str, value: object, share: float = 1.0) -> Spoil:
    def spoil(today: pd.DataFrame, _: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        touched = random.random(len(today)) < share
        return today.assign(**{column: today[column].mask(touched, value)})

    return spoil


def _dropped(column: str) -> Spoil:
    return lambda today, _, __: today.drop(columns=column)


def _renamed(column: str, to: str) -> Spoil:
    return lambda today, _, __: today.rename(columns={column: to})


def _recoded(column: str, how: Callable[[Any], str]) -> Spoil:
    return lambda today, _, __: today.assign(**{column: today[column].map(how)})


def _split(column: str, value: str, into: tuple[str, str]) -> Spoil:
    def spoil(today: pd.DataFrame, _: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        part = np.where(random.random(len(today)) < 0.6, *into)
        return today.assign(**{column: today[column].mask(today[column] == value, pd.Series(part, today.index))})

    return spoil


def _swapped(a: str, b: str) -> Spoil:
    return lambda today, _, __: today.assign(**{a: today[b], b: today[a]})


def _permuted(*columns: str) -> Spoil:
    def spoil(today: pd.DataFrame, _: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        order = random.permutation(len(today))
        return today.assign(**{column: today[column].to_numpy()[order] for column in columns})

    return spoil


def _as_of_today(today: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of another day under today's times and new keys."""
    shift = today["scored_at"].min().normalize() - rows["scored_at"].min().normalize()
    keys = [f"again-{key}" for key in rows["application_id"]]
    return rows.assign(scored_at=rows["scored_at"] + shift, application_id=keys)


def _again(today: pd.DataFrame, yesterday: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    return _as_of_today(today, yesterday)


def _twice(today: pd.DataFrame, _: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return pd.concat([today, today.sample(frac=0.4, random_state=random)], ignore_index=True)


def _morning(today: pd.DataFrame, _: pd.DataFrame, __: np.random.Generator) -> pd.DataFrame:
    kept: pd.DataFrame = today.loc[today["scored_at"].dt.hour < 15]
    return kept


def _without(column: str, value: str) -> Spoil:
    return lambda today, _, __: today.loc[today[column] != value]


DAMAGES: tuple[Damage, ...] = (
    Damage("a column is missing", "column_missing", "employment_years", _dropped("employment_years")),
    Damage("a column is renamed", "column_renamed", "income", _renamed("income", "annual_income"), "annual_income"),
    Damage("another column is renamed", "column_renamed", "purpose", _renamed("purpose", "reason"), "reason"),
    Damage("numbers arrive as text", "type_changed", "age", _recoded("age", "{} years".format)),
    Damage("a column is empty", "all_missing", "income", _set("income", np.nan)),
    Damage("half of a column is lost", "missing_flood", "debt_ratio", _set("debt_ratio", np.nan, 0.5)),
    Damage("a column has one value", "constant", "debt_ratio", _set("debt_ratio", 0.35)),
    Damage("money in thousands", "unit_changed", "income", _scaled("income", 1e-3), "divided_by=1000"),
    Damage("money in cents", "unit_changed", "loan_amount", _scaled("loan_amount", 100.0), "times=100"),
    Damage("a third of the money times 1000", "unit_changed", "income", _scaled("income", 1e3, 1 / 3), "times=1000"),
    Damage("a share in percent", "unit_changed", "debt_ratio", _scaled("debt_ratio", 100.0), "times=100"),
    Damage("years as months", "unit_changed", "employment_years", _scaled("employment_years", 12.0), "times=12"),
    Damage("the sign is flipped", "sign_flipped", "loan_amount", _scaled("loan_amount", -1.0)),
    Damage("zeros flood a column", "default_flood", "debt_ratio", _set("debt_ratio", 0.0, 0.3), "0"),
    Damage("minus ones flood a column", "default_flood", "employment_years", _set("employment_years", -1.0, 0.3), "-1"),
    Damage("a category for missing values", "default_flood", "channel", _set("channel", "unknown", 0.3), "unknown"),
    Damage("two columns are swapped", "swapped", "income", _swapped("income", "loan_amount"), "loan_amount"),
    Damage("values are joined to other rows", "shifted_join", "", _permuted("income", "loan_amount", "debt_ratio")),
    Damage("codes in place of names", "category_recoded", "purpose", _recoded("purpose", lambda v: f"P{len(v)}{v[0]}")),
    Damage("names in capitals", "category_recoded", "region", _recoded("region", str.upper)),
    Damage("a category is split", "category_split", "purpose", _split("purpose", "home", ("house", "flat")), "home"),
    Damage("texts lost their encoding", "encoding_damaged", "region", _recoded("region", lambda v: v + "Ã©")),
    Damage("yesterday's rows again", "frozen_feed", "", _again),
    Damage("part of the load comes twice", "duplicated_load", "", _twice),
    Damage("the evening is missing", "partial_load", "", _morning),
    Damage("a region is missing", "partition_missing", "region", _without("region", "south"), "south"),
    Damage("scores are turned round", "score_inverted", "score", lambda t, _, __: t.assign(score=1 - t["score"])),
    Damage("scores in percent", "score_out_of_range", "score", _scaled("score", 100.0), also=("unit_changed",)),
    Damage("every score is the same", "constant", "score", _set("score", 0.17)),
)  # fmt: skip
"""Every damage of a feed; those of labels and of lost ids show in the ledger, not in a frame."""


def _stale(today: pd.DataFrame, yesterday: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """The debt ratio of a part of the rows is an older one, of the same distribution."""
    old = random.choice(yesterday["debt_ratio"].to_numpy(), len(today))
    return today.assign(debt_ratio=today["debt_ratio"].where(random.random(len(today)) > 0.1, old))


def _rounded(today: pd.DataFrame, _: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    return today.assign(income=today["income"].round(-2))


def _filled(today: pd.DataFrame, _: pd.DataFrame, __: np.random.Generator) -> pd.DataFrame:
    """Serving fills what training leaves missing."""
    return today.assign(employment_years=today["employment_years"].fillna(today["employment_years"].median()))


SKEW = "training_serving_skew"
SKEWS: tuple[Damage, ...] = (
    Damage("a tenth of a feature is stale", SKEW, "debt_ratio", _stale),
    Damage("money is rounded to hundreds", SKEW, "income", _rounded),
    Damage("missing values are filled", SKEW, "employment_years", _filled),
    Damage("a twentieth is counted by another rule", SKEW, "age", _scaled("age", 1.01, 0.05)),
)
"""What serving does otherwise than training; beside the same rows as training has them it shows, else hardly."""


def unlogged(rows: pd.DataFrame, share: float, random: np.random.Generator) -> pd.DataFrame:
    """The rows whose prediction reached the log."""
    kept: pd.DataFrame = rows.loc[random.random(len(rows)) >= share]
    return kept
