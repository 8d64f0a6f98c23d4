"""Typed events: how a low feature tells a high one without importing it.

A handler runs at once, in the publisher's transaction: what it does commits or rolls back with it.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events; a subclass is a frozen dataclass of plain data."""


E = TypeVar("E", bound=Event)
Handler = Callable[[Session, E], None]

_handlers: defaultdict[type[Event], list[Callable[[Session, Any], None]]] = defaultdict(list)


def subscribe(kind: type[E], handler: Handler[E]) -> None:
    """Let `handler` run for each event of exactly this class; a second subscription changes nothing."""
    if handler not in _handlers[kind]:
        _handlers[kind].append(handler)


def publish(db: Session, event: Event) -> None:
    """Run every handler of this event in the transaction `db`; their errors are the publisher's."""
    for handler in _handlers[type(event)]:
        handler(db, event)


def subscribers(kind: type[Event]) -> tuple[Callable[[Session, Any], None], ...]:
    """The handlers of an event class, in the order they run."""
    return tuple(_handlers[kind])
