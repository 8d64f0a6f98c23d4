"""After a session: those who were there are asked how it was."""

from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job
from portal.training.services import feedback


@job("training.feedback", every_minutes=5)
def ask_for_feedback() -> None:
    """Write the mails of the sessions that have just ended. One transaction a session."""
    with reading() as db:
        due = feedback.sessions_to_ask_about(db)
    for session_id in due:
        with transaction() as db:
            feedback.ask(db, session_id=session_id)
