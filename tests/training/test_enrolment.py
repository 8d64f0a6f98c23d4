"""Joining and leaving: seats, mails, calendars."""

import base64
import threading

import pytest
import sqlalchemy as sa
import vobject
from icalendar import Calendar

from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel import db as kernel_db
from portal.notifications.models import OutboxMail
from portal.training import services
from portal.training.errors import CohortFullError, CohortOverError, NoSuchCohortError
from portal.training.models import Cohort, Enrolment, Seat, SeatState, WaitlistEntry, WaitlistState
from portal.training.services import reminders
from tests.builders import training as build


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


def mails(db, kind=None):
    query = sa.select(OutboxMail).order_by(OutboxMail.id)
    return list(db.scalars(query.where(OutboxMail.kind == kind) if kind else query))


def held(db, user):
    return db.scalar(sa.select(sa.func.count()).where(Seat.user_id == user.id, Seat.state == SeatState.HELD))


def calendar_of(mail):
    (attachment,) = mail.attachments
    return base64.b64decode(attachment["content"]), attachment["method"]


def test_joining_holds_a_seat_in_all_25_sessions_and_sends_one_mail(db, merchant, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    assert held(db, merchant) == 25
    assert db.get_one(Cohort, cohort.id, populate_existing=True).seats_taken == 1
    (mail,) = mails(db)
    assert (mail.kind, mail.email, mail.params["sessions"]) == ("training.enrolled", merchant.email, 25)


def test_the_calendar_in_the_mail_is_read_by_two_libraries(db, merchant, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    content, method = calendar_of(mails(db)[0])
    assert method == "PUBLISH"
    events = Calendar.from_ical(content).walk("VEVENT")
    assert len(events) == len({str(event["UID"]) for event in events}) == 25
    assert events[0].decoded("dtstart") == build.session_of(db, cohort).starts_at
    assert events[0].decoded("organizer").startswith("mailto:")
    other = vobject.readOne(content.decode())
    assert other.method.value == "PUBLISH"
    assert [str(event.uid.value) for event in other.vevent_list] == [str(event["UID"]) for event in events]


def test_leaving_and_coming_back_keep_the_uid_and_raise_the_sequence(db, merchant, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    services.leave(db, user=merchant, cohort_id=cohort.id)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    seen = []
    for mail in mails(db):
        content, method = calendar_of(mail)
        calendar = Calendar.from_ical(content)
        event = calendar.walk("VEVENT")[0]
        assert str(calendar["METHOD"]) == method
        seen.append((method, str(event["STATUS"]), event["SEQUENCE"], str(event["UID"])))
    assert [one[:2] for one in seen] == [
        ("PUBLISH", "CONFIRMED"),
        ("PUBLISH", "CANCELLED"),
        ("PUBLISH", "CONFIRMED"),
    ]
    assert [one[2] for one in seen] == [0, 1, 2]
    assert len({one[3] for one in seen}) == 1
    assert held(db, merchant) == 25


def test_leaving_gives_the_place_back_and_withdraws_the_reminders(db, alice, bob, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    for user in (alice, bob):
        services.enrol(db, user=user, cohort_id=cohort.id)
    session = build.session_of(db, cohort)
    with clock.at(session.starts_at - reminders.DAY_BEFORE):
        assert reminders.sessions_to_remind(db, soon=False) == [session.id]
        assert reminders.remind(db, session_id=session.id, soon=False) == 2
        assert reminders.remind(db, session_id=session.id, soon=False) == 0
        assert reminders.sessions_to_remind(db, soon=False) == []
    assert services.leave(db, user=alice, cohort_id=cohort.id)
    assert not services.leave(db, user=alice, cohort_id=cohort.id)
    assert [mail.email for mail in mails(db, "training.tomorrow")] == [bob.email]
    assert held(db, alice) == 0
    assert held(db, bob) == 25
    assert db.get_one(Cohort, cohort.id, populate_existing=True).seats_taken == 1


def test_ten_minutes_before_only_who_holds_a_seat_then_is_reminded(db, alice, bob, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    services.enrol(db, user=alice, cohort_id=cohort.id)
    services.enrol(db, user=bob, cohort_id=cohort.id)
    services.leave(db, user=bob, cohort_id=cohort.id)
    session = build.session_of(db, cohort)
    with clock.at(session.starts_at - reminders.SOON_BEFORE):
        assert reminders.sessions_to_remind(db, soon=True) == [session.id]
        reminders.remind(db, session_id=session.id, soon=True)
    assert [mail.email for mail in mails(db, "training.soon")] == [alice.email]
    with clock.at(session.starts_at):
        assert reminders.sessions_to_remind(db, soon=True) == []


def test_a_full_cohort_says_so_and_the_line_keeps_its_order(db, alice, bob, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert, capacity=1)
    services.enrol(db, user=alice, cohort_id=cohort.id)
    with pytest.raises(CohortFullError), db.begin_nested():
        services.enrol(db, user=bob, cohort_id=cohort.id)
    assert held(db, bob) == 0
    services.join_waitlist(db, user=bob, cohort_id=cohort.id)
    services.join_waitlist(db, user=bob, cohort_id=cohort.id)
    (entry,) = db.scalars(sa.select(WaitlistEntry)).all()
    assert (entry.user_id, entry.state) == (bob.id, WaitlistState.WAITING)
    services.leave(db, user=alice, cohort_id=cohort.id)
    services.enrol(db, user=bob, cohort_id=cohort.id)
    db.refresh(entry)
    assert entry.state is WaitlistState.TAKEN


def test_a_draft_and_a_finished_cohort_take_nobody(db, alice, organiser, expert):
    draft = build.make_draft(db, organiser, expert)
    with pytest.raises(NoSuchCohortError):
        services.enrol(db, user=alice, cohort_id=draft.id)
    with pytest.raises(NoSuchCohortError):
        services.enrol(db, user=alice, cohort_id=10**9)
    over = build.make_cohort(db, organiser, build.make_expert(db))
    db.execute(sa.update(Cohort).where(Cohort.id == over.id).values(state="finished"))
    db.expire_all()
    with pytest.raises(CohortOverError):
        services.enrol(db, user=alice, cohort_id=over.id)


def test_publishing_tells_each_person_in_line_once_and_nobody_before(db, alice, bob, organiser, expert):
    full = build.make_cohort(db, organiser, expert, capacity=1)
    services.enrol(db, user=alice, cohort_id=full.id)
    services.join_waitlist(db, user=bob, cohort_id=full.id)
    before = len(mails(db))
    draft = build.make_draft(db, organiser, build.make_expert(db))
    assert len(mails(db)) == before
    assert services.release(db, cohort_id=draft.id) == 1
    assert [mail.email for mail in mails(db, "training.released")] == [bob.email]


def test_the_database_itself_refuses_a_seat_too_many(db, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert, capacity=1)
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(sa.update(Cohort).where(Cohort.id == cohort.id).values(seats_taken=2))


def _race(count, act):
    """Run `act(index)` in threads that start together; returns the errors by index."""
    barrier, errors = threading.Barrier(count), {}

    def run(index):
        barrier.wait()
        try:
            with clock.at(build.BEFORE):
                act(index)
        except Exception as error:  # noqa: BLE001 (the test looks at each)
            errors[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@pytest.fixture
def crowd(fresh_database):
    """A cohort with three seats, and eight people who want one; committed."""
    with kernel_db.transaction() as db:
        organiser = create_user(db, email="organiser@example.org", is_organiser=True)
        cohort = build.make_cohort(db, organiser, build.make_expert(db), capacity=3)
        people = [create_user(db, email=f"person{count}@example.org") for count in range(8)]
    return cohort.id, people


def test_eight_people_race_for_three_seats(crowd, full_counts):
    cohort_id, people = crowd

    def join(index):
        with kernel_db.transaction() as db:
            services.enrol(db, user=people[index], cohort_id=cohort_id)

    for _round in range(20 if full_counts else 3):
        errors = _race(len(people), join)
        assert {type(error) for error in errors.values()} == {CohortFullError}
        assert len(errors) == 5
        with kernel_db.transaction() as db:
            assert db.get_one(Cohort, cohort_id).seats_taken == 3
            assert db.scalar(sa.select(sa.func.count()).where(Seat.state == SeatState.HELD)) == 75
            for person in people:
                services.leave(db, user=person, cohort_id=cohort_id)
            assert db.get_one(Cohort, cohort_id, populate_existing=True).seats_taken == 0


def test_a_double_tap_takes_one_seat_and_sends_one_mail(crowd, full_counts):
    cohort_id, people = crowd

    def join(_index):
        with kernel_db.transaction() as db:
            services.enrol(db, user=people[0], cohort_id=cohort_id)

    assert _race(8 if full_counts else 4, join) == {}
    with kernel_db.reading() as db:
        assert db.get_one(Cohort, cohort_id).seats_taken == 1
        assert db.scalar(sa.select(sa.func.count()).select_from(Enrolment)) == 1
        assert db.scalar(sa.select(sa.func.count()).select_from(OutboxMail)) == 1
