"""What charts judge: slices and holidays, whose share of the budget, and the words for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from airflow_ml_monitor.keys import WHOLE, Slice, Window, WindowRule, WindowUnit
from airflow_ml_monitor.policy.case import Case
from airflow_ml_monitor.policy.chart import Chart
from airflow_ml_monitor.policy.charts.charted import Charted, Part, shared
from airflow_ml_monitor.policy.charts.judged import judge_charts
from airflow_ml_monitor.policy.charts.watch import watch

DAY = WindowRule(WindowUnit.DAY)
FIRST, DAYS, CHANGED = datetime(2026, 3, 2, tzinfo=UTC), 70, 60
BY_COUNTRY = [(("country", name),) for name in ("de", "fr", "it")]


def window(number: int) -> Window:
    start = FIRST + timedelta(days=number)
    return Window(start, start + timedelta(days=1))


def aucs(*, of: Slice = WHOLE, moved: float = -0.05) -> Charted:
    """A daily ROC AUC of the whole and of three slices; one of them moves on day `CHANGED`."""
    parts = [Part("", ""), *(Part("", "", slice) for slice in BY_COUNTRY)]
    rng = np.random.default_rng(4)
    error = np.where([part.slice == WHOLE for part in parts], 0.004, 0.008)
    value = 0.8 + error * rng.normal(size=(DAYS, len(parts)))
    value[CHANGED:, parts.index(Part("", "", of))] += moved
    variance = np.broadcast_to(error**2, value.shape)
    rows = np.full(value.shape, 5000.0)
    windows = tuple(window(number) for number in range(DAYS))
    return Charted(Chart("roc_auc", slices=True), "labels", DAY, "", windows, tuple(parts), value, variance, rows, -1)


def judged(charted: Charted, upto: int = DAYS):
    cut = {name: getattr(charted, name)[:upto] for name in ("windows", "value", "variance", "rows")}
    now = window(upto - 1)
    case = Case("m", now.end, now, DAY, [], {}, charted=[replace(charted, **cut)])
    return judge_charts(case, 1.0, [])


def test_a_slice_that_got_worse_is_told_by_name_and_the_whole_is_not() -> None:
    french = BY_COUNTRY[1]
    found = judged(aucs(of=french))
    alarms = found.alarmed[0].alarms
    assert {alarm.slice for alarm in alarms} == {french}
    assert alarms[0].window in [window(CHANGED + day) for day in range(4)]
    assert alarms[0].text.startswith("roc_auc where country is fr moved by -0.0")
    assert found.document[0]["changes"][0]["slice"] == {"country": "fr"}


def test_all_slices_together_have_as_much_of_the_budget_as_the_whole() -> None:
    weight = aucs().panel(()).weight
    assert weight == pytest.approx([1 / 2, 1 / 6, 1 / 6, 1 / 6])


def test_a_model_that_comes_later_takes_nothing_of_what_was_judged_before_and_an_old_one_nothing_after() -> None:
    whole = aucs()
    cut = {name: getattr(whole, name) for name in ("windows", "value", "variance", "rows")}
    old = replace(whole, model_version="v1", **{name: part[:50] for name, part in cut.items()})
    new = replace(whole, model_version="v2", **{name: part[40:] for name, part in cut.items()})
    other = replace(whole, chart=Chart("shift", weight=3.0))
    first, second, third = shared([old, new, other], 4.0)
    assert list(first.share) == [0.25] * 40 + [0.125] * 10
    assert list(second.share) == [0.125] * 10 + [0.25] * 20
    assert set(third.share) == {0.75}
    (alone,) = shared([old], 1.0)
    all_of_it, a_tenth = (watch(replace(alone, share=alone.share / n).panel(()), 1.0).detectable for n in (1, 10))
    assert (a_tenth > all_of_it).all()


@pytest.mark.parametrize("slices", [False, ("purpose",), ("country",), True])
def test_a_chart_looks_at_the_slices_that_it_names(slices: bool | tuple[str, ...]) -> None:
    chart = Chart("roc_auc", slices=slices)
    assert chart.looks_at("", WHOLE)
    assert chart.looks_at("", BY_COUNTRY[0]) is (slices is True or slices == ("country",))


def test_on_a_holiday_nothing_is_judged() -> None:
    odd = aucs(moved=0.0)
    odd.value[CHANGED] -= 0.2
    assert judged(odd, CHANGED + 1).alarmed[0].alarms
    free = judged(replace(odd, holidays=frozenset({window(CHANGED).start.date()})), CHANGED + 1)
    assert not free.alarmed[0].alarms
    assert window(CHANGED) not in {place[2] for place in free.alarmed[0].judged}
    assert free.told == [f"{window(CHANGED).start:%Y-%m-%d} is a holiday: charts do not judge it"]


def test_of_holidays_nothing_is_learnt() -> None:
    odd, days = aucs(moved=0.0), (25, 35, 45)
    plain = seen(odd)
    for day in days:
        odd.value[day] -= 0.1
    assert seen(odd) > 1.2 * plain
    assert seen(replace(odd, holidays=frozenset(window(day).start.date() for day in days))) < 1.1 * plain


def seen(charted: Charted) -> float:
    """The smallest change of the whole that is found within a week."""
    return float(judged(charted).document[0]["detectable"]["by_column"][""])


def test_a_holiday_is_one_by_the_calendar_of_the_windows_and_of_days_alone() -> None:
    rule = WindowRule(WindowUnit.DAY, "Asia/Tokyo")
    here = replace(aucs(), rule=rule, holidays=frozenset({date(2026, 12, 25)}))
    day = rule.containing(datetime(2026, 12, 24, 20, tzinfo=UTC))
    assert here.is_holiday(day)
    assert not replace(here, rule=DAY).is_holiday(day)
    assert not replace(here, rule=WindowRule(WindowUnit.WEEK, "Asia/Tokyo")).is_holiday(day)


def test_what_another_model_makes_begins_anew_and_so_does_a_correlation_with_it() -> None:
    of = replace(
        aucs(),
        names=(Part("income", "location"), Part("score", "location"), Part("", "income~score"), Part("", "income~age")),
        models=np.arange(DAYS) == CHANGED,
        made=frozenset({"score"}),
    )
    assert np.flatnonzero(of.fresh.any(axis=1)) == [CHANGED]
    assert list(of.fresh[CHANGED]) == [False, True, True, False]
