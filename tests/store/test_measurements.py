from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from airflow_ml_monitor.errors import SpecError, StoreError
from airflow_ml_monitor.keys import Window
from airflow_ml_monitor.measurement import Estimate, Family, HeadKey, Measurement, Status
from airflow_ml_monitor.store import tables
from airflow_ml_monitor.store.records import Revision
from airflow_ml_monitor.store.repository import MetricsStore

MONITOR = "default/churn"
MORNING = datetime(2026, 3, 1, tzinfo=UTC)


def day(number: int) -> Window:
    return Window(MORNING + timedelta(days=number), MORNING + timedelta(days=number + 1))


def head(number: int = 0, family: Family = Family.DRIFT, **changed: str) -> HeadKey:
    return HeadKey(family, "bookings", "day@UTC", day(number), **changed)


def revision(known: int, digest: str, coverage: float | None = None) -> Revision:
    return Revision(MORNING + timedelta(days=known), digest, coverage, False, "run-1", "1", "spec")


def psi(value: float, column: str = "age", **changed: object) -> Measurement:
    return Measurement("psi", Status.OK, Estimate(value, 100), column=column, **changed)  # type: ignore[arg-type]


def values(store: MetricsStore, known: int | None = None) -> list[float]:
    as_of = None if known is None else MORNING + timedelta(days=known)
    found = store.current(MONITOR, as_of=as_of)
    return [one.measurement.estimate.value for one in found if one.measurement.estimate]


def test_a_measurement_comes_back_as_it_was_stored(store: MetricsStore) -> None:
    # 0.1 + 0.2 has 17 significant digits; 2**40 rows do not fit 32 bits.
    full = Estimate(0.1 + 0.2, 2**40, -1e-300, 1e300, 5e-324, 1 / 3)
    measurements = [
        Measurement("psi", Status.OK, full, "", "age", "q=0.5", (("country", "DE"), ("über", '"x"'))),
        Measurement("roc_auc", Status.IMMATURE, Estimate(0.75, 10), "only 12 % of labels"),
        Measurement("psi", Status.TOO_FEW, None, "no rows", "income"),
    ]
    key = HeadKey(Family.DRIFT, "bookings", "week@UTC", day(3), "shadow", "v2", "ref")
    moment = datetime(2026, 3, 5, 12, 30, 1, 234567, tzinfo=UTC)
    store.write_revision(MONITOR, key, Revision(moment, "a", 0.25, True, "run-1", "7", "spec"), measurements)
    found = store.current(MONITOR, stage="shadow")
    assert sorted((one.measurement for one in found), key=repr) == sorted(measurements, key=repr)
    assert {(one.head, one.number, one.known_at, one.coverage, one.is_final, one.spec) for one in found} == {
        (key, 1, moment, 0.25, True, "spec")
    }
    assert store.current(MONITOR) == []


def test_a_zone_changes_no_instant_and_a_naive_time_is_refused(store: MetricsStore) -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    moment = datetime(2026, 3, 1, 5, 45, 0, 999999, tzinfo=east)
    store.write_revision(MONITOR, head(), Revision(moment, "a", None, True, "", "", ""), [psi(1)])
    [one] = store.current(MONITOR)
    assert one.known_at == moment
    assert one.known_at.utcoffset() == timedelta(0)
    with pytest.raises(SpecError, match="time zone"):
        Revision(datetime(2026, 3, 1), "a", None, True, "", "", "")
    with pytest.raises(SpecError, match="time zone"):
        store.current(MONITOR, as_of=datetime(2026, 3, 1))


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(store: MetricsStore, number: float) -> None:
    for estimate in (Estimate(number, 1), Estimate(1.0, 1, low=number), Estimate(1.0, 1, noise=number)):
        with pytest.raises(StoreError, match="not finite"):
            store.write_revision(
                MONITOR, head(), revision(1, "a"), [Measurement("psi", Status.OK, estimate, column="age")]
            )
    assert store.revisions(MONITOR, head()) == []
    row = {"series_id": 1, "window_start": MORNING, "revision_id": 1, "value": number, "status": "ok"}
    with pytest.raises(SQLAlchemyError), store._database.engine.begin() as connection:
        connection.execute(insert(tables.measurement).values(row))


def test_ok_without_a_value_and_two_values_for_one_series_are_refused(store: MetricsStore) -> None:
    with pytest.raises(StoreError, match="without a value"):
        store.write_revision(MONITOR, head(), revision(1, "a"), [Measurement("psi", Status.OK)])
    with pytest.raises(StoreError, match="came twice"):
        store.write_revision(MONITOR, head(), revision(1, "a"), [psi(1), psi(2)])


