"""How far somebody is: each lesson's state, what counts, what comes next."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock
from portal.training import content, services
from portal.training.models import AttendanceState, Cohort, CohortState, Enrolment, Seat
from portal.training.queries import is_enrolled, live_sessions, my_cohort, next_sessions, progress
from tests.builders import training as build
from tests.training.statements import counted_statements


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert, merchant):
    cohort = build.make_cohort(db, organiser, expert)
    services.enrol(db, user=merchant, cohort_id=cohort.id)
    return cohort


def test_somebody_new_has_everything_to_come(db, alice):
    far = progress(db, alice.id)
    assert {one.state for one in far.states.values()} == {"open"}
    assert (far.counted, far.needed, far.missing, far.reached) == (0, 20, 20, False)
    assert (far.next, far.goal_at, far.to_catch_up) == (None, None, ())


def test_each_lesson_says_what_it_came_to(db, cohort, merchant):
    for number, minutes in ((1, 30), (2, 10), (3, None), (4, None)):
        session = build.session_of(db, cohort, number)
        present = (merchant,) if minutes else ()
        build.run_session(db, session, *present, minutes=minutes or 0)
    fourth = content.lesson(4).words["fr"].quiz
    services.answer_quiz(db, user=merchant, number=4, answers=[question.answer for question in fourth])
    fifth = build.session_of(db, cohort, 5)
    with clock.at(fifth.starts_at):
        services.start_session(db, session_id=fifth.id)
        far = progress(db, merchant.id)
    states = [far.states[number].state for number in range(1, 8)]
    assert states == ["present", "partial", "missed", "replay", "live", "seat", "seat"]
    assert far.counted == 2
    assert far.next.session_id == fifth.id
    assert [one.number for one in far.to_catch_up] == [2, 3]


def test_the_goal_is_the_day_of_the_last_lesson_still_needed(db, cohort, merchant):
    assert progress(db, merchant.id).goal_at == build.session_of(db, cohort, 20).starts_at
    build.run_session(db, build.session_of(db, cohort, 1))
    with clock.at(build.session_of(db, cohort, 1).ends_at):
        assert progress(db, merchant.id).goal_at == build.session_of(db, cohort, 21).starts_at


def test_twenty_lessons_meet_the_rule(db, cohort, merchant):
    for number in range(1, 21):
        build.run_session(db, build.session_of(db, cohort, number), merchant, minutes=21)
        assert progress(db, merchant.id).reached == (number == 20)


def test_the_best_of_two_attendances_counts(db, cohort, merchant, organiser):
    build.run_session(db, build.session_of(db, cohort, 1), merchant, minutes=30)
    again = build.make_cohort(db, organiser, build.make_expert(db))
    services.enrol(db, user=merchant, cohort_id=again.id)
    build.run_session(db, build.session_of(db, again, 1))
    far = progress(db, merchant.id)
    assert (far.states[1].state, far.counted) == ("present", 1)


def test_what_was_missed_stays_shown_until_a_seat_was_booked_for_it(db, cohort, merchant, organiser):
    build.run_session(db, build.session_of(db, cohort, 1))
    again = build.make_cohort(db, organiser, build.make_expert(db))
    services.enrol(db, user=merchant, cohort_id=again.id)
    assert progress(db, merchant.id).states[1].state == "missed"
    booked = build.session_of(db, again, 1)
    db.execute(
        sa.update(Seat).where(Seat.session_id == booked.id, Seat.user_id == merchant.id).values(enrolment_id=None)
    )
    assert progress(db, merchant.id).states[1].state == "seat"


def test_progress_takes_three_statements_however_much_there_is(db, cohort, merchant):
    for number in range(1, 6):
        build.run_session(db, build.session_of(db, cohort, number), merchant, minutes=30)
    with counted_statements() as seen:
        progress(db, merchant.id)
    assert len(seen) == 3


def test_what_visitors_see_comes_next(db, cohort, organiser):
    draft = build.make_draft(db, organiser, build.make_expert(db))
    found = next_sessions(db, 3)
    assert [one.number for one in found] == [1, 2, 3]
    assert {one.cohort_id for one in found} == {cohort.id} != {draft.id}
    assert found[0].places == 29
    first = build.session_of(db, cohort)
    assert live_sessions(db) == []
    with clock.at(first.starts_at):
        services.start_session(db, session_id=first.id)
        assert [one.id for one in live_sessions(db)] == [first.id]
        assert next_sessions(db, 1)[0].live
    with clock.at(first.ends_at + timedelta(minutes=1)):
        assert next_sessions(db, 1)[0].number == 2


def test_my_cohort_is_the_one_that_goes_on(db, cohort, merchant, alice):
    assert is_enrolled(db, merchant.id, cohort.id)
    assert my_cohort(db, merchant.id).id == cohort.id
    assert my_cohort(db, alice.id) is None
    services.leave(db, user=merchant, cohort_id=cohort.id)
    assert not is_enrolled(db, merchant.id, cohort.id)
    assert my_cohort(db, merchant.id) is None


def test_the_last_session_finishes_the_cohort(db, organiser, expert, merchant):
    cohort = build.make_cohort(db, organiser, expert)
    for number in range(1, 26):
        assert db.get_one(Cohort, cohort.id, populate_existing=True).state is CohortState.RELEASED
        build.run_session(db, build.session_of(db, cohort, number))
    assert db.get_one(Cohort, cohort.id, populate_existing=True).state is CohortState.FINISHED
    assert db.scalar(sa.select(sa.func.count()).select_from(Enrolment)) == 0


def test_states_of_attendance_and_their_words_belong_together():
    known = {"present", "replay", "excused", "technical", "partial", "missed"}
    words = {"missed" if state is AttendanceState.ABSENT else str(state) for state in AttendanceState}
    assert words == known
