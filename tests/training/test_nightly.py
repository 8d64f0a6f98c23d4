"""Attendance worked out again each night: the whole of it, once, whatever happens to the worker."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.training import services
from portal.training.jobs import recompute_attendances
from portal.training.models import Attendance, AttendanceState, Recomputation, Session, SessionState
from portal.training.services.recomputation import LOOKS_BACK, begin_night, night_of, recompute_next
from tests.builders import training as build
from tests.killing import kill_in_job


@pytest.fixture
def ran(fresh_database):
    """Six sessions that ended, whose attendance was spoilt afterwards; (their ids, a moment of the night after)."""
    with clock.at(build.BEFORE), transaction() as db:
        organiser = create_user(db, email="organiser@example.org", is_organiser=True)
        merchant = create_user(db, email="merchant@example.org")
        cohort = build.make_cohort(db, organiser, build.make_expert(db))
        services.enrol(db, user=merchant, cohort_id=cohort.id)
        sessions = [build.session_of(db, cohort, number) for number in range(1, 7)]
        for session in sessions:
            build.run_session(db, session, merchant)
    with transaction() as db:
        db.execute(sa.update(Attendance).values(state=AttendanceState.ABSENT, seconds=0))
    return [one.id for one in sessions], sessions[-1].ends_at + timedelta(hours=14)


def states():
    with reading() as db:
        return list(db.scalars(sa.select(Attendance.state).order_by(Attendance.session_id)))


def work():
    with reading() as db:
        return db.scalars(sa.select(Recomputation).order_by(Recomputation.name)).all()


def test_a_night_goes_through_every_session_once_and_says_what_it_changed(ran):
    session_ids, night = ran
    with clock.at(night):
        assert recompute_attendances() == 6
        assert recompute_attendances() == 0
    assert states() == [AttendanceState.PRESENT] * 6
    (done,) = work()
    assert (done.position, done.changed, done.finished_at) == (session_ids[-1], 6, night)
    with clock.at(night + timedelta(days=1)):
        assert recompute_attendances() == 6
    assert [one.changed for one in work()] == [6, 0]


def test_killed_in_the_middle_it_goes_on_where_it_was(ran, tmp_path):
    session_ids, night = ran
    kill_in_job(tmp_path, "training.nightly", night.isoformat(), at="UPDATE attendances", times=4)
    assert states() == [AttendanceState.PRESENT] * 3 + [AttendanceState.ABSENT] * 3
    (half,) = work()
    assert (half.position, half.changed, half.finished_at) == (session_ids[2], 3, None)
    with clock.at(night + timedelta(minutes=15)):
        assert recompute_attendances() == 3
    assert states() == [AttendanceState.PRESENT] * 6
    (done,) = work()
    assert (done.changed, done.finished_at is not None) == (6, True)


def test_what_is_long_over_is_left_as_it_is(ran):
    _session_ids, night = ran
    with clock.at(night + LOOKS_BACK + timedelta(days=1)):
        assert recompute_attendances() == 0
    assert states() == [AttendanceState.ABSENT] * 6


def test_a_session_that_has_not_ended_is_passed_over(ran):
    session_ids, night = ran
    with transaction() as db:
        db.execute(sa.update(Session).where(Session.id == session_ids[1]).values(state=SessionState.CANCELLED))
    with clock.at(night):
        assert recompute_attendances() == 5
    assert states().count(AttendanceState.PRESENT) == 5


def test_a_night_is_named_after_its_evening_and_begins_at_two():
    before, after = datetime(2026, 11, 24, 0, 59, tzinfo=UTC), datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    assert night_of(before) == "attendance 2026-11-23"
    assert night_of(after) == "attendance 2026-11-24"


def test_a_second_worker_leaves_the_work_to_the_first(engine_name, ran):
    if engine_name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    _session_ids, night = ran
    with clock.at(night), transaction() as first:
        name = begin_night(first)
        first.commit()
        assert recompute_next(first, name)
        with transaction() as second:
            assert not recompute_next(second, name)
