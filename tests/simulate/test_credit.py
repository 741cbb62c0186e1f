from datetime import UTC, date, datetime, timedelta
from time import process_time

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from airflow_ml_monitor.errors import SpecError
from airflow_ml_monitor.profile.dataset import Kind
from airflow_ml_monitor.simulate.applicants import AFTER, BEFORE, FEATURES, default_probability, draw_applicants
from airflow_ml_monitor.simulate.credit import HORIZON, NEVER_SHARE, CreditWorld
from airflow_ml_monitor.simulate.faults import Faults, parse_faults

START = date(2026, 1, 1)


def world(faults: str = "none", *, seed: int = 3, days: int = 40, rows_per_day: int = 600) -> CreditWorld:
    parsed: Faults = parse_faults(faults)
    return CreditWorld(seed, START, days=days, faults=parsed, rows_per_day=rows_per_day)


def days(of: CreditWorld, first: int, last: int) -> pd.DataFrame:
    return pd.concat([of.applications(day) for day in range(first, last)], ignore_index=True)


def ever(of: CreditWorld) -> pd.DataFrame:
    return of.outcomes(of.midnight(0), of.midnight(of.days + HORIZON.days))


def test_a_day_is_the_same_in_every_order_and_every_process() -> None:
    one, other = world(), world()
    first = one.applications(7)
    other.applications(30)
    other.outcomes(other.midnight(20), other.midnight(25))
    pd.testing.assert_frame_equal(first, other.applications(7))
    pd.testing.assert_frame_equal(
        one.outcomes(one.midnight(20), one.midnight(25)), other.outcomes(other.midnight(20), other.midnight(25))
    )


def test_another_seed_and_another_day_give_other_rows() -> None:
    here = world().applications(7)["income"].head(50)
    assert not here.equals(world().applications(8)["income"].head(50))
    assert not here.equals(world(seed=4).applications(7)["income"].head(50))


def test_changing_a_frame_does_not_change_the_world() -> None:
    of = world()
    frame = of.applications(0)
    frame.loc[:, "income"] = -1.0
    assert (of.applications(0)["income"] > 0).all()


def test_every_feature_arrives_with_its_declared_kind() -> None:
    frame = world().applications(0)
    assert list(frame.columns) == ["application_id", "scored_at", *(column.name for column in FEATURES)]
    is_kind = {
        Kind.NUMERIC: lambda s: pd.api.types.is_numeric_dtype(s) and not pd.api.types.is_bool_dtype(s),
        Kind.CATEGORICAL: pd.api.types.is_string_dtype,
        Kind.BOOLEAN: pd.api.types.is_bool_dtype,
    }
    assert all(is_kind[column.kind](frame[column.name]) for column in FEATURES)


def test_ids_are_unique_over_days_and_history() -> None:
    of = world(days=5)
    frames = [days(of, 0, 5), of.history(1500, "train"), of.history(1500, "reference")]
    ids = pd.concat([frame["application_id"] for frame in frames])
    assert ids.is_unique


def test_applications_are_scored_within_their_day_in_utc() -> None:
    of = world()
    scored = of.applications(4)["scored_at"]
    assert str(scored.dt.tz) == "UTC"
    assert scored.min() >= of.midnight(4)
    assert scored.max() < of.midnight(5)
    assert of.midnight(4) == datetime(2026, 1, 5, tzinfo=UTC)


def test_one_region_in_eight_is_rare_and_some_employment_is_unstated() -> None:
    frame = days(world(), 0, 40)
    shares = frame["region"].value_counts(normalize=True)
    assert len(shares) == 8
    # 24,000 rows: three standard errors of a share of 4 % are 0.4 points.
    assert shares.min() == pytest.approx(0.04, abs=0.004)
    assert frame["employment_years"].isna().mean() == pytest.approx(0.05, abs=0.005)
    assert frame.drop(columns="employment_years").notna().all().all()


def test_the_right_model_ranks_at_0_80_before_and_after_the_concept_changes() -> None:
    random = np.random.default_rng(0)
    values = draw_applicants(random, 60_000, is_shifted=False)
    for relation in (BEFORE, AFTER):
        probability = default_probability(values, relation)
        defaulted = random.random(len(probability)) < probability
        assert roc_auc_score(defaulted, probability) == pytest.approx(0.80, abs=0.012)
        assert defaulted.mean() == pytest.approx(0.165, abs=0.006)


def test_the_concept_costs_the_old_relation_at_least_0_08_of_auc() -> None:
    random = np.random.default_rng(1)
    values = draw_applicants(random, 60_000, is_shifted=False)
    after = default_probability(values, AFTER)
    defaulted = random.random(len(after)) < after
    lost = roc_auc_score(defaulted, after) - roc_auc_score(defaulted, default_probability(values, BEFORE))
    assert lost >= 0.08


def test_a_concept_change_shows_in_no_input() -> None:
    pd.testing.assert_frame_equal(world("concept@10").applications(20), world().applications(20))


def test_a_fault_changes_nothing_before_its_first_day() -> None:
    faulty, clean = world("shift@10,feed@12,concept@15"), world()
    pd.testing.assert_frame_equal(faulty.applications(9), clean.applications(9))
    np.testing.assert_array_equal(faulty.probabilities(9), clean.probabilities(9))


