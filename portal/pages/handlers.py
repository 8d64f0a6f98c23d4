"""What the pages do when something happens below, in the same transaction."""

from sqlalchemy.orm import Session

from portal import config
from portal.kernel import events
from portal.training.events import RoomChanged
from portal.training.services.publications import note_change


def _room_changed(db: Session, event: RoomChanged) -> None:
    """Where rooms are published at all, it is noted; everywhere else their viewers ask by themselves."""
    if config.current().nchan_url:
        note_change(db, session_id=event.session_id)


def register() -> None:
    """Subscribe to the events the pages act on."""
    events.subscribe(RoomChanged, _room_changed)
