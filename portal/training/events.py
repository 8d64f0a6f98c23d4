"""What training tells higher features, in its own transaction."""

from dataclasses import dataclass

from portal.kernel.events import Event


@dataclass(frozen=True, slots=True)
class SessionEnded(Event):
    """A session is over and its attendance is known."""

    session_id: int


@dataclass(frozen=True, slots=True)
class RoomChanged(Event):
    """What everybody in a session's room sees has changed: its slide, its state, or the questions beside it."""

    session_id: int