@pytest.mark.parametrize("column", ["series_id", "window_start", "revision_id"])
def test_the_database_refuses_a_null_in_a_key(store: MetricsStore, column: str) -> None:
    row = {"series_id": 1, "window_start": MORNING, "revision_id": 1, "value": 1.0, "status": "ok", column: None}
    with pytest.raises(SQLAlchemyError), store._database.engine.begin() as connection:
        connection.execute(insert(tables.measurement).values(row))


def test_slices_that_differ_in_case_or_a_trailing_blank_are_two_series(store: MetricsStore) -> None:
    slices = ["US", "us", "us ", "ü", "u"]
    rows = [psi(number, slice=(("country", name),)) for number, name in enumerate(slices)]
    store.write_revision(MONITOR, head(), revision(1, "a"), rows)
    found = {one.measurement.slice[0][1]: one.measurement.estimate for one in store.current(MONITOR)}
    assert {name: estimate.value for name, estimate in found.items() if estimate} == dict(
        zip(slices, range(5), strict=True)
    )


def test_monitors_that_differ_in_case_share_nothing(store: MetricsStore) -> None:
    store.write_revision("default/Churn", head(), revision(1, "a"), [psi(1)])
    assert store.current(MONITOR) == []


def test_the_same_inputs_write_nothing_and_changed_ones_one_revision(store: MetricsStore) -> None:
    first = store.write_revision(MONITOR, head(), revision(1, "a"), [psi(1)])
    again = store.write_revision(MONITOR, head(), revision(2, "a"), [psi(99)])
    changed = store.write_revision(MONITOR, head(), revision(2, "b"), [psi(2)])
    assert (first.number, first.wrote, first.is_current) == (1, True, True)
    assert (again.number, again.wrote, again.is_current) == (1, False, True)
    assert (changed.number, changed.wrote, changed.is_current) == (2, True, True)
    assert values(store) == [2]
    assert values(store, known=1) == [1]


def test_inputs_that_come_back_are_a_third_revision(store: MetricsStore) -> None:
    for known, digest in enumerate("aba"):
        store.write_revision(MONITOR, head(), revision(known, digest, known / 4), [psi(known)])
    assert [(one.number, one.input_digest, one.coverage) for one in store.revisions(MONITOR, head())] == [
        (1, "a", 0.0),
        (2, "b", 0.25),
        (3, "a", 0.5),
    ]
    assert [values(store, known) for known in (-1, 0, 1, 2)] == [[], [0], [1], [2]]


def test_older_knowledge_is_stored_but_never_becomes_current(store: MetricsStore) -> None:
    store.write_revision(MONITOR, head(), revision(5, "a"), [psi(5)])
    late = store.write_revision(MONITOR, head(), revision(3, "b"), [psi(3)])
    assert (late.number, late.wrote, late.is_current) == (2, True, False)
    assert values(store) == [5]
    assert [values(store, known) for known in (2, 3, 4, 5)] == [[], [3], [3], [5]]
    # What was known on day 3 is what it was: writing it again is nothing new.
    again = store.write_revision(MONITOR, head(), revision(4, "b"), [psi(99)])
    assert (again.number, again.wrote, again.is_current) == (2, False, False)


def test_of_two_revisions_of_one_knowledge_the_later_stored_counts(store: MetricsStore) -> None:
    store.write_revision(MONITOR, head(), revision(1, "a"), [psi(1)])
    store.write_revision(MONITOR, head(), revision(1, "b"), [psi(2)])
    assert values(store) == values(store, known=1) == [2]


def test_families_stages_versions_and_references_are_revised_apart(store: MetricsStore) -> None:
    keys = [
        head(),
        head(family=Family.QUALITY),
        head(model_version="v2"),
        head(reference="other"),
        head(stage="shadow"),
        head(1),
    ]
    for number, key in enumerate(keys):
        assert store.write_revision(MONITOR, key, revision(1, "a"), [psi(number)]).wrote
    assert {one.head for one in store.current(MONITOR, stage=None)} == set(keys)
    assert len(store.current(MONITOR)) == 5
    assert {one.head for one in store.current(MONITOR, families=[Family.QUALITY])} == {keys[1]}
    assert [one.head.window for one in store.heads(MONITOR, Family.DRIFT, rule="day@UTC", dataset="bookings")] == [
        day(0),
        day(0),
        day(0),
        day(1),
    ]
    assert store.heads(MONITOR, Family.DRIFT, rule="week@UTC", dataset="bookings") == []


def test_a_span_takes_the_windows_that_lie_wholly_in_it(store: MetricsStore) -> None:
    for number in range(5):
        store.write_revision(MONITOR, head(number), revision(9, "a"), [psi(number)])
    noon = timedelta(hours=12)
    assert [one.head.window for one in store.current(MONITOR, start=day(1).start, end=day(3).end + noon)] == [
        day(1),
        day(2),
        day(3),
    ]
    assert len(store.current(MONITOR, start=day(1).start + noon)) == 3


