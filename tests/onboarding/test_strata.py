"""Which column tells rows whose labels take long? Only one that does, and only if that is worth a stratum."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, kruskal

from airflow_ml_monitor.monitor.spec import MonitorSpec
from airflow_ml_monitor.onboarding.columns import guesses
from airflow_ml_monitor.onboarding.draft import draft
from airflow_ml_monitor.onboarding.explained import LEAST_EFFECT, explained, mature
from airflow_ml_monitor.onboarding.facts import Labelled
from airflow_ml_monitor.onboarding.gather import gathered
from airflow_ml_monitor.profile.dataset import Kind, Role


def slowed(made, slow):
    """The shop's labels, those of some orders five times as late."""
    every = made.labels.merge(made.predictions, on="order_id")
    late = every.known_at - every.ordered_at
    known_at = (every.ordered_at + late * np.where(slow(every), 5, 1)).astype("datetime64[us]")
    return made.labels.assign(known_at=known_at.to_numpy())


def suggested(made, labels):
    found = guesses(gathered(made.reference, made.predictions, labels)).columns
    return {c.name: c.guess for c in found if c.role is Role.DELAY_STRATUM}


def test_the_column_that_slows_labels_is_the_stratum_of_the_drafted_spec(shop):
    made = shop(days=30)
    labels = slowed(made, lambda rows: rows.country == "DE")
    [(name, guess)] = suggested(made, labels).items()
    assert name == "country"
    assert "how long labels of a class take" in guess.evidence
    stranger = type(made)(made.folder, made.reference, made.predictions, labels, made.time).write()
    written = draft(
        stranger.folder / "reference.parquet",
        predictions=stranger.folder / "predictions",
        labels=stranger.folder / "labels.parquet",
    )
    spec = MonitorSpec.from_yaml(written.write(stranger.folder)[0])
    assert spec.dataset().column(Role.DELAY_STRATUM).name == "country"
    # What a column tells of delays takes nothing from what else it is good for.
    assert "country" in written.guesses.slice_by


def test_a_number_that_slows_labels_is_the_stratum(shop):
    made = shop(days=30)
    assert list(suggested(made, slowed(made, lambda rows: rows.basket > 60))) == ["basket"]


def test_nothing_is_suggested_where_labels_of_all_take_as_long_or_less_than_a_day(shop, taxi):
    made = shop(days=30)
    assert suggested(made, made.labels) == {}
    # A long ride is known later than a short one; but all of them on the same day.
    made = taxi(days=20)
    assert suggested(made, made.labels) == {}
    late = made.labels.assign(ended_at=made.labels.ended_at + (made.labels.ended_at - made.labels.started_at) * 100)
    assert list(suggested(made, late)) == ["km"]


def world(rng, rows, factor=1.0):
    """Twelve columns: `c2` slows a quarter of the rows; `class` goes with the class whose labels take long."""
    label = (rng.random(rows) < 0.2).astype(int)
    columns = {f"c{i}": rng.choice(list("abcd"), rows) for i in range(6)}
    columns |= {f"x{i}": rng.normal(size=rows) for i in range(5)}
    columns["class"] = np.where(rng.random(rows) < np.where(label, 0.8, 0.2), "x", "y")
    kinds = {name: Kind.NUMERIC if name[0] == "x" else Kind.CATEGORICAL for name in columns}
    delay = rng.exponential(np.where(label, 10, 3)) * np.where(columns["c2"] == "a", factor, 1)
    return pd.DataFrame(columns), kinds, rng.random(rows), delay, label


@pytest.mark.parametrize(("rows", "factor", "least"), [(300, 3, 0.95), (1000, 2, 0.95), (4000, 2, 1.0)])
def test_one_column_among_many_is_found(rows, factor, least):
    rng = np.random.default_rng(rows)
    found = [list(explained(*world(rng, rows, factor))) for _ in range(40)]
    assert np.mean([names[:1] == ["c2"] for names in found]) >= least
    assert np.mean([len(names) > 1 for names in found]) <= 0.05


@pytest.mark.parametrize("rows", [300, 1500])
def test_where_no_column_explains_the_delay_one_is_named_in_at_most_one_of_a_hundred_worlds(rows):
    rng = np.random.default_rng(rows + 1)
    named = sum(bool(explained(*world(rng, rows))) for _ in range(100))
    # More than four of a hundred would be one chance in three hundred, at the one of a hundred that is allowed.
    assert named <= 4


def test_an_effect_that_is_sure_but_small_is_not_worth_a_stratum():
    rows, kinds, asked, delay, label = world(np.random.default_rng(4), 30_000, 1.2)
    assert kruskal(*(delay[(rows.c2 == value) & (label == 0)] for value in "abcd")).pvalue < 1e-12
    assert explained(rows, kinds, asked, delay, label) == {}


def test_effect_and_chance_are_those_of_kruskal_and_wallis_within_each_class():
    rows, _, asked, delay, label = world(np.random.default_rng(5), 2000, 2)
    [found] = explained(rows, {"c2": Kind.CATEGORICAL}, asked, delay, label).values()
    parts = [kruskal(*(delay[(rows.c2 == value) & (label == one)] for value in "abcd")) for one in (0, 1)]
    statistic = sum(part.statistic for part in parts)
    assert found.chance == pytest.approx(chi2.sf(statistic, 6))
    assert found.effect == pytest.approx((statistic - 6) / (2000 - 8))
    assert (found.columns, found.rows) == (1, 2000)
    assert found.effect > LEAST_EFFECT


def test_a_column_that_moves_on_with_time_is_no_stratum():
    rows, kinds, asked, delay, label = world(np.random.default_rng(6), 2000, 3)
    assert "c2" in explained(rows, kinds, asked, delay, label)
    # As where the value is a product that came up in the middle of the year.
    assert "c2" not in explained(rows, kinds, np.where(rows.c2 == "a", 1 + asked, asked), delay, label)


def test_predictions_too_young_for_their_slow_labels_are_not_compared():
    rng = np.random.default_rng(7)
    asked, late = rng.uniform(0, 60, 5000), rng.exponential(5, 5000)
    known = asked + late < 60
    row = np.flatnonzero(known)
    times = ({"at": asked[known] * 86_400}, {"told": (asked + late)[known] * 86_400})
    old, days = mature(Labelled(row, *times, {}), ("at", "told"))
    # Of all that were asked up to then nearly every label is in: delays are those of the world again.
    until = asked[row[old]].max()
    assert len(old) > 0.98 * (asked <= until).sum()
    assert until < 45
    assert days.mean() == pytest.approx(5, rel=0.05)
