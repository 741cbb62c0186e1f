"""Labels that come as totals, against pandas on the rows at every midnight: at once, day by day, and backwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from airflow_ml_monitor.errors import DataFault, MissingColumn, Undefined, WrongType
from airflow_ml_monitor.keys import EVER, WHOLE, Slice, Window, WindowRule, WindowUnit
from airflow_ml_monitor.profile.dataset import Column, Dataset, Kind, Role
from airflow_ml_monitor.profile.engines.embedded.duckdb import DuckDB
from airflow_ml_monitor.profile.engines.engine import LabelBatch
from airflow_ml_monitor.profile.label_source import LabelMode, LabelSource
from airflow_ml_monitor.profile.layout import Binning, Layout
from airflow_ml_monitor.profile.ledger import Entries
from airflow_ml_monitor.profile.sums import OF_TOTALS
from airflow_ml_monitor.profile.task import Task, TaskKind
from airflow_ml_monitor.profile.totals_view import TotalsView

HOUR = timedelta(hours=1)
SIZE = 600
CHANNEL = Column("channel", Kind.CATEGORICAL)
BY_CHANNEL = Layout((Binning("channel", Kind.CATEGORICAL, categories=("app", "web")),), ("channel",))
Part = tuple[Window, str | None, pd.DataFrame]
APP: Slice = (("channel", "app"),)


@pytest.fixture(scope="module")
def scored(oracle: ModuleType) -> pd.DataFrame:
    rng = np.random.default_rng(41)
    at = oracle.DAY.start + pd.to_timedelta(rng.uniform(0, 12 * 24, SIZE), unit="h").floor("us")
    channel = rng.choice(["app", "web", "fax", None], SIZE, p=[0.4, 0.4, 0.1, 0.1])
    score = np.where(rng.random(SIZE) < 0.05, np.nan, rng.random(SIZE))
    return pd.DataFrame({"id": np.arange(SIZE), "at": at, "channel": channel, "score": score})


def parts(oracle: ModuleType, scored: pd.DataFrame) -> list[Part]:
    """The predictions of every day and channel; without one they are a part as well."""
    found = []
    for day in oracle.DAYS:
        today = scored[(scored["at"] >= day.start) & (scored["at"] < day.end)]
        for channel in ("app", "web", "fax", None):
            rows = today[today["channel"].isna() if channel is None else today["channel"] == channel]
            found += [(day, channel, rows)] if len(rows) else []
    return found


@pytest.fixture(scope="module")
def totals(oracle: ModuleType, scored: pd.DataFrame) -> pd.DataFrame:
    """Up to four totals of each day and channel, in the order of no clock; some take back, some cannot be."""
    rng = np.random.default_rng(42)
    found = []
    for day, channel, mine in parts(oracle, scored):
        for _ in range(rng.integers(0, 5)):
            rows = int(rng.integers(0, len(mine) + 1)) if rng.random() < 0.5 else len(mine)
            wrong = rng.choice(["", "many", "negative", "half", "taken back"], p=[0.7, 0.08, 0.06, 0.06, 0.1])
            label = {"many": rows + 1.0, "negative": -1.0, "half": 0.5, "taken back": np.nan}.get(
                str(wrong), float(rng.integers(0, rows + 1))
            )
            known = day.end + timedelta(hours=float(rng.uniform(0, 150)))
            found.append((day.start.date(), channel, rows, label, pd.Timestamp(known).floor("us")))
    columns = ["day", "channel", "rows", "label", "known_at"]
    return pd.DataFrame(found, columns=columns).sample(frac=1, random_state=0, ignore_index=True)


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.table({name: pa.array(frame[name], from_pandas=True) for name in frame})


def total_source(frame: pd.DataFrame | pa.Table, *by: str, **more: Any) -> LabelSource:
    source = frame if isinstance(frame, pa.Table) else table(frame)
    plain = {"label_time": "known_at", "mode": LabelMode.AGGREGATE, "rows": "rows", "day": "day", "by": by}
    return LabelSource("l", source, "label", **{**plain, **more})


def in_force(totals: pd.DataFrame, known_at: datetime) -> pd.DataFrame:
    """The total of each day and channel that counts at a moment."""
    is_whole = totals["label"].isna() | ((totals["label"] >= 0) & (totals["label"] % 1 == 0))
    possible = totals[is_whole & ~(totals["label"] > totals["rows"])]
    known = possible[possible["known_at"] <= known_at].sort_values("known_at")
    return known.drop_duplicates(["day", "channel"], keep="last").dropna(subset=["label"])


def values(*found: float) -> dict[str, float]:
    """Rows, positives, predictions of the parts with a total, sum of their scores, decided positive."""
    return dict(zip(("n", "labels", "matched", "score", "decided"), found, strict=True))


def expected(cut: list[Part], totals: pd.DataFrame, known_at: datetime, channel: str = "") -> dict[str, float]:
    """The values by pandas alone."""
    found = values(0.0, 0.0, 0.0, 0.0, 0.0)
    counted = in_force(totals, known_at)
    for day, name, rows in cut:
        same = counted["channel"].isna() if name is None else counted["channel"] == name
        given = counted[same & (counted["day"] == day.start.date())]
        if given.empty or channel not in ("", name):
            continue
        (total,) = given.itertuples()
        mine = rows["score"].dropna()
        found["n"] += total.rows
        found["labels"] += total.label
        found["matched"] += len(rows)
        if len(mine):
            found["score"] += mine.mean() * total.rows
            found["decided"] += (mine >= 0.5).mean() * total.rows
    return found


def seen(entries: list[Entries], task: Task, slice: Slice = WHOLE) -> dict[str, float]:
    view = Entries.together(entries, OF_TOTALS[task.kind]).view(task, slice)
    told = TotalsView.of(view)
    found = {"n": told.n, "labels": told.labels, "matched": told.matched}
    return found | {name: view.total(name) for name in ("score", "decided")}


def ledger(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, totals: pd.DataFrame, upto: datetime, **more: Any
) -> LabelBatch:
    dataset = oracle.predictions(table(scored), CHANNEL, slice_by=("channel",))
    source = total_source(totals, "channel")
    return engine.label_entries(oracle.request(dataset, source, upto, layout=BY_CHANNEL, **more))


def check(oracle: ModuleType, scored: pd.DataFrame, totals: pd.DataFrame, entries: list[Entries]) -> None:
    """Every midnight, whole and of a slice."""
    compared, cut = 0, parts(oracle, scored)
    for moment in [day.end for day in oracle.DAYS]:
        known = [part.upto(moment) for part in entries]
        for slice, channel in ((WHOLE, ""), (APP, "app")):
            wanted = expected(cut, totals, moment, channel)
            assert seen(known, oracle.BINARY, slice) == pytest.approx(wanted)
            compared += wanted["n"] > 0
    assert compared > 15


def test_what_was_known_at_every_midnight_is_what_pandas_makes_of_the_rows(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, totals: pd.DataFrame
) -> None:
    batch = ledger(engine, oracle, scored, totals, oracle.DAYS[-1].end)
    check(oracle, scored, totals, list(batch.entries.values()))


@pytest.mark.parametrize("offset", [0, 6])
def test_day_by_day_and_at_once_leave_the_same_counts(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, totals: pd.DataFrame, offset: int
) -> None:
    parts, since = [], EVER.start
    for number, day in enumerate(oracle.DAYS):
        upto = day.end + offset * HOUR
        more = {"since": since, "days": oracle.DAYS[: number + 1], "stale": oracle.DAYS[number : number + 1]}
        parts += ledger(engine, oracle, scored, totals, upto, **more).entries.values()
        since = upto
    check(oracle, scored, totals, parts)
    at_once = ledger(engine, oracle, scored, totals, since).entries.values()
    assert seen(parts, oracle.BINARY) == pytest.approx(seen(list(at_once), oracle.BINARY))


def test_days_read_backwards_each_with_all_its_totals_leave_the_same_ledger(
    engine: DuckDB, oracle: ModuleType, scored: pd.DataFrame, totals: pd.DataFrame
) -> None:
    upto, found = oracle.DAYS[-1].end, []
    for number in reversed(range(len(oracle.DAYS))):
        found += ledger(
            engine, oracle, scored, totals, upto, stale=oracle.DAYS[number : number + 1], since=upto
        ).entries.values()
    check(oracle, scored, totals, found)


def one_day(oracle: ModuleType, *rows: tuple[Any, ...]) -> pd.DataFrame:
    """Totals of the first day: (rows, label, hours after its end, channel)."""
    day = oracle.DAYS[0]
    found = [(day.start.date(), c, n, y, day.end + h * HOUR) for n, y, h, c in rows]
    return pd.DataFrame(found, columns=["day", "channel", "rows", "label", "known_at"])


@pytest.fixture
def four(oracle: ModuleType) -> pd.DataFrame:
    """Scores 0.2, 0.4, 0.6 and 0.9 on the first day; the first two by app."""
    at = [oracle.DAY.start + i * HOUR for i in range(4)]
    channel = ["app", "app", "web", "web"]
    return pd.DataFrame({"id": range(4), "at": at, "channel": channel, "score": [0.2, 0.4, 0.6, 0.9]})


def test_a_total_stands_beside_what_was_predicted_of_its_rows(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame
) -> None:
    given = one_day(oracle, (2, 1.0, 1, "app"), (2, 2.0, 2, "web"))
    entries = list(ledger(engine, oracle, four, given, oracle.DAYS[1].end).entries.values())
    # (0.2 + 0.4 + 0.6 + 0.9) and 2 of 4 that reach 0.5, against 3 positives of 4.
    assert seen(entries, oracle.BINARY) == pytest.approx(values(4, 3, 4, 2.1, 2))
    assert seen(entries, oracle.BINARY, APP) == pytest.approx(values(2, 1, 2, 0.6, 0))


def test_a_total_of_fewer_rows_is_of_rows_predicted_as_their_part_is_on_average(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame
) -> None:
    entries = list(
        ledger(engine, oracle, four, one_day(oracle, (1, 1.0, 1, "web")), oracle.DAYS[1].end).entries.values()
    )
    # One of the two by web, whose mean score is 0.75, both decided positive.
    assert seen(entries, oracle.BINARY) == pytest.approx(values(1, 1, 2, 0.75, 1))
    assert Entries.together(entries, OF_TOTALS[TaskKind.BINARY]).view(oracle.BINARY).coverage == 0.25


REFUSED = {
    "rows": (5, 1.0),
    "negative": (2, -1.0),
    "negative rows": (-2, 0.0),
    "half a row": (2, 0.5),
    "more labels than rows": (1, 2.0),
    "rows missing": (None, 1.0),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_total_that_cannot_be_is_counted_with_its_reason_and_takes_nothing_back(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame, wrong: str
) -> None:
    given = one_day(oracle, (2, 1.0, 1, "app"), (*REFUSED[wrong], 2, "app"))
    batch = ledger(engine, oracle, four, given, oracle.DAYS[1].end)
    assert sum(batch.refused.values()) == 1
    assert (batch.orphans, batch.repeats) == (0, 0)
    assert seen(list(batch.entries.values()), oracle.BINARY)["labels"] == 1


def test_a_total_without_a_day_or_a_moment_is_refused(engine: DuckDB, oracle: ModuleType, four: pd.DataFrame) -> None:
    given = one_day(oracle, (2, 1.0, 1, "app"), (2, 2.0, 2, "app"), (2, 2.0, 3, "app"))
    given.loc[1, "day"], given.loc[2, "known_at"] = None, pd.NaT
    batch = ledger(engine, oracle, four, given, oracle.DAYS[1].end)
    assert batch.refused == {"without a day, a moment or a number of rows": 2}
    assert seen(list(batch.entries.values()), oracle.BINARY)["labels"] == 1


def test_refused_totals_say_which_of_them_is_wrong_how(engine: DuckDB, oracle: ModuleType, four: pd.DataFrame) -> None:
    given = one_day(oracle, (5, 1.0, 1, "app"), (1, 2.0, 1, "app"), (2, -1.0, 1, "web"), (2, 0.5, 1, "web"))
    assert ledger(engine, oracle, four, given, oracle.DAYS[1].end).refused == {
        "of a negative number of rows or labels, or no whole one": 2,
        "of more labels than rows": 1,
        "of more rows than were predicted": 1,
    }


def test_totals_of_nothing_that_was_predicted_are_orphans(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame
) -> None:
    given = one_day(oracle, (1, 1.0, 1, "fax"), (2, 1.0, 1, "app"))
    before = given.assign(day=(oracle.DAY.start - timedelta(days=3)).date())
    empty = given.assign(day=oracle.DAYS[0].end.date())
    batch = ledger(engine, oracle, four, pd.concat([given, before, empty]), oracle.DAYS[2].end)
    assert (batch.orphans, batch.repeats, batch.refused) == (1 + 2 + 2, 0, {})
    assert seen(list(batch.entries.values()), oracle.BINARY)["n"] == 2


def test_of_totals_of_one_moment_that_of_most_rows_stands_and_the_others_are_repeats(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame
) -> None:
    for order in (1, -1):
        given = one_day(oracle, (1, 1.0, 1, "app"), (2, 0.0, 1, "app"), (2, 0.0, 1, "app"))[::order]
        batch = ledger(engine, oracle, four, given, oracle.DAYS[1].end)
        found = seen(list(batch.entries.values()), oracle.BINARY)
        assert (found["n"], found["labels"], batch.repeats) == (2, 0, 2)


def test_a_total_without_a_label_takes_back_what_was_known(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame
) -> None:
    given = one_day(oracle, (2, 1.0, 1, "app"), (None, None, 30, "app"), (2, 2.0, 50, "app"))
    entries = list(ledger(engine, oracle, four, given, oracle.DAYS[4].end).entries.values())
    known = [seen([e.upto(day.end) for e in entries], oracle.BINARY)["n"] for day in oracle.DAYS[:5]]
    assert known == [0, 2, 0, 2, 2]


def days_as(oracle: ModuleType, given: pd.DataFrame, kind: str) -> pa.Table:
    start = oracle.DAYS[0].start
    arrays = {
        "date": pa.array([start.date()] * len(given), pa.date32()),
        "naive": pa.array([start.replace(tzinfo=None)] * len(given), pa.timestamp("ns")),
        "aware": pa.array([start] * len(given), pa.timestamp("us", "UTC")),
        "noon": pa.array([start + 12 * HOUR] * len(given), pa.timestamp("us", "UTC")),
    }
    return table(given).set_column(0, "day", arrays[kind])


@pytest.mark.parametrize("kind", ["date", "naive", "aware", "noon"])
def test_a_day_is_a_date_or_its_first_moment_and_any_other_is_no_day(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame, kind: str
) -> None:
    source = total_source(days_as(oracle, one_day(oracle, (2, 1.0, 1, "app")), kind), "channel")
    dataset = oracle.predictions(table(four), CHANNEL, slice_by=("channel",))
    batch = engine.label_entries(oracle.request(dataset, source, oracle.DAYS[1].end, layout=BY_CHANNEL))
    expected = (0, {"not of one calendar day": 1}) if kind == "noon" else (2, {})
    assert (seen(list(batch.entries.values()), oracle.BINARY)["n"], batch.refused) == expected
    assert batch.orphans == 0


@pytest.mark.parametrize("hour", [0, 6])
def test_days_are_those_of_the_windows_by_their_clock(engine: DuckDB, oracle: ModuleType, hour: int) -> None:
    rule = WindowRule(WindowUnit.DAY, "America/New_York", timedelta(hours=hour))
    day = rule.containing(datetime.fromisoformat("2026-03-08T20:00+00:00"))  # the clocks go forward
    scored = pd.DataFrame({"id": [0, 1, 2], "at": [day.start, day.end - HOUR / 60, day.end], "score": [0.1, 0.2, 0.9]})
    given = [(rule.date_of(day.start), 2, 1.0, day.end), (rule.date_of(day.end), 1, 1.0, day.end + 48 * HOUR)]
    source = total_source(pd.DataFrame(given, columns=["day", "rows", "label", "known_at"]))
    more = {"rule": rule, "days": (day, rule.containing(day.end))}
    batch = engine.label_entries(oracle.request(oracle.predictions(table(scored)), source, day.end + 72 * HOUR, **more))
    found = {window: seen([entries], oracle.BINARY) for window, entries in batch.entries.items()}
    assert [found[window]["score"] for window in more["days"]] == pytest.approx([0.3, 0.9])


def test_totals_of_several_models_are_of_none_alone(engine: DuckDB, oracle: ModuleType, four: pd.DataFrame) -> None:
    version = Column("version", Kind.CATEGORICAL, Role.VERSION)
    dataset = oracle.predictions(
        table(four.assign(version=["v1", "v1", "v1", "v2"])), CHANNEL, version, slice_by=("channel",)
    )
    source = total_source(one_day(oracle, (2, 1.0, 1, "app"), (2, 2.0, 1, "web")), "channel")
    batch = engine.label_entries(oracle.request(dataset, source, oracle.DAYS[1].end, layout=BY_CHANNEL))
    (entries,) = batch.entries.values()
    assert [entries.view(oracle.BINARY, WHOLE, version).n for version in ("v1", "v2", None)] == [2, 0, 4]
    assert [entries.view(oracle.BINARY, WHOLE, version).predictions for version in ("v1", "v2", None)] == [3, 1, 4]


def test_of_a_regression_the_sum_of_labels_stands_beside_the_sum_of_predictions(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame
) -> None:
    predicted = Column("score", role=Role.PREDICTION)
    dataset = Dataset("p", table(four), (predicted,), "at")
    given = one_day(oracle, (4, -3.5, 1, None), (4, 7.25, 30, None)).drop(columns="channel")
    request = oracle.request(dataset, total_source(given), oracle.DAYS[4].end, task=oracle.REGRESSION)
    (entries,) = engine.label_entries(request).entries.values()
    found = []
    for day in oracle.DAYS[:3]:
        view = TotalsView.of(entries.upto(day.end).view(oracle.REGRESSION))
        found.append((view.n, view.labels))
    assert found == [(0, 0.0), (4, -3.5), (4, 7.25)]
    # The scores' sum is 2.1.
    assert view.mean_score == pytest.approx(0.525)
    # A correction of the sum alone is named by whole numbers, or no digest would see it.
    states = entries.sums[:, entries.names.index("state")]
    assert np.count_nonzero(states[entries.label == 0]) >= 2


def test_rows_without_any_score_tell_their_label_rate_and_no_gap(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame
) -> None:
    unscored = four.assign(score=[np.nan, np.nan, 0.6, 0.9])
    given = one_day(oracle, (2, 1.0, 1, "app"), (2, 2.0, 1, "web"))
    batch = ledger(engine, oracle, unscored, given, oracle.DAYS[1].end)
    (entries,) = batch.entries.values()
    told = TotalsView.of(entries.view(oracle.BINARY))
    assert told.mean_label == 0.75
    with pytest.raises(Undefined, match="2 of 4 rows"):
        _ = told.mean_score


def test_a_column_that_slices_and_is_not_named_is_refused_before_totals_replace_each_other(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame
) -> None:
    dataset = oracle.predictions(table(four), CHANNEL, slice_by=("channel",))
    source = total_source(one_day(oracle, (2, 1.0, 1, "app")))
    with pytest.raises(DataFault, match=r"by: \[channel\]"):
        engine.label_entries(oracle.request(dataset, source, oracle.DAYS[1].end, layout=BY_CHANNEL))


@pytest.mark.parametrize(
    ("column", "values", "fault"),
    [
        ("rows", pa.array(["two"]), WrongType),
        ("label", pa.array(["one"]), WrongType),
        ("day", pa.array(["first"]), WrongType),
        ("rows", None, MissingColumn),
        ("day", None, MissingColumn),
    ],
)
def test_columns_that_arrive_otherwise_are_faults_of_the_data(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame, column: str, values: pa.Array | None, fault: type[DataFault]
) -> None:
    given = table(one_day(oracle, (2, 1.0, 1, "app")))
    place = given.schema.get_field_index(column)
    given = given.remove_column(place) if values is None else given.set_column(place, column, values)
    dataset = oracle.predictions(table(four), CHANNEL, slice_by=("channel",))
    with pytest.raises(fault, match=column):
        engine.label_entries(
            oracle.request(dataset, total_source(given, "channel"), oracle.DAYS[1].end, layout=BY_CHANNEL)
        )


def test_before_the_first_total_there_are_predictions_alone(
    engine: DuckDB, oracle: ModuleType, four: pd.DataFrame, tmp_path: Any
) -> None:
    source = replace(total_source(pa.table({}), "channel"), source=f"{tmp_path}/*.parquet")
    dataset = oracle.predictions(table(four), CHANNEL, slice_by=("channel",))
    batch = engine.label_entries(oracle.request(dataset, source, oracle.DAYS[1].end, layout=BY_CHANNEL))
    (entries,) = batch.entries.values()
    assert (entries.view(oracle.BINARY).predictions, entries.view(oracle.BINARY).n) == (4, 0)
