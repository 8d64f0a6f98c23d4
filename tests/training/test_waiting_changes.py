"""Changes of public sessions are private until released, together and once; a real move asks whether it suits."""

import threading
from datetime import date, time, timedelta

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock, ids
from portal.kernel import db as kernel_db
from portal.notifications.models import OutboxMail
from portal.training import services
from portal.training.errors import (
    BegunMeanwhileError,
    ChangedMeanwhileError,
    CohortTakenError,
    ExpertTakenError,
    NotADraftError,
    NothingWaitingError,
    PastTimeError,
    PlanRefusedError,
)
from portal.training.models import (
    Cohort,
    Seat,
    Session,
    SessionChange,
    SessionState,
)
from portal.training.planning import ConflictKind
from portal.training.queries.changes import mark_of, waiting_changes
from tests.builders import training as build
from tests.training.changing import mails, propose, release, to
from tests.training.statements import counted_statements


@pytest.fixture(autouse=True)
def _today():
    with clock.at(build.BEFORE):
        yield


@pytest.fixture
def cohort(db, organiser, expert, alice, bob):
    """A public cohort with Alice and Bob in it."""
    cohort = build.make_cohort(db, organiser, expert)
    for user in (alice, bob):
        services.enrol(db, user=user, cohort_id=cohort.id)
    return cohort


@pytest.fixture
def far(db, cohort):
    """A session more than 48 hours away."""
    return build.session_of(db, cohort, 10)


def waiting(db, cohort):
    return waiting_changes(db, db.get_one(Cohort, cohort.id))


def test_nothing_is_told_or_shown_before_the_release(client, db, cohort, far, organiser):
    before, mailed = far.starts_at, len(mails(db))
    propose(db, organiser, far, at=time(18), until=time(18, 30))
    services.propose_cancel(db, organiser_id=organiser.id, session_id=build.session_of(db, cohort, 3).id)
    db.refresh(far)
    assert far.starts_at == before
    assert build.session_of(db, cohort, 3).state is SessionState.SCHEDULED
    assert len(mails(db)) == mailed
    assert "18:00" not in client.get(f"/fr/cohorts/{cohort.id}").get_data(as_text=True)
    changes = waiting(db, cohort)
    assert [(one.number, one.cancel, one.seats) for one in changes.rows] == [(3, True, 2), (10, False, 2)]
    assert changes.messages == 4


def test_the_release_changes_all_together_and_writes_once_to_each(db, cohort, far, organiser, alice, bob):
    other = build.make_expert(db)
    cancelled, led, held = (build.session_of(db, cohort, number) for number in (3, 4, 5))
    propose(db, organiser, far, at=time(18), until=time(18, 30))
    services.propose_cancel(db, organiser_id=organiser.id, session_id=cancelled.id)
    propose(db, organiser, led, expert=other)
    propose(db, organiser, held, video_url="https://meet.example.org/x")
    told = release(db, organiser, cohort, seen=waiting(db, cohort).seen)
    assert told.people == 8
    assert far.local_time == time(18)
    assert cancelled.state is SessionState.CANCELLED
    assert led.expert_id == other.id
    assert held.video_url == "https://meet.example.org/x"
    for kind, count in (("training.moved", 2), ("training.cancelled", 2), ("training.changed", 4)):
        written = mails(db, kind)
        assert len(written) == count
        assert {mail.email for mail in written} == {alice.email, bob.email}
    # The new expert, the old one, and the old one of the three others.
    assert len(mails(db, "training.leads")) == 5
    history = list(db.scalars(sa.select(SessionChange).order_by(SessionChange.session_id)))
    assert [change.told for change in history] == [2, 2, 2, 2]
    assert {change.released_by for change in history} == {organiser.id}
    assert waiting(db, cohort).rows == ()
    with pytest.raises(NothingWaitingError):
        release(db, organiser, cohort)


def test_one_change_waits_for_each_session_and_none_when_nothing_changes(db, cohort, far, organiser):
    first = propose(db, organiser, far, at=time(18), until=time(18, 30))
    again = propose(db, organiser, far, at=time(19), until=time(19, 45))
    assert first.id == again.id
    assert again.ends_at - again.starts_at == timedelta(minutes=45)
    assert propose(db, organiser, far) is None
    assert waiting(db, cohort).rows == ()


