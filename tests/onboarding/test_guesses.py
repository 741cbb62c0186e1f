"""Guesses from names and contents; the contents decide."""

import numpy as np
import pandas as pd
import pytest

from airflow_ml_monitor.onboarding.columns import guesses
from airflow_ml_monitor.onboarding.gather import gathered
from airflow_ml_monitor.onboarding.guess import MISSING, Sureness
from airflow_ml_monitor.profile.dataset import Kind, Role
from airflow_ml_monitor.profile.task import TaskKind


def guessed(stranger):
    return guesses(gathered(stranger.reference, stranger.predictions, stranger.labels))


def column(found, name):
    return next(c for c in found.columns if c.name == name)


def test_an_order_file_is_understood(shop):
    found = guessed(shop())
    assert found.model.kind.value is TaskKind.BINARY
    assert (found.model.positive.value, found.model.positive.sureness) == (1, Sureness.HIGH)
    assert (found.event_time.value, found.entity_key.value) == ("ordered_at", ("order_id",))
    assert found.labels.key.value == ("order_id",)
    assert (found.labels.label.value, found.labels.label_time.value) == ("sent_back", "known_at")
    assert found.reference_label.value == "sent_back"
    assert found.unit.value == "day"
    roles = {c.name: (c.kind, c.role) for c in found.columns}
    assert roles == {
        "basket": (Kind.NUMERIC, Role.FEATURE),
        "items": (Kind.NUMERIC, Role.FEATURE),
        "country": (Kind.CATEGORICAL, Role.FEATURE),
        "is_new": (Kind.BOOLEAN, Role.FEATURE),
        "p_return": (Kind.NUMERIC, Role.SCORE),
        "model_version": (Kind.CATEGORICAL, Role.VERSION),
    }
    # Rare things first: two values of `is_new`, then three countries.
    assert found.slice_by == ("is_new", "country")


def test_the_evidence_of_a_score_is_its_auc_against_the_label(shop):
    made = shop()
    found = column(guessed(made), "p_return").guess
    score, label = made.reference.p_return.to_numpy(), made.reference.sent_back.to_numpy() == 1
    wins = (score[label][:, None] > score[~label][None, :]).mean()
    assert f"ROC AUC {wins:.2f} against sent_back" in found.evidence
    assert found.sureness is Sureness.HIGH


def test_a_regression_without_an_id_gets_the_fewest_columns_that_name_a_row(taxi):
    found = guessed(taxi())
    assert found.model.kind.value is TaskKind.REGRESSION
    assert found.entity_key.value == found.labels.key.value == ("driver", "started_at")
    assert column(found, "predicted_minutes").role is Role.PREDICTION
    assert (found.labels.label.value, found.labels.label_time.value) == ("minutes", "ended_at")
    assert not [name for name, guess in found.named.items() if guess.todo and name != "datasets.source"]


def test_the_horizon_is_the_99th_percentile_of_the_delays_rounded_up(shop):
    made = shop()
    assert guessed(made).labels.horizon.value == "2d"
    late = made.labels.assign(known_at=made.labels.known_at + pd.Timedelta(days=40))
    made = type(made)(made.folder, made.reference, made.predictions, late, made.time)
    # 41.9 days at most, rounded up to whole weeks.
    assert guessed(made).labels.horizon.value == "42d"


def test_naive_times_are_never_given_a_zone_silently(shop, taxi):
    assert guessed(shop()).zone.todo
    assert not guessed(taxi()).zone.todo


def test_contents_overrule_names(shop):
    made = shop()
    # `score` is noise in the reference, `x7` is what the model gave.
    noise = np.random.default_rng(3).random(len(made.reference))
    reference = made.reference.rename(columns={"p_return": "x7"}).assign(score=noise)
    predictions = made.predictions.rename(columns={"p_return": "x7"}).assign(score=0.5)
    found = guesses(gathered(reference, predictions, made.labels))
    [score] = [c for c in found.columns if c.role is Role.SCORE]
    assert score.name == "x7" or score.guess.todo


def test_two_columns_that_could_be_the_time_are_asked_about(shop):
    made = shop()
    tables = [t.assign(seen_at=t.ordered_at) for t in (made.reference, made.predictions)]
    found = guesses(gathered(*tables, made.labels)).event_time
    assert found.sureness is Sureness.LOW
    assert "seen_at" in found.todo
    assert "ordered_at" in found.todo


def test_a_score_that_falls_where_the_label_holds_is_asked_about(shop):
    made = shop()
    tables = [t.assign(p_return=1 - t.p_return) for t in (made.reference, made.predictions)]
    assert "other class" in guesses(gathered(*tables, made.labels)).model.positive.todo


