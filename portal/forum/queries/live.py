"""The questions beside a live session, as one person sees them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.models import DONE_STATES, LIVE_STATES, Answer, Question, QuestionState, Vote
from portal.forum.policies import is_moderator
from portal.forum.queries.lists import excerpt
from portal.forum.queries.rooms import room_of
from portal.identity.models import User
from portal.kernel.db import BigId

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
    """The panel of a session for someone with a seat in it, or a moderator; None for anyone else. Two statements.

    With `shown`, the ids a reader already has in that order: while nothing new has come, each stays in its place,
    whatever its votes or its state are now, so that nothing moves under a thumb.
    """
    room = room_of(db, session_id=session_id, user_id=user.id)
    may_moderate = is_moderator(user)
    if room is None or not (room.has_seat or may_moderate):
        return None
    order = Order(order) if order in set(Order) else Order.USEFUL
    given = {"session_id": session_id, "user_id": user.id, "shown": list(shown or ())}
    rows = [LiveRow(*row) for row in db.execute(_statement(order, may_moderate), given)]
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
        answered_count=room.answered_count,
        new_count=len([row for row in new if not row.is_mine]),
        may_moderate=may_moderate,
        is_over=room.has_ended,
    )


# What is answered now comes first, what is done last; between them by votes or by age.
_KEYS = {
    Order.USEFUL: lambda row: (row.is_done or row.is_hidden, not row.is_highlighted, -row.vote_count, row.id),
    Order.NEW: lambda row: (row.is_done or row.is_hidden, not row.is_highlighted, -row.id),
}


_questions, _users, _answers, _votes = (
    Question.__table__.c,
    User.__table__.c,
    Answer.__table__.c,
    Vote.__table__.c,
)


def row_columns(user_id: sa.ColumnElement[int]) -> tuple[sa.ColumnElement[Any], ...]:
    """What a row of the panel is made of, as this user sees it."""
    written = (
        sa.select(_answers.text)
        .where(_answers.question_id == _questions.id, _answers.hidden_at.is_(None), _answers.by_expert)
        .order_by(_answers.id)
        .limit(1)
        .scalar_subquery()
    )
    return (
        _questions.id,
        _questions.slug,
        _questions.title,
        _questions.state,
        sa.case((_questions.anonymous, ""), else_=_users.display_name),
        _questions.asker_id == user_id,
        _questions.minute,
        _questions.vote_count,
        sa.exists().where(_votes.question_id == _questions.id, _votes.user_id == user_id),
        _questions.hidden_reason,
        sa.func.coalesce(written, ""),
    )


@cache
def _statement(order: Order, may_moderate: bool) -> sa.Select[Any]:  # noqa: FBT001 (the key of the cache)
    """The rows for one person: what is shown to all, what is theirs, and what they have on their screen."""
    user_id, shown = sa.bindparam("user_id", type_=BigId), sa.bindparam("shown", type_=BigId, expanding=True)
    mine = _questions.asker_id == user_id
    public = _questions.state.in_(LIVE_STATES if may_moderate else (QuestionState.PUBLISHED, QuestionState.HIGHLIGHTED))
    was_shown = sa.and_(_questions.id.in_(shown), _questions.state.in_(DONE_STATES))
    first = _questions.vote_count if order is Order.USEFUL else _questions.id
    return (
        sa.select(*row_columns(user_id))
        .join_from(Question.__table__, User.__table__, _users.id == _questions.asker_id)
        .where(
            _questions.session_id == sa.bindparam("session_id", type_=BigId),
            sa.or_(mine, public, was_shown),
        )
        .order_by((_questions.state == QuestionState.HIGHLIGHTED).desc(), first.desc(), _questions.id.desc())
        .limit(ROWS)
    )
