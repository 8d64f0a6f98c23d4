"""One expert is never in two sessions at once: the plan says so, publishing refuses, the database has the last word."""

import threading
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel import db as kernel_db
from portal.training import services
from portal.training.errors import NotADraftError, NotReadyError, OverdueError, PlanRefusedError
from portal.training.models import Cohort, CohortState, Session, SessionState
from portal.training.queries.planning import draft_conflicts
from tests.builders import training as build


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


def test_a_draft_may_collide_and_cannot_be_published_until_settled(db, organiser, expert):
    build.make_cohort(db, organiser, expert)
    other = build.make_expert(db)
    draft = build.make_draft(db, organiser, expert, other)
    conflicts = draft_conflicts(db, draft)
    assert len(conflicts) == 13
    assert {conflict.free_expert_id for _id, conflict in conflicts} == {other.id}
    with pytest.raises(NotReadyError), db.begin_nested():
        services.release(db, cohort_id=draft.id)
    assert db.get_one(Cohort, draft.id, populate_existing=True).state is CohortState.DRAFT
    for session_id, conflict in conflicts:
        services.assign_expert(db, session_id=session_id, expert_id=conflict.free_expert_id)
    db.flush()
    services.release(db, cohort_id=draft.id)
    assert set(db.scalars(sa.select(Session.state).where(Session.cohort_id == draft.id))) == {SessionState.SCHEDULED}


def test_a_draft_session_can_be_moved_to_another_day(db, organiser, expert):
    build.make_cohort(db, organiser, expert)
    draft = build.make_draft(db, organiser, expert)
    session_id, conflict = draft_conflicts(db, draft)[0]
    assert conflict.free_on == date(2026, 11, 25)
    services.shift_session(db, session_id=session_id, on=conflict.free_on)
    assert session_id not in {one[0] for one in draft_conflicts(db, draft)}
    moved = db.get_one(Session, session_id)
    assert (moved.local_date, moved.local_time) == (date(2026, 11, 25), time(12, 30))
    assert db.get_one(Cohort, draft.id, populate_existing=True).first_on == date(2026, 11, 25)


def test_what_is_published_is_no_draft_any_more(db, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    session = build.session_of(db, cohort)
    with pytest.raises(NotADraftError), db.begin_nested():
        services.release(db, cohort_id=cohort.id)
    with pytest.raises(NotADraftError):
        services.assign_expert(db, session_id=session.id, expert_id=expert.id)
    with pytest.raises(NotADraftError):
        services.shift_session(db, session_id=session.id, on=date(2026, 12, 2))


def test_a_plan_whose_start_is_past_is_not_published(db, organiser, expert):
    draft = build.make_draft(db, organiser, expert)
    first = build.session_of(db, draft).starts_at
    with clock.at(first), pytest.raises(OverdueError), db.begin_nested():
        services.release(db, cohort_id=draft.id)


def test_a_time_that_does_not_exist_makes_no_cohort(db, organiser, expert):
    request = build.request(
        expert, first_on=date(2027, 3, 28), weekdays=frozenset({6}), local_time=time(2, 30), country=""
    )
    with pytest.raises(PlanRefusedError):
        services.create_cohort(db, organiser=organiser, request=request)


def test_the_database_refuses_an_overlap_whoever_asks(db, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    first, second = build.session_of(db, cohort, 1), build.session_of(db, cohort, 2)
    overlapping = {"starts_at": first.starts_at + timedelta(minutes=29), "ends_at": first.ends_at + timedelta(hours=1)}
    touching = {"starts_at": first.ends_at, "ends_at": first.ends_at + timedelta(minutes=30)}
    move = sa.update(Session).where(Session.id == second.id)
    with pytest.raises(sa.exc.IntegrityError, match="expert_once"), db.begin_nested():
        db.execute(move.values(overlapping))
    db.execute(move.values(touching))
    columns = [column for column in Session.__table__.columns if column.key not in {"id", "cohort_id", "calendar_uid"}]
    other = build.make_draft(db, organiser, build.make_expert(db))
    db.execute(sa.delete(Session).where(Session.cohort_id == other.id))
    copied = sa.select(*columns, sa.literal(other.id), sa.literal("copy")).where(Session.id == first.id)
    copy = sa.insert(Session).from_select([*(column.key for column in columns), "cohort_id", "calendar_uid"], copied)
    with pytest.raises(sa.exc.IntegrityError, match="expert_once"), db.begin_nested():
        db.execute(copy)
    db.execute(sa.update(Session).where(Session.id == first.id).values(state=SessionState.CANCELLED))
    assert db.scalar(sa.select(sa.func.count()).where(Session.expert_id == expert.id)) == 25


def test_two_drafts_published_at_once_share_no_expert(fresh_database, full_counts):
    for round_number in range(10 if full_counts else 2):
        with kernel_db.transaction() as db:
            organiser = create_user(db, email=f"organiser{round_number}@example.org", is_organiser=True)
            expert = build.make_expert(db)
            drafts = [build.make_draft(db, organiser, expert).id for _count in range(4)]
        barrier, outcomes = threading.Barrier(len(drafts)), []

        def publish(cohort_id, barrier=barrier, outcomes=outcomes):
            barrier.wait()
            try:
                with clock.at(build.BEFORE), kernel_db.transaction() as db:
                    services.release(db, cohort_id=cohort_id)
                outcomes.append("published")
            except NotReadyError:
                outcomes.append("refused")
            except sa.exc.OperationalError as error:
                # PostgreSQL may find the four in a circle and end one: that one is refused as well.
                assert "deadlock" in str(error)  # noqa: PT017
                outcomes.append("refused")

        threads = [threading.Thread(target=publish, args=(cohort_id,)) for cohort_id in drafts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["published", "refused", "refused", "refused"]
        with kernel_db.reading() as db:
            spans = db.execute(
                sa.select(Session.starts_at).where(Session.expert_id == expert.id, Session.state == "scheduled")
            ).all()
            assert len(spans) == len(set(spans)) == 25