def test_a_change_discarded_is_never_heard_of(db, cohort, far, organiser):
    other = build.session_of(db, cohort, 11)
    for session in (far, other):
        propose(db, organiser, session, at=time(18), until=time(18, 30))
    assert services.discard_changes(db, cohort_id=cohort.id, session_id=far.id) == 1
    assert [one.session_id for one in waiting(db, cohort).rows] == [other.id]
    assert services.discard_changes(db, cohort_id=cohort.id) == 1
    assert services.discard_changes(db, cohort_id=cohort.id) == 0
    assert mails(db, "training.moved") == []


def test_what_an_organiser_did_not_see_is_not_overwritten_nor_released(db, cohort, far, organiser):
    seen = mark_of(propose(db, organiser, far, at=time(18), until=time(18, 30)))
    shown = waiting(db, cohort).seen
    wanted = to(far, at=time(19), until=time(19, 30))
    values = {"organiser_id": organiser.id, "session_id": far.id}
    with pytest.raises(ChangedMeanwhileError):
        services.propose_change(db, **values, wanted=wanted, seen="")
    assert services.propose_change(db, **values, wanted=wanted, seen=seen) is not None
    with pytest.raises(ChangedMeanwhileError):
        services.propose_cancel(db, **values, seen=seen)
    with pytest.raises(ChangedMeanwhileError):
        release(db, organiser, cohort, seen=shown)
    assert mails(db, "training.moved") == []


def test_what_cannot_be_is_refused_with_its_reason(db, cohort, far, organiser, expert):
    taken = build.session_of(db, cohort, 11)
    other = build.make_expert(db)
    busy = build.make_cohort(db, organiser, other, local_time=time(15))
    elsewhere = build.session_of(db, busy, 10)
    for changes, error in (
        ({"on": date(2026, 11, 20)}, PastTimeError),
        ({"on": date(2027, 3, 28), "at": time(2, 30), "until": time(3, 30)}, PlanRefusedError),
        ({"on": date(2027, 10, 31), "at": time(2, 30), "until": time(3, 30)}, PlanRefusedError),
        ({"until": far.local_time}, PlanRefusedError),
        ({"until": time(12)}, PlanRefusedError),
        ({"until": time(23)}, PlanRefusedError),
        ({"on": taken.local_date}, ExpertTakenError),
        ({"on": taken.local_date, "expert": other}, CohortTakenError),
        ({"at": elsewhere.local_time, "until": time(15, 30), "expert": other}, ExpertTakenError),
    ):
        with pytest.raises(error):
            propose(db, organiser, far, **changes)
    assert waiting(db, cohort).rows == ()
    late = propose(db, organiser, far, on=date(2027, 10, 31), at=time(2, 30), until=time(3, 0), fold=1)
    assert late.starts_at.hour == 1
    assert expert.id == late.expert_id


def test_two_sessions_may_trade_places(db, cohort, organiser):
    first, second = build.session_of(db, cohort, 10), build.session_of(db, cohort, 11)
    days = first.local_date, second.local_date
    # One has to make room before the other can say that it comes.
    propose(db, organiser, first, at=time(18), until=time(18, 30))
    propose(db, organiser, second, on=days[0])
    propose(db, organiser, first, on=days[1])
    release(db, organiser, cohort)
    assert (first.local_date, second.local_date) == (days[1], days[0])
    assert first.state is second.state is SessionState.SCHEDULED


def test_a_warning_is_shown_and_may_be_kept(db, cohort, far, organiser):
    # 25 December is a holiday in France.
    propose(db, organiser, far, on=date(2026, 12, 25))
    (change,) = waiting(db, cohort).rows
    assert [problem.kind for problem in change.conflict.problems] == [ConflictKind.DAY_OFF]
    assert not change.conflict.refused
    assert release(db, organiser, cohort).people == 2


def test_the_database_refuses_a_release_into_an_expert_taken_meanwhile(db, cohort, far, organiser, expert):
    propose(db, organiser, far, at=time(15), until=time(15, 30))
    other = build.make_expert(db)
    rival = build.make_cohort(db, organiser, other, local_time=time(15))
    session = build.session_of(db, rival, 10)
    assert session.local_date == far.local_date
    services.propose_change(
        db, organiser_id=organiser.id, session_id=session.id, wanted=to(session, expert=expert, until=time(15, 30))
    )
    release(db, organiser, rival)
    mailed = len(mails(db))
    assert [one.number for one in waiting(db, cohort).refused] == [10]
    with pytest.raises(ExpertTakenError), db.begin_nested():
        release(db, organiser, cohort)
    db.expire_all()
    assert len(mails(db)) == mailed
    assert far.local_time == time(12, 30)
    assert far.state is SessionState.SCHEDULED


