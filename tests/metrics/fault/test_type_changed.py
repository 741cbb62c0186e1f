"""Columns that arrived as another type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

FORMS: dict[str, tuple[str, Callable[[float], str]]] = {
    "number in text": ("age", lambda x: f"{x:.2f}"),
    "decimal comma": ("age", lambda x: f"{x:.2f}".replace(".", ",")),
    "decimal comma, three digits": ("age", lambda x: f"{x:.4g}".replace(".", ",")),
    "thousands separator": ("income", lambda x: f"{x:,.0f}"),
    "percent sign": ("score", lambda x: f"{100 * x:.1f} %"),
    "currency sign": ("income", lambda x: f"€ {x:,.2f}"),
    "m:ss": ("age", lambda x: f"{int(x) // 60}:{int(x) % 60:02d}"),
    "h:mm:ss": ("income", lambda x: f"{int(x) // 3600}:{int(x) % 3600 // 60:02d}:{int(x) % 60:02d}"),
}


@pytest.mark.parametrize("form", FORMS)
def test_numbers_that_became_text_are_said_by_their_form(days: Any, feed: Any, named: Any, form: str) -> None:
    column, written = FORMS[form]
    broken = days(3)
    broken[column] = broken[column].map(lambda x: None if pd.isna(x) else written(x))
    found = named(feed(broken, 3, [days(2)]))
    assert list(found) == [("type_changed", column, f"from=DOUBLE,to={form.split(', ')[0]}")]
    (estimate,) = found.values()
    assert (estimate.value, estimate.n) == (1.0, len(broken))


def test_times_that_became_text_are_said_by_their_form(days: Any, feed: Any, fault: Any) -> None:
    for pattern, form in [("%Y-%m-%d", "ISO date"), ("%Y-%m-%dT%H:%M:%SZ", "ISO time")]:
        broken = days(3).assign(opened=lambda f, p=pattern: f["opened"].dt.strftime(p))
        ((_, parameters),) = fault("type_changed", feed(broken, 3))
        assert parameters == f"from=TIMESTAMP WITH TIME ZONE,to={form}"


def test_texts_of_no_known_form_are_a_text(days: Any, feed: Any, fault: Any) -> None:
    broken = days(3).assign(age=lambda f: f["age"].map("about {:.0f}".format))
    assert list(fault("type_changed", feed(broken, 3))) == [("age", "from=DOUBLE,to=VARCHAR")]


def test_one_text_in_ten_among_numbers_is_no_form(days: Any, feed: Any, fault: Any) -> None:
    broken = days(3).assign(age=lambda f: f["age"].map("{:.0f}".format))
    broken.loc[::10, "age"] = "unknown"
    assert list(fault("type_changed", feed(broken, 3))) == [("age", "from=DOUBLE,to=VARCHAR")]


def test_a_number_of_other_precision_has_not_changed_its_type(days: Any, feed: Any, fault: Any) -> None:
    broken = days(3).assign(children=lambda f: f["children"].astype("int8"), age=lambda f: f["age"].astype("float32"))
    assert fault("type_changed", feed(broken, 3)) == {}


def test_a_time_as_seconds_is_named(days: Any, feed: Any, fault: Any) -> None:
    broken = days(3).assign(opened=lambda f: f["opened"].astype("int64"))
    assert list(fault("type_changed", feed(broken, 3))) == [("opened", "from=TIMESTAMP WITH TIME ZONE,to=BIGINT")]
