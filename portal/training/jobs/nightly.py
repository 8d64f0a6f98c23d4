"""What is done each night."""

from portal.kernel.db import transaction
from portal.kernel.jobs import job
from portal.training.services import recomputation


@job("training.nightly", every_minutes=15)
def recompute_attendances() -> int:
    """Attendance from the log again, a transaction a session; returns how many sessions were gone through.

    Every quarter of an hour it looks whether the night's work is done: one that was killed goes on where it was.
    """
    with transaction() as db:
        name = recomputation.begin_night(db)
    sessions = 0
    while True:
        with transaction() as db:
            if not recomputation.recompute_next(db, name):
                return sessions
        sessions += 1
