"""The life of a session: it starts, its slides advance, it ends and attendance is worked out."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel import clock, events
from portal.kernel.db import rows_changed
from portal.training import content, rooms
from portal.training.errors import NoSuchSessionError, WrongStateError
from portal.training.events import RoomChanged, SessionEnded
from portal.training.models import (
    Cohort,
    CohortState,
    Lesson,
    LessonVersion,
    Session,
    SessionState,
    SlideTurn,
)
from portal.training.policies import ROOM_OPENS
from portal.training.queries.lessons import lesson_words, shown_version
from portal.training.services.attendance import recompute_attendance

# Nobody ended it: the worker does, this long after the planned end.
ENDS_BY_ITSELF = timedelta(minutes=5)


def _session(db: DbSession, session_id: int) -> Session:
    session = db.get(Session, session_id, populate_existing=True)
    if session is None or session.state is SessionState.DRAFT:
        raise NoSuchSessionError
    return session


def _begin(db: DbSession, session: Session, at: datetime, *conditions: sa.ColumnElement[bool]) -> bool:
    """Make a scheduled session live, once: stamp its start, its room and its words, and note the first slide."""
    newest = (
        sa.select(LessonVersion.id)
        .where(LessonVersion.lesson_id == Session.lesson_id)
        .order_by(LessonVersion.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    begun = rows_changed(
        db,
        sa.update(Session)
        .where(Session.id == session.id, Session.state == SessionState.SCHEDULED, *conditions)
        .values(
            state=SessionState.LIVE,
            started_at=at,
            lesson_version_id=newest,
            room_id=session.room_id or rooms.room_name(session.id),
        )
        .execution_options(synchronize_session=False),
    )
    if not begun:
        return False
    db.refresh(session)
    db.add(SlideTurn(session_id=session.id, slide=session.slide, at=at))
    db.flush()
    events.publish(db, RoomChanged(session.id))
    return True


def start_session(db: DbSession, *, session_id: int) -> None:
    """Begin now; from ten minutes before the planned start. A second start changes nothing.

    Raises WrongStateError too early, or once it is over.
    """
    session = _session(db, session_id)
    now = clock.now()
    if session.state is SessionState.LIVE:
        return
    if session.state is not SessionState.SCHEDULED or not session.starts_at - ROOM_OPENS <= now < session.ends_at:
        raise WrongStateError
    if not _begin(db, session, now):
        # Somebody else began it, or called it off, between the two statements.
        start_session(db, session_id=session_id)


def start_due(db: DbSession, *, session_id: int) -> bool:
    """Begin a session whose time has come, at its planned time; False when it began already."""
    session = _session(db, session_id)
    # It may be moved at this very moment: then it is not due.
    unmoved = Session.starts_at == session.starts_at
    return _begin(db, session, session.starts_at, unmoved, Session.starts_at <= clock.now())


def turn_slide(db: DbSession, *, session_id: int, to: int) -> None:
    """Show slide `to` (from 0) to everybody; beyond either end it stays there. WrongStateError unless live.

    Each slide shown is noted with its moment: the chapters of the replay.
    """
    number = db.scalar(
        sa.select(Lesson.number).join(Session, Session.lesson_id == Lesson.id).where(Session.id == session_id)
    )
    if number is None:
        raise NoSuchSessionError
    session = _session(db, session_id)
    slide = max(0, min(to, _slides(db, number, session) - 1))
    live = sa.update(Session).where(Session.id == session_id, Session.state == SessionState.LIVE)
    turned = rows_changed(
        db, live.where(Session.slide != slide).values(slide=slide).execution_options(synchronize_session="fetch")
    )
    if turned:
        db.add(SlideTurn(session_id=session_id, slide=slide, at=clock.now()))
        db.flush()
        events.publish(db, RoomChanged(session_id))
    elif _session(db, session_id).state is not SessionState.LIVE:
        raise WrongStateError


def _slides(db: DbSession, number: int, session: Session) -> int:
    """How many slides the session's words have; the same in every language."""
    began = session.state is not SessionState.SCHEDULED
    version_id = shown_version(session.lesson_version_id, began=began)
    return len(lesson_words(db, number, content.LANGUAGES[0], version_id).slides)


def end_session(db: DbSession, *, session_id: int, by_itself: bool = False) -> None:
    """End a live session and work out who was there; publishes SessionEnded. Ending twice changes nothing.

    `by_itself`: nobody pressed the button, so it ran until its planned end. WrongStateError before it began.
    """
    session = _session(db, session_id)
    if session.state is SessionState.ENDED:
        return
    # The cohort before its sessions, as everybody who joins or leaves locks them: otherwise the two can deadlock.
    db.execute(sa.select(Cohort.id).where(Cohort.id == session.cohort_id).with_for_update(key_share=True))
    ended_at = session.ends_at if by_itself else clock.now()
    ended = rows_changed(
        db,
        sa.update(Session)
        .where(Session.id == session_id, Session.state == SessionState.LIVE)
        .values(state=SessionState.ENDED, ended_at=ended_at),
    )
    if not ended:
        if _session(db, session_id).state is SessionState.ENDED:
            return  # two experts pressed at once: the other one ended it
        raise WrongStateError
    recompute_attendance(db, session_id)
    finish_cohort(db, session.cohort_id)
    events.publish(db, SessionEnded(session_id))
    events.publish(db, RoomChanged(session_id))


def finish_cohort(db: DbSession, cohort_id: int) -> None:
    """Call a cohort finished once none of its sessions is to come."""
    to_come = sa.select(Session.id).where(
        Session.cohort_id == cohort_id, Session.state.in_((SessionState.SCHEDULED, SessionState.LIVE))
    )
    db.execute(
        sa.update(Cohort)
        .where(Cohort.id == cohort_id, Cohort.state == CohortState.RELEASED, ~to_come.exists())
        .values(state=CohortState.FINISHED)
        .execution_options(synchronize_session=False)
    )
