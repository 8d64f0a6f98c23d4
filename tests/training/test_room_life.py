"""The life of a room under pressure: two experts at once, forged presence, recomputation, and sessions that failed."""

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from portal.identity.services import create_user
from portal.kernel import clock, events
from portal.kernel.db import reading, transaction
from portal.notifications.models import OutboxMail
from portal.training import content, services
from portal.training.errors import NotInSessionError, ReasonNeededError, WrongStateError
from portal.training.events import SessionEnded
from portal.training.mails.rooms import technical
from portal.training.models import (
    Attendance,
    AttendanceOverride,
    AttendanceState,
    PresencePing,
    PresenceSource,
    Seat,
    SeatState,
    Session,
    SlideTurn,
)
from portal.training.queries.lessons import lesson_words, newest_version
from portal.training.services.lessons import save_words
from portal.training.services.presence import record_roster
from tests.builders import training as build

MINUTES, SECONDS = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def seated(db, merchant, organiser, expert):
    """A released cohort in which the merchant has a seat; its first session."""
    with clock.at(build.BEFORE):
        cohort = build.make_cohort(db, organiser, expert)
        services.enrol(db, user=merchant, cohort_id=cohort.id)
    return build.session_of(db, cohort)


def rows_of(db, session):
    query = sa.select(Attendance.user_id, Attendance.state, Attendance.seconds, Attendance.session_seconds)
    return [tuple(row) for row in db.execute(query.where(Attendance.session_id == session.id).order_by(Attendance.id))]


def attendance_of(db, session, user):
    query = sa.select(Attendance).where(Attendance.session_id == session.id, Attendance.user_id == user.id)
    return db.scalars(query.execution_options(populate_existing=True)).one()


# Two at once


@pytest.fixture
def committed(fresh_database):
    """A session whose rows are really there, for threads."""
    with transaction() as db, clock.at(build.BEFORE):
        organiser = create_user(db, email="o@example.org", display_name="O", is_organiser=True)
        expert, user = build.make_expert(db), create_user(db, email="m@example.org", display_name="M")
        cohort = build.make_cohort(db, organiser, expert)
        services.enrol(db, user=user, cohort_id=cohort.id)
        return build.session_of(db, cohort)


def at_once(count, work):
    """Run `work(number)` in threads that begin together; returns what each raised, or None."""
    gate, outcomes = threading.Barrier(count), [None] * count

    def run(number):
        gate.wait()
        try:
            work(number)
        except Exception as error:  # noqa: BLE001 (the thread says what it met)
            outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_a_session_that_two_experts_start_begins_once(committed):
    def start(number):
        with clock.at(committed.starts_at + number * SECONDS), transaction() as db:
            services.start_session(db, session_id=committed.id)

    assert at_once(6, start) == [None] * 6
    with reading() as db:
        turns = db.scalars(sa.select(SlideTurn)).all()
        session = db.get_one(Session, committed.id)
    assert [(turn.slide, turn.at) for turn in turns] == [(0, session.started_at)]


def test_a_session_that_two_experts_end_ends_once(committed):
    heard = []

    def listen(_db, event):
        heard.append(event.session_id)

    with clock.at(committed.starts_at), transaction() as db:
        services.start_session(db, session_id=committed.id)
    events.subscribe(SessionEnded, listen)

    def end(number):
        with clock.at(committed.ends_at + number * SECONDS), transaction() as db:
            services.end_session(db, session_id=committed.id)

    try:
        assert at_once(6, end) == [None] * 6
    finally:
        events._handlers[SessionEnded].remove(listen)
    with reading() as db:
        assert len(rows_of(db, committed)) == 1
    assert heard == [committed.id]


def test_the_clock_and_an_expert_start_it_together(committed):
    def start(number):
        with clock.at(committed.starts_at + SECONDS), transaction() as db:
            if number % 2:
                services.start_session(db, session_id=committed.id)
            else:
                services.start_due(db, session_id=committed.id)

    assert at_once(6, start) == [None] * 6
    with reading() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(SlideTurn)) == 1


