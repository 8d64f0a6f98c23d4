from datetime import UTC, datetime, timedelta

import pytest

from portal.store import opening
from portal.store.errors import BadHoursError

# Mondays to Saturdays 9:00-12:30 and 14:00-19:30; Sundays closed.
WEEK = [[[540, 750], [840, 1170]]] * 6 + [[]]
PARIS = "Europe/Paris"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of November 2026 on the clock of Paris, which is an hour ahead of UTC; the 23rd is a Monday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


def door(moment, *, switched_open=None, switched_until=None, week=WEEK):
    return opening.opening(week, PARIS, moment, switched_open=switched_open, switched_until=switched_until)


def test_open_until_the_end_of_the_opening():
    assert door(at(23, 10)) == opening.Opening(is_open=True, until=at(23, 12, 30))


def test_closed_until_the_next_opening():
    assert door(at(23, 13)) == opening.Opening(is_open=False, until=at(23, 14))
    assert door(at(28, 20)) == opening.Opening(is_open=False, until=at(30, 9))


def test_the_last_minute_is_closed():
    assert not door(at(23, 12, 30)).is_open


def test_without_hours_nothing_is_known():
    assert door(at(23, 10), week=[[]] * 7) == opening.Opening(is_open=False, until=None)


def test_the_switch_wins_until_it_ends():
    assert door(at(23, 10), switched_open=False, switched_until=at(23, 12)).is_open is False
    assert door(at(23, 12), switched_open=False, switched_until=at(23, 12)).is_open is True
    assert door(at(22, 10), switched_open=True, switched_until=at(22, 23)).is_open is True


def test_switched_closed_it_opens_with_the_next_opening():
    closed = {"switched_open": False}
    assert door(at(23, 10), **closed, switched_until=at(23, 12, 30)).until == at(23, 14)
    assert door(at(23, 10), **closed, switched_until=at(23, 11)).until == at(23, 11)
    tomorrow = door(at(23, 15), **closed, switched_until=at(24, 0))
    assert (tomorrow.until, tomorrow.today) == (at(24, 9), False)
    assert door(at(23, 10), **closed, switched_until=at(23, 12), week=[[]] * 7).until is None


@pytest.mark.parametrize(
    ("moment", "to_open", "end"),
    [
        (at(23, 10), True, at(23, 12, 30)),
        (at(23, 8), True, at(23, 12, 30)),
        (at(23, 10), False, at(23, 12, 30)),
        (at(22, 10), True, at(23, 0)),
        (at(23, 20), False, at(24, 0)),
        (at(23, 20), True, at(24, 0)),
    ],
)
def test_nobody_forgets_the_switch(moment, to_open, end):
    assert opening.switch_end(WEEK, PARIS, moment, to_open=to_open) == end


def test_hours_keep_the_wall_clock_across_a_change_of_clocks():
    sunday = datetime(2026, 3, 29, 6, 30, tzinfo=UTC)  # 8:30, summer time since 2:00
    week = [[] for _ in range(6)] + [[[540, 720]]]
    assert door(sunday, week=week) == opening.Opening(is_open=False, until=datetime(2026, 3, 29, 7, 0, tzinfo=UTC))


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", []),
        ("9-12", [[540, 720]]),
        ("9:00-12:30, 14h-19h30", [[540, 750], [840, 1170]]),
        ("9h à 12h ; 14.00 – 24:00", [[540, 720], [840, 1440]]),
        ("9:00 إلى 12:00، 14:00 إلى 18:00", [[540, 720], [840, 1080]]),
    ],
)
def test_hours_as_people_type_them(typed, read):
    assert opening.parse_day(typed) == read
    assert opening.parse_day(opening.print_day(read)) == read


@pytest.mark.parametrize(
    "typed", ["9", "12-9", "9-9", "9-25", "9:75-10", "9-12, 11-14", "14-18, 9-12", "nine to five", "-"]
)
def test_hours_that_make_no_sense(typed):
    with pytest.raises(BadHoursError):
        opening.parse_day(typed)
