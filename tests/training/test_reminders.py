"""Reminders: in time, on the reader's clock, to whoever holds a seat then, once whatever happens to the worker."""

import email
import email.policy
import threading
from datetime import UTC, date, datetime, time, timedelta

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel import db as kernel_db
from portal.kernel.db import transaction
from portal.notifications.flows import CLAIM_LASTS, TOO_LATE, send_due_mails
from portal.notifications.models import OutboxMail, OutboxState, SandboxMail
from portal.training import services
from portal.training.jobs import send_reminders
from portal.training.models import Seat, SeatState, Session
from portal.training.services import reminders
from portal.training.services.changes import When
from tests.builders import training as build
from tests.killing import kill_in_job


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def session(db, alice, bob, organiser, expert):
    """The first session of a cohort with Alice and Bob in it."""
    cohort = build.make_cohort(db, organiser, expert)
    for user in (alice, bob):
        services.enrol(db, user=user, cohort_id=cohort.id)
    return build.session_of(db, cohort)


def outbox(db, kind):
    db.expire_all()
    return list(db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == kind).order_by(OutboxMail.id)))


def subjects(db):
    """(subject, plain text) of what has arrived, oldest first."""
    messages = [
        email.message_from_string(source, policy=email.policy.default)
        for source in db.scalars(sa.select(SandboxMail.source).order_by(SandboxMail.id))
    ]
    return [(one["Subject"], one.get_body(("plain",)).get_content()) for one in messages]


def test_each_of_the_two_leaves_in_its_minute_and_once(db, session, alice, bob):
    for before, kind in ((timedelta(hours=24), "training.tomorrow"), (timedelta(minutes=10), "training.soon")):
        with clock.at(session.starts_at - before - timedelta(seconds=1)):
            assert send_reminders() == 0
        with clock.at(session.starts_at - before):
            assert send_reminders() == 2
            assert send_reminders() == 0
        assert [mail.email for mail in outbox(db, kind)] == [alice.email, bob.email]


def test_a_reminder_is_on_the_readers_own_clock_and_says_which(app, db, organiser, expert, session):
    nadia = create_user(db, email="n@example.org", display_name="N", language="ar", time_zone="Africa/Tunis")
    far = create_user(db, email="f@example.org", display_name="F", language="en", time_zone="Pacific/Auckland")
    for user in (nadia, far):
        services.enrol(db, user=user, cohort_id=session.cohort_id)
    db.execute(sa.delete(OutboxMail))
    # 12:30 in Paris is 00:30 of the next day in Auckland, where it was today's 00:30 a day before.
    with clock.at(session.starts_at - timedelta(hours=24)), app.app_context():
        send_reminders()
        send_due_mails()
    texts = subjects(db)
    assert "12:30" in texts[0][0]
    assert "Paris" in texts[0][1]
    assert "12:30" in texts[2][0]
    assert "تونس" in texts[2][1]
    assert texts[3][0] == "Tomorrow at 00:30: your session"
    assert "Wednesday 25 November, 00:30 (time of Auckland)" in texts[3][1]


def test_a_late_worker_says_today_when_it_is_today(app, db, session):
    db.execute(sa.delete(OutboxMail))
    with clock.at(session.starts_at - timedelta(hours=12, seconds=-1)), app.app_context():
        assert send_reminders() == 0
    at = datetime(2026, 11, 23, 23, 15, tzinfo=UTC)  # 00:15 in Paris, twelve hours and a quarter before
    with clock.at(at), app.app_context():
        assert send_reminders() == 2
        send_due_mails()
    assert [subject for subject, _ in subjects(db)] == ["Aujourd’hui à 12:30 : votre session"] * 2


def test_a_reminder_that_would_come_too_late_is_not_sent(app, db, session):
    with clock.at(session.starts_at - timedelta(minutes=10)):
        assert send_reminders() == 2
    with clock.at(session.starts_at), app.app_context():
        send_due_mails()
        assert send_reminders() == 0
    assert {(mail.state, mail.last_error) for mail in outbox(db, "training.soon")} == {(OutboxState.FAILED, TOO_LATE)}
    assert not [subject for subject, _ in subjects(db) if "minutes" in subject]


def test_a_seat_taken_within_the_last_day_was_just_confirmed(db, session, charlie):
    with clock.at(session.starts_at - timedelta(hours=23)):
        services.enrol(db, user=charlie, cohort_id=session.cohort_id)
        assert send_reminders() == 2
    with clock.at(session.starts_at - timedelta(minutes=5)):
        assert send_reminders() == 3


def test_a_seat_given_back_takes_its_reminder_with_it(app, db, session, alice, bob):
    with clock.at(session.starts_at - timedelta(hours=24)), app.app_context():
        send_reminders()
        services.leave(db, user=alice, cohort_id=session.cohort_id)
        send_due_mails()
    with clock.at(session.starts_at - timedelta(minutes=10)):
        send_reminders()
    for kind in ("training.tomorrow", "training.soon"):
        assert [mail.email for mail in outbox(db, kind)] == [bob.email]


