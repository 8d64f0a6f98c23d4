"""Attendance as it stands after sessions ended, written at once."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.training.models import Attendance, AttendanceState, Cohort, Session, SessionState
from tests.builders import training as build

PRESENT, PARTIAL, EXCUSED = AttendanceState.PRESENT, AttendanceState.PARTIAL, AttendanceState.EXCUSED
ABSENT, TECHNICAL, REPLAY = AttendanceState.ABSENT, AttendanceState.TECHNICAL, AttendanceState.REPLAY


def end(db: DbSession, cohort: Cohort, number: int, states: Mapping[User, AttendanceState]) -> Session:
    """A cohort's session of a lesson ended, with these states."""
    session = build.session_of(db, cohort, number)
    db.execute(sa.update(Session).where(Session.id == session.id).values(state=SessionState.ENDED))
    db.add_all(
        Attendance(
            session_id=session.id,
            user_id=user.id,
            state=state,
            seconds=1800 if state is PRESENT else 0,
            session_seconds=1800,
        )
        for user, state in states.items()
    )
    db.flush()
    return session
