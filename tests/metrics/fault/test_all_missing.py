"""All values missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

WITHOUT = [("income", np.nan), ("purpose", None), ("owner", None), ("opened", None)]


@pytest.mark.parametrize(("column", "nothing"), WITHOUT)
def test_a_column_that_lost_every_value_is_named(days: Any, feed: Any, named: Any, column: str, nothing: Any) -> None:
    broken = days(3).astype({column: object}).assign(**{column: nothing})
    if column == "income":
        broken[column] = broken[column].astype(float)
    found = named(feed(broken, 3))
    assert list(found) == [("all_missing", column, "")]
    estimate = found["all_missing", column, ""]
    assert (estimate.value, estimate.n, estimate.high) == (1.0, len(broken), 1.0)
    # Clopper and Pearson: 1 - 0.025 ** (1 / n) below.
    assert estimate.low == pytest.approx(0.025 ** (1 / len(broken)), abs=1e-3)


def test_a_column_that_lost_half_of_its_values_has_not_lost_all(days: Any, feed: Any, fault: Any) -> None:
    broken = days(3)
    broken.loc[::2, "income"] = np.nan
    assert fault("all_missing", feed(broken, 3)) == {}


def test_a_column_that_is_seldom_filled_may_be_empty_for_a_day(
    days: Any, feed: Any, fault: Any, reference: Any
) -> None:
    rare = reference.assign(income=reference["income"].where(reference.index % 50 == 0))
    # 12 rows of which each has a value with a chance of 2 %: all are missing in 78 % of such days.
    assert fault("all_missing", feed(days(3).head(12).assign(income=np.nan), 3, of=rare)) == {}


def test_infinite_values_are_not_missing(days: Any, feed: Any, fault: Any) -> None:
    assert fault("all_missing", feed(days(3).assign(income=np.inf), 3)) == {}
