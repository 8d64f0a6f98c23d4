"""The questions beside a live session as everybody there sees them: the same rows for all, and their cheap stamp."""

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.models import DONE_STATES, Question, QuestionState, Vote
from portal.forum.queries.live import ROWS, LiveRow, Order, row_columns
from portal.identity.models import User
from portal.kernel.db import BigId

# How many of those answered lately stay in the list for readers who have them on their screen.
_ANSWERED_KEPT = 10

_questions, _users, _votes = Question.__table__.c, User.__table__.c, Vote.__table__.c
_OF_SESSION = _questions.session_id == sa.bindparam("session_id", type_=BigId)
_STAMP: sa.Select[Any] = sa.select(
    sa.func.count(),
    sa.func.coalesce(sa.func.sum(_questions.vote_count), 0),
    # Two votes that change places change this one.
    sa.func.coalesce(sa.func.sum(_questions.vote_count * _questions.id), 0),
    sa.func.max(_questions.updated_at, type_=_questions.updated_at.type),
    sa.func.coalesce(sa.func.sum(_questions.answer_count), 0),
    sa.func.max(sa.case((_questions.state == QuestionState.HIGHLIGHTED, _questions.id))),
    sa.func.coalesce(sa.func.sum(sa.case((_questions.state == QuestionState.PUBLISHED, 1), else_=0)), 0),
    sa.func.coalesce(sa.func.sum(sa.case((_questions.state.in_(DONE_STATES), 1), else_=0)), 0),
).where(_OF_SESSION)


def _public(*states: QuestionState) -> sa.Select[Any]:
    return (
        sa.select(*row_columns(sa.literal(0, BigId)))
        .join_from(Question.__table__, User.__table__, _users.id == _questions.asker_id)
        .where(_OF_SESSION, _questions.state.in_(states), _questions.merged_into_id.is_(None))
    )


_ASKED = (
    _public(QuestionState.PUBLISHED, QuestionState.HIGHLIGHTED)
    .order_by((_questions.state == QuestionState.HIGHLIGHTED).desc(), _questions.vote_count.desc(), _questions.id)
    .limit(ROWS)
)
_ANSWERED = _public(*DONE_STATES).order_by(_questions.answered_at.desc(), _questions.id.desc()).limit(_ANSWERED_KEPT)
_MINE = (
    sa.select(*row_columns(sa.bindparam("user_id", type_=BigId)))
    .join_from(Question.__table__, User.__table__, _users.id == _questions.asker_id)
    .where(
        _OF_SESSION,
        _questions.asker_id == sa.bindparam("user_id", type_=BigId),
        _questions.merged_into_id.is_(None),
    )
    .order_by(_questions.id.desc())
    .limit(ROWS)
)
_VOTED = (
    sa.select(_votes.question_id)
    .join_from(Vote.__table__, Question.__table__, _questions.id == _votes.question_id)
    .where(_OF_SESSION, _votes.user_id == sa.bindparam("user_id", type_=BigId))
)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Differs as soon as what everybody sees of a session's questions differs."""

    questions: int
    votes: int
    spread: int
    changed_at: Any
    answers: int
    highlighted: int | None
    published: int
    answered: int


def public_stamp(db: Session, session_id: int) -> Stamp:
    """The stamp of a session's questions. One statement, by an index."""
    return Stamp(*db.execute(_STAMP, {"session_id": session_id}).one())


def public_rows(db: Session, session_id: int) -> tuple[LiveRow, ...]:
    """What everybody may see, the most wanted first, then those answered lately. Two statements."""
    given = {"session_id": session_id}
    return tuple(LiveRow(*row) for query in (_ASKED, _ANSWERED) for row in db.execute(query, given))


@dataclass(frozen=True, slots=True)
class OwnPart:
    """What one person's page adds: their own questions that others do not see so, and which of the rows are theirs."""

    rows: tuple[LiveRow, ...]
    asked: frozenset[int]
    voted: frozenset[int]


def own_part(db: Session, *, session_id: int, user_id: int) -> OwnPart:
    """One person's own part of the questions beside a session. Two statements."""
    given = {"session_id": session_id, "user_id": user_id}
    mine = [LiveRow(*row) for row in db.execute(_MINE, given)]
    apart = tuple(row for row in mine if row.is_pending or row.is_hidden or row.is_done)
    return OwnPart(
        apart, frozenset(row.id for row in mine) - {row.id for row in apart}, frozenset(db.scalars(_VOTED, given))
    )


def for_one(rows: tuple[LiveRow, ...], own: OwnPart, order: Order | str) -> tuple[LiveRow, ...]:
    """Everybody's rows as one person's page begins with them: their own marked, in the order they want.

    What is answered already is behind its own link: it stays in the list only for those who saw it being answered.
    """
    shown = [replace(row, is_mine=row.id in own.asked) for row in rows if not row.is_done]
    if order == Order.NEW:
        shown.sort(key=lambda row: (not row.is_highlighted, -row.id))
    return tuple(shown)
