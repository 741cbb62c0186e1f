"""When and how a component changed: by hand where it is plain, by simulation where chance decides."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from airflow_ml_monitor.errors import Undefined
from airflow_ml_monitor.policy.charts.change import ADVICE, Change, Shape, change_of
from airflow_ml_monitor.policy.charts.panel import Floats

BEFORE = 60
"""Windows in control."""
DRAWS = 2000
LAG = 0.3
Rng = np.random.Generator


def errors(rng: Rng, count: int, lag: float, tails: float = np.inf) -> Floats:
    """Of variance 1 and autocorrelation `lag`, from normal innovations or Student's."""
    drawn = (
        rng.normal(size=count + 30)
        if np.isinf(tails)
        else rng.standard_t(tails, count + 30) / np.sqrt(tails / (tails - 2))
    )
    found = drawn.copy()
    for i in range(1, len(found)):
        found[i] = lag * found[i - 1] + np.sqrt(1 - lag**2) * drawn[i]
    return found[30:]


def moved(shape: Shape, size: float, after: int) -> Floats:
    """The change alone: nothing in the first windows, then `after` changed ones; a ramp ends at its size."""
    changed = {
        Shape.SUDDEN: np.ones(after),
        Shape.GRADUAL: np.arange(1, after + 1) / after,
        Shape.OUTLIER: np.arange(after) == 0,
    }
    return np.append(np.zeros(BEFORE), size * changed[shape])


def told(shape: Shape, size: float, after: int, draws: int, *, lag: float = LAG, tails: float = np.inf) -> list[Change]:
    rng, move = np.random.default_rng(7), moved(shape, size, after)
    return [change_of(errors(rng, len(move), lag, tails) + move, lag) for _ in range(draws)]


def covered(found: list[Change]) -> float:
    """How often the interval holds the first changed window."""
    return float(np.mean([change.first <= BEFORE <= change.last for change in found]))


@pytest.mark.parametrize(
    ("shape", "size", "after"),
    [(Shape.SUDDEN, 6.0, 10), (Shape.GRADUAL, 8.0, 20), (Shape.OUTLIER, 9.0, 5), (Shape.SUDDEN, -6.0, 10)],
)
def test_a_plain_change_is_named_dated_and_sized(shape: Shape, size: float, after: int) -> None:
    score = np.sin(1.7 * np.arange(BEFORE + after)) + moved(shape, size, after)
    found = change_of(score, 0.0)
    assert found.shape is shape
    assert found.first <= BEFORE <= found.last
    assert abs(found.at - BEFORE) <= (4 if shape is Shape.GRADUAL else 0)
    assert found.size == pytest.approx(size, abs=1.1)


@pytest.mark.parametrize("size", [2.0, 4.0, 8.0, 30.0])
def test_on_its_first_window_no_change_has_a_shape_but_a_date(size: float) -> None:
    found = told(Shape.SUDDEN, size, 1, 100)
    assert sum(change.shape is Shape.UNCLEAR for change in found) >= 95
    if size >= 4:
        assert sum(change.first <= BEFORE <= change.last for change in found) >= 93


def test_what_came_back_is_an_outlier_and_what_stayed_is_none() -> None:
    back, stayed = moved(Shape.OUTLIER, 7.0, 5), moved(Shape.SUDDEN, 7.0, 5)
    usual = np.cos(2.3 * np.arange(len(back)))
    assert change_of(usual + back, LAG).shape is Shape.OUTLIER
    assert change_of(usual + stayed, LAG).shape is Shape.SUDDEN


def test_an_old_outlier_in_control_does_not_hide_a_lasting_change() -> None:
    score = np.cos(2.3 * np.arange(BEFORE + 10)) + moved(Shape.SUDDEN, 4.0, 10)
    score[20] += 5.0
    found = change_of(score, 0.0)
    assert (found.shape, found.at) == (Shape.SUDDEN, BEFORE)


def test_missing_windows_widen_the_date_and_move_nothing() -> None:
    score = np.cos(2.3 * np.arange(BEFORE + 12)) + moved(Shape.SUDDEN, 8.0, 12)
    whole = change_of(score, LAG)
    score[BEFORE - 3 : BEFORE] = np.nan
    found = change_of(score, LAG)
    assert (whole.first, whole.last) == (BEFORE, BEFORE)
    # It began on a missing window or on the next: all are as likely.
    assert (found.first, found.last) == (BEFORE - 3, BEFORE)
    assert found.shape is whole.shape is Shape.SUDDEN


def test_a_lag_of_the_errors_makes_a_small_step_less_sure() -> None:
    score = np.cos(2.3 * np.arange(BEFORE + 10)) + moved(Shape.SUDDEN, 1.5, 10)
    free, tied = change_of(score, 0.0), change_of(score, 0.6)
    assert tied.last - tied.first > free.last - free.first


