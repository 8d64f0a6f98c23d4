"""Presence in seconds, measured against the session, at a bar of 70 %."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock, events
from portal.training import content, presence, services
from portal.training.errors import (
    NotInSessionError,
    ReasonNeededError,
    WrongStateError,
)
from portal.training.events import SessionEnded
from portal.training.jobs import run_sessions
from portal.training.models import (
    Attendance,
    AttendanceOverride,
    AttendanceState,
    PresencePing,
    SessionState,
)
from tests.builders import training as build

MINUTES = timedelta(minutes=1)


@pytest.fixture
def seated(db, merchant, organiser, expert):
    """A released cohort in which the merchant has a seat; its first session."""
    with clock.at(build.BEFORE):
        cohort = build.make_cohort(db, organiser, expert)
        services.enrol(db, user=merchant, cohort_id=cohort.id)
    return build.session_of(db, cohort)


def attendance_of(db, session, user):
    return db.scalars(
        sa.select(Attendance).where(Attendance.session_id == session.id, Attendance.user_id == user.id)
    ).one()


@pytest.mark.parametrize(
    ("minutes", "state", "seconds"),
    [
        (20.7, AttendanceState.PARTIAL, 1242),  # 69 %
        (20.999, AttendanceState.PARTIAL, 1259),  # a hair under
        (21, AttendanceState.PRESENT, 1260),  # 70 %
        (30, AttendanceState.PRESENT, 1800),
        (0, AttendanceState.ABSENT, 0),
    ],
)
def test_the_bar_is_seventy_percent_to_the_second(db, seated, merchant, minutes, state, seconds):
    build.run_session(db, seated, merchant, minutes=minutes)
    found = attendance_of(db, seated, merchant)
    assert (found.state, found.seconds, found.session_seconds) == (state, seconds, 1800)


def test_two_devices_at_once_count_once(db, seated, merchant):
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    for device in ("phone", "till"):
        build.attend(db, seated, merchant, minutes=15, device=device)
    with clock.at(seated.ends_at):
        services.end_session(db, session_id=seated.id)
    found = attendance_of(db, seated, merchant)
    assert (found.state, found.seconds) == (AttendanceState.PARTIAL, 900)


def test_never_having_opened_the_room_is_absent_and_a_stranger_is_not_listed(db, seated, merchant, charlie):
    with pytest.raises(NotInSessionError), clock.at(seated.starts_at):
        services.ping(db, user=charlie, session_id=seated.id, device="page")
    build.run_session(db, seated)
    rows = db.scalars(sa.select(Attendance).where(Attendance.session_id == seated.id)).all()
    assert [(row.user_id, row.state) for row in rows] == [(merchant.id, AttendanceState.ABSENT)]


def test_a_silence_is_vouched_for_by_thirty_seconds_only(db, seated, merchant):
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
        services.ping(db, user=merchant, session_id=seated.id, device="page")
    with clock.at(seated.starts_at + 29 * MINUTES):
        services.ping(db, user=merchant, session_id=seated.id, device="page")
    with clock.at(seated.ends_at):
        services.end_session(db, session_id=seated.id)
    assert attendance_of(db, seated, merchant).seconds == 30


def test_time_in_the_room_before_the_start_does_not_count(db, seated, merchant):
    for minutes in (10, 9.8, 9.6):
        with clock.at(seated.starts_at - minutes * MINUTES):
            services.ping(db, user=merchant, session_id=seated.id, device="page")
    build.run_session(db, seated)
    assert attendance_of(db, seated, merchant).state is AttendanceState.ABSENT


def test_the_button_counts_five_minutes_and_pressing_twice_does_not_double(db, seated, merchant):
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    for minute in (0, 2, 10, 28):
        with clock.at(seated.starts_at + minute * MINUTES):
            services.press_button(db, user=merchant, session_id=seated.id)
    with clock.at(seated.ends_at):
        services.end_session(db, session_id=seated.id)
    # 0 to 7, 10 to 15, and 28 to the end.
    assert attendance_of(db, seated, merchant).seconds == (7 + 5 + 2) * 60


def test_a_short_session_is_measured_by_its_real_length_a_long_one_by_the_planned(db, seated, merchant):
    planned = (seated.starts_at, seated.ends_at)
    late = seated.ends_at + 15 * MINUTES
    early = seated.starts_at + 20 * MINUTES
    assert presence.length(planned=planned, ran=(seated.starts_at, late)) == 30 * MINUTES
    assert presence.length(planned=planned, ran=(seated.starts_at, early)) == 20 * MINUTES
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    build.attend(db, seated, merchant, minutes=14)
    with clock.at(early):
        services.end_session(db, session_id=seated.id)
    found = attendance_of(db, seated, merchant)
    assert (found.state, found.session_seconds) == (AttendanceState.PRESENT, 1200)


def test_the_room_opens_ten_minutes_before_and_closes_at_the_end(db, seated, merchant):
    for moment in (seated.starts_at - 11 * MINUTES, seated.ends_at + 6 * MINUTES):
        with clock.at(moment):
            if moment > seated.ends_at:
                run_sessions()
            with pytest.raises(WrongStateError):
                services.ping(db, user=merchant, session_id=seated.id, device="page")
    assert db.scalar(sa.select(sa.func.count()).select_from(PresencePing)) == 0


def test_the_clock_starts_a_session_and_ends_it_five_minutes_late_as_if_on_time(db, seated, merchant):
    with clock.at(seated.starts_at + timedelta(seconds=40)):
        run_sessions()
    db.expire_all()
    assert (seated.state, seated.started_at) == (SessionState.LIVE, seated.starts_at)
    build.attend(db, seated, merchant, minutes=21)
    with clock.at(seated.ends_at + 4 * MINUTES):
        run_sessions()
    db.expire_all()
    assert seated.state is SessionState.LIVE
    with clock.at(seated.ends_at + 5 * MINUTES):
        run_sessions()
        run_sessions()
    db.expire_all()
    assert (seated.state, seated.ended_at) == (SessionState.ENDED, seated.ends_at)
    assert attendance_of(db, seated, merchant).state is AttendanceState.PRESENT


def test_the_end_is_published_once(db, seated, merchant):
    heard = []

    def listen(_db, event):
        heard.append(event.session_id)

    events.subscribe(SessionEnded, listen)
    try:
        build.run_session(db, seated, merchant)
        with clock.at(seated.ends_at):
            services.end_session(db, session_id=seated.id)
    finally:
        events._handlers[SessionEnded].remove(listen)
    assert heard == [seated.id]


def test_a_session_cannot_end_before_it_began_nor_begin_too_early(db, seated):
    with pytest.raises(WrongStateError), clock.at(seated.starts_at):
        services.end_session(db, session_id=seated.id)
    with pytest.raises(WrongStateError), clock.at(seated.starts_at - 11 * MINUTES):
        services.start_session(db, session_id=seated.id)


def test_an_override_needs_a_reason_and_is_kept_for_good(db, seated, merchant, organiser):
    build.run_session(db, seated)
    found = attendance_of(db, seated, merchant)
    with pytest.raises(ReasonNeededError):
        services.override_attendance(
            db, organiser=organiser, attendance_id=found.id, after=AttendanceState.EXCUSED, reason="  "
        )
    services.override_attendance(
        db, organiser=organiser, attendance_id=found.id, after=AttendanceState.EXCUSED, reason="Called beforehand"
    )
    kept = db.scalars(sa.select(AttendanceOverride)).one()
    assert (kept.before, kept.after) == (AttendanceState.ABSENT, AttendanceState.EXCUSED)
    for change in (sa.delete(AttendanceOverride), sa.update(AttendanceOverride).values(reason="Other words")):
        with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
            db.execute(change)


def test_slides_turn_within_the_lesson_and_only_while_live(db, seated):
    with pytest.raises(WrongStateError):
        services.turn_slide(db, session_id=seated.id, to=1)
    with clock.at(seated.starts_at):
        services.start_session(db, session_id=seated.id)
    last = len(content.lesson(1).words["fr"].slides) - 1
    for to, shown in ((1, 1), (-5, 0), (999, last)):
        services.turn_slide(db, session_id=seated.id, to=to)
        db.refresh(seated)
        assert seated.slide == shown


def test_whether_the_bar_is_still_within_reach():
    half = presence.reach(12 * MINUTES, planned=30 * MINUTES, left=15 * MINUTES, bar_percent=70)
    assert (half.percent, half.needed_minutes, half.within, half.reached) == (40, 9, True, False)
    late = presence.reach(0 * MINUTES, planned=30 * MINUTES, left=20 * MINUTES, bar_percent=70)
    assert (late.within, late.needed_minutes) == (False, 21)
    done = presence.reach(21 * MINUTES, planned=30 * MINUTES, left=9 * MINUTES, bar_percent=70)
    assert (done.reached, done.needed_minutes, done.percent) == (True, 0, 70)
