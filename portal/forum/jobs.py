"""What the worker does for the forum."""

from portal.forum.services import hand_on, overdue
from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job


@job("forum_hand_on", every_minutes=10)
def hand_on_overdue() -> int:
    """Hand each question whose promise is past to the next expert; returns how many. One transaction each."""
    with reading() as db:
        waiting = overdue(db)
    moved = 0
    for question_id in waiting:
        with transaction() as db:
            moved += hand_on(db, question_id=question_id)
    return moved
