import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.metrics import log_loss, roc_auc_score

from airflow_ml_monitor.errors import SpecError, TooFew, Undefined
from airflow_ml_monitor.lifecycle.comparison import LEAST_OF_EACH_CLASS, Comparison, compare

Numbers = NDArray[np.float64]


def draw(
    random: np.random.Generator, n: int, *, champion: float = 0.5, challenger: float = 0.5
) -> tuple[Numbers, Numbers, Numbers]:
    """Labels, and two models that see the true logit with errors of such sizes, independent of each other."""
    true = -1.6 + 1.3 * random.standard_normal(n)
    labels = (random.random(n) < expit(true)).astype(float)
    scores = [expit(true + size * random.standard_normal(n)) for size in (champion, challenger)]
    return labels, scores[0], scores[1]


def repeat(draws: int, n: int, seed: int, **sizes: float) -> list[Comparison]:
    random = np.random.default_rng(seed)
    return [compare(*draw(random, n, **sizes)) for _ in range(draws)]


def test_the_gain_is_worked_out_by_hand() -> None:
    # 30 positives and 30 negatives. Champion: 0.5 everywhere: loss ln 2 = 0.693147, AUC 0.5. Challenger: 0.8 for
    # positives, 0.2 for negatives: loss −ln 0.8 = 0.223144 on every row, AUC 1. Gains are all 0.470004: no spread.
    labels = np.repeat([1, 0], 30)
    found = compare(labels, np.full(60, 0.5), np.where(labels == 1, 0.8, 0.2))
    assert (found.champion, found.challenger) == pytest.approx((0.693147, 0.223144), abs=1e-6)
    assert (found.difference, found.low, found.high) == pytest.approx((0.470004,) * 3, abs=1e-6)
    assert (found.roc_auc.champion, found.roc_auc.challenger, found.roc_auc.difference) == (0.5, 1.0, 0.5)
    assert found.n == 60
    assert found.is_better


def test_values_are_scikit_learn_s_ties_and_certain_scores_included() -> None:
    labels, champion, challenger = draw(np.random.default_rng(0), 2000)
    champion, challenger = np.round(champion, 1), np.round(challenger, 2)
    champion[:3] = [0.0, 1.0, 1.0]
    found = compare(labels, champion, challenger)
    assert found.champion == pytest.approx(log_loss(labels, champion), rel=1e-12)
    assert found.challenger == pytest.approx(log_loss(labels, challenger), rel=1e-12)
    assert found.roc_auc.champion == pytest.approx(roc_auc_score(labels, champion), rel=1e-12)
    assert found.roc_auc.challenger == pytest.approx(roc_auc_score(labels, challenger), rel=1e-12)


def test_the_auc_interval_is_the_one_of_a_paired_bootstrap() -> None:
    random = np.random.default_rng(1)
    labels, champion, challenger = draw(random, 1500, champion=0.8, challenger=0.4)
    found = compare(labels, champion, challenger).roc_auc
    gains = []
    for _ in range(200):
        rows = random.integers(0, 1500, 1500)
        areas = [roc_auc_score(labels[rows], scores[rows]) for scores in (challenger, champion)]
        gains.append(areas[0] - areas[1])
    # 200 draws know a standard deviation to 5 %; 15 % is three times that.
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(np.std(gains), rel=0.15)


def test_swapping_the_models_turns_the_sign_and_the_verdict() -> None:
    labels, good, bad = draw(np.random.default_rng(2), 3000, champion=0.2, challenger=1.5)
    worse, better = compare(labels, good, bad), compare(labels, bad, good)
    assert (worse.difference, worse.low, worse.high) == pytest.approx(
        (-better.difference, -better.high, -better.low), rel=1e-12
    )
    assert (better.is_better, worse.is_better) == (True, False)
    assert better.reason.startswith("the challenger is better: log loss ")
    assert worse.reason.startswith("the challenger is worse: ")


def test_a_model_is_not_better_than_itself() -> None:
    labels, scores, _ = draw(np.random.default_rng(3), 500)
    found = compare(labels, scores, scores)
    assert (found.difference, found.low, found.high) == (0, 0, 0)
    assert (found.roc_auc.difference, found.roc_auc.low, found.roc_auc.high) == (0, 0, 0)
    assert not found.is_better
    assert found.reason.startswith("the challenger is not shown to be better: ")


def test_a_miscalibrated_challenger_with_the_same_order_is_not_promoted() -> None:
    labels, champion, _ = draw(np.random.default_rng(4), 3000, champion=0.0)
    found = compare(labels, champion, expit(logit(champion) + 1.5))
    assert found.roc_auc.difference == pytest.approx(0, abs=1e-12)
    assert not found.is_better


def test_equally_good_models_are_promoted_in_at_most_5_percent() -> None:
    found = repeat(1000, 800, seed=6)
    assert np.mean([comparison.is_better for comparison in found]) <= 0.05


def test_intervals_cover_the_true_difference_in_93_to_97_percent() -> None:
    truth = compare(*draw(np.random.default_rng(10), 400_000, champion=0.8, challenger=0.4))
    found = repeat(1000, 800, seed=11, champion=0.8, challenger=0.4)
    for name in ("log_loss", "roc_auc"):
        pairs = [comparison if name == "log_loss" else comparison.roc_auc for comparison in found]
        true = truth.difference if name == "log_loss" else truth.roc_auc.difference
        assert 0.93 <= np.mean([pair.low <= true <= pair.high for pair in pairs]) <= 0.97


def test_a_challenger_with_half_the_error_is_found_on_800_rows() -> None:
    found = repeat(200, 800, seed=12, champion=1.0, challenger=0.5)
    assert np.mean([comparison.is_better for comparison in found]) >= 0.9


@pytest.mark.parametrize(
    ("labels", "champion", "challenger", "error", "message"),
    [
        ([0, 1], [0.5], [0.5, 0.5], SpecError, "give one number per row"),
        ([[0, 1]], [[0.5, 0.5]], [[0.5, 0.5]], SpecError, "give one number per row"),
        ([0, 2], [0.5, 0.5], [0.5, 0.5], SpecError, "labels: holds values other than 0 and 1"),
        ([0, np.nan], [0.5, 0.5], [0.5, 0.5], SpecError, "labels: holds values other than 0 and 1"),
        ([0, 1], [0.5, 1.1], [0.5, 0.5], SpecError, "champion_scores: holds values outside"),
        ([0, 1], [0.5, 0.5], [np.nan, 0.5], SpecError, "challenger_scores: holds values outside"),
        ([], [], [], TooFew, "0 rows of the rarer class; at least 30 are needed"),
        ([1] * 40, [0.5] * 40, [0.5] * 40, Undefined, "all labels are of one class"),
        ([1] * 29 + [0] * 40, [0.5] * 69, [0.5] * 69, TooFew, "29 rows of the rarer class"),
    ],
)
def test_rows_that_cannot_be_compared_are_refused_with_the_reason(
    labels: list[float], champion: list[float], challenger: list[float], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        compare(labels, champion, challenger)


def test_the_smallest_comparison_allowed_has_finite_numbers() -> None:
    labels = np.repeat([1, 0], LEAST_OF_EACH_CLASS)
    random = np.random.default_rng(5)
    found = compare(labels, random.random(len(labels)), random.random(len(labels)))
    numbers = (found.low, found.high, found.roc_auc.low, found.roc_auc.high)
    assert np.isfinite(numbers).all()
    assert all(type(number) is float for number in numbers)
