"""Texts that were decoded wrongly."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

CITIES = ("Zürich", "München", "Málaga & Sol", "Łódź", "Paris")
DAMAGES: dict[str, Callable[[str], str]] = {
    "UTF-8 as Windows-1252": lambda s: s.encode().decode("cp1252", errors="replace"),
    "UTF-8 as Latin-1": lambda s: s.encode().decode("latin-1"),
    "Latin-1 as UTF-8": lambda s: s.encode("latin-1", errors="replace").decode(errors="replace"),
    "HTML": lambda s: html.escape(s).encode("ascii", "xmlcharrefreplace").decode(),
    "escaped twice": lambda s: s.encode("unicode_escape").decode(),
}


def with_cities(frame: pd.DataFrame, seed: int = 1) -> pd.DataFrame:
    return frame.assign(region=np.random.default_rng(seed).choice(CITIES, len(frame)))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named_and_explains_the_new_values(
    days: Any, feed: Any, named: Any, reference: Any, damage: str
) -> None:
    old, good = with_cities(reference), with_cities(days(3), 3)
    broken = good.assign(region=good["region"].map(DAMAGES[damage]))
    # Łódź has no letter of Latin-1 but ó; by Latin-1 its other letters are question marks.
    touched = (broken["region"] != good["region"]).mean()
    found = named(feed(broken, 3, [with_cities(days(2), 2)], of=old))
    assert list(found) == [("encoding_damaged", "region", "")]
    (estimate,) = found.values()
    assert estimate.value == pytest.approx(touched)
    assert estimate.low < touched < estimate.high


def test_a_part_of_one_category_is_enough(days: Any, feed: Any, named: Any, reference: Any) -> None:
    old = with_cities(reference)
    for seed in range(20):
        broken = with_cities(days(3, seed=seed), seed)
        broken.loc[::5, "region"] = broken.loc[::5, "region"].replace({"Zürich": "ZÃ¼rich"})
        assert list(named(feed(broken, 3, of=old))) == [("encoding_damaged", "region", "")]


def test_new_values_of_another_script_are_not_damaged(days: Any, feed: Any, fault: Any, reference: Any) -> None:
    old, new = with_cities(reference), with_cities(days(3), 3)
    for name in ("Ñuñoa", "SÃO PAULO", "Ångström", "Đà Nẵng", "Москва", "北京", "R&D; and more", "100 % ½"):
        assert fault("encoding_damaged", feed(new.assign(region=name), 3, of=old)) == {}, name


def test_as_much_damage_as_the_reference_had_is_no_news(days: Any, feed: Any, fault: Any, reference: Any) -> None:
    def noted(frame: pd.DataFrame) -> pd.DataFrame:
        # Each text once or twice: none is a category.
        words = [f"note &amp; {i}" if i % 20 == 0 else "plain" for i in range(len(frame))]
        return frame.assign(region=words)

    assert fault("encoding_damaged", feed(noted(days(3)), 3, of=noted(reference))) == {}


def test_two_damaged_rows_of_six_hundred_are_not_named(days: Any, feed: Any, fault: Any) -> None:
    broken = days(3)
    broken.loc[:1, "region"] = "rÃ©gion"
    assert fault("encoding_damaged", feed(broken, 3)) == {}
