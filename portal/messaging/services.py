"""Beginning a conversation, saying something in it, reading it, ending it."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.errors import NotFoundError
from portal.kernel.text import clean_text
from portal.messaging import cards
from portal.messaging.errors import BlockedError, EmptyMessageError, MessageTooLongError, NobodyElseError
from portal.messaging.models import Block, Conversation, ConversationReader, Message
from portal.messaging.policies import may_read
from portal.messaging.queries import conversation_of, is_blocked

LONGEST_MESSAGE = 2000


def conversation_between(db: Session, user_a_id: int, user_b_id: int) -> Conversation:
    """The one conversation of two people, begun if need be; simultaneous beginnings are the same one.

    Raises NobodyElseError for one person twice.
    """
    if user_a_id == user_b_id:
        raise NobodyElseError
    lower, higher = sorted((user_a_id, user_b_id))
    found = conversation_of(db, lower, higher)
    if found is not None:
        return found
    db.execute(
        conflict_insert(db, Conversation)
        .values(lower_user_id=lower, higher_user_id=higher, created_at=clock.now())
        .on_conflict_do_nothing()
    )
    conversation = db.scalars(
        sa.select(Conversation).where(Conversation.lower_user_id == lower, Conversation.higher_user_id == higher)
    ).one()
    readers = [{"conversation_id": conversation.id, "user_id": user_id} for user_id in (lower, higher)]
    defaults = {"last_read_id": 0, "unread": 0}
    db.execute(
        conflict_insert(db, ConversationReader)
        .values([reader | defaults for reader in readers])
        .on_conflict_do_nothing()
    )
    return conversation


def _conversation_for(db: Session, conversation_id: int, user_id: int) -> Conversation:
    """The conversation, for one of its two people; NotFoundError for anyone else."""
    conversation = db.get(Conversation, conversation_id)
    if conversation is None or not may_read(user_id, conversation):
        raise NotFoundError
    return conversation


def _deliver(db: Session, conversation: Conversation, message: Message) -> None:
    """Move the conversation to the top of both lists; it is unread for the one who did not send it.

    The readers are changed in the order of their ids, so two messages at once do not wait for each other in a ring.
    """
    newest = sa.case(
        (ConversationReader.last_message_id > message.id, ConversationReader.last_message_id), else_=message.id
    )
    for user_id in (conversation.lower_user_id, conversation.higher_user_id):
        change = (
            sa.update(ConversationReader)
            .where(ConversationReader.conversation_id == conversation.id, ConversationReader.user_id == user_id)
            .values(last_message_id=newest)
            .execution_options(synchronize_session=False)
        )
        if user_id == message.sender_id:
            # Who answers has read what is above their answer.
            change = change.values(unread=0, last_read_id=message.id)
        else:
            change = change.values(unread=ConversationReader.unread + 1)
        db.execute(change)


def _sent_before(db: Session, sender_id: int, form_key: str | None) -> Message | None:
    if form_key is None:
        return None
    return db.scalar(sa.select(Message).where(Message.sender_id == sender_id, Message.form_key == form_key))


def add_message(
    db: Session, *, conversation_id: int, sender_id: int, text: str, form_key: str | None = None
) -> Message:
    """Say something in words. The same `form_key` again returns the message already sent.

    Raises EmptyMessageError, MessageTooLongError (over 2,000 characters), BlockedError, and NotFoundError for
    someone who is not one of the two.
    """
    conversation = _conversation_for(db, conversation_id, sender_id)
    words = clean_text(text)
    if not words:
        raise EmptyMessageError
    if len(words) > LONGEST_MESSAGE:
        raise MessageTooLongError
    if is_blocked(db, conversation.lower_user_id, conversation.higher_user_id):
        raise BlockedError
    insert = (
        conflict_insert(db, Message)
        .values(
            conversation_id=conversation.id, sender_id=sender_id, text=words, form_key=form_key, created_at=clock.now()
        )
        .on_conflict_do_nothing()
        .returning(Message)
    )
    message = db.scalar(insert)
    if message is None:
        earlier = _sent_before(db, sender_id, form_key)
        if earlier is None:
            raise NotFoundError
        return earlier
    _deliver(db, conversation, message)
    return message


def add_card(db: Session, *, conversation_id: int, sender_id: int, kind: str, reference: str) -> Message:
    """Put a card into a conversation; it stands there once, so the same card again returns the first.

    Raises ValueError for a kind nobody renders, NotFoundError for someone who is not one of the two. A block does not
    hold back a card: what it shows has already happened, and its owner has asked `is_blocked` before.
    """
    if kind not in cards.kinds():
        msg = f"nobody renders cards of kind {kind!r}"
        raise ValueError(msg)
    conversation = _conversation_for(db, conversation_id, sender_id)
    insert = (
        conflict_insert(db, Message)
        .values(
            conversation_id=conversation.id,
            sender_id=sender_id,
            card_kind=kind,
            card_reference=reference,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(Message)
    )
    message = db.scalar(insert)
    if message is None:
        return db.scalars(
            sa.select(Message).where(
                Message.conversation_id == conversation.id,
                Message.card_kind == kind,
                Message.card_reference == reference,
            )
        ).one()
    _deliver(db, conversation, message)
    return message


def mark_read(db: Session, *, conversation_id: int, user_id: int, up_to: int) -> None:
    """Note that a reader has seen everything up to a message; reading never goes backwards.

    What came after `up_to` stays unread. NotFoundError for someone who is not one of the two.
    """
    _conversation_for(db, conversation_id, user_id)
    left = (
        sa.select(sa.func.count())
        .select_from(Message)
        .where(Message.conversation_id == conversation_id, Message.id > up_to, Message.sender_id != user_id)
        .scalar_subquery()
    )
    rows_changed(
        db,
        sa.update(ConversationReader)
        .where(
            ConversationReader.conversation_id == conversation_id,
            ConversationReader.user_id == user_id,
            ConversationReader.last_read_id < up_to,
            ConversationReader.last_message_id >= up_to,
        )
        .values(last_read_id=up_to, unread=left)
        .execution_options(synchronize_session=False),
    )


def block(db: Session, *, blocker_id: int, blocked_id: int) -> None:
    """Stop everything from a person; doing it again changes nothing. NobodyElseError for oneself."""
    if blocker_id == blocked_id:
        raise NobodyElseError
    db.execute(
        conflict_insert(db, Block)
        .values(blocker_id=blocker_id, blocked_id=blocked_id, created_at=clock.now())
        .on_conflict_do_nothing()
    )


def unblock(db: Session, *, blocker_id: int, blocked_id: int) -> None:
    """Let a person write again."""
    db.execute(sa.delete(Block).where(Block.blocker_id == blocker_id, Block.blocked_id == blocked_id))
