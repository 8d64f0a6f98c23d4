"""The demo cohorts are made through the services, once, and a session is live after each start."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.demo import people, training
from portal.demo.people import demo_user
from portal.kernel import clock
from portal.training import content, services
from portal.training.models import Attendance, Cohort, CohortState, PresencePing
from portal.training.queries import live_sessions, progress
from portal.training.queries.feedback import feedback_by_lesson, feedback_due
from portal.training.queries.replay import slide_turns
from portal.training.replay import marks
from tests.builders import training as build


@pytest.fixture(autouse=True)
def _today(db):
    with clock.at(build.BEFORE):
        for person in people.EVERYBODY:
            demo_user(db, person)
        yield


def test_the_cohorts_are_there_once(db):
    training.build_programme()
    training.build_cohorts()
    training.build_cohorts()
    states = {cohort.name: cohort.state for cohort in db.scalars(sa.select(Cohort))}
    assert states == {training.ENDED: CohortState.FINISHED, training.COMING: CohortState.RELEASED}
    coming = db.scalars(sa.select(Cohort).where(Cohort.name == training.COMING)).one()
    assert 1 <= (coming.first_on - build.BEFORE.date()).days <= 14
    assert coming.seats_taken < coming.capacity


def test_claire_has_met_the_rule_by_being_there(db):
    training.build_cohorts()
    far = progress(db, demo_user(db, people.CLAIRE).id)
    assert far.reached
    assert far.states[8].state == "replay"
    assert [one.number for one in far.to_catch_up] == [6, 21]
    counted = db.scalar(sa.select(sa.func.count()).where(Attendance.seconds >= 21 * 60))
    assert counted == db.scalar(sa.select(sa.func.count()).where(Attendance.state == "present")) > 40
    assert db.scalar(sa.select(sa.func.count()).select_from(PresencePing)) > counted


def test_a_session_is_live_after_each_start_and_no_second_one_is_made(db):
    training.build_cohorts()
    training.ensure_live_session()
    (first,) = live_sessions(db)
    training.ensure_live_session()
    assert [one.id for one in live_sessions(db)] == [first.id]
    assert first.starts_at < clock.now() < first.ends_at
    with clock.at(build.BEFORE + timedelta(hours=3)):
        training.ensure_live_session()
        (second,) = live_sessions(db)
        assert (second.number, second.cohort_id) == (first.number + 1, first.cohort_id)
    with clock.at(second.starts_at + timedelta(minutes=20)):
        services.end_session(db, session_id=second.id)
        training.ensure_live_session()
        assert len(live_sessions(db)) == 1


def test_the_sessions_that_ended_have_chapters_and_were_talked_about(db):
    training.build_cohorts()
    ended = db.scalars(sa.select(Cohort).where(Cohort.name == training.ENDED)).one()
    sixth = build.session_of(db, ended, 6)
    turns = slide_turns(db, sixth.id)
    found = marks(turns, began_at=sixth.started_at, ended_at=sixth.ended_at)
    assert len(found) == len(content.lesson(6).words["fr"].slides)
    opinions = {one.number: one for one in feedback_by_lesson(db, ended.id)}
    assert opinions.keys() == set(range(1, 26)) - {17}
    assert len(opinions[5].lines) == 2
    assert feedback_due(db, demo_user(db, people.CLAIRE).id, 25) is not None
