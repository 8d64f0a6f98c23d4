"""The questions of a session that is over, by the minute at which they came up."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.models import DONE_STATES, FORUM_STATES, Question, QuestionState
from portal.kernel.db import BigId

_MOST = 100
_questions = Question.__table__.c
_ASKED: sa.Select[Any] = (
    sa.select(
        _questions.id,
        _questions.slug,
        _questions.title,
        _questions.state,
        _questions.minute,
        _questions.answered_minute,
    )
    .where(
        _questions.session_id == sa.bindparam("session_id", type_=BigId),
        _questions.minute.is_not(None),
        _questions.state.in_(FORUM_STATES),
        _questions.merged_into_id.is_(None),
    )
    .order_by(sa.func.coalesce(_questions.answered_minute, _questions.minute), _questions.id)
    .limit(_MOST)
)


@dataclass(frozen=True, slots=True)
class AskedThen:
    """A question of a session; `minute` is when it was answered aloud, else when it was asked."""

    id: int
    slug: str
    title: str
    answered: bool
    minute: int


def asked_in_session(db: Session, session_id: int) -> list[AskedThen]:
    """The public questions asked during a session, in the order in which they came up. One statement."""
    return [
        AskedThen(
            row.id,
            row.slug,
            row.title,
            QuestionState(row.state) in DONE_STATES,
            row.minute if row.answered_minute is None else row.answered_minute,
        )
        for row in db.execute(_ASKED, {"session_id": session_id})
    ]
