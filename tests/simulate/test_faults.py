import pytest

from airflow_ml_monitor.errors import SpecError, UnknownName
from airflow_ml_monitor.simulate.faults import DEFAULT_FAULTS, Fault, FaultKind, faults_within, parse_faults


def test_a_list_of_faults_is_read_in_order_of_day() -> None:
    assert parse_faults("concept@70,feed@40") == (Fault(FaultKind.FEED, 40), Fault(FaultKind.CONCEPT, 70))


def test_none_is_no_fault() -> None:
    assert parse_faults("none") == ()


def test_the_default_faults_are_what_their_text_says() -> None:
    assert parse_faults("shift@20,feed@35,concept@50") == DEFAULT_FAULTS


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownName, match=r"faults: unknown fault 'drift'; one of: concept, feed, shift"):
        parse_faults("drift@3")


@pytest.mark.parametrize(
    "text", ["", "feed", "feed@", "feed@-1", "feed@1.5", "feed@4,,shift@2", "none,feed@4", "feed@²"]
)
def test_what_is_not_kind_at_day_is_answered_with_the_form(text: str) -> None:
    with pytest.raises(SpecError, match=r"write kind@day, e\.g\. 'feed@40,concept@70', or 'none'"):
        parse_faults(text)


def test_a_lasting_fault_cannot_begin_twice_but_a_feed_can_break_twice() -> None:
    assert len(parse_faults("feed@4,feed@20")) == 2
    with pytest.raises(SpecError, match="concept lasts for good and cannot begin twice"):
        parse_faults("concept@4,concept@20")


def test_a_negative_day_is_refused() -> None:
    with pytest.raises(SpecError, match="shift@-1 begins before day 0"):
        Fault(FaultKind.SHIFT, -1)


def test_the_feed_is_broken_for_three_days_and_the_others_last() -> None:
    feed, shift = Fault(FaultKind.FEED, 5), Fault(FaultKind.SHIFT, 5)
    assert [day for day in range(20) if feed.is_active(day)] == [5, 6, 7]
    assert [day for day in range(20) if shift.is_active(day)] == list(range(5, 20))


def test_a_short_world_keeps_the_faults_that_begin_in_it() -> None:
    assert faults_within(DEFAULT_FAULTS, 36) == DEFAULT_FAULTS[:2]
