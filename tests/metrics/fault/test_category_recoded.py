"""Categories under new names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

SPELLINGS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "upper case": lambda s: s.str.upper(),
    "a blank behind": lambda s: s + " ",
    "quotes": lambda s: '"' + s + '"',
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_spelling_is_named(days: Any, feed: Any, named: Any, spelling: str) -> None:
    respelled = SPELLINGS[spelling]
    broken = days(3).assign(purpose=lambda f: respelled(f["purpose"]))
    found = named(feed(broken, 3, [days(2)]))
    pairs = sorted(f"{name}→{respelled(pd.Series([name]))[0]}" for name in ("car", "house", "travel", "study"))
    assert list(found) == [("category_recoded", "purpose", ", ".join(pairs))]
    (estimate,) = found.values()
    assert (estimate.value, estimate.n) == (1.0, len(broken))


def test_half_a_day_in_another_spelling_is_half_of_the_rows(days: Any, feed: Any, fault: Any) -> None:
    broken = days(3)
    is_late = broken["at"].dt.hour >= 13
    broken["purpose"] = broken["purpose"].where(~is_late, broken["purpose"].str.upper())
    (estimate,) = fault("category_recoded", feed(broken, 3)).values()
    assert estimate.value == pytest.approx(is_late.mean())
    assert estimate.low < is_late.mean() < estimate.high


def test_one_name_for_another_is_named(days: Any, feed: Any, named: Any) -> None:
    broken = days(3).replace({"purpose": {"car": "vehicle"}})
    found = named(feed(broken, 3, [days(2)]))
    assert list(found) == [("category_recoded", "purpose", "car→vehicle")]
    (estimate,) = found.values()
    assert estimate.value == pytest.approx((broken["purpose"] == "vehicle").mean())


def test_codes_for_names_are_named_on_nearly_every_day(days: Any, feed: Any, after: Any, named: Any) -> None:
    codes = {"car": "1", "house": "2", "travel": "3", "study": "4"}
    found = []
    for seed in range(20):
        found.append(set(named(after(feed(days(3, seed=seed).replace({"purpose": codes}), 3)))))
    # 150 and 120 rows of 600 do not say for sure which is which.
    assert found.count({("category_recoded", "purpose", "several categories")}) >= 19


def test_where_shares_tell_each_code_is_given_its_name(days: Any, feed: Any, fault: Any) -> None:
    codes = {"car": "1", "house": "2", "travel": "3", "study": "4"}
    before = [days(number, rows=8_000) for number in range(9, 3, -1)]
    found = fault("category_recoded", feed(days(10, rows=8_000).replace({"purpose": codes}), 10, before))
    assert list(found) == [("purpose", "car→1, house→2, study→4, travel→3")]


def test_lost_zeros_are_a_spelling_and_signs_are_not(days: Any, feed: Any, fault: Any, reference: Any) -> None:
    codes = {"car": "007", "house": "-1", "travel": "+3", "study": "C++"}
    lost = {"007": "7", "-1": "1", "C++": "C"}
    old = reference.replace({"purpose": codes})
    broken = days(3).replace({"purpose": codes})
    assert list(fault("category_recoded", feed(broken.replace({"purpose": {"007": "7"}}), 3, of=old))) == [
        ("purpose", "007→7")
    ]
    # By their shares alone.
    ((_, parameters),) = fault("category_recoded", feed(broken.replace({"purpose": lost}), 3, of=old))
    assert parameters == "007→7"


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_a_new_category_is_no_recoding_and_no_split(days: Any, feed: Any, after: Any, named: Any, share: float) -> None:
    for seed in range(10):
        rng, grown = np.random.default_rng(seed), days(3, seed=seed)
        grown["purpose"] = grown["purpose"].where(rng.random(len(grown)) > share, "campaign")
        assert named(after(feed(grown, 3))) == {}


def test_a_value_that_stood_beside_what_is_gone_is_no_new_name_of_it(days: Any, feed: Any, named: Any) -> None:
    rng = np.random.default_rng(1)

    def grown(number: int) -> pd.DataFrame:
        frame = days(number)
        return frame.assign(purpose=frame["purpose"].where(rng.random(len(frame)) > 0.15, "campaign"))

    before = [grown(number) for number in (2, 1, 0)]
    assert named(feed(grown(3), 3, before)) == {}
    assert list(named(feed(grown(3).replace({"purpose": {"car": "vehicle"}}), 3, before))) == [
        ("category_recoded", "purpose", "car→vehicle")
    ]


def test_shares_that_moved_much_are_no_recoding(days: Any, feed: Any, named: Any) -> None:
    weight = {"car": 1.0, "house": 1.6, "travel": 0.6, "study": 1.4}
    for seed in range(10):
        frame = days(3, seed=seed)
        moved = frame.sample(len(frame), replace=True, weights=frame["purpose"].map(weight), random_state=seed)
        moved = moved.assign(id=range(len(moved))).reset_index(drop=True)
        assert [key for key in named(feed(moved, 3, [days(2, seed=seed)])) if key[0].startswith("category")] == []


def test_new_values_of_fewer_than_twenty_rows_are_never_named(days: Any, feed: Any, named: Any) -> None:
    broken = days(3).head(50).assign(purpose=lambda f: f["purpose"] + "-" + f.index.astype(str))
    assert "car-" not in repr(named(feed(broken, 3)))
