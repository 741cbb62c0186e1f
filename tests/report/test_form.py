"""The page as a file: nothing loaded, nothing unescaped, small, the same every time, readable by everyone."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.errors import MonitorError
from airflow_ml_monitor.report.page import report
from airflow_ml_monitor.store.repository import MetricsStore

SCRIPT, BREAKING, MATHS = "<script>", '"><img src=x>', "$x_{ </svg> 商品"
LIMIT = 500_000


def test_the_page_loads_nothing(quiet: Any) -> None:
    page = quiet.page()
    assert "http:" not in page.html
    assert "https:" not in page.html
    assert not re.search(r"@import|<script|<link|<iframe|<object", page.html)
    assert [tag for tag, given in page.tags if "src" in given or "srcset" in given] == []
    assert {url[0] for url in re.findall(r"url\((.)", page.html)} <= {"#"}
    references = [given["href"] for _, given in page.tags if given.get("href")]
    assert {href[1:] for href in references} <= page.ids


def test_the_same_store_gives_the_same_bytes(quiet: Any) -> None:
    other = MetricsStore(quiet.store.url)
    assert report(other, "default/shop") == quiet.page().html
    other.dispose()


def test_every_picture_has_words_and_its_numbers_beside_it(quiet: Any) -> None:
    page = quiet.page()
    figures = re.findall(r"<figure.*?</figure>", page.html, re.DOTALL)
    assert len(figures) >= 10
    for figure in figures:
        (words,) = re.findall(r'role="img" aria-label="([^"]*)"', figure)
        assert len(words) > 20
        assert re.search(r"<details>.*<table>.*<td", figure, re.DOTALL)
        assert figure.count("<svg") == 1


@pytest.mark.slow
def test_three_hundred_columns_give_twelve_pictures_and_less_than_half_a_megabyte(shops: Any) -> None:
    names = [f"feature_{i:03}_with_a_rather_long_name" for i in range(300)]

    def wide(frame: pd.DataFrame, day: int) -> pd.DataFrame:
        rng = np.random.default_rng(day + 1)
        values = rng.normal(size=(len(frame), len(names)))
        values[:, :40] += day == 1
        return pd.concat([frame, pd.DataFrame(values, columns=names)], axis=1)

    shop = shops(edit=wide, columns=dict.fromkeys(names, "numeric")).live(0, 1)
    page = shop.page()
    assert len(page.html.encode()) < LIMIT
    assert len([text for text in page.pictures("moved") if "chance." in text]) == 12
    assert "The 12 columns that moved most; 292 that moved less are left out." in page.text
    assert "204 more columns left out." in page.text


def test_names_that_came_with_the_data_are_text_and_nothing_else(shops: Any) -> None:
    def hostile(frame: pd.DataFrame, day: int) -> pd.DataFrame:
        frame = frame.assign(version=np.where(frame["x"] > 0, BREAKING, "v1"))
        return frame.assign(**{SCRIPT: np.where(frame["x"] > 0, MATHS, "plain")})

    shop = shops(edit=hostile, columns={SCRIPT: "categorical"}).live(0, 1)
    page = shop.page()
    assert {tag for tag, _ in page.tags} & {"script", "img"} == set()
    assert f"{SCRIPT}: psi" in page.text
    assert f"Calls of {BREAKING}" in page.text
    assert MATHS in page.text


def test_text_stands_out_from_its_ground_in_light_and_in_dark(quiet: Any) -> None:
    """WCAG 2.1: 4.5 for text, 3 for what a picture draws."""
    style = quiet.page().html.split("</style>")[0]
    light = dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", style.split("@media screen")[0]))
    dark = light | dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", style.split("@media screen")[1].split("\n* {")[0]))
    assert light["--page"] != dark["--page"]
    for colours in (light, dark):
        for name in ("--ink", "--muted", "--link"):
            for ground in ("--page", "--panel"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for name in ("--good", "--look", "--bad", "--waiting", "--unknown"):
            assert contrast(colours[name], colours["--on-light"]) >= 4.5, name
        for name in [f"--line-{i}" for i in range(6)]:
            assert contrast(colours[name], colours["--page"]) >= 3, name


def contrast(a: str, b: str) -> float:
    low, high = sorted(luminance(colour) for colour in (a, b))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_no_colour_of_a_picture_is_left_as_it_was_drawn(quiet: Any) -> None:
    """A colour without a variable would be wrong in dark."""
    svgs = re.findall(r"<svg.*?</svg>", quiet.page().html, re.DOTALL)
    assert svgs
    assert {colour for svg in svgs for colour in re.findall(r"(?:fill|stroke): (#\w+)", svg)} == set()


def test_without_matplotlib_the_error_says_what_to_install(quiet: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MonitorError, match=r"pip install airflow-ml-monitor\[report\]"):
        quiet.page(day=date(2026, 3, 4))
