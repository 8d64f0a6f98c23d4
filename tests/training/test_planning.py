"""A plan is a value: dates, local time across changes of clocks, days off, experts in turn."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.training.planning import (
    Busy,
    ConflictKind,
    PlanInputs,
    clock_changes,
    moments,
    plan,
    public_holidays,
    weekday_mask,
    weekdays_of,
)

PARIS = "Europe/Paris"
TUESDAY_THURSDAY = frozenset({1, 3})


def inputs(**changes):
    values = {
        "first_on": date(2027, 3, 2),
        "weekdays": TUESDAY_THURSDAY,
        "local_time": time(12, 30),
        "zone": PARIS,
        "team": (1, 2, 3, 4),
        "closed": public_holidays("FR", date(2027, 3, 2)),
    }
    return PlanInputs(**{**values, **changes})


def test_a_plan_has_25_sessions_in_order_of_the_lessons():
    drafts = plan(inputs()).drafts
    assert [draft.number for draft in drafts] == list(range(1, 26))
    assert all(before.ends_at <= after.starts_at for before, after in itertools.pairwise(drafts))
    assert {draft.local_date.weekday() for draft in drafts} == TUESDAY_THURSDAY
    assert (drafts[0].local_date, drafts[-1].local_date) == (date(2027, 3, 2), date(2027, 5, 27))


def test_public_holidays_are_stepped_over_and_named():
    planned = plan(inputs())
    assert [(day.on, day.name) for day in planned.skipped] == [(date(2027, 5, 6), "Ascension")]
    assert date(2027, 5, 6) not in {draft.local_date for draft in planned.drafts}


def test_a_day_off_of_ones_own_moves_the_rest_along():
    free = plan(inputs())
    closed = plan(inputs(closed={**inputs().closed, date(2027, 3, 4): ""}))
    assert [draft.local_date for draft in closed.drafts[1:]] == [draft.local_date for draft in free.drafts[2:]] + [
        closed.drafts[-1].local_date
    ]


def test_the_series_keeps_its_local_time_across_a_change_of_clocks():
    planned = plan(inputs())
    assert planned.clock_changes == (date(2027, 3, 28),)
    place = ZoneInfo(PARIS)
    assert {draft.starts_at.astimezone(place).time() for draft in planned.drafts} == {time(12, 30)}
    assert {draft.starts_at.time() for draft in planned.drafts} == {time(11, 30), time(10, 30)}
    assert all(draft.ends_at - draft.starts_at == timedelta(minutes=30) for draft in planned.drafts)


@pytest.mark.parametrize(
    ("on", "at", "zone", "expected"),
    [
        (date(2026, 3, 29), time(2, 30), PARIS, []),
        (date(2026, 3, 29), time(1, 59), PARIS, [(0, 59)]),
        (date(2026, 3, 29), time(3, 0), PARIS, [(1, 0)]),
        (date(2026, 10, 25), time(2, 30), PARIS, [(0, 30), (1, 30)]),
        (date(2026, 10, 25), time(3, 0), PARIS, [(2, 0)]),
        (date(2026, 7, 1), time(12, 30), PARIS, [(10, 30)]),
        # Morocco leaves its usual hour for Ramadan: 18 February 2026 began on the 15th.
        (date(2026, 2, 15), time(2, 30), "Africa/Casablanca", [(1, 30), (2, 30)]),
    ],
)
def test_what_a_wall_clock_means_in_utc(on, at, zone, expected):
    assert [(found.hour, found.minute) for found in moments(on, at, zone)] == expected


def sundays(first_on, **changes):
    return inputs(first_on=first_on, weekdays=frozenset({6}), local_time=time(2, 30), closed={}, count=3, **changes)


def test_a_time_that_does_not_exist_is_refused():
    planned = plan(sundays(date(2026, 3, 22)))
    assert [(one.kind, one.number, one.on) for one in planned.conflicts] == [
        (ConflictKind.NO_SUCH_TIME, 2, date(2026, 3, 29))
    ]
    assert not planned.possible
    assert [draft.number for draft in planned.drafts] == [1, 3]


def test_a_time_that_happens_twice_asks_which_and_takes_the_answer():
    asked = plan(sundays(date(2026, 10, 18)))
    assert [(one.kind, one.on) for one in asked.conflicts] == [(ConflictKind.TIME_TWICE, date(2026, 10, 25))]
    assert not asked.possible
    starts = [plan(sundays(date(2026, 10, 18), fold=fold)).drafts[1].starts_at for fold in (0, 1)]
    assert starts == [datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in (0, 1)]


def test_experts_take_turns():
    assert [draft.expert_id for draft in plan(inputs()).drafts[:6]] == [1, 2, 3, 4, 1, 2]


def busy(expert_id, on, minutes=30, at=time(12, 30)):
    (starts_at,) = moments(on, at, PARIS)
    return Busy(expert_id, starts_at, starts_at + timedelta(minutes=minutes), "Midi, février", 19)


def test_a_busy_expert_is_a_conflict_with_two_ways_out():
    # Session 10, Thursday 1 April, falls to the second of the team.
    planned = plan(inputs(busy=(busy(2, date(2027, 4, 1)), busy(1, date(2027, 4, 1)))))
    (conflict,) = planned.conflicts
    assert (conflict.kind, conflict.number, conflict.on) == (ConflictKind.EXPERT_BUSY, 10, date(2027, 4, 1))
    assert (conflict.free_expert_id, conflict.free_on) == (3, date(2027, 4, 2))
    assert planned.possible


def test_a_session_that_ends_as_the_next_begins_is_no_conflict():
    assert plan(inputs(busy=(busy(2, date(2027, 4, 1), at=time(12, 0)),))).conflicts == ()
    assert plan(inputs(busy=(busy(2, date(2027, 4, 1), at=time(13, 0)),))).conflicts == ()
    assert plan(inputs(busy=(busy(2, date(2027, 4, 1), minutes=31, at=time(12, 0)),))).conflicts


def test_shifting_never_puts_the_lessons_out_of_order():
    every_day = inputs(weekdays=frozenset(range(7)), closed={})
    ninth = plan(every_day).drafts[8]
    planned = plan(inputs(weekdays=frozenset(range(7)), closed={}, busy=(busy(1, ninth.local_date),)))
    assert [conflict.free_on for conflict in planned.conflicts] == [None]


@pytest.mark.parametrize("changes", [{"weekdays": frozenset()}, {"team": ()}, {"closed": "all"}])
def test_an_impossible_request_is_said_so(changes):
    if changes.get("closed"):
        changes = {"closed": {date(2027, 3, 2) + timedelta(days=count): "" for count in range(800)}}
    with pytest.raises(ValueError, match=r"."):
        plan(inputs(**changes))


def test_holidays_are_named_in_the_language_that_is_known():
    assert public_holidays("MA", date(2027, 1, 1), "ar")[date(2027, 7, 30)] == "عيد العرش"
    assert public_holidays("FR", date(2027, 1, 2)).get(date(2027, 1, 1)) is None


def test_weekdays_survive_their_bits():
    for days in (frozenset({0}), TUESDAY_THURSDAY, frozenset(range(7))):
        assert weekdays_of(weekday_mask(days)) == days


def test_clock_changes_of_a_year():
    assert clock_changes(PARIS, date(2026, 1, 1), date(2026, 12, 31)) == (date(2026, 3, 29), date(2026, 10, 25))
    assert clock_changes("Africa/Tunis", date(2026, 1, 1), date(2026, 12, 31)) == ()
