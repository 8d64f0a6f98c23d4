"""Where a session is seen and heard: a plain link, a Jitsi Meet room, or one of a BigBlueButton server.

Nothing here reads or writes the database; BigBlueButton is called by `flows` alone, between transactions.
"""

import hashlib
import hmac
from dataclasses import dataclass

from portal import config
from portal.training.models import RoomKind
from portal.training.rooms import jitsi
from portal.training.rooms.bigbluebutton import BigBlueButton, Meeting, Recording, Roster, Visitor
from portal.training.rooms.errors import RoomError, RoomRefusedError, RoomUnavailableError

__all__ = [
    "BigBlueButton",
    "Meeting",
    "Recording",
    "Room",
    "RoomError",
    "RoomRefusedError",
    "RoomUnavailableError",
    "Roster",
    "Visitor",
    "available_kinds",
    "is_available",
    "room_name",
    "server",
]


def room_name(session_id: int) -> str:
    """The name of a session's room at a provider: the same each time, and nobody can guess it from another's."""
    key = config.current().secret_key.encode()
    return "comptoir-" + hmac.new(key, f"training.room:{session_id}".encode(), hashlib.sha256).hexdigest()[:32]


def available_kinds() -> tuple[RoomKind, ...]:
    """The kinds of room this installation is set up for; a plain link always is."""
    settings = config.current()
    kinds = {RoomKind.LINK: True, RoomKind.JITSI: settings.jitsi_url, RoomKind.BIGBLUEBUTTON: settings.bbb_url}
    return tuple(kind for kind, there in kinds.items() if there)


def server() -> BigBlueButton:
    """The BigBlueButton server of this installation; RoomUnavailableError when there is none."""
    settings = config.current()
    if not settings.bbb_url:
        raise RoomUnavailableError
    return BigBlueButton(settings.bbb_url, settings.bbb_secret)


@dataclass(frozen=True, slots=True)
class Room:
    """A session's room; `url` is that of a plain link."""

    session_id: int
    kind: RoomKind
    stored_id: str
    url: str

    @property
    def name(self) -> str:
        """What it is called at the provider."""
        return self.stored_id or room_name(self.session_id)

    @property
    def is_there(self) -> bool:
        """Whether there is anything to enter."""
        return is_available(self.kind, self.url)

    def direct_address(self, visitor_name: str) -> str:
        """Where it is entered when nobody has to be asked: a plain link, or Jitsi Meet; else empty."""
        if self.kind is RoomKind.LINK:
            return self.url
        base = config.current().jitsi_url
        return jitsi.address(base, self.name, visitor_name) if self.kind is RoomKind.JITSI and base else ""


def is_available(kind: RoomKind, url: str) -> bool:
    """Whether a room of this kind can be entered here."""
    return bool(url) if kind is RoomKind.LINK else kind in available_kinds()
