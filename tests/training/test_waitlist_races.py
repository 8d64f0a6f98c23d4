"""The line under pressure: crowds in threads with real commits, and any sequence of what people and the clock do."""

import contextlib
import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel import db as kernel_db
from portal.kernel.errors import ConflictError, NotFoundError
from portal.training import services
from portal.training.errors import CohortFullError, OfferOverError
from portal.training.jobs import run_waitlists
from portal.training.models import (
    Cohort,
    Enrolment,
    EnrolmentState,
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

HOUR = timedelta(hours=1)


def together(count, act, *, at=build.BEFORE):
    """Run `act(index)` in threads that start together; returns the errors by index."""
    barrier, errors = threading.Barrier(count), {}

    def run(index):
        barrier.wait()
        try:
            with clock.at(at):
                act(index)
        except Exception as error:  # noqa: BLE001 (the test looks at each)
            errors[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def crowd(capacity, count):
    """A cohort with so many places, and so many people who want one; committed."""
    with clock.at(build.BEFORE), kernel_db.transaction() as db:
        organiser = create_user(db, email="organiser@example.org", is_organiser=True)
        cohort = build.make_cohort(db, organiser, build.make_expert(db), capacity=capacity)
        return cohort.id, [create_user(db, email=f"person{index}@example.org") for index in range(count)]


def consistent(db):
    """Every count is what its rows say; no session holds more than it may."""
    open_offers = (
        sa.select(sa.func.count())
        .select_from(WaitlistOffer)
        .join(WaitlistEntry, WaitlistEntry.id == WaitlistOffer.entry_id)
        .where(WaitlistOffer.outcome == OfferOutcome.OPEN)
    )
    for cohort in db.scalars(sa.select(Cohort).execution_options(populate_existing=True)):
        active = db.scalar(
            sa.select(sa.func.count()).where(Enrolment.cohort_id == cohort.id, Enrolment.state == EnrolmentState.ACTIVE)
        )
        held = db.scalar(open_offers.where(WaitlistEntry.cohort_id == cohort.id))
        assert cohort.seats_taken == active + held <= cohort.capacity
    for session in db.scalars(sa.select(Session).execution_options(populate_existing=True)):
        guests = db.scalar(
            sa.select(sa.func.count()).where(
                Seat.session_id == session.id, Seat.state == SeatState.HELD, Seat.enrolment_id.is_(None)
            )
        )
        held = db.scalar(open_offers.where(WaitlistEntry.session_id == session.id))
        assert session.guests_taken == guests + held <= session.guest_capacity
    offered = db.scalar(sa.select(sa.func.count()).where(WaitlistEntry.state == WaitlistState.OFFERED))
    assert offered == db.scalar(open_offers)


def test_a_crowd_races_for_ten_seats_and_the_line_keeps_the_order_of_arrival(fresh_database, full_counts):
    count = 200 if full_counts else 60
    cohort_id, people = crowd(10, count)
    arrivals, noting = [], threading.Lock()

    def join(index):
        try:
            with kernel_db.transaction() as db:
                services.enrol(db, user=people[index], cohort_id=cohort_id)
        except CohortFullError:
            with kernel_db.transaction() as db:
                services.join_waitlist(db, user=people[index], cohort_id=cohort_id)
                # Still under the line's lock: nobody else arrives in between.
                with noting:
                    arrivals.append(people[index].id)

    assert together(count, join) == {}
    with kernel_db.reading() as db:
        assert db.get_one(Cohort, cohort_id).seats_taken == 10
        assert db.scalar(sa.select(sa.func.count()).where(Seat.state == SeatState.HELD)) == 250
        line = db.scalars(
            sa.select(WaitlistEntry.user_id)
            .where(WaitlistEntry.state == WaitlistState.WAITING)
            .order_by(WaitlistEntry.priority.desc(), WaitlistEntry.queued_at, WaitlistEntry.id)
        ).all()
        assert list(line) == arrivals
        assert len(arrivals) == count - 10
        consistent(db)
        inside = {row.user_id for row in db.scalars(sa.select(Enrolment))}
    leaving = [user for user in people if user.id in inside]

    def leave(index):
        with kernel_db.transaction() as db:
            services.leave(db, user=leaving[index], cohort_id=cohort_id)

    assert together(len(leaving), leave) == {}
    with kernel_db.reading() as db:
        offered = set(db.scalars(sa.select(WaitlistEntry.user_id).where(WaitlistEntry.state == WaitlistState.OFFERED)))
        assert offered == set(arrivals[:10])
        consistent(db)


@pytest.fixture
def held(fresh_database):
    """A place held for the first of three in line; (cohort id, people, offer id)."""
    cohort_id, people = crowd(1, 4)
    with clock.at(build.BEFORE):
        for index, act in enumerate((services.enrol, *[services.join_waitlist] * 3)):
            with kernel_db.transaction() as db:
                act(db, user=people[index], cohort_id=cohort_id)
        with kernel_db.transaction() as db:
            services.leave(db, user=people[0], cohort_id=cohort_id)
            offer_id = db.scalars(sa.select(WaitlistOffer.id)).one()
    return cohort_id, people, offer_id


def test_two_claims_at_once_take_one_place(held):
    cohort_id, people, offer_id = held

    def claim(index):
        with kernel_db.transaction() as db:
            if index % 2:
                services.claim_offer(db, offer_id=offer_id)
            else:
                services.enrol(db, user=people[1], cohort_id=cohort_id)

    assert together(6, claim) == {}
    with kernel_db.reading() as db:
        assert db.get_one(WaitlistOffer, offer_id).outcome is OfferOutcome.TAKEN
        assert db.scalar(sa.select(sa.func.count()).where(Seat.state == SeatState.HELD)) == 25
        consistent(db)


def test_claiming_and_declining_at_once_have_one_outcome(held):
    _cohort_id, people, offer_id = held

    def answer(index):
        with kernel_db.transaction() as db:
            if index % 2:
                services.decline_offer(db, offer_id=offer_id)
            else:
                services.claim_offer(db, offer_id=offer_id)

    errors = together(6, answer)
    assert {type(error) for error in errors.values()} <= {OfferOverError}
    with kernel_db.reading() as db:
        outcome = db.get_one(WaitlistOffer, offer_id).outcome
        assert outcome in {OfferOutcome.TAKEN, OfferOutcome.DECLINED}
        enrolled = db.scalar(
            sa.select(Enrolment.id).where(Enrolment.user_id == people[1].id, Enrolment.state == EnrolmentState.ACTIVE)
        )
        assert (enrolled is not None) == (outcome is OfferOutcome.TAKEN)
        consistent(db)


def test_the_job_run_by_two_workers_expires_an_offer_once(held):
    cohort_id, people, offer_id = held
    with kernel_db.reading() as db:
        expires_at = db.get_one(WaitlistOffer, offer_id).expires_at

    def work(index):
        if index:
            run_waitlists()
            return
        with kernel_db.transaction() as db:
            services.claim_offer(db, offer_id=offer_id)

    errors = together(4, work, at=expires_at)
    assert {index: type(error) for index, error in errors.items()} == {0: OfferOverError}
    with kernel_db.reading() as db:
        lapsed = waitlist.entry_of(db, Line(cohort_id=cohort_id), people[1].id)
        assert (lapsed.state, lapsed.expired_offers) == (WaitlistState.WAITING, 1)
        assert waitlist.entry_of(db, Line(cohort_id=cohort_id), people[2].id).state is WaitlistState.OFFERED
        consistent(db)


def test_cohorts_and_single_seats_joined_and_left_in_all_orders_at_once(fresh_database):
    cohort_id, people = crowd(2, 8)
    with kernel_db.reading() as db:
        sessions = list(db.scalars(sa.select(Session.id).where(Session.cohort_id == cohort_id).limit(3)))

    def act(index):
        user = people[index % 4]
        for step in range(4):
            with kernel_db.transaction() as db:
                try:
                    if (index + step) % 3 == 0:
                        services.enrol(db, user=user, cohort_id=cohort_id)
                    elif (index + step) % 3 == 1:
                        services.book_seat(db, user=user, session_id=sessions[step % 3])
                    else:
                        services.leave(db, user=user, cohort_id=cohort_id)
                except ConflictError:
                    db.rollback()
                    services.join_line(db, user=user, line=Line(session_id=sessions[(index + step) % 3]))

    assert together(8, act) == {}
    with kernel_db.reading() as db:
        consistent(db)


STEPS = ("join", "leave", "wait", "stop", "claim", "book", "back", "queue", "unqueue", "hours")
STEP = st.tuples(st.sampled_from(STEPS), st.integers(0, 4), st.integers(0, 2))


def _step(db, world, act, who, which):
    cohort_id, people, sessions = world
    user, session_id = people[who], sessions[which]
    acts = {
        "join": lambda: services.enrol(db, user=user, cohort_id=cohort_id),
        "leave": lambda: services.leave(db, user=user, cohort_id=cohort_id),
        "wait": lambda: services.join_waitlist(db, user=user, cohort_id=cohort_id),
        "stop": lambda: services.leave_line(db, user_id=user.id, line=Line(cohort_id=cohort_id)),
        "claim": lambda: waitlist.claim(db, user_id=user.id, line=Line(session_id=session_id)),
        "book": lambda: services.book_seat(db, user=user, session_id=session_id),
        "back": lambda: services.give_back(
            db,
            seat_id=db.scalar(sa.select(Seat.id).where(Seat.session_id == session_id, Seat.user_id == user.id)) or 0,
        ),
        "queue": lambda: services.join_line(db, user=user, line=Line(session_id=session_id)),
        "unqueue": lambda: services.leave_line(db, user_id=user.id, line=Line(session_id=session_id)),
    }
    with db.begin_nested():
        acts[act]()


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEP, min_size=5, max_size=25))
def test_whatever_people_and_the_clock_do_every_count_is_what_its_rows_say(db, organiser, expert, steps):
    outer = db.begin_nested()
    with clock.at(build.BEFORE):
        cohort = build.make_cohort(db, organiser, expert, capacity=2)
        people = [create_user(db, email=f"someone{index}@example.org") for index in range(5)]
        sessions = [build.session_of(db, cohort, number).id for number in (1, 2, 3)]
    world, moment = (cohort.id, people, sessions), build.BEFORE
    for act, who, which in steps:
        if act == "hours":
            # From a quarter of an hour to half a day: into the last hours and minutes before the first session, too.
            moment += HOUR * (who * 3 + which) / 2 + HOUR / 4
            with clock.at(moment):
                run_waitlists()
        else:
            with clock.at(moment), contextlib.suppress(ConflictError, NotFoundError):
                _step(db, world, act, who, which)
        consistent(db)
    outer.rollback()
    db.expire_all()


def test_a_guest_seat_booked_while_its_holder_joins_the_cohort_is_counted_once(fresh_database):
    cohort_id, people = crowd(2, 1)
    with kernel_db.reading() as db:
        session_id = db.scalars(sa.select(Session.id).where(Session.cohort_id == cohort_id).limit(1)).one()
    started, errors = threading.Event(), []

    def join():
        started.set()
        try:
            with clock.at(build.BEFORE), kernel_db.transaction() as db:
                services.enrol(db, user=people[0], cohort_id=cohort_id)
        except Exception as error:  # noqa: BLE001 (looked at below)
            errors.append(error)

    thread = threading.Thread(target=join)
    with clock.at(build.BEFORE), kernel_db.transaction() as db:
        services.book_seat(db, user=people[0], session_id=session_id)
        thread.start()
        started.wait()
        # Long enough for the other transaction to come to where it must wait for this one.
        thread.join(timeout=1)
        assert thread.is_alive()
    thread.join()
    assert errors == []
    with kernel_db.reading() as db:
        assert db.get_one(Session, session_id).guests_taken == 0
        consistent(db)
