"""What the forum does when something happens elsewhere, in the same transaction."""

from sqlalchemy.orm import Session

from portal.forum.services import carry_on
from portal.kernel import events
from portal.training.events import SessionEnded


def _session_ended(db: Session, event: SessionEnded) -> None:
    carry_on(db, session_id=event.session_id)


def register() -> None:
    """Subscribe to the events the forum acts on."""
    events.subscribe(SessionEnded, _session_ended)