def test_a_moved_session_is_reminded_of_at_its_new_time_alone(db, session):
    old = session.starts_at
    with clock.at(old - timedelta(hours=24)):
        send_reminders()
        services.move_session(db, session_id=session.id, when=When(date(2026, 12, 1), time(9, 0)))
    for before in (timedelta(hours=23), timedelta(minutes=10), timedelta(minutes=1)):
        with clock.at(old - before):
            assert send_reminders() == 0
    new = db.get_one(Session, session.id, populate_existing=True).starts_at
    with clock.at(new - timedelta(hours=24)):
        assert send_reminders() == 2
    assert [mail.params["starts_at"] for mail in outbox(db, "training.tomorrow")] == [new.isoformat()] * 2


def test_a_cancelled_session_reminds_nobody(db, session):
    services.cancel_session(db, session_id=session.id)
    for before in (reminders.DAY_BEFORE, reminders.SOON_BEFORE):
        with clock.at(session.starts_at - before):
            assert send_reminders() == 0


@pytest.fixture
def many(fresh_database):
    """The id of a session with more people than a batch holds, committed."""
    count = reminders.BATCH * 2 + 100
    with transaction() as db:
        organiser = create_user(db, email="organiser@example.org", is_organiser=True)
        cohort = build.make_cohort(db, organiser, build.make_expert(db), capacity=count)
        first = build.session_of(db, cohort)
        db.execute(sa.delete(Session).where(Session.cohort_id == cohort.id, Session.id != first.id))
        build.crowd(db, cohort, count)
        return first.id, first.starts_at, count


def _told():
    with kernel_db.reading() as db:
        return sorted(db.scalars(sa.select(OutboxMail.email).where(OutboxMail.kind == "training.soon")))


def test_killed_between_batches_it_goes_on_and_nobody_is_reminded_twice(many, tmp_path):
    session_id, starts_at, count = many
    moment = starts_at - timedelta(minutes=10)
    # Two statements write a batch: the second batch is in the middle.
    kill_in_job(tmp_path, "training.reminders", moment.isoformat(), at="INSERT INTO outbox_mails", times=4)
    assert len(_told()) == reminders.BATCH
    with clock.at(moment + timedelta(minutes=1)):
        assert send_reminders() == count - reminders.BATCH
        assert send_reminders() == 0
    told = _told()
    assert len(told) == len(set(told)) == count
    with kernel_db.reading() as db:
        assert db.get_one(Session, session_id).soon_reminder_at is not None


def test_killed_while_sending_each_mail_arrives_once(app, fresh_database, tmp_path):
    with transaction() as db:
        organiser = create_user(db, email="organiser@example.org", is_organiser=True)
        cohort = build.make_cohort(db, organiser, build.make_expert(db))
        first = build.session_of(db, cohort)
        build.crowd(db, cohort, 8)
    moment = first.starts_at - timedelta(minutes=10)
    with clock.at(moment):
        assert send_reminders() == 8
    # The fourth has arrived, and nobody has noted it: the first of the three is the claim.
    kill_in_job(tmp_path, "send_mails", moment.isoformat(), at="UPDATE outbox_mails", times=6)
    with kernel_db.reading() as db:
        arrived = db.scalar(sa.select(sa.func.count()).select_from(SandboxMail))
        noted = db.scalar(sa.select(sa.func.count()).where(OutboxMail.state == OutboxState.SENT))
    assert 0 < noted < arrived < 8
    with clock.at(moment + CLAIM_LASTS), app.app_context():
        send_due_mails()
    with kernel_db.reading() as db:
        recipients = db.scalars(sa.select(SandboxMail.recipient)).all()
        assert len(recipients) == len(set(recipients)) == 8
        assert set(db.scalars(sa.select(OutboxMail.state))) == {OutboxState.SENT}


def test_giving_seats_back_while_reminders_are_written_leaves_none_for_them(many, full_counts):
    session_id, starts_at, count = many
    moment, errors = starts_at - timedelta(minutes=10), []
    with kernel_db.reading() as db:
        cohort_id = db.get_one(Session, session_id).cohort_id
        leaving = db.scalars(sa.select(Seat.user_id).order_by(Seat.id).limit(60 if full_counts else 12)).all()
    barrier = threading.Barrier(2)

    def give_back():
        barrier.wait()
        with clock.at(moment):
            for user_id in leaving:
                with transaction() as db:
                    user = db.get_one(build.User, user_id)
                    try:
                        services.leave(db, user=user, cohort_id=cohort_id)
                    except sa.exc.SQLAlchemyError as error:
                        errors.append(error)

    thread = threading.Thread(target=give_back)
    thread.start()
    barrier.wait()
    with clock.at(moment):
        send_reminders()
    thread.join()
    with clock.at(moment + timedelta(minutes=1)):
        send_reminders()
    with kernel_db.reading() as db:
        held = set(
            db.scalars(
                sa.select(build.User.email)
                .join(Seat, Seat.user_id == build.User.id)
                .where(Seat.session_id == session_id, Seat.state == SeatState.HELD)
            )
        )
    assert errors == []
    assert len(held) == count - len(leaving)
    assert set(_told()) == held
