"""The line: seats that come free are offered in its order, held for a time, and passed on."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock
from portal.notifications.models import Notice, OutboxMail
from portal.training import services
from portal.training.errors import CohortFullError, OfferOverError, SessionFullError
from portal.training.jobs import run_waitlists
from portal.training.models import (
    Cohort,
    OfferOutcome,
    Seat,
    SeatState,
    Session,
    WaitlistEntry,
    WaitlistOffer,
    WaitlistState,
)
from portal.training.services import Line, waitlist
from tests.builders import training as build

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def people(db):
    return [create_user(db, email=f"person{count}@example.org", display_name=f"P{count}") for count in range(6)]


@pytest.fixture
def full(db, organiser, expert, alice):
    """A cohort with one place, which Alice has."""
    cohort = build.make_cohort(db, organiser, expert, capacity=1)
    services.enrol(db, user=alice, cohort_id=cohort.id)
    return cohort


def entry(db, user, **line):
    found = waitlist.entry_of(db, Line(**line), user.id)
    assert found is not None
    return found


def outcomes(db, user):
    return list(
        db.scalars(
            sa.select(WaitlistOffer.outcome)
            .join(WaitlistEntry, WaitlistEntry.id == WaitlistOffer.entry_id)
            .where(WaitlistEntry.user_id == user.id)
            .order_by(WaitlistOffer.id)
        )
    )


def taken(db, cohort):
    return db.scalar(sa.select(Cohort.seats_taken).where(Cohort.id == cohort.id))


def held(db, user):
    return db.scalar(
        sa.select(sa.func.count()).select_from(Seat).where(Seat.user_id == user.id, Seat.state == SeatState.HELD)
    )


def kinds(db, user):
    return list(db.scalars(sa.select(OutboxMail.kind).where(OutboxMail.email == user.email).order_by(OutboxMail.id)))


def wait(db, cohort, *users):
    for user in users:
        services.join_waitlist(db, user=user, cohort_id=cohort.id)


@pytest.mark.parametrize(
    ("left", "hours"),
    [(timedelta(days=30), 24.0), (48 * HOUR, 24.0), (47 * HOUR, 23.5), (10 * HOUR, 5.0), (2 * HOUR, 1.0)],
)
def test_a_seat_is_held_for_a_day_or_half_the_time_left(left, hours):
    assert waitlist.held_until(build.BEFORE + left, build.BEFORE) - build.BEFORE == timedelta(hours=hours)


def test_a_freed_place_is_offered_to_the_first_in_line_at_once_and_held(db, full, alice, people):
    first, second, newcomer = people[:3]
    wait(db, full, first, second)
    services.leave(db, user=alice, cohort_id=full.id)
    starts_at = build.session_of(db, full).starts_at
    one = entry(db, first, cohort_id=full.id)
    assert one.state is WaitlistState.OFFERED
    assert one.offer_expires_at == build.BEFORE + (starts_at - build.BEFORE) / 2
    assert entry(db, second, cohort_id=full.id).state is WaitlistState.WAITING
    assert taken(db, full) == 1
    assert kinds(db, first) == ["training.seat_offered"]
    (notice,) = db.scalars(sa.select(Notice).where(Notice.user_id == first.id)).all()
    assert (notice.kind, notice.path) == ("training.seat_offered", f"/fr/cohorts/{full.id}")
    with pytest.raises(CohortFullError), db.begin_nested():
        services.enrol(db, user=newcomer, cohort_id=full.id)


def test_the_offer_is_claimed_once_and_brings_all_seats(db, full, alice, people):
    first, second = people[:2]
    wait(db, full, first, second)
    services.leave(db, user=alice, cohort_id=full.id)
    services.enrol(db, user=first, cohort_id=full.id)
    services.enrol(db, user=first, cohort_id=full.id)
    assert held(db, first) == 25
    assert taken(db, full) == 1
    assert outcomes(db, first) == [OfferOutcome.TAKEN]
    assert entry(db, first, cohort_id=full.id).state is WaitlistState.TAKEN
    # The offer's own mail had not left: taking the place took it back.
    assert kinds(db, first) == ["training.enrolled"]
    with pytest.raises(OfferOverError), db.begin_nested():
        waitlist.claim(db, user_id=first.id, line=Line(cohort_id=full.id))


def test_declining_passes_the_seat_on_in_the_same_transaction_and_twice_does_nothing(db, full, alice, people):
    first, second = people[:2]
    wait(db, full, first, second)
    services.leave(db, user=alice, cohort_id=full.id)
    (offer,) = db.scalars(sa.select(WaitlistOffer)).all()
    assert services.decline_offer(db, offer_id=offer.id)
    assert not services.decline_offer(db, offer_id=offer.id)
    assert outcomes(db, first) == [OfferOutcome.DECLINED]
    assert entry(db, first, cohort_id=full.id).state is WaitlistState.LEFT
    assert outcomes(db, second) == [OfferOutcome.OPEN]
    assert taken(db, full) == 1
    with pytest.raises(OfferOverError), db.begin_nested():
        services.claim_offer(db, offer_id=offer.id)


def test_an_expired_offer_goes_once_to_the_tail_and_a_second_one_ends_the_wait(db, full, alice, people):
    first, second = people[:2]
    wait(db, full, first, second)
    services.leave(db, user=alice, cohort_id=full.id)
    expires_at = entry(db, first, cohort_id=full.id).offer_expires_at
    with clock.at(expires_at - MINUTE):
        run_waitlists()
        assert outcomes(db, first) == [OfferOutcome.OPEN]
    with clock.at(expires_at):
        with pytest.raises(OfferOverError), db.begin_nested():
            waitlist.claim(db, user_id=first.id, line=Line(cohort_id=full.id))
        run_waitlists()
        run_waitlists()
        lapsed = entry(db, first, cohort_id=full.id)
        assert (lapsed.state, lapsed.expired_offers, lapsed.queued_at) == (WaitlistState.WAITING, 1, expires_at)
        assert outcomes(db, second) == [OfferOutcome.OPEN]
        again = entry(db, second, cohort_id=full.id).offer_expires_at
    with clock.at(again):
        run_waitlists()
        assert outcomes(db, first) == [OfferOutcome.EXPIRED, OfferOutcome.OPEN]
        last = entry(db, first, cohort_id=full.id).offer_expires_at
    with clock.at(last):
        run_waitlists()
        assert outcomes(db, first) == [OfferOutcome.EXPIRED, OfferOutcome.EXPIRED]
        over = entry(db, first, cohort_id=full.id)
        assert (over.state, over.offer_expires_at) == (WaitlistState.EXPIRED, None)
        assert outcomes(db, second) == [OfferOutcome.EXPIRED, OfferOutcome.OPEN]
        assert taken(db, full) == 1
        mails = db.scalars(
            sa.select(OutboxMail.params).where(
                OutboxMail.kind == "training.offer_expired", OutboxMail.email == first.email
            )
        )
        assert [params["over"] for params in mails] == [False, True]
        wait(db, full, first)
        back = entry(db, first, cohort_id=full.id)
        assert (back.state, back.expired_offers) == (WaitlistState.WAITING, 0)


@pytest.mark.parametrize(
    ("before", "outcome"),
    [
        (2 * HOUR + MINUTE, OfferOutcome.OPEN),
        (2 * HOUR, OfferOutcome.GIVEN),
        (16 * MINUTE, OfferOutcome.GIVEN),
        (15 * MINUTE, None),
        (MINUTE, None),
    ],
)
def test_late_seats_are_given_and_the_last_ones_are_not(db, full, alice, people, before, outcome):
    first, newcomer = people[:2]
    wait(db, full, first)
    with clock.at(build.session_of(db, full).starts_at - before):
        services.leave(db, user=alice, cohort_id=full.id)
        assert outcomes(db, first) == ([outcome] if outcome else [])
        assert held(db, first) == (25 if outcome is OfferOutcome.GIVEN else 0)
        assert taken(db, full) == (1 if outcome else 0)
        # Nobody overtakes the line, not even in the minutes in which nobody is moved up.
        with pytest.raises(CohortFullError), db.begin_nested():
            services.enrol(db, user=newcomer, cohort_id=full.id)


def test_a_place_that_waited_for_its_session_to_begin_is_offered_for_the_next_one(db, full, alice, people):
    wait(db, full, people[0])
    session = build.session_of(db, full)
    with clock.at(session.starts_at - 10 * MINUTE):
        services.leave(db, user=alice, cohort_id=full.id)
        run_waitlists()
        assert outcomes(db, people[0]) == []
    with clock.at(session.starts_at + MINUTE):
        run_waitlists()
        assert outcomes(db, people[0]) == [OfferOutcome.OPEN]
        until = build.session_of(db, full, 2).starts_at
        expected = clock.now() + (until - clock.now()) / 2
        assert entry(db, people[0], cohort_id=full.id).offer_expires_at == expected


def test_a_given_place_is_declined_in_one_tap_and_goes_on(db, full, alice, people):
    first, second = people[:2]
    wait(db, full, first, second)
    with clock.at(build.session_of(db, full).starts_at - HOUR):
        services.leave(db, user=alice, cohort_id=full.id)
        (offer,) = db.scalars(sa.select(WaitlistOffer)).all()
        mail = db.scalars(sa.select(OutboxMail).where(OutboxMail.email == first.email)).one()
        assert (mail.kind, mail.params["offer_id"]) == ("training.enrolled", offer.id)
        assert services.decline_offer(db, offer_id=offer.id)
        assert not services.decline_offer(db, offer_id=offer.id)
        assert held(db, first) == 0
        assert outcomes(db, first) == [OfferOutcome.DECLINED]
        assert outcomes(db, second) == [OfferOutcome.GIVEN]
        assert held(db, second) == 25
        assert taken(db, full) == 1


def test_leaving_while_being_offered_passes_the_place_on(db, full, alice, people):
    first, second = people[:2]
    wait(db, full, first, second)
    services.leave(db, user=alice, cohort_id=full.id)
    assert services.leave_line(db, user_id=first.id, line=Line(cohort_id=full.id))
    assert not services.leave_line(db, user_id=first.id, line=Line(cohort_id=full.id))
    assert outcomes(db, second) == [OfferOutcome.OPEN]
    assert kinds(db, first) == []


def test_a_seat_given_back_by_somebody_enrolled_is_one_more_for_guests(db, organiser, expert, alice, bob):
    cohort = build.make_cohort(db, organiser, expert, capacity=1)
    services.enrol(db, user=alice, cohort_id=cohort.id)
    session = build.session_of(db, cohort, 3)
    assert (session.guest_capacity, session.guests_taken) == (1, 0)
    services.give_back_own(db, user_id=alice.id, session_id=session.id)
    assert not services.give_back_own(db, user_id=alice.id, session_id=session.id)
    assert (held(db, alice), taken(db, cohort)) == (24, 1)
    session = build.session_of(db, cohort, 3)
    assert (session.guest_capacity, session.guests_taken) == (2, 0)
    services.book_seat(db, user=bob, session_id=session.id)
    services.book_seat(db, user=bob, session_id=session.id)
    services.book_seat(db, user=alice, session_id=session.id)
    session = build.session_of(db, cohort, 3)
    assert (session.guest_capacity, session.guests_taken) == (1, 1)
    assert (held(db, alice), held(db, bob)) == (25, 1)
    assert kinds(db, bob) == ["training.seat_booked"]


def test_leaving_takes_a_lent_seat_along_when_no_guest_has_it(db, organiser, expert, alice):
    cohort = build.make_cohort(db, organiser, expert, capacity=1)
    session = build.session_of(db, cohort, 3)
    services.enrol(db, user=alice, cohort_id=cohort.id)
    services.give_back_own(db, user_id=alice.id, session_id=session.id)
    services.leave(db, user=alice, cohort_id=cohort.id)
    assert build.session_of(db, cohort, 3).guest_capacity == 1
    services.enrol(db, user=alice, cohort_id=cohort.id)
    assert held(db, alice) == 25


def test_a_full_session_has_a_line_of_its_own(db, full, alice, people):
    guest, first, second = people[:3]
    session = build.session_of(db, full, 2)
    line = Line(session_id=session.id)
    services.book_seat(db, user=guest, session_id=session.id)
    with pytest.raises(SessionFullError), db.begin_nested():
        services.book_seat(db, user=first, session_id=session.id)
    for user in (first, second):
        services.join_line(db, user=user, line=line)
    services.give_back_own(db, user_id=guest.id, session_id=session.id)
    assert outcomes(db, first) == [OfferOutcome.OPEN]
    assert build.session_of(db, full, 2).guests_taken == 1
    services.book_seat(db, user=first, session_id=session.id)
    assert outcomes(db, first) == [OfferOutcome.TAKEN]
    assert (held(db, first), build.session_of(db, full, 2).guests_taken) == (1, 1)
    services.give_back_own(db, user_id=alice.id, session_id=session.id)
    assert outcomes(db, second) == [OfferOutcome.OPEN]
    assert services.leave_line(db, user_id=second.id, line=line)
    found = build.session_of(db, full, 2)
    assert (found.guest_capacity, found.guests_taken) == (2, 1)


def test_joining_the_cohort_ends_ones_waits_for_its_sessions_and_frees_what_was_held(db, organiser, expert, people):
    cohort = build.make_cohort(db, organiser, expert, capacity=2)
    guest, first, second, other = people[:4]
    session, later = build.session_of(db, cohort, 2), build.session_of(db, cohort, 5)
    for one in (session, later):
        services.book_seat(db, user=guest, session_id=one.id)
        for user in (first, second):
            services.join_line(db, user=user, line=Line(session_id=one.id))
    services.give_back_own(db, user_id=guest.id, session_id=session.id)
    assert outcomes(db, first) == [OfferOutcome.OPEN]
    services.enrol(db, user=first, cohort_id=cohort.id)
    assert outcomes(db, first) == [OfferOutcome.WITHDRAWN]
    assert entry(db, first, session_id=later.id).state is WaitlistState.TAKEN
    assert outcomes(db, second) == [OfferOutcome.OPEN]
    # The guest's own seat becomes the enrolment's, and the seat of a guest is free again.
    services.join_line(db, user=other, line=Line(session_id=later.id))
    services.enrol(db, user=guest, cohort_id=cohort.id)
    assert outcomes(db, second) == [OfferOutcome.OPEN, OfferOutcome.OPEN]
    assert build.session_of(db, cohort, 5).guests_taken == 1
    assert (held(db, first), held(db, guest)) == (25, 25)


def test_giving_a_seat_back_withdraws_its_mails_and_only_its_own(db, full, alice, organiser):
    session = build.session_of(db, full)
    seat = db.scalars(sa.select(Seat).where(Seat.session_id == session.id, Seat.user_id == alice.id)).one()
    with clock.at(session.starts_at - 24 * HOUR):
        services.reminders.remind(db, session_id=session.id, soon=False)
        assert "training.tomorrow" in kinds(db, alice)
        services.give_back(db, seat_id=seat.id)
    assert "training.tomorrow" not in kinds(db, alice)
    assert kinds(db, alice)[-1] == "training.seat_released"


def test_an_unconfirmed_seat_is_freed_only_once_its_time_has_passed(db, full, alice, people):
    session = build.session_of(db, full, 4)
    seat = db.scalars(sa.select(Seat).where(Seat.session_id == session.id, Seat.user_id == alice.id)).one()
    assert not services.give_back(db, seat_id=seat.id, unconfirmed=True)
    until = build.BEFORE + 48 * HOUR
    seat.confirm_by = until
    db.flush()
    with clock.at(until - MINUTE):
        assert not services.give_back(db, seat_id=seat.id, unconfirmed=True)
    with clock.at(until):
        assert services.confirm_seat(db, seat_id=seat.id)
        assert not services.give_back(db, seat_id=seat.id, unconfirmed=True)
        db.get_one(Seat, seat.id, populate_existing=True).confirm_by = until
        db.flush()
        assert services.give_back(db, seat_id=seat.id, unconfirmed=True)
        assert not services.confirm_seat(db, seat_id=seat.id)
    assert kinds(db, alice)[-1] == "training.seat_lapsed"


def test_a_line_ends_when_its_session_begins_or_is_cancelled_and_each_is_told_once(db, full, people):
    guest, first, second = people[:3]
    session, other = build.session_of(db, full, 1), build.session_of(db, full, 2)
    for one, user in ((session, first), (other, second)):
        services.book_seat(db, user=guest, session_id=one.id)
        services.join_line(db, user=user, line=Line(session_id=one.id))
    services.give_back_own(db, user_id=guest.id, session_id=other.id)
    db.execute(sa.update(Session).where(Session.id == other.id).values(state="cancelled"))
    with clock.at(session.starts_at):
        services.start_due(db, session_id=session.id)
        run_waitlists()
        run_waitlists()
    assert entry(db, first, session_id=session.id).state is WaitlistState.EXPIRED
    assert entry(db, second, session_id=other.id).state is WaitlistState.EXPIRED
    assert outcomes(db, second) == [OfferOutcome.WITHDRAWN]
    assert build.session_of(db, full, 2).guests_taken == 0
    assert kinds(db, first) == ["training.line_closed"]
    assert kinds(db, second) == ["training.line_closed"]


def test_a_lent_seat_that_guests_have_is_not_taken_from_them(db, organiser, expert, alice, people):
    cohort = build.make_cohort(db, organiser, expert, capacity=1)
    session = build.session_of(db, cohort, 3)
    services.enrol(db, user=alice, cohort_id=cohort.id)
    services.give_back_own(db, user_id=alice.id, session_id=session.id)
    for guest in people[:2]:
        services.book_seat(db, user=guest, session_id=session.id)
    with pytest.raises(SessionFullError), db.begin_nested():
        services.book_seat(db, user=alice, session_id=session.id)
    services.join_line(db, user=alice, line=Line(session_id=session.id))
    services.give_back_own(db, user_id=people[0].id, session_id=session.id)
    assert outcomes(db, alice) == [OfferOutcome.OPEN]
    services.book_seat(db, user=alice, session_id=session.id)
    services.leave(db, user=alice, cohort_id=cohort.id)
    session = build.session_of(db, cohort, 3)
    assert (session.guest_capacity, session.guests_taken) == (2, 2)
    assert (held(db, alice), held(db, people[1])) == (1, 1)


def test_an_offer_does_not_outlast_a_session_that_was_moved_closer(db, full, people):
    guest, first = people[:2]
    session = build.session_of(db, full, 2)
    services.book_seat(db, user=guest, session_id=session.id)
    services.join_line(db, user=first, line=Line(session_id=session.id))
    services.give_back_own(db, user_id=guest.id, session_id=session.id)
    run_waitlists()
    assert outcomes(db, first) == [OfferOutcome.OPEN]
    soon = build.BEFORE + 15 * MINUTE
    db.execute(sa.update(Session).where(Session.id == session.id).values(starts_at=soon, ends_at=soon + HOUR))
    run_waitlists()
    assert outcomes(db, first) == [OfferOutcome.EXPIRED]
    assert build.session_of(db, full, 2).guests_taken == 0
