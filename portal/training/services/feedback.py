"""How a session was: one tap, a line if they like, and asking for it once."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.notifications.services import Mail, send_mails
from portal.training.errors import NoSuchSessionError
from portal.training.models import COUNTED, Attendance, Lesson, Session, SessionFeedback, SessionState
from portal.training.queries.feedback import STARS, Asked, asked

# What a signed link in a mail is for: the id in it is an attendance's.
LINK = "feedback"
# Nobody is asked about a session that is long over: after a stop of the worker, say.
ASKED_WITHIN = timedelta(hours=24)


def _asked(db: DbSession, attendance_id: int) -> Asked:
    found = asked(db, attendance_id)
    if found is None:
        raise NoSuchSessionError
    return found


def rate(db: DbSession, *, attendance_id: int, stars: int) -> None:
    """One tap of 1 to 5 about the session of an attendance; a second tap changes the first, and keeps the line.

    Raises NoSuchSessionError for somebody who was not there, ValueError for stars out of range.
    """
    if stars not in STARS:
        msg = f"{stars} stars were given, of {STARS[0]} to {STARS[-1]}"
        raise ValueError(msg)
    _write(db, _asked(db, attendance_id), {"stars": stars})


def decline(db: DbSession, *, attendance_id: int) -> None:
    """They would rather not say: they are not asked again. What they said before stays."""
    found = _asked(db, attendance_id)
    insert = conflict_insert(db, SessionFeedback).values(
        session_id=found.session_id, user_id=found.user_id, stars=None, text="", created_at=clock.now()
    )
    db.execute(insert.on_conflict_do_nothing(index_elements=["session_id", "user_id"]))


def comment(db: DbSession, *, attendance_id: int, text: str) -> None:
    """A line of their own beside the stars; sent again, it takes the place of the first."""
    _write(db, _asked(db, attendance_id), {"text": text})


def _write(db: DbSession, found: Asked, said: dict[str, object]) -> None:
    values = {"stars": None, "text": "", "created_at": clock.now(), **said}
    insert = conflict_insert(db, SessionFeedback).values(session_id=found.session_id, user_id=found.user_id, **values)
    db.execute(
        insert.on_conflict_do_update(index_elements=["session_id", "user_id"], set_=said).execution_options(
            synchronize_session=False
        )
    )


def sessions_to_ask_about(db: DbSession) -> list[int]:
    """The sessions that have just ended and whose people were not asked yet."""
    query = sa.select(Session.id).where(
        Session.state == SessionState.ENDED,
        Session.feedback_asked_at.is_(None),
        Session.ends_at > clock.now() - ASKED_WITHIN,
    )
    return list(db.scalars(query.order_by(Session.ends_at)))


def ask(db: DbSession, *, session_id: int) -> int:
    """Write to everyone who was in a session, with the lesson's task and the link to say how it was.

    Once, however often it is called; returns how many mails were written.
    """
    marked = rows_changed(
        db,
        sa.update(Session)
        .where(Session.id == session_id, Session.feedback_asked_at.is_(None))
        .values(feedback_asked_at=clock.now())
        .execution_options(synchronize_session=False),
    )
    if not marked:
        return 0
    number = db.scalars(
        sa.select(Lesson.number).join(Session, Session.lesson_id == Lesson.id).where(Session.id == session_id)
    ).one()
    there = db.execute(
        sa.select(Attendance.id, Attendance.state, User)
        .join(User, User.id == Attendance.user_id)
        .where(Attendance.session_id == session_id, Attendance.seconds > 0)
        .order_by(Attendance.id)
    )
    return send_mails(
        db,
        (
            Mail(
                to=recipient_of(user),
                kind="training.feedback",
                params={"attendance_id": attendance_id, "number": number, "counts": state in COUNTED},
                dedupe_key=f"training.feedback:{attendance_id}",
            )
            for attendance_id, state, user in there
        ),
    )
