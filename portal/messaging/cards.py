"""Cards in a conversation: messaging keeps a kind and a reference, the owner of the kind renders them.

A renderer is asked once for all the cards of its kind on a page, so a page of cards costs one call a kind.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from portal.kernel.money import Money
from portal.messaging.models import Message


@dataclass(frozen=True, slots=True)
class CardView:
    """How one card looks to one viewer: `template` draws it from `data`, the rest is its line in a list."""

    template: str
    data: Any
    line: object
    amount: Money | None = None
    # Signed for the viewer: +1 came in, −1 went out, 0 has not moved.
    sign: int = 0
    # Struck through: declined, cancelled, returned.
    void: bool = False


Renderer = Callable[[Session, int, Sequence[str]], dict[str, CardView]]

_renderers: dict[str, Renderer] = {}


def register(kind: str, renderer: Renderer) -> None:
    """Let `renderer(db, viewer_id, references)` draw the cards of `kind`; the same one twice changes nothing.

    Raises ValueError when another renderer has the kind.
    """
    if _renderers.setdefault(kind, renderer) is not renderer:
        msg = f"two renderers for cards of kind {kind!r}"
        raise ValueError(msg)


def kinds() -> frozenset[str]:
    """The kinds that can be sent."""
    return frozenset(_renderers)


def views(db: Session, viewer_id: int, messages: Iterable[Message]) -> dict[int, CardView]:
    """The cards among `messages` by message id, with one call to each kind's renderer."""
    wanted: defaultdict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for message in messages:
        if message.card_kind is not None and message.card_reference is not None:
            wanted[message.card_kind][message.card_reference].append(message.id)
    drawn: dict[int, CardView] = {}
    for kind, by_reference in wanted.items():
        found = _renderers[kind](db, viewer_id, list(by_reference))
        for reference, view in found.items():
            for message_id in by_reference[reference]:
                drawn[message_id] = view
    return drawn
