"""Distances from the reference's shape, against scipy; what a missing value, a rare category and a copy do to them."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from airflow_ml_monitor.keys import EVER
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.ellipsoid import Ellipsoid
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.kernel import outlying
from airflow_ml_monitor.profile.kernel.outlying import MOST_BUCKETS, RESOLUTION, Moments
from airflow_ml_monitor.profile.layout import Binning, Layout

SIZE = 3_000
KINDS = {"a": Kind.NUMERIC, "b": Kind.NUMERIC, "c": Kind.NUMERIC, "flag": Kind.BOOLEAN, "kind": Kind.CATEGORICAL}


def rows(seed: int, n: int = SIZE) -> pd.DataFrame:
    """a, b and c follow one another, and flag and kind follow them."""
    rng = np.random.default_rng(seed)
    a = rng.normal(5, 2, n)
    frame = pd.DataFrame({"a": a, "b": np.exp((a + rng.normal(0, 1, n)) / 4), "c": a + rng.normal(0, 0.5, n)})
    frame["flag"] = frame["c"] + rng.normal(0, 2, n) > 6
    frame["kind"] = np.where(a + rng.normal(0, 2, n) > 5, "high", "low")
    return frame.assign(at=pd.Timestamp("2026-03-01 12:00", tz="UTC"))


def with_holes(seed: int) -> pd.DataFrame:
    """Rows that lack values in every way."""
    frame, rng = rows(seed), np.random.default_rng(seed)
    holes = rng.random((SIZE, len(KINDS))) < rng.choice([0, 0.2, 0.9], SIZE)[:, None]
    frame = frame.astype({"flag": object})
    frame[[*KINDS]] = frame[[*KINDS]].mask(holes)
    frame.loc[7, "a"] = np.inf
    return frame.astype({"flag": "boolean"})


@pytest.fixture(scope="module")
def layout(engine: DuckDB, oracle: ModuleType) -> Layout:
    return engine.layout(oracle.dataset(rows(1), KINDS), EVER)


def shape_of(layout: Layout) -> Ellipsoid:
    assert layout.ellipsoid is not None
    return layout.ellipsoid


def u(layout: Layout, frame: pd.DataFrame) -> np.ndarray:
    """k × rows, by pandas."""
    found = []
    for name in KINDS:
        cut, x = layout[name], frame[name]
        if cut.kind is Kind.CATEGORICAL:
            found.append((x == cut.categories[0]).astype(float).where(x.notna()))
        else:
            d = x.astype(float).replace([np.inf, -np.inf], np.nan) - cut.centre
            found.append(d / (cut.scale + d.abs()))
    return np.array(found, float)


def by_scipy(shape: Ellipsoid, row: np.ndarray) -> float:
    """The distance of the columns that a row has."""
    there = np.flatnonzero(~np.isnan(row))
    covariance = np.array(shape.covariance)[np.ix_(there, there)]
    return mahalanobis(row[there], np.array(shape.centre)[there], np.linalg.inv(covariance)) if len(there) else 0.0


def test_means_and_covariances_are_those_of_pandas(layout: Layout) -> None:
    shape, found = shape_of(layout), u(layout, rows(1))
    assert (shape.columns, shape.rows) == (tuple(KINDS), SIZE)
    np.testing.assert_allclose(shape.centre, found.mean(axis=1), atol=1e-8)
    np.testing.assert_allclose(shape.covariance, np.cov(found, bias=True), atol=2e-8)


def test_distances_are_those_of_scipy_for_whatever_columns_a_row_has(layout: Layout) -> None:
    found = u(layout, with_holes(2))
    assert len(np.unique(np.isnan(found), axis=1).T) == 2 ** len(KINDS)
    distances = outlying.distances(shape_of(layout), tuple(KINDS), found)
    np.testing.assert_allclose(distances, [by_scipy(shape_of(layout), row) for row in found.T], atol=1e-7)


def test_either_way_rows_are_counted_by_their_distance(either: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    frame = with_holes(3)
    expected = [int(RESOLUTION * by_scipy(shape_of(layout), row)) for row in u(layout, frame).T]
    found = either.profile(oracle.dataset(frame, KINDS), layout, oracle.DAY).traces.distances
    assert found == pd.Series(expected).value_counts().to_dict()


def test_parts_add_up_to_the_whole(either: DuckDB, oracle: ModuleType, layout: Layout) -> None:
    frame = with_holes(4)
    parts = [either.profile(oracle.dataset(part, KINDS), layout, oracle.DAY) for part in (frame[:900], frame[900:])]
    together = either.profile(oracle.dataset(frame, KINDS), layout, oracle.DAY).traces.distances
    assert (parts[0] + parts[1]).traces.distances == together
    assert sum(together.values()) == SIZE


def test_a_lost_value_or_column_brings_a_row_nearer_never_away(layout: Layout) -> None:
    shape, found, rng = shape_of(layout), u(layout, rows(5)), np.random.default_rng(5)
    for _ in range(4):
        before = outlying.distances(shape, tuple(KINDS), found)
        found = np.where(rng.random(found.shape) < 0.2, np.nan, found)
        assert (outlying.distances(shape, tuple(KINDS), found) <= before + 1e-9).all()
    without = outlying.distances(shape, tuple(KINDS)[1:], found[1:])
    assert (without <= outlying.distances(shape, tuple(KINDS), found) + 1e-9).all()


def test_rows_in_another_order_have_a_layout_of_the_same_digest(engine: DuckDB, oracle: ModuleType) -> None:
    frame = with_holes(6)
    orders = [frame, frame[::-1], frame.sample(frac=1, random_state=1)]
    assert len({engine.layout(oracle.dataset(order, KINDS), EVER).digest for order in orders}) == 1


def test_a_layout_from_before_there_were_ellipsoids_keeps_its_digest(layout: Layout) -> None:
    old = replace(layout, ellipsoid=None)
    assert "ellipsoid" not in old.document()
    assert Layout.from_document(old.document()) == old
    assert Layout.from_document(layout.document()) == layout
    assert old.digest != layout.digest


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"x": [1.0, 2.0, 5.0] * 9}),
        pd.DataFrame({"x": [1.0, 2.0, 5.0] * 9, "y": 3.0}),
        pd.DataFrame({"x": [1.0, 2.0, 5.0] * 9, "y": [1.0, *[None] * 26]}),
        pd.DataFrame({"x": ["only"] * 27, "y": ["one"] * 27}),
        pd.DataFrame({"x": [1.0]}),
    ],
    ids=["one column", "a constant", "hardly a value", "constant categories", "one row"],
)
def test_without_two_features_that_vary_there_is_no_shape(engine: DuckDB, frame: pd.DataFrame) -> None:
    kinds = {name: Kind.NUMERIC if frame[name].dtype == float else Kind.CATEGORICAL for name in frame}
    dataset = Dataset("d", frame, tuple(Column(name, kind) for name, kind in kinds.items()), "")
    layout = engine.layout(dataset, EVER)
    assert shape_of(layout).columns == ()
    assert engine.profile(dataset, layout, EVER).traces.distances == {}


def test_what_the_model_says_has_no_part(engine: DuckDB) -> None:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.normal(size=(200, 3)), columns=["x", "y", "score"])
    columns = (Column("x"), Column("y"), Column("score", role=Role.SCORE))
    assert shape_of(engine.layout(Dataset("d", frame, columns, ""), EVER)).columns == ("x", "y")


def enclosed(u: np.ndarray, *binnings: Binning) -> Ellipsoid:
    return outlying.enclosing(binnings, Moments.of(u), u.shape[1])


def test_a_rare_category_is_no_outlier_by_itself() -> None:
    rng = np.random.default_rng(8)
    found = np.stack([rng.uniform(-0.5, 0.5, SIZE), (rng.random(SIZE) < 0.002).astype(float)])
    shape = enclosed(found, Binning("x", Kind.NUMERIC), Binning("c", Kind.CATEGORICAL, categories=("rare",)))
    rare = outlying.distances(shape, shape.columns, np.array([[0.0], [1.0]]))
    assert 2.5 < rare[0] < 3.1


def test_copies_of_a_column_are_not_weighed_twice_and_a_broken_copy_stands_out() -> None:
    x = np.random.default_rng(9).uniform(-0.6, 0.6, SIZE)
    names = [Binning(name, Kind.NUMERIC) for name in "xyz"]
    shape = enclosed(np.stack([x, x, x]), *names)
    far, broken = outlying.distances(shape, shape.columns, np.array([[0.6, 0.3], [0.6, 0.3], [0.6, -0.3]]))
    alone = abs(0.6 - x.mean()) / x.std()
    assert far == pytest.approx(alone, rel=0.01)
    assert broken > 5 * far


def test_a_row_of_the_reference_is_taken_as_far_as_from_the_others_alone(layout: Layout) -> None:
    """The border lies where that share of rows lies, each measured by an ellipsoid that was made without it."""
    few = 1_000
    found = u(layout, rows(10, few))
    names = [layout[name] for name in KINDS]
    shape = enclosed(found, *names)
    alone = []
    for i in range(few):
        mean, covariance = np.delete(found, i, 1).mean(1), np.cov(np.delete(found, i, 1), bias=True)
        alone.append(mahalanobis(found[:, i], mean, np.linalg.inv(covariance)))
    for share in (0.2, 0.05, 0.01):
        bucket, beyond = outlying.beyond(shape, outlying.counted(shape, shape.columns, found), share)
        assert beyond <= share * (few + 1)
        # Rows within a bucket are taken as even.
        assert beyond == pytest.approx(np.sum(np.array(alone) >= bucket / RESOLUTION), abs=2)
    assert bucket < MOST_BUCKETS


def test_where_many_rows_are_alike_fewer_than_the_share_lie_beyond() -> None:
    shape = Ellipsoid(("x", "y"), 10_000)
    assert outlying.beyond(shape, {10: 9_000, 50: 1_000}, 0.001)[1] < 0.001 * 10_000
    assert outlying.beyond(shape, {10: 9_995, 50: 5}, 0.001)[0] <= 50


def test_one_row_that_alone_breaks_a_copy_does_not_make_every_row_an_outlier() -> None:
    """Of 1,000 rows the odd one lies farther out than a new row could be told to: beyond it 1.5 in 1,001 are usual."""
    a = np.random.default_rng(0).normal(size=1_000)
    b = a.copy()
    a[0], b[0] = 3, -3
    u = np.stack([a / (1 + abs(a)), b / (1 + abs(b))])
    binnings = [Binning(name, Kind.NUMERIC) for name in "ab"]
    shape = outlying.enclosing(binnings, Moments.of(u), 1_000)
    bucket, beyond = outlying.beyond(shape, outlying.counted(shape, "ab", u), 0.001)
    assert (bucket, beyond) == (MOST_BUCKETS - 1, pytest.approx(1, abs=0.01))
    assert (outlying.buckets(outlying.distances(shape, "ab", u)) >= bucket).sum() == 0


def test_exchanged_values_are_seen_better_than_by_an_isolation_forest(layout: Layout) -> None:
    reference, frame, rng = rows(1), rows(11), np.random.default_rng(11)
    exchanged = rng.random(SIZE) < 0.1
    frame.loc[exchanged, "c"] = rng.permutation(frame.loc[exchanged, "c"])
    seen = roc_auc_score(exchanged, outlying.distances(shape_of(layout), tuple(KINDS), u(layout, frame)))
    forest = IsolationForest(random_state=0).fit(u(layout, reference).T)
    assert seen > 0.7
    assert seen > roc_auc_score(exchanged, -forest.score_samples(u(layout, frame).T)) + 0.1


def test_the_columns_named_are_those_without_which_a_row_would_be_nearest(layout: Layout) -> None:
    shape, found = shape_of(layout), u(layout, with_holes(12))[:, :50]
    explained = outlying.explained(shape, tuple(KINDS), found)
    whole = outlying.distances(shape, tuple(KINDS), found) ** 2
    for i in range(len(KINDS)):
        without = found.copy()
        without[i] = np.nan
        nearer = outlying.distances(shape, tuple(KINDS), without) ** 2
        np.testing.assert_allclose(whole - nearer, explained[i], atol=1e-7)
