"""What identity tells the features above it."""

from dataclasses import dataclass

from portal.kernel.events import Event


@dataclass(frozen=True, slots=True)
class UserCreated(Event):
    """Someone has become a user: what waited for their e-mail address can arrive."""

    user_id: int