def test_the_positive_class_of_texts_is_where_the_score_is_high(shop):
    made = shop()
    words = {0: "returned not", 1: "kept not"}
    reference = made.reference.assign(sent_back=made.reference.sent_back.map(words))
    labels = made.labels.assign(sent_back=made.labels.sent_back.map(words))
    # In the order of the alphabet the other one would come last.
    assert guesses(gathered(reference, made.predictions, labels)).model.positive.value == "kept not"


def test_a_row_number_in_the_file_of_labels_is_found_as_the_key(shop, tmp_path):
    made = shop()
    everything = made.predictions.merge(made.labels, on="order_id").assign(row=range(len(made.predictions)))
    everything.drop(columns=["order_id", "p_return", "row"]).to_parquet(tmp_path / "orders.parquet", index=False)
    shuffled = everything.drop(columns=["order_id", "sent_back", "known_at"]).sample(frac=1, random_state=0)
    reference = made.reference.drop(columns="order_id").assign(row=range(10**6, 10**6 + len(made.reference)))
    found = guesses(gathered(reference, shuffled, tmp_path / "orders.parquet"))
    assert found.entity_key.value == ("row",)
    assert found.labels.key.value == ("file_row_number",)
    assert "agrees in 100%" in found.labels.key.evidence


def test_without_anything_that_names_a_row_labels_ask_for_an_id(shop):
    made = shop()
    predictions = pd.concat([made.predictions.drop(columns="order_id")] * 2)
    found = guesses(gathered(made.reference, predictions, made.labels))
    assert found.entity_key.value == (MISSING,)
    assert "write an id beside every score" in found.entity_key.todo


def test_what_moves_with_the_calendar_is_left_out(shop):
    made = shop()
    tables = [
        t.assign(
            year=t.ordered_at.dt.year,
            day=t.ordered_at.dt.day,
            weekday=t.ordered_at.dt.day_of_week,
            counter=range(start, start + len(t)),
        )
        for t, start in ((made.reference.sort_values("ordered_at"), 0), (made.predictions, 2000))
    ]
    found = guesses(gathered(*tables, made.labels))
    assert {"year", "day", "counter"} <= set(found.left_out)
    assert column(found, "weekday").role is Role.FEATURE


def test_names_and_free_text_are_left_out(shop):
    made = shop()
    tables = [
        t.assign(note=[f"note {i}" for i in range(len(t))], empty=None) for t in (made.reference, made.predictions)
    ]
    left_out = guesses(gathered(*tables, made.labels)).left_out
    assert {"note", "empty"} <= set(left_out)


@pytest.mark.parametrize(("name", "kind"), [("zip_code", Kind.CATEGORICAL), ("rooms", Kind.NUMERIC)])
def test_few_whole_numbers_are_codes_only_if_they_are_called_so(shop, name, kind):
    made = shop()
    tables = [t.rename(columns={"items": name}) for t in (made.reference, made.predictions)]
    assert column(guesses(gathered(*tables, made.labels)), name).kind is kind


def test_few_rows_a_day_make_weeks(shop):
    assert guessed(shop(days=60, a_day=40)).unit.value == "week"


def test_a_reference_alone_is_enough_for_data_and_drift(shop):
    found = guesses(gathered(shop().reference.drop(columns="sent_back")))
    assert found.labels is None
    assert found.reference_label is None
    assert column(found, "p_return").role is Role.SCORE
    assert found.source.todo


def test_a_flag_that_drives_the_score_is_not_taken_for_the_truth_silently(shop):
    reference = shop().reference.drop(columns="sent_back")
    reference["p_return"] = 0.1 + 0.5 * reference.is_new + 0.1 * reference.p_return
    found = guesses(gathered(reference))
    assert found.reference_label.todo


def test_a_label_of_another_name_in_the_reference_is_found_and_asked_about(shop):
    made = shop()
    found = guesses(gathered(made.reference.rename(columns={"sent_back": "z"}), made.predictions, made.labels))
    assert found.labels.label.value == "sent_back"
    assert found.reference_label.value == "z"
    assert "sent_back" in found.reference_label.todo


def test_among_many_shares_and_flags_the_score_and_its_label_stand_out(shop):
    made, rng = shop(), np.random.default_rng(5)
    wide = made.reference.assign(**{f"f{i}": rng.random(len(made.reference)) for i in range(30)})
    wide = wide.assign(**{f"b{i}": rng.integers(0, 2, len(wide)) for i in range(30)})
    found = gathered(wide)
    assert len(found.rankings) == 31 * 32
    assert max(found.rankings, key=lambda pair: abs(found.rankings[pair] - 0.5)) == ("p_return", "sent_back")
