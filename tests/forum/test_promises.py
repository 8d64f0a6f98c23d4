from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.forum.promises import BusinessHours

PARIS = ZoneInfo("Europe/Paris")
FRANCE = BusinessHours("FR", "Europe/Paris")


def paris(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=PARIS)


@pytest.mark.parametrize(
    ("asked", "promised"),
    [
        pytest.param(paris(2026, 11, 23, 10), paris(2026, 11, 24, 17), id="Monday morning: Tuesday"),
        pytest.param(paris(2026, 11, 23, 23, 59), paris(2026, 11, 24, 17), id="Monday night: Tuesday"),
        pytest.param(paris(2026, 11, 24, 0, 1), paris(2026, 11, 25, 17), id="just after midnight: Wednesday"),
        pytest.param(paris(2026, 11, 27, 18), paris(2026, 11, 30, 17), id="Friday evening: Monday"),
        pytest.param(paris(2026, 11, 28, 12), paris(2026, 11, 30, 17), id="Saturday: Monday"),
        pytest.param(paris(2026, 11, 29, 12), paris(2026, 11, 30, 17), id="Sunday: Monday"),
        pytest.param(paris(2026, 12, 24, 9), paris(2026, 12, 28, 17), id="Christmas is a Friday"),
        pytest.param(paris(2026, 12, 31, 9), paris(2027, 1, 4, 17), id="New Year's Day is a Friday"),
        pytest.param(paris(2027, 5, 5, 9), paris(2027, 5, 7, 17), id="Ascension, a Thursday"),
        pytest.param(paris(2027, 3, 26, 9), paris(2027, 3, 30, 17), id="Easter Monday, over the change of clocks"),
    ],
)
def test_the_promise_is_17_00_on_the_next_business_day(asked, promised):
    assert FRANCE.promise(asked.astimezone(UTC)) == promised


def test_the_promise_is_in_utc_and_follows_the_change_of_clocks():
    winter = FRANCE.promise(datetime(2027, 3, 25, 9, tzinfo=UTC))
    summer = FRANCE.promise(datetime(2027, 3, 29, 9, tzinfo=UTC))
    assert (winter.hour, summer.hour) == (16, 15)
    assert winter.tzinfo is UTC


def test_another_country_has_other_days_off():
    morocco = BusinessHours("MA", "Africa/Casablanca")
    throne_day = date(2026, 7, 30)
    assert FRANCE.is_business_day(throne_day)
    assert not morocco.is_business_day(throne_day)


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        pytest.param(paris(2026, 11, 23, 9), paris(2026, 11, 23, 17), 8, id="one day"),
        pytest.param(paris(2026, 11, 23, 16), paris(2026, 11, 24, 10), 2, id="over a night"),
        pytest.param(paris(2026, 11, 27, 16), paris(2026, 11, 30, 10), 2, id="over a weekend"),
        pytest.param(paris(2026, 11, 28, 8), paris(2026, 11, 29, 20), 0, id="inside a weekend"),
        pytest.param(paris(2026, 11, 23, 6), paris(2026, 11, 23, 9), 0, id="before opening"),
        pytest.param(paris(2026, 11, 23, 18), paris(2026, 11, 24, 17), 8, id="from an evening"),
        pytest.param(paris(2026, 11, 24, 10), paris(2026, 11, 23, 10), 0, id="backwards"),
    ],
)
def test_business_time_between(start, end, hours):
    assert FRANCE.between(start, end) == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        pytest.param(paris(2026, 11, 23, 10), 2, paris(2026, 11, 23, 12), id="same day"),
        pytest.param(paris(2026, 11, 23, 16), 2, paris(2026, 11, 24, 10), id="over a night"),
        pytest.param(paris(2026, 11, 27, 16), 9, paris(2026, 11, 30, 17), id="over a weekend"),
        pytest.param(paris(2026, 11, 28, 12), 1, paris(2026, 11, 30, 10), id="from a Saturday"),
        pytest.param(paris(2026, 11, 23, 19), 1, paris(2026, 11, 24, 10), id="from an evening"),
    ],
)
def test_business_time_after(start, hours, end):
    assert FRANCE.after(start, timedelta(hours=hours)) == end


def test_a_pause_gives_back_what_was_left():
    promised = FRANCE.promise(paris(2026, 11, 23, 10))  # Tuesday 17:00
    resumed = FRANCE.resumed(promised_at=promised, paused_at=paris(2026, 11, 24, 15), now=paris(2026, 11, 26, 9))
    assert resumed == paris(2026, 11, 26, 11)


def test_a_promise_already_broken_when_paused_is_due_at_once():
    promised = paris(2026, 11, 24, 17)
    now = paris(2026, 11, 26, 11)
    assert FRANCE.resumed(promised_at=promised, paused_at=paris(2026, 11, 25, 9), now=now) == now
