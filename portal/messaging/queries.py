"""Reading conversations: a person's list, one thread, what is unread."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.queries import Person, people
from portal.messaging import cards
from portal.messaging.cards import CardView
from portal.messaging.models import Block, Conversation, ConversationReader, Message

LINES = 20
MESSAGES = 50


def conversation_of(db: Session, user_a_id: int, user_b_id: int) -> Conversation | None:
    """The conversation of two people, if they have begun one."""
    lower, higher = sorted((user_a_id, user_b_id))
    return db.scalar(
        sa.select(Conversation).where(Conversation.lower_user_id == lower, Conversation.higher_user_id == higher)
    )


def is_blocked(db: Session, user_a_id: int, user_b_id: int) -> bool:
    """True when either has blocked the other."""
    pair = (user_a_id, user_b_id)
    found = sa.select(Block.blocker_id).where(Block.blocker_id.in_(pair), Block.blocked_id.in_(pair)).limit(1)
    return db.scalar(found) is not None


def has_blocked(db: Session, blocker_id: int, blocked_id: int) -> bool:
    """True when `blocker_id` wants nothing more from `blocked_id`."""
    return db.get(Block, (blocker_id, blocked_id)) is not None


def unread_conversations(db: Session, user_id: int) -> int:
    """In how many conversations something waits to be read."""
    counted = sa.select(sa.func.count()).where(ConversationReader.user_id == user_id, ConversationReader.unread > 0)
    return db.scalar(counted) or 0


@dataclass(frozen=True, slots=True)
class InboxLine:
    """One conversation in a person's list, with the last thing said."""

    conversation_id: int
    other: Person
    last_message_id: int
    text: str | None
    card: CardView | None
    mine: bool
    at: datetime
    unread: int


def inbox(db: Session, user_id: int, *, before: int | None = None, limit: int = LINES) -> list[InboxLine]:
    """A person's conversations, the last said first; `before` is the last line's `last_message_id`.

    Three statements for the page and one for each kind of card on it.
    """
    rows = db.execute(
        sa.select(ConversationReader.unread, Conversation, Message)
        .join(Conversation, Conversation.id == ConversationReader.conversation_id)
        .join(Message, Message.id == ConversationReader.last_message_id)
        .where(
            ConversationReader.user_id == user_id,
            ConversationReader.last_message_id < before if before else sa.true(),
        )
        .order_by(ConversationReader.last_message_id.desc())
        .limit(limit)
    ).all()
    others = people(db, [conversation.other(user_id) for _unread, conversation, _last in rows])
    drawn = cards.views(db, user_id, [last for _unread, _conversation, last in rows])
    return [
        InboxLine(
            conversation_id=conversation.id,
            other=others[conversation.other(user_id)],
            last_message_id=last.id,
            text=last.text,
            card=drawn.get(last.id),
            mine=last.sender_id == user_id,
            at=last.created_at,
            unread=unread,
        )
        for unread, conversation, last in rows
    ]


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    """One message as one of the two sees it."""

    id: int
    text: str | None
    card: CardView | None
    mine: bool
    at: datetime
    is_new: bool


@dataclass(frozen=True, slots=True)
class Thread:
    """A stretch of a conversation, the oldest first; `earlier` is the id to ask for what came before."""

    messages: Sequence[ThreadMessage]
    earlier: int | None
    unread: int


def thread(
    db: Session, conversation: Conversation | None, viewer_id: int, *, before: int | None = None, limit: int = MESSAGES
) -> Thread:
    """The last `limit` messages of a conversation (or those before a message id) as `viewer_id` sees them."""
    if conversation is None:
        return Thread(messages=(), earlier=None, unread=0)
    reader = db.get(ConversationReader, (conversation.id, viewer_id))
    wanted = sa.select(Message).where(Message.conversation_id == conversation.id)
    if before:
        wanted = wanted.where(Message.id < before)
    newest_first = list(db.scalars(wanted.order_by(Message.id.desc()).limit(limit + 1)))
    shown = newest_first[:limit][::-1]
    drawn = cards.views(db, viewer_id, shown)
    last_read_id = reader.last_read_id if reader else 0
    return Thread(
        messages=[
            ThreadMessage(
                id=message.id,
                text=message.text,
                card=drawn.get(message.id),
                mine=message.sender_id == viewer_id,
                at=message.created_at,
                is_new=message.id > last_read_id and message.sender_id != viewer_id,
            )
            for message in shown
        ],
        earlier=shown[0].id if len(newest_first) > limit else None,
        unread=reader.unread if reader else 0,
    )
