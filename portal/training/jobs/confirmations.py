"""What the clock does after a session was moved: seats that were not confirmed in time go to who waits for them."""

import sqlalchemy as sa

from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job
from portal.training.errors import SessionBegunError
from portal.training.models import Seat, SeatState, Session, SessionState
from portal.training.services import give_back

# So many a run: the next one, a minute later, goes on.
_BATCH = 500


@job("training.confirmations", every_minutes=1)
def release_unconfirmed() -> None:
    """Free the seats whose time to say yes is over, before their session begins. One transaction a seat."""
    now = clock.now()
    with reading() as db:
        due = db.scalars(
            sa.select(Seat.id)
            .join(Session, Session.id == Seat.session_id)
            .where(
                Seat.confirm_by <= now,
                Seat.state == SeatState.HELD,
                Session.state == SessionState.SCHEDULED,
                # Once it begins nobody loses a seat any more, whoever was late.
                Session.starts_at > now,
            )
            .order_by(Seat.confirm_by, Seat.id)
            .limit(_BATCH)
        ).all()
    for seat_id in due:
        try:
            with transaction() as db:
                give_back(db, seat_id=seat_id, unconfirmed=True)
        except SessionBegunError:
            # It began between the two statements: the seat stays theirs.
            continue
