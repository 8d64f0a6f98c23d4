"""Who comes first in a line: the cohort's rule, an organiser's hand, and the page that shows both."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock
from portal.training import services
from portal.training.errors import NotInLineError, ReasonNeededError
from portal.training.jobs import run_waitlists
from portal.training.models import (
    Attendance,
    AttendanceState,
    Cohort,
    OfferOutcome,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistRule,
    WaitlistState,
)
from portal.training.queries.lines import cohort_line, session_lines, whole_line
from portal.training.services import Line
from portal.training.services.priorities import FIRST, LAST
from tests.builders import training as build

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def past(db, organiser):
    """A cohort that the line's people may have attended."""
    return build.make_cohort(db, organiser, build.make_expert(db, "Past"))


@pytest.fixture
def cohort(db, organiser, expert, alice):
    cohort = build.make_cohort(db, organiser, expert, capacity=1)
    services.enrol(db, user=alice, cohort_id=cohort.id)
    return cohort


@pytest.fixture
def people(db):
    return [create_user(db, email=f"person{count}@example.org", display_name=f"P{count}") for count in range(4)]


def attended(db, past, user, lessons, state=AttendanceState.PRESENT):
    for number in range(1, lessons + 1):
        session = build.session_of(db, past, number)
        db.add(Attendance(session_id=session.id, user_id=user.id, state=state, seconds=1800, session_seconds=1800))
    db.flush()


def line(db, cohort):
    return [one.user_id for one in whole_line(db, cohort.id) if one.state is WaitlistState.WAITING]


def entry_of(db, cohort, user):
    return db.scalars(
        sa.select(WaitlistEntry).where(WaitlistEntry.cohort_id == cohort.id, WaitlistEntry.user_id == user.id)
    ).one()


def test_newcomers_come_first_when_the_rule_says_so_and_each_group_keeps_its_order(db, past, cohort, people):
    attended(db, past, people[0], 1, AttendanceState.ABSENT)
    services.enrol(db, user=people[2], cohort_id=past.id)
    services.choose_rule(db, cohort_id=cohort.id, rule=WaitlistRule.NEWCOMERS)
    for user in people:
        services.join_waitlist(db, user=user, cohort_id=cohort.id)
    assert line(db, cohort) == [people[index].id for index in (1, 3, 0, 2)]


def test_those_near_the_certificate_come_first_and_whoever_has_enough_does_not(db, past, cohort, people):
    for user, lessons in zip(people, (0, 19, 20, 3), strict=True):
        attended(db, past, user, lessons)
        services.join_waitlist(db, user=user, cohort_id=cohort.id)
    assert line(db, cohort) == [user.id for user in people]
    services.choose_rule(db, cohort_id=cohort.id, rule=WaitlistRule.NEAR_CERTIFICATE)
    assert line(db, cohort) == [people[index].id for index in (1, 3, 0, 2)]
    services.choose_rule(db, cohort_id=cohort.id, rule=WaitlistRule.FIRST_COME)
    assert line(db, cohort) == [user.id for user in people]


def test_only_what_counts_brings_one_near_and_a_lesson_counts_once(db, organiser, past, cohort, people):
    again = build.make_cohort(db, organiser, build.make_expert(db, "Again"))
    attended(db, past, people[0], 4, AttendanceState.PARTIAL)
    attended(db, past, people[1], 2)
    attended(db, again, people[1], 2)
    attended(db, past, people[2], 3, AttendanceState.REPLAY)
    services.choose_rule(db, cohort_id=cohort.id, rule=WaitlistRule.NEAR_CERTIFICATE)
    for user in people[:3]:
        services.join_waitlist(db, user=user, cohort_id=cohort.id)
    assert line(db, cohort) == [people[index].id for index in (2, 1, 0)]


def test_a_place_set_by_hand_stays_through_a_change_of_rule_and_needs_a_reason(db, cohort, people):
    for user in people:
        services.join_waitlist(db, user=user, cohort_id=cohort.id)
    last, first = entry_of(db, cohort, people[0]), entry_of(db, cohort, people[3])
    for reason in ("", "  ", "ab"):
        with pytest.raises(ReasonNeededError):
            services.set_priority(db, cohort_id=cohort.id, entry_id=first.id, priority=FIRST, reason=reason)
    services.set_priority(db, cohort_id=cohort.id, entry_id=first.id, priority=FIRST, reason="Opens next week")
    services.set_priority(db, cohort_id=cohort.id, entry_id=last.id, priority=LAST, reason="Asked to come later")
    services.choose_rule(db, cohort_id=cohort.id, rule=WaitlistRule.NEWCOMERS)
    assert line(db, cohort) == [people[index].id for index in (3, 1, 2, 0)]
    services.set_priority(db, cohort_id=cohort.id, entry_id=first.id, priority=None, reason="")
    assert line(db, cohort) == [people[index].id for index in (1, 2, 3, 0)]


def test_nobody_of_another_line_and_nobody_who_left_is_moved(db, organiser, cohort, past, people):
    services.join_waitlist(db, user=people[0], cohort_id=cohort.id)
    entry = entry_of(db, cohort, people[0])
    with pytest.raises(NotInLineError):
        services.set_priority(db, cohort_id=past.id, entry_id=entry.id, priority=FIRST, reason="By mistake")
    services.leave_line(db, user_id=people[0].id, line=Line(cohort_id=cohort.id))
    with pytest.raises(NotInLineError):
        services.set_priority(db, cohort_id=cohort.id, entry_id=entry.id, priority=FIRST, reason="By mistake")