def test_a_shift_moves_age_and_loans_and_leaves_the_relation_alone() -> None:
    shifted, clean = world("shift@0"), world()
    after, before = days(shifted, 0, 10), days(clean, 0, 10)
    assert after["age"].mean() - before["age"].mean() > 4
    assert after["loan_amount"].mean() / before["loan_amount"].mean() == pytest.approx(1.25, abs=0.03)
    for unmoved in ("income", "debt_ratio", "num_cards", "region", "purpose", "channel", "has_account"):
        pd.testing.assert_series_equal(after[unmoved], before[unmoved])
    # The same relation applied to what arrives gives the world's own probabilities, where nothing is missing.
    stated = shifted.applications(0)["employment_years"].notna().to_numpy()
    values = {column.name: shifted.applications(0)[column.name].to_numpy()[stated] for column in FEATURES}
    np.testing.assert_allclose(default_probability(values, BEFORE), shifted.probabilities(0)[stated])


def test_a_broken_feed_changes_a_unit_and_loses_a_column_for_three_days() -> None:
    broken, clean = world("feed@10"), world()
    for day in (10, 12):
        arrived, true = broken.applications(day), clean.applications(day)
        np.testing.assert_allclose(arrived["income"], true["income"] * 1000)
        assert arrived["employment_years"].isna().all()
        pd.testing.assert_frame_equal(
            arrived.drop(columns=["income", "employment_years"]), true.drop(columns=["income", "employment_years"])
        )
    pd.testing.assert_frame_equal(broken.applications(13), clean.applications(13))


def test_a_broken_feed_does_not_change_the_truth() -> None:
    pd.testing.assert_frame_equal(ever(world("feed@10")), ever(world()))


def test_labels_come_late_positives_first_a_few_never() -> None:
    of = world(days=40)
    joined = days(of, 0, 40).merge(ever(of), on="application_id", how="left")
    # 24,000 rows: three standard errors of a share of 3 % are 0.33 points; of these medians below 0.2 days.
    assert joined["known_at"].isna().mean() == pytest.approx(NEVER_SHARE, abs=0.005)
    age = (joined["known_at"] - joined["scored_at"]).dt.total_seconds() / 86_400
    assert age[joined["defaulted"] == 1].median() == pytest.approx(6, abs=0.3)
    assert age[joined["defaulted"] == 0].median() == pytest.approx(11, abs=0.3)
    assert age.min() >= 0
    assert age.max() < 30


def test_a_day_s_labels_pass_80_percent_between_14_and_15_days_after_it() -> None:
    of = world(days=30)
    joined = days(of, 0, 30).merge(ever(of), on="application_id", how="left")
    closed = joined["scored_at"].dt.floor("D") + timedelta(days=1)
    known = {age: (joined["known_at"] < closed + timedelta(days=age)).mean() for age in (13, 15)}
    assert known[13] < 0.8 < known[15]


def test_days_of_outcomes_add_up_to_the_whole() -> None:
    of = world(days=12)
    parts = [of.outcomes(of.midnight(day), of.midnight(day + 1)) for day in range(12 + HORIZON.days)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), ever(of))
    assert ever(of)["known_at"].is_monotonic_increasing
    assert ever(of)["application_id"].is_unique


def test_an_empty_span_of_outcomes_has_the_columns_and_types_of_a_full_one() -> None:
    of = world(days=2)
    empty = of.outcomes(of.midnight(0), of.midnight(0))
    assert empty.empty
    assert empty.dtypes.equals(ever(of).dtypes)


def test_outcomes_refuse_a_moment_without_a_zone() -> None:
    of = world(days=2)
    with pytest.raises(SpecError, match="has no time zone"):
        of.outcomes(datetime(2026, 1, 1), of.midnight(2))


def test_history_was_all_known_before_day_0_and_has_no_fault() -> None:
    of = world("shift@0,concept@0")
    past = of.history(2000)
    assert len(past) == 2000
    assert past["scored_at"].is_monotonic_increasing
    assert past["known_at"].max() < of.midnight(0)
    pd.testing.assert_frame_equal(past, world().history(2000))


def test_a_longer_history_ends_with_the_shorter_one() -> None:
    of = world()
    longer = of.history(1500).tail(700).reset_index(drop=True)
    pd.testing.assert_frame_equal(longer, of.history(700))


@pytest.mark.parametrize(
    ("make", "remedy"),
    [
        (lambda: world("concept@40"), "concept@40 begins after the last day 39"),
        (lambda: world(days=0), "days: 0 is not positive"),
        (lambda: world(rows_per_day=0), "rows_per_day: 0 is not positive"),
        (lambda: world(seed=-1), "seed: -1 is negative"),
        (lambda: world().applications(40), "this world has days 0 to 39"),
        (lambda: world().history(0), "ask for at least 1 row"),
    ],
)
def test_a_world_that_cannot_be_is_refused_with_the_reason(make: object, remedy: str) -> None:
    assert callable(make)
    with pytest.raises(SpecError, match=remedy):
        make()


def test_a_day_takes_less_than_20_milliseconds() -> None:
    of = world(days=40)
    of.applications(0)
    began = process_time()
    for day in range(1, 40):
        of.applications(day)
    assert (process_time() - began) / 39 < 0.020
