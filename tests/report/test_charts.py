"""What charts found stands on the page with its date, and what they can see."""

from __future__ import annotations

from typing import Any

import pandas as pd

CHANGED, DAYS = 16, 19


def cheaper(frame: pd.DataFrame, day: int) -> pd.DataFrame:
    return frame.assign(x=frame["x"] - (0.8 if day >= CHANGED else 0.0))


def test_a_change_is_drawn_with_the_days_between_which_it_began(shops: Any) -> None:
    shop = shops(edit=cheaper, rules=[], has_labels=False).live(*range(DAYS))
    section = shop.page().section("moved")
    assert "What charts say changed" in section
    assert "location of x: sudden, from 2026-" in section or "location of x: unclear, from 2026-" in section
    assert "What charts can see" in section
    assert f"<td>shift</td><td>rows</td><td>{DAYS}</td>" in section


def test_charts_that_learn_say_how_many_windows_are_missing_and_nothing_changed(shops: Any) -> None:
    section = shops(rules=[], has_labels=False).live(0, 1).page().section("moved")
    assert "<td>2, judged in 13 more</td>" in section
    assert "What charts say changed" not in section
