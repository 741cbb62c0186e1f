"""Figures from Python: which picture a thing becomes, and that it shows the numbers that are stored."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor import history, plot
from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.report.figures.comparison import sides_of
from airflow_ml_monitor.report.labels import arrival_of
from airflow_ml_monitor.report.pairs import profiles_of
from airflow_ml_monitor.report.scope import scope_of


@pytest.fixture
def scope(quiet: Any) -> Any:
    return scope_of(quiet.store, "default/shop", day=date(2026, 3, 4))


def pair(scope: Any, column: str) -> Any:
    reference = scope.store.reference_at("default/shop", "rows", scope.window.start)
    return profiles_of(scope, "rows", reference.digest).pair(column)


def rows_of(shop: Any, number: int) -> pd.DataFrame:
    return pd.read_parquet(shop.home / "predictions" / f"{number:02}.parquet")


def test_the_bars_of_a_column_are_the_shares_of_its_values(quiet: Any, scope: Any) -> None:
    sides = sides_of(pair(scope, "city"))
    shares = rows_of(quiet, 2)["city"].value_counts(normalize=True)
    assert dict(zip(sides.names, sides.current, strict=True)) == pytest.approx(shares.to_dict())


def test_the_bars_of_a_number_hold_all_its_rows_where_they_are(quiet: Any, scope: Any) -> None:
    sides = sides_of(pair(scope, "x"))
    assert sum(sides.reference) == pytest.approx(1)
    x, edges = rows_of(quiet, 2)["x"], np.array(sides.edges)
    inner = np.clip(x, edges[0], edges[-1])
    counted, _ = np.histogram(inner, edges)
    # A cell that lies across an edge is shared out between its bars.
    assert np.abs(np.cumsum(sides.current) - np.cumsum(counted) / len(x)).max() < 0.03


def test_the_arrival_curve_is_the_share_of_labels_that_had_come(quiet: Any, scope: Any) -> None:
    curve = arrival_of(scope, scope.sources[0]).curves[-1]
    labels = pd.read_parquet(quiet.home / "labels" / "02.parquet")
    for age in (0, 1, 2):  # the ledger knows the day, not the hour
        moment = quiet.window(2).end + pd.Timedelta(days=age)
        shown = max(share for a, share in zip(curve.ages, curve.shares, strict=True) if a <= age)
        assert shown == pytest.approx((labels["known"] <= moment).mean()), age
    assert curve.shares[-1] == pytest.approx(1)


def test_one_metric_of_several_columns_is_a_map_and_one_of_the_whole_a_line(quiet: Any) -> None:
    heat = plot(history("default/shop", metric="psi", url=quiet.store)).axes[0]
    assert [label.get_text() for label in heat.get_yticklabels()][:1] != []
    assert {label.get_text() for label in heat.get_yticklabels()} == {"x", "cards", "city", "score"}
    frame = history("default/shop", metric="roc_auc", url=quiet.store)
    whole = frame[(frame["slice"] == "{}") & frame["value"].notna()]
    line = plot(whole).axes[0]
    assert sorted(v for drawn in line.lines for v in drawn.get_ydata()) == pytest.approx(sorted(whole["value"]))


def test_a_line_is_broken_where_a_window_has_no_value(quiet: Any) -> None:
    frame = history("default/shop", metric="row_count", url=quiet.store)
    frame = frame[frame["slice"] == "{}"]
    frame.loc[frame.index[2], "value"] = np.nan
    frame.loc[frame.index[4], "status"] = "immature"
    drawn = plot(frame).axes[0].lines
    assert sorted(len(line.get_ydata()) for line in drawn if line.get_linewidth()) == [1, 2, 2]


def sliced(frame: pd.DataFrame, slices: int) -> pd.DataFrame:
    """The rows of the whole, and as many slices of them, of more rows each."""
    whole = frame[(frame["slice"] == "{}") & (frame["metric"] == "row_count")]
    parts = [
        whole.assign(slice=f'{{"city":"c{i}"}}', n=whole["n"] + i, value=whole["value"] + i) for i in range(slices)
    ]
    return pd.concat([whole, *parts])


def drawn_names(frame: pd.DataFrame) -> list[str]:
    axes = plot(frame).axes[0]
    shown = axes.get_legend()
    return [text.get_text() for text in shown.get_texts()] if shown else []


def test_slices_are_a_line_each_named_in_words_the_whole_first(quiet: Any) -> None:
    frame = sliced(history("default/shop", metric="row_count", url=quiet.store), 3)
    assert drawn_names(frame) == ["all rows", "city=c0", "city=c1", "city=c2"]
    days = frame["window_start"].nunique()
    assert sorted(len(line.get_xdata()) for line in plot(frame).axes[0].lines if line.get_label()) == [days] * 4


def test_of_many_slices_the_whole_and_the_seven_of_most_rows_are_drawn_and_the_title_says_so(quiet: Any) -> None:
    frame = sliced(history("default/shop", metric="row_count", url=quiet.store), 12)
    assert drawn_names(frame) == ["all rows", *(f"city=c{i}" for i in range(5, 12))]
    assert plot(frame).axes[0].get_title(loc="left") == "row_count, 5 of 13 left out"


def test_parameters_are_lines_of_one_picture_in_the_order_of_their_numbers(quiet: Any) -> None:
    whole = sliced(history("default/shop", metric="row_count", url=quiet.store), 0)
    frame = pd.concat([whole.assign(parameters=f"at={k}") for k in (10, 5, 1)])
    assert len(plot(frame).axes) == 1
    assert drawn_names(frame) == ["at=1", "at=5", "at=10"]


def test_a_family_of_metrics_is_a_picture_each(quiet: Any) -> None:
    frame = history("default/shop", url=quiet.store).query("metric in ('roc_auc', 'accuracy', 'brier')")
    figure = plot(frame)
    assert len(figure.axes) == frame.dropna(subset=["value"])["metric"].nunique() == 3


def test_a_mixed_frame_is_refused_with_what_it_mixes(quiet: Any) -> None:
    with pytest.raises(SpecError, match=r"mixes .*drift, estimate, fault, performance"):
        plot(history("default/shop", url=quiet.store))


def test_a_pair_and_a_stored_column_give_the_same_picture(quiet: Any, scope: Any) -> None:
    a = plot(pair(scope, "cards")).axes[0]
    b = plot("default/shop", column="cards", day="2026-03-04", url=quiet.store).axes[0]
    heights = [[patch.get_height() for patch in axes.patches] for axes in (a, b)]
    assert heights[0] == heights[1]
    assert len(heights[0]) == 8


@pytest.mark.parametrize("picture", ["labels", "scores"])
def test_labels_and_scores_are_drawn_of_a_monitor(quiet: Any, picture: str) -> None:
    figure = plot("default/shop", picture=picture, day="2026-03-04", url=quiet.store)
    assert len(figure.axes[0].get_legend().get_texts()) == 3


def test_an_unknown_column_is_answered_with_those_there_are(quiet: Any) -> None:
    with pytest.raises(UnknownName, match="unknown column 'age'; one of: cards, city, score, x"):
        plot("default/shop", column="age", url=quiet.store)
