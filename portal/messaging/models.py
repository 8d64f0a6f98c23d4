"""Conversations between two people, what is said in them, and what each reader has read."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import clock
from portal.kernel.db import Base, BigId, Id


class Conversation(Base):
    """The one conversation of a pair of people. The lower id stands first, so that a pair exists once."""

    __tablename__ = "conversations"
    __table_args__ = (
        sa.CheckConstraint("lower_user_id < higher_user_id", name="ordered"),
        sa.UniqueConstraint("lower_user_id", "higher_user_id"),
    )

    id: Mapped[Id]
    lower_user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    higher_user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    def other(self, user_id: int) -> int:
        """The id of the one who is not `user_id`."""
        return self.higher_user_id if user_id == self.lower_user_id else self.lower_user_id

    def has(self, user_id: int) -> bool:
        """True for the two people whose conversation this is."""
        return user_id in {self.lower_user_id, self.higher_user_id}


class Message(Base):
    """Something said: words, or a card, which is a kind and a reference that their owner renders.

    A card stands in a conversation once: its owner keeps it up to date instead of sending it again.
    """

    __tablename__ = "messages"
    __table_args__ = (
        sa.CheckConstraint(
            "(text IS NOT NULL AND card_kind IS NULL AND card_reference IS NULL)"
            " OR (text IS NULL AND card_kind IS NOT NULL AND card_reference IS NOT NULL)",
            name="text_or_card",
        ),
        sa.UniqueConstraint("conversation_id", "card_kind", "card_reference"),
        sa.UniqueConstraint("sender_id", "form_key"),
        sa.Index("ix_messages_conversation_id_id", "conversation_id", "id"),
    )

    id: Mapped[Id]
    conversation_id: Mapped[int] = mapped_column(sa.ForeignKey("conversations.id"))
    sender_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"))
    text: Mapped[str | None] = mapped_column(sa.Text)
    card_kind: Mapped[str | None] = mapped_column(sa.String(32))
    card_reference: Mapped[str | None] = mapped_column(sa.String(64))
    # Made once with the form: sending it twice says it once.
    form_key: Mapped[str | None] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ConversationReader(Base):
    """One person's own view of a conversation: its place in their list, and what they have not read."""

    __tablename__ = "conversation_readers"
    __table_args__ = (
        sa.CheckConstraint("unread >= 0", name="unread"),
        sa.Index("ix_conversation_readers_user_id_last_message_id", "user_id", "last_message_id"),
    )

    conversation_id: Mapped[int] = mapped_column(sa.ForeignKey("conversations.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    last_message_id: Mapped[int | None] = mapped_column(BigId)
    last_read_id: Mapped[int] = mapped_column(BigId, default=0)
    unread: Mapped[int] = mapped_column(default=0)


class Block(Base):
    """One person wants nothing more from another."""

    __tablename__ = "blocks"
    __table_args__ = (sa.CheckConstraint("blocker_id <> blocked_id", name="two_people"),)

    blocker_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True)
    blocked_id: Mapped[int] = mapped_column(sa.ForeignKey("users.id"), primary_key=True, index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
