"""Where a session that is over can be seen again, as an organiser says; a provider's own recording comes by itself."""

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.kernel.db import rows_changed
from portal.training.errors import NoSuchSessionError
from portal.training.models import Session, SessionState


def set_recording(db: DbSession, *, session_id: int, url: str, from_seconds: int) -> None:
    """Keep the address of a recording and the second at which the session begins in it; an empty one takes it away.

    Raises NoSuchSessionError for a session that is not over.
    """
    changed = rows_changed(
        db,
        sa.update(Session)
        .where(Session.id == session_id, Session.state == SessionState.ENDED)
        .values(replay_url=url, replay_from_seconds=from_seconds if url else 0)
        .execution_options(synchronize_session=False),
    )
    if not changed:
        raise NoSuchSessionError