def test_one_asks_for_metrics_and_for_whatever_failed(store: MetricsStore) -> None:
    rows = [psi(1), Measurement("mean", Status.FAILED, None, "raised KeyError", "age"), psi(2, "income")]
    store.write_revision(MONITOR, head(), revision(1, "a"), [*rows, Measurement("std", Status.TOO_FEW, column="age")])

    def names(**asked: object) -> set[str]:
        return {one.measurement.metric for one in store.current(MONITOR, **asked)}  # type: ignore[arg-type]

    assert names(metrics={"psi"}) == {"psi"}
    assert names(metrics={"psi"}, or_failed=True) == {"psi", "mean"}
    assert names(metrics=set()) == set()
    assert names(families=[]) == set()
    assert names() == {"psi", "mean", "std"}


def test_history_is_a_table_of_plain_columns(store: MetricsStore) -> None:
    from airflow_ml_monitor.store.history import HISTORY_COLUMNS

    rows = [psi(0.5, slice=(("country", "DE"),)), Measurement("mean", Status.TOO_FEW, None, "no rows", "age")]
    store.write_revision(MONITOR, head(), revision(1, "a"), rows)
    table = store.history(MONITOR)
    assert tuple(table.columns) == HISTORY_COLUMNS
    assert table["metric"].tolist() == ["mean", "psi"]
    assert table["slice"].tolist() == ["{}", '{"country":"DE"}']
    assert table["value"].isna().tolist() == [True, False]
    assert table["n"].isna().tolist() == [True, False]
    assert table["window_start"].tolist() == [MORNING, MORNING]
    assert store.history(MONITOR, metric="psi")["reason"].tolist() == [""]
    assert tuple(store.history("default/unknown").columns) == HISTORY_COLUMNS
    assert str(store.history("default/unknown")["known_at"].dtype) == "datetime64[us, UTC]"


def test_history_tells_the_unit_that_a_metric_declares(store: MetricsStore) -> None:
    named = {"freshness": "s", "row_count": "rows", "psi": "", "naive.mae": "label", "label_maturity": ""}
    rows = [Measurement(name, Status.OK, Estimate(1.0, 9)) for name in named]
    store.write_revision(MONITOR, head(), revision(1, "a"), rows)
    table = store.history(MONITOR)
    assert dict(zip(table["metric"], table["unit"], strict=True)) == named


def test_the_views_show_the_current_and_every_revision(store: MetricsStore) -> None:
    store.write_revision(MONITOR, head(), revision(1, "a", 0.5), [psi(1)])
    store.write_revision(MONITOR, head(), revision(2, "b", 0.75), [psi(2)])
    with store._database.reading() as connection:
        current = connection.execute(text("SELECT monitor, metric, value FROM measurements_current")).all()
        recorded = connection.execute(text("SELECT value FROM measurements_as_recorded ORDER BY revision")).all()
        coverage = connection.execute(text("SELECT dataset, coverage FROM coverage")).all()
    assert [tuple(row) for row in current] == [(MONITOR, "psi", 2.0)]
    assert [row.value for row in recorded] == [1.0, 2.0]
    assert [tuple(row) for row in coverage] == [("bookings", 0.75)]


def test_three_runs_of_the_same_windows_leave_one_set_of_rows(
    store: MetricsStore, race: Callable[..., list[Any]]
) -> None:
    windows, rows = 30, [psi(number / 7, f"column {number}") for number in range(20)]
    # The parent has connected; the monitor and its series are still unknown to every process.
    assert store.current(MONITOR) == []

    def run(number: int) -> list[bool]:
        return [store.write_revision(MONITOR, head(w), revision(w, "a"), rows).wrote for w in range(windows)]

    wrote = race(run, 3)
    assert [sum(each) for each in zip(*wrote, strict=True)] == [1] * windows
    assert len(store.current(MONITOR)) == windows * 20
    altered = race(lambda _: store.write_revision(MONITOR, head(), revision(99, "altered"), rows).wrote, 3)
    assert sum(altered) == 1
    late = race(lambda n: store.write_revision(MONITOR, head(1), revision(-1 - n, f"late {n}"), rows).is_current, 3)
    assert late == [False] * 3
    with store._database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(tables.revision)) == windows + 1 + 3
        assert connection.scalar(select(func.count()).select_from(tables.measurement)) == (windows + 4) * 20
        assert connection.scalar(select(func.count()).select_from(tables.series)) == 20
    assert len(store.history(MONITOR, as_of=MORNING - timedelta(days=1))) == 20