def test_two_workers_that_ask_for_the_roster_at_once_note_it_once(committed):
    with reading() as db:
        [user_id] = db.scalars(sa.select(Seat.user_id).where(Seat.session_id == committed.id))
    for minute in (0, 1):
        at = committed.starts_at + minute * MINUTES

        def note(_number, at=at):
            with transaction() as db:
                record_roster(db, session_id=committed.id, user_ids={user_id}, at=at)

        assert at_once(6, note) == [None] * 6
    with reading() as db:
        spans = [(ping.from_at, ping.until_at) for ping in db.scalars(sa.select(PresencePing))]
    assert spans == [(committed.starts_at, committed.starts_at + MINUTES)]


# Slides and words


def test_each_slide_shown_is_noted_once_with_its_moment(db, seated):
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    for minute, to in ((1, 1), (2, 1), (3, 2), (4, 1), (5, -9)):
        with clock.at(seated.starts_at + minute * MINUTES):
            services.turn_slide(db, session_id=seated.id, to=to)
    turns = db.execute(sa.select(SlideTurn.slide, SlideTurn.at).order_by(SlideTurn.id)).all()
    start = seated.starts_at
    assert [(slide, (at - start) // MINUTES) for slide, at in turns] == [(0, 0), (1, 1), (2, 3), (1, 4), (0, 5)]


def test_a_session_keeps_the_words_it_began_with(db, seated, organiser, merchant):
    def edit(text):
        newest = newest_version(db, 1)
        words = {language: dict(entry) for language, entry in newest.words.items()}
        words["fr"]["summary"] = text
        save_words(db, organiser=organiser, number=1, words=words, based_on=newest.number)

    edit("Première édition")
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    edit("Seconde édition")
    session = db.get_one(Session, seated.id, populate_existing=True)
    assert lesson_words(db, 1, "fr", session.lesson_version_id).summary == "Première édition"
    assert lesson_words(db, 1, "fr").summary == "Seconde édition"


# Forged presence


def test_presence_is_ones_own_with_a_seat_and_in_its_time(db, seated, merchant, charlie, client, sign_in):
    start, end = seated.starts_at, seated.ends_at
    with clock.at(start):
        services.start_session(db, session_id=seated.id)
        for forge in (services.ping, services.press_button):
            extra = {"device": "x"} if forge is services.ping else {}
            with pytest.raises(NotInSessionError):
                forge(db, user=charlie, session_id=seated.id, **extra)
    sign_in(client, charlie)
    with clock.at(start):
        forged = {"user_id": str(merchant.id), "user": str(merchant.id), "device": "page"}
        assert client.post(f"/fr/sessions/{seated.id}/presence", data=forged).status_code == 403
        assert client.post(f"/fr/sessions/{seated.id}/here", data=forged).status_code == 403
    with clock.at(end):
        services.end_session(db, session_id=seated.id)
    for moment in (end, end + MINUTES):
        with clock.at(moment), pytest.raises(WrongStateError):
            services.ping(db, user=merchant, session_id=seated.id, device="x")
    assert db.scalar(sa.select(sa.func.count()).select_from(PresencePing)) == 0


def test_five_devices_are_one_person(db, seated, merchant):
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    for number in range(5):
        build.attend(db, seated, merchant, minutes=10, device=f"device-{number}")
    with clock.at(seated.ends_at):
        services.end_session(db, session_id=seated.id)
    found = attendance_of(db, seated, merchant)
    assert (found.state, found.seconds) == (AttendanceState.PARTIAL, 600)


def test_a_clock_that_jumps_gives_thirty_seconds_at_most(db, seated, merchant):
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    for seconds in (0, 20, 900, 40, 10, 900, 901):
        with clock.at(seated.starts_at + seconds * SECONDS):
            services.ping(db, user=merchant, session_id=seated.id, device="page")
    with clock.at(seated.ends_at):
        services.end_session(db, session_id=seated.id)
    # 0 to 20, and 870 to 901: going back added nothing.
    assert attendance_of(db, seated, merchant).seconds == 20 + 31


# Recomputation


def test_recomputing_gives_the_same_answer_each_time(db, seated, merchant, organiser):
    build.run_session(db, seated, merchant, minutes=22)
    before = rows_of(db, seated)
    with clock.at(seated.ends_at + 30 * MINUTES):
        assert [services.recompute_attendance(db, seated.id) for _time in range(3)] == [0, 0, 0]
    assert rows_of(db, seated) == before


def test_a_wrong_row_is_put_right_and_a_missing_one_added(db, seated, merchant, bob):
    build.run_session(db, seated, merchant, minutes=22)
    right = rows_of(db, seated)
    db.execute(sa.update(Attendance).values(state=AttendanceState.ABSENT, seconds=1))
    db.expire_all()
    assert services.recompute_attendance(db, seated.id) == 1
    assert rows_of(db, seated) == right
    db.execute(sa.delete(Attendance))
    db.add(Seat(session_id=seated.id, user_id=bob.id, state=SeatState.HELD))
    db.flush()
    assert services.recompute_attendance(db, seated.id) == 2
    assert sorted(rows_of(db, seated)) == sorted([*right, (bob.id, AttendanceState.ABSENT, 0, 1800)])


def test_a_correction_and_a_replay_outlive_it_while_seconds_follow_the_log(db, seated, merchant, bob, organiser):
    db.add(Seat(session_id=seated.id, user_id=bob.id, state=SeatState.HELD))
    db.flush()
    build.run_session(db, seated, merchant, minutes=5)
    services.override_attendance(
        db,
        organiser=organiser,
        attendance_id=attendance_of(db, seated, merchant).id,
        after=AttendanceState.EXCUSED,
        reason="Said so beforehand",
    )
    attendance_of(db, seated, bob).state = AttendanceState.REPLAY
    db.add(
        PresencePing(
            session_id=seated.id,
            user_id=bob.id,
            device="late",
            source=PresenceSource.PAGE,
            from_at=seated.starts_at,
            until_at=seated.ends_at,
        )
    )
    db.flush()
    assert services.recompute_attendance(db, seated.id) == 1
    assert rows_of(db, seated) == [
        (merchant.id, AttendanceState.EXCUSED, 300, 1800),
        (bob.id, AttendanceState.REPLAY, 1800, 1800),
    ]
    assert services.recompute_attendance(db, seated.id) == 0


def test_a_replay_of_somebody_without_a_seat_is_left_alone(db, seated, charlie):
    build.run_session(db, seated)
    db.add(
        Attendance(session_id=seated.id, user_id=charlie.id, state=AttendanceState.REPLAY, seconds=0, session_seconds=0)
    )
    db.flush()
    assert services.recompute_attendance(db, seated.id) == 0
    assert (charlie.id, AttendanceState.REPLAY, 0, 0) in rows_of(db, seated)


def test_only_a_session_that_ended_is_recomputed(db, seated):
    assert services.recompute_attendance(db, seated.id) == 0
    assert services.recompute_attendance(db, seated.id + 999) == 0
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    assert services.recompute_attendance(db, seated.id) == 0
    assert rows_of(db, seated) == []


# It was our fault


@pytest.fixture
def failed(db, seated, merchant, bob, charlie, alice):
    """A session that ended: the merchant came for a moment, Alice attended, Bob and Charlie had seats."""
    for user in (bob, charlie, alice):
        db.add(Seat(session_id=seated.id, user_id=user.id, state=SeatState.HELD))
    db.flush()
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    build.attend(db, seated, merchant, minutes=2)
    build.attend(db, seated, alice, minutes=30)
    with clock.at(seated.ends_at):
        services.end_session(db, session_id=seated.id)
    return seated


def mails(db):
    return db.scalars(sa.select(OutboxMail.email).where(OutboxMail.kind == "training.technical")).all()


def test_our_fault_is_technical_for_all_it_did_not_count_for_and_told_once(
    db, failed, merchant, bob, charlie, alice, organiser
):
    services.override_attendance(
        db,
        organiser=organiser,
        attendance_id=attendance_of(db, failed, charlie).id,
        after=AttendanceState.EXCUSED,
        reason="On leave",
    )
    told = [
        services.mark_our_fault(db, organiser=organiser, session_id=failed.id, reason=" The sound failed. ")
        for _twice in range(2)
    ]
    assert told == [2, 0]
    states = {user_id: state for user_id, state, *_ in rows_of(db, failed)}
    assert states == {
        merchant.id: AttendanceState.TECHNICAL,
        bob.id: AttendanceState.TECHNICAL,
        charlie.id: AttendanceState.EXCUSED,
        alice.id: AttendanceState.PRESENT,
    }
    kept = db.scalars(sa.select(AttendanceOverride).where(AttendanceOverride.after == AttendanceState.TECHNICAL)).all()
    assert {(one.reason, one.organiser_id) for one in kept} == {("The sound failed.", organiser.id)}
    assert sorted(mails(db)) == sorted([merchant.email, bob.email])
    assert services.recompute_attendance(db, failed.id) == 0


def test_our_fault_needs_a_reason_and_an_end(db, seated, organiser):
    with pytest.raises(WrongStateError):
        services.mark_our_fault(db, organiser=organiser, session_id=seated.id, reason="The sound failed")
    build.run_session(db, seated)
    with pytest.raises(ReasonNeededError):
        services.mark_our_fault(db, organiser=organiser, session_id=seated.id, reason="  ")
    assert mails(db) == []


def test_the_page_of_our_fault(client, new_client, sign_in, db, failed, merchant, organiser):
    address = f"/fr/manage/sessions/{failed.id}/our-fault"
    stranger = new_client()
    sign_in(stranger, merchant)
    assert {stranger.get(address).status_code, stranger.post(address).status_code} == {404}
    sign_in(client, organiser)
    page = client.get(address)
    assert (page.status_code, "3 personnes sont concernées" in page.text) == (200, True)
    wrong = client.post(address, data={"reason": " "})
    assert (wrong.status_code, "reason-error" in wrong.text, mails(db)) == (422, True, [])
    sent = client.post(address, data={"reason": "Le son est tombé en panne."})
    assert sent.headers["Location"] == f"/fr/manage/sessions/{failed.id}"
    assert "Il n’y a personne à prévenir" in client.get(address).text
    assert len(mails(db)) == 3


def test_who_it_concerns_reads_it_in_the_room(client, sign_in, db, failed, merchant, organiser):
    services.mark_our_fault(db, organiser=organiser, session_id=failed.id, reason="Le son est tombé en panne.")
    db.flush()
    sign_in(client, merchant)
    with clock.at(failed.ends_at + MINUTES):
        page = client.get(f"/fr/sessions/{failed.id}").text
    assert "notre faute" in page


@pytest.mark.parametrize("language", ["fr", "en", "ar"])
def test_the_mail_says_what_happened_and_where_to_go(app, language):
    params = {"number": 3, "starts_at": "2026-11-24T11:30:00+00:00", "zone": "Europe/Paris", "reason": "Le son."}
    with app.test_request_context(f"/{language}/"), force_locale(language):
        mail = technical(params)
    assert mail.action.path == f"/{language}/programme/{content.lesson(3).address}"
    assert mail.rows[-1][1] == "Le son."
    assert content.lesson(3).title(language) in mail.subject
    assert "12:30" in mail.rows[1][1]