def test_the_first_by_hand_is_offered_first_and_the_tail_is_the_tail(db, cohort, alice, people):
    for user in people[:3]:
        services.join_waitlist(db, user=user, cohort_id=cohort.id)
    entry = entry_of(db, cohort, people[2])
    services.set_priority(db, cohort_id=cohort.id, entry_id=entry.id, priority=FIRST, reason="Opens next week")
    services.leave(db, user=alice, cohort_id=cohort.id)
    offer = db.scalars(sa.select(WaitlistOffer)).one()
    assert offer.entry_id == entry.id
    with clock.at(offer.expires_at):
        run_waitlists()
        assert line(db, cohort) == [people[1].id, people[2].id]
        services.choose_rule(db, cohort_id=cohort.id, rule=WaitlistRule.NEWCOMERS)
        assert line(db, cohort) == [people[1].id, people[2].id]


def why(db, cohort):
    state = cohort_line(db, cohort.id).state
    return state.why, state.until


def test_the_page_knows_why_nobody_is_moved_up(db, cohort, alice, people):
    session = build.session_of(db, cohort)
    assert why(db, cohort) == ("empty", None)
    for user in people[:2]:
        services.join_waitlist(db, user=user, cohort_id=cohort.id)
    assert why(db, cohort) == ("full", None)
    services.leave(db, user=alice, cohort_id=cohort.id)
    first = db.scalars(sa.select(WaitlistOffer)).one()
    assert why(db, cohort) == ("full", first.expires_at)
    services.leave_line(db, user_id=people[0].id, line=Line(cohort_id=cohort.id))
    offer = db.scalars(sa.select(WaitlistOffer).where(WaitlistOffer.outcome == OfferOutcome.OPEN)).one()
    assert why(db, cohort) == ("offered", offer.expires_at)
    db.execute(sa.update(Cohort).where(Cohort.id == cohort.id).values(capacity=2))
    with clock.at(session.starts_at - 10 * MINUTE):
        services.join_waitlist(db, user=people[2], cohort_id=cohort.id)
        assert why(db, cohort) == ("close", session.starts_at)
    with clock.at(session.starts_at - 20 * MINUTE):
        assert why(db, cohort)[0] == "soon"
    with clock.at(build.session_of(db, cohort, 25).starts_at):
        assert why(db, cohort) == ("over", None)


def test_two_lapses_are_said_apart_from_an_empty_line(db, cohort, alice, people):
    services.join_waitlist(db, user=people[0], cohort_id=cohort.id)
    services.leave(db, user=alice, cohort_id=cohort.id)
    for _lapse in range(2):
        until = db.scalars(sa.select(WaitlistOffer).where(WaitlistOffer.outcome == OfferOutcome.OPEN)).one().expires_at
        with clock.at(until):
            run_waitlists()
    with clock.at(until):
        assert why(db, cohort) == ("lapsed", None)


def test_the_line_of_one_session_is_listed_with_its_reason(db, cohort, people):
    session = build.session_of(db, cohort, 2)
    services.book_seat(db, user=people[0], session_id=session.id)
    assert session_lines(db, cohort.id) == []
    services.join_line(db, user=people[1], line=Line(session_id=session.id))
    (one,) = session_lines(db, cohort.id)
    assert (one.number, one.state.waiting, one.state.why) == (2, 1, "full")


def test_organisers_change_the_rule_and_a_place_and_see_the_reason(client, sign_in, db, organiser, cohort, people):
    for user in people[:2]:
        services.join_waitlist(db, user=user, cohort_id=cohort.id)
    sign_in(client, organiser)
    address = f"/en/manage/cohorts/{cohort.id}/waitlist"
    page = client.get(address).get_data(as_text=True)
    assert page.index(">P0<") < page.index(">P1<")
    assert "No seat is free." in page
    client.post(f"{address}/rule", data={"rule": "newcomers"})
    assert db.get_one(Cohort, cohort.id, populate_existing=True).waitlist_rule is WaitlistRule.NEWCOMERS
    entry = entry_of(db, cohort, people[1])
    fields = {f"e{entry.id}-place": "first", f"e{entry.id}-reason": ""}
    refused = client.post(f"{address}/{entry.id}", data=fields)
    assert refused.status_code == 422
    assert "Say in a few words why" in refused.get_data(as_text=True)
    fields[f"e{entry.id}-reason"] = "Opens <b>next</b> week"
    assert client.post(f"{address}/{entry.id}", data=fields).status_code == 303
    page = client.get(address).get_data(as_text=True)
    assert page.index(">P1<") < page.index(">P0<")
    assert "Opens &lt;b&gt;next&lt;/b&gt; week" in page
    wrong = client.post(f"{address}/rule", data={"rule": "highest_bidder"})
    assert wrong.status_code == 303
    assert db.get_one(Cohort, cohort.id, populate_existing=True).waitlist_rule is WaitlistRule.NEWCOMERS


def test_the_line_is_for_organisers_only(client, sign_in, db, cohort, expert, people):
    services.join_waitlist(db, user=people[0], cohort_id=cohort.id)
    entry = entry_of(db, cohort, people[0])
    address = f"/fr/manage/cohorts/{cohort.id}/waitlist"
    assert client.get(address).status_code == 303
    for user in (people[0], expert):
        sign_in(client, user)
        assert client.get(address).status_code == 404
        assert client.post(f"{address}/rule", data={"rule": "newcomers"}).status_code == 404
        fields = {f"e{entry.id}-place": "first", f"e{entry.id}-reason": "For myself"}
        assert client.post(f"{address}/{entry.id}", data=fields).status_code == 404
    assert entry_of(db, cohort, people[0]).priority == 0


def test_a_line_that_does_not_exist_is_not_found(client, sign_in, organiser):
    sign_in(client, organiser)
    assert client.get(f"/fr/manage/cohorts/{10**9}/waitlist").status_code == 404
