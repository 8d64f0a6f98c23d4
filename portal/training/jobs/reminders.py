"""Reminders leave by the clock."""

from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job
from portal.training.services import reminders


def _remind_all(session_id: int, *, soon: bool) -> int:
    """Batch after batch, a transaction each, until everyone has theirs."""
    total = 0
    while True:
        with transaction() as db:
            written = reminders.remind(db, session_id=session_id, soon=soon)
        if not written:
            return total
        total += written


@job("training.reminders", every_minutes=1)
def send_reminders() -> int:
    """Write the reminders that are due, the most urgent first; returns how many."""
    total = 0
    for soon in (True, False):
        with reading() as db:
            due = reminders.sessions_to_remind(db, soon=soon)
        total += sum(_remind_all(session_id, soon=soon) for session_id in due)
    return total
