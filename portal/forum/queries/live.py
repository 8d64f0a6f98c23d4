"""The questions beside a live session, as one person sees them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.models import DONE_STATES, LIVE_STATES, Answer, Question, QuestionState, Vote
from portal.forum.policies import is_moderator
from portal.forum.queries.lists import excerpt
from portal.forum.queries.rooms import Room, room_of
from portal.identity.models import User

ROWS = 50


class Order(StrEnum):
    """How the live questions are put: the most wanted first, or the newest."""

    USEFUL = "useful"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class LiveRow:
    """One live question. `asker` is empty when they asked anonymously, `written` when it was answered aloud."""

    id: int
    slug: str
    title: str
    state: QuestionState
    asker: str
    is_mine: bool
    minute: int | None
    vote_count: int
    has_my_vote: bool
    hidden_reason: str
    written: str

    @property
    def answer(self) -> str:
        """How the written answer begins; empty without one."""
        return excerpt(self.written)

    @property
    def is_highlighted(self) -> bool:
        """Whether the expert answers it now."""
        return self.state is QuestionState.HIGHLIGHTED

    @property
    def is_pending(self) -> bool:
        """Whether it waits for the expert's look."""
        return self.state is QuestionState.PENDING

    @property
    def is_done(self) -> bool:
        """Whether it has been answered, aloud or in writing."""
        return self.state in DONE_STATES

    @property
    def is_hidden(self) -> bool:
        """Whether it was hidden, which its asker alone sees here."""
        return self.state is QuestionState.HIDDEN


@dataclass(frozen=True, slots=True)
class LivePanel:
    """Everything the panel shows. `new_count` counts what came since the rows that the reader has."""

    session_id: int
    expert_name: str
    order: Order
    rows: tuple[LiveRow, ...]
    answered_count: int
    new_count: int
    may_moderate: bool
    is_over: bool

    @property
    def expert_first_name(self) -> str:
        """How the room calls its expert."""
        return self.expert_name.split()[0]

    @property
    def shown(self) -> str:
        """The ids of the rows in their order, as the next poll says them back."""
        return "-".join(str(row.id) for row in self.rows)

    @property
    def tag(self) -> str:
        """Differs as soon as anything that is shown differs."""
        return hashlib.blake2b(repr(self).encode(), digest_size=12).hexdigest()


def live_panel(
    db: Session, *, session_id: int, user: Any, order: Order | str = Order.USEFUL, shown: Sequence[int] | None = None
) -> LivePanel | None:
    """The panel of a session for someone with a seat in it, or a moderator; None for anyone else. Three statements.

    With `shown`, the ids a reader already has in that order: while nothing new has come, each stays in its place,
    whatever its votes or its state are now, so that nothing moves under a thumb.
    """
    room = room_of(db, session_id=session_id, user_id=user.id)
    may_moderate = is_moderator(user)
    if room is None or not (room.has_seat or may_moderate):
        return None
    order = Order(order) if order in set(Order) else Order.USEFUL
    rows = _rows(db, room, user.id, may_moderate=may_moderate, order=order, shown=shown or ())
    listed = [row for row in rows if row.is_mine or not (row.is_done or row.is_hidden)]
    new = [row for row in listed if row.id not in set(shown)] if shown is not None else []
    if shown is not None and not new:
        place = {question_id: index for index, question_id in enumerate(shown)}
        ordered = sorted((row for row in rows if row.id in place), key=lambda row: place[row.id])
    else:
        ordered = sorted(listed, key=_KEYS[order])
    return LivePanel(
        session_id=session_id,
        expert_name=room.expert_name,
        order=order,
        rows=tuple(ordered),
        answered_count=_answered_count(db, session_id),
        new_count=len([row for row in new if not row.is_mine]),
        may_moderate=may_moderate,
        is_over=room.has_ended,
    )


# What is answered now comes first, what is done last; between them by votes or by age.
_KEYS = {
    Order.USEFUL: lambda row: (row.is_done or row.is_hidden, not row.is_highlighted, -row.vote_count, row.id),
    Order.NEW: lambda row: (row.is_done or row.is_hidden, not row.is_highlighted, -row.id),
}


def _rows(
    db: Session, room: Room, user_id: int, *, may_moderate: bool, order: Order, shown: Sequence[int]
) -> list[LiveRow]:
    mine = Question.asker_id == user_id
    public = Question.state.in_(LIVE_STATES if may_moderate else (QuestionState.PUBLISHED, QuestionState.HIGHLIGHTED))
    was_shown = sa.and_(Question.id.in_(shown), Question.state.in_(DONE_STATES))
    written = (
        sa.select(Answer.text)
        .where(Answer.question_id == Question.id, Answer.hidden_at.is_(None), Answer.by_expert)
        .order_by(Answer.id)
        .limit(1)
        .scalar_subquery()
    )
    first = Question.vote_count if order is Order.USEFUL else Question.id
    voted = sa.exists().where(Vote.question_id == Question.id, Vote.user_id == user_id)
    found: Any = db.execute(
        sa.select(
            Question.id,
            Question.slug,
            Question.title,
            Question.state,
            sa.case((Question.anonymous, ""), else_=User.display_name),
            mine,
            Question.minute,
            Question.vote_count,
            voted,
            Question.hidden_reason,
            sa.func.coalesce(written, ""),
        )
        .join(User, User.id == Question.asker_id)
        .where(Question.session_id == room.session_id, sa.or_(mine, public, was_shown))
        .order_by((Question.state == QuestionState.HIGHLIGHTED).desc(), first.desc(), Question.id.desc())
        .limit(ROWS)
    )
    return [LiveRow(*row) for row in found]


def _answered_count(db: Session, session_id: int) -> int:
    done = sa.select(sa.func.count()).where(Question.session_id == session_id, Question.state.in_(DONE_STATES))
    return db.scalars(done).one()