def test_an_offset_that_the_baselines_error_explains_is_smaller_evidence() -> None:
    # A step that began with the second window is all but an offset.
    score = np.cos(2.3 * np.arange(40)) + 1.0
    assert change_of(score, 0.0, noise=1.0).last > change_of(score, 0.0).last


def test_a_mirrored_component_changed_at_the_same_time_by_as_much() -> None:
    score = errors(np.random.default_rng(3), BEFORE + 9, LAG) + moved(Shape.GRADUAL, 5.0, 9)
    one, other = change_of(score, LAG, 0.02), change_of(-score, LAG, 0.02)
    assert (one.at, one.first, one.last, one.shape) == (other.at, other.first, other.last, other.shape)
    assert one.size == pytest.approx(-other.size)


def smooth(score: Floats) -> Floats:
    return np.convolve(np.pad(score, 3, mode="edge"), np.ones(7) / 7, "valid")


def seasons(this: Floats, last: Floats, draws: int = 100) -> Counter[Shape]:
    rng = np.random.default_rng(5)
    return Counter(
        change_of(
            errors(rng, len(this), LAG) + this, LAG, 0.02, season=smooth(errors(rng, len(last), LAG) + last)
        ).shape
        for _ in range(draws)
    )


def test_what_repeats_last_year_recurs_and_what_does_not_never() -> None:
    wave = 5 * np.exp(-(((np.arange(90) - 82) / 14) ** 2))
    found = seasons(wave, wave)
    assert found[Shape.RECURRING] >= 50
    assert found[Shape.SUDDEN] <= 5
    assert seasons(np.roll(wave, 3), wave)[Shape.RECURRING] >= 35  # Three windows late.
    step = moved(Shape.SUDDEN, 4.0, 20)
    for last in (0 * step, -step):
        found = seasons(step, last)
        assert found[Shape.RECURRING] == 0
        assert found[Shape.SUDDEN] >= 70
    assert seasons(0 * wave, wave)[Shape.RECURRING] <= 2


def test_a_flat_last_year_and_missing_windows_of_it_change_nothing_plain() -> None:
    score = np.cos(2.3 * np.arange(BEFORE + 12)) + moved(Shape.SUDDEN, 5.0, 12)
    season = np.zeros(len(score))
    season[::7] = np.nan
    assert change_of(score, LAG, season=season) == change_of(score, LAG)
    assert change_of(score, LAG, season=np.full(len(score), np.nan)) == change_of(score, LAG)


@pytest.mark.parametrize("score", [np.full(30, np.nan), np.where(np.arange(30) == 4, 1.0, np.nan), np.zeros(0)])
def test_without_two_scores_there_is_no_date(score: Floats) -> None:
    with pytest.raises(Undefined, match="two or more"):
        change_of(score, 0.0)


def test_every_shape_has_its_advice() -> None:
    assert set(ADVICE) == set(Shape)
    assert "refit" in ADVICE[Shape.GRADUAL]
    assert "pipe" in ADVICE[Shape.SUDDEN]
    assert "season" in ADVICE[Shape.RECURRING]


@pytest.mark.parametrize(
    ("shape", "size", "after", "least"),
    [
        (Shape.OUTLIER, 7.0, 7, 90),
        (Shape.SUDDEN, 5.0, 7, 80),
        (Shape.SUDDEN, 3.0, 28, 75),
        (Shape.GRADUAL, 4.0, 28, 75),
    ],
)
def test_a_shape_is_told_once_windows_enough_have_followed(shape: Shape, size: float, after: int, least: int) -> None:
    found = Counter(change.shape for change in told(shape, size, after, 100))
    assert found[shape] >= least
    assert 100 - found[shape] - found[Shape.UNCLEAR] <= 8


def test_chance_alone_has_no_shape() -> None:
    found = Counter(change.shape for change in told(Shape.SUDDEN, 0.0, 14, 200))
    assert found[Shape.UNCLEAR] >= 196


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "size", "after", "lag"),
    [
        (Shape.SUDDEN, 1.0, 28, 0.0),
        (Shape.SUDDEN, 2.0, 14, 0.3),
        (Shape.SUDDEN, 3.0, 14, 0.5),
        (Shape.GRADUAL, 2.0, 28, 0.5),
        (Shape.GRADUAL, 4.0, 28, 0.3),
    ],
)
def test_the_interval_of_the_date_covers_as_it_says(shape: Shape, size: float, after: int, lag: float) -> None:
    # Windows are whole, so the interval of a plain step covers more: 95 % lie within less than two windows.
    assert 0.93 <= covered(told(shape, size, after, DRAWS, lag=lag)) <= (0.99 if size == 3 else 0.985)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "after"), [(2.0, 14), (3.0, 7)])
def test_the_interval_covers_where_errors_have_long_tails(size: float, after: int) -> None:
    assert 0.93 <= covered(told(Shape.SUDDEN, size, after, DRAWS, tails=6)) <= 0.985