def test_a_session_that_began_meanwhile_holds_the_release_up(db, cohort, organiser):
    session = build.session_of(db, cohort, 2)
    propose(db, organiser, session, at=time(18), until=time(18, 30))
    with clock.at(session.starts_at):
        services.start_session(db, session_id=session.id)
        with pytest.raises(BegunMeanwhileError):
            release(db, organiser, cohort)
        assert services.discard_changes(db, cohort_id=cohort.id) == 1


def test_a_draft_is_changed_at_once_and_only_while_it_is_one(db, organiser, expert):
    draft = build.make_draft(db, organiser, expert)
    session = build.session_of(db, draft, 2)
    services.change_draft_session(db, session_id=session.id, wanted=to(session, on=date(2026, 12, 2)))
    db.refresh(session)
    assert session.local_date == date(2026, 12, 2)
    services.release(db, cohort_id=draft.id)
    with pytest.raises(NotADraftError):
        services.change_draft_session(db, session_id=session.id, wanted=to(session, on=date(2026, 12, 4)))


def test_the_statements_of_a_release_do_not_grow_with_the_people(db, organiser, expert):
    cohort = build.make_cohort(db, organiser, expert)
    session = build.session_of(db, cohort, 10)

    def released(at):
        propose(db, organiser, session, at=at, until=at.replace(hour=at.hour + 1))
        with counted_statements() as statements:
            release(db, organiser, cohort)
        return len(statements)

    def seat(count):
        for _number in range(count):
            user = create_user(db, email=f"{ids.digits(12)}@example.org")
            db.add(Seat(session_id=session.id, user_id=user.id))
        db.flush()

    seat(1)
    few = released(time(17))
    seat(40)
    assert released(time(19)) == few


def test_two_organisers_who_release_at_once_tell_everybody_once(fresh_database, full_counts):
    for round_number in range(10 if full_counts else 3):
        with clock.at(build.BEFORE), kernel_db.transaction() as db:
            organiser = create_user(db, email=f"o{round_number}@example.org", is_organiser=True)
            cohort = build.make_cohort(db, organiser, build.make_expert(db))
            alice = create_user(db, email=f"a{round_number}@example.org")
            services.enrol(db, user=alice, cohort_id=cohort.id)
            for number in (4, 10):
                session = build.session_of(db, cohort, number)
                propose(db, organiser, session, at=time(18), until=time(18, 30))
            known = organiser.id, cohort.id, alice.email
        barrier, outcomes = threading.Barrier(4), []

        def act(known=known, barrier=barrier, outcomes=outcomes):
            barrier.wait()
            try:
                with clock.at(build.BEFORE), kernel_db.transaction() as db:
                    told = services.release_changes(db, organiser_id=known[0], cohort_id=known[1])
                outcomes.append(told.people)
            except NothingWaitingError:
                outcomes.append(0)

        threads = [threading.Thread(target=act) for _count in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == [0, 0, 0, 2]
        with kernel_db.reading() as db:
            sent = db.scalar(
                sa.select(sa.func.count()).where(OutboxMail.email == known[2], OutboxMail.kind == "training.moved")
            )
            sequences = db.scalars(
                sa.select(Session.calendar_sequence).where(Session.cohort_id == known[1], Session.calendar_sequence > 0)
            ).all()
        assert sent == 2
        assert sequences == [1, 1]


def test_a_place_that_is_not_left_after_all_holds_the_release_up(db, cohort, organiser):
    other = build.make_expert(db)
    leaving, coming = build.session_of(db, cohort, 10), build.session_of(db, cohort, 11)
    propose(db, organiser, leaving, at=time(18), until=time(18, 30))
    propose(db, organiser, coming, on=leaving.local_date, expert=other)
    assert waiting(db, cohort).refused == ()
    services.discard_changes(db, cohort_id=cohort.id, session_id=leaving.id)
    (change,) = waiting(db, cohort).refused
    assert (change.number, change.conflict.kind) == (11, ConflictKind.SAME_TIME)
    with pytest.raises(CohortTakenError), db.begin_nested():
        release(db, organiser, cohort)
    # Cancelling what stands there makes room as well.
    services.propose_cancel(db, organiser_id=organiser.id, session_id=leaving.id)
    assert waiting(db, cohort).refused == ()
    release(db, organiser, cohort)
    assert coming.local_date == leaving.local_date
