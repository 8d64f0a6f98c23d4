"""What the clock does for training: sessions start and end by themselves."""

import sqlalchemy as sa

from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job
from portal.training.errors import WrongStateError
from portal.training.models import Session, SessionState
from portal.training.services import room


@job("training.sessions", every_minutes=1)
def run_sessions() -> None:
    """Start the sessions whose time has come, end those that nobody ended. One transaction each."""
    now = clock.now()
    with reading() as db:
        due = list(
            db.scalars(sa.select(Session.id).where(Session.state == SessionState.SCHEDULED, Session.starts_at <= now))
        )
    for session_id in due:
        with transaction() as db:
            room.start_due(db, session_id=session_id)
    with reading() as db:
        over = list(
            db.scalars(
                sa.select(Session.id).where(
                    Session.state == SessionState.LIVE, Session.ends_at <= now - room.ENDS_BY_ITSELF
                )
            )
        )
    for session_id in over:
        try:
            with transaction() as db:
                room.end_session(db, session_id=session_id, by_itself=True)
        except WrongStateError:
            # Its expert ended it between the two statements: done is done.
            continue
