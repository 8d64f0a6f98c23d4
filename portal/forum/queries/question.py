"""One question with all that stands on its page."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.errors import AnswerNotFoundError
from portal.forum.models import LARGEST_ID, Answer, AnswerVote, Comment, Question, QuestionFollower, QuestionState, Vote
from portal.identity.models import Language, User
from portal.kernel import text as words
from portal.kernel.db import BigId


@dataclass(frozen=True, slots=True)
class QuestionPage:
    """A question as one person sees it. `asker` is empty when they asked anonymously."""

    id: int
    slug: str
    title: str
    text: str
    language: Language
    state: QuestionState
    hidden_reason: str
    asker_id: int
    asker: str
    lesson_number: int | None
    session_id: int | None
    minute: int | None
    answered_minute: int | None
    owner: str | None
    promised_at: datetime | None
    paused_at: datetime | None
    answered_at: datetime | None
    merged_into_id: int | None
    accepted_by: str | None
    vote_count: int
    answer_count: int
    follower_count: int
    created_at: datetime
    is_followed: bool
    has_my_vote: bool
    has_comments: bool

    @property
    def initials(self) -> str:
        """One or two letters for the asker's avatar."""
        return words.initials(self.asker)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer in its place; `question_id` is a merged question's when it came from there."""

    id: int
    question_id: int
    author_id: int
    author: str
    by_expert: bool
    text: str
    vote_count: int
    has_my_vote: bool
    is_accepted: bool
    created_at: datetime

    @property
    def initials(self) -> str:
        """One or two letters for the author's avatar."""
        return words.initials(self.author)


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a question, the accepted one first, then those that helped most."""

    rows: tuple[AnswerRow, ...]

    @property
    def shown(self) -> str:
        """The ids that a reader has, as the next poll says them back."""
        return "-".join(str(row.id) for row in self.rows)

    @property
    def tag(self) -> str:
        """Differs as soon as anything that is shown differs."""
        return hashlib.blake2b(repr(self).encode(), digest_size=12).hexdigest()

    def unknown_to(self, shown: Sequence[int], *, reader_id: int | None) -> int:
        """How many a reader does not have yet; their own do not count, they have just written them."""
        return len([row for row in self.rows if row.id not in set(shown) and row.author_id != reader_id])


@dataclass(frozen=True, slots=True)
class CommentRow:
    """A remark; `answer_id` is None under the question itself."""

    id: int
    answer_id: int | None
    author: str
    is_clarification: bool
    text: str
    created_at: datetime


# Built once and given their values when they run: these are the pages that are read most.
_questions, _answers, _users = Question.__table__.c, Answer.__table__.c, User.__table__.c
_comments, _owners, _accepters = Comment.__table__.c, User.__table__.alias(), User.__table__.alias()
_QUESTION_ID = sa.bindparam("question_id", type_=BigId)
_USER_ID = sa.bindparam("user_id", type_=BigId)


def _mine(mark: type[Vote | QuestionFollower | AnswerVote], column: str, row: sa.ColumnElement[Any]) -> sa.Exists:
    marks = mark.__table__.c
    return sa.exists().where(marks[column] == row, marks.user_id == _USER_ID)


_PAGE: sa.Select[Any] = (
    sa.select(
        _questions.id,
        _questions.slug,
        _questions.title,
        _questions.text,
        _questions.language,
        _questions.state,
        _questions.hidden_reason,
        _questions.asker_id,
        sa.case((_questions.anonymous, ""), else_=_users.display_name),
        _questions.lesson_number,
        _questions.session_id,
        _questions.minute,
        _questions.answered_minute,
        _owners.c.display_name,
        _questions.promised_at,
        _questions.paused_at,
        _questions.answered_at,
        _questions.merged_into_id,
        _accepters.c.display_name,
        _questions.vote_count,
        _questions.answer_count,
        _questions.follower_count,
        _questions.created_at,
        _mine(QuestionFollower, "question_id", _questions.id),
        _mine(Vote, "question_id", _questions.id),
        sa.exists().where(_comments.question_id == _questions.id),
    )
    .join_from(Question.__table__, User.__table__, _users.id == _questions.asker_id)
    .outerjoin(_owners, _owners.c.id == _questions.owner_id)
    .outerjoin(_accepters, _accepters.c.id == _questions.accepted_by_id)
    .where(_questions.id == _QUESTION_ID)
)

_FAMILY = sa.select(_questions.id).where(
    sa.or_(_questions.id == _QUESTION_ID, _questions.merged_into_id == _QUESTION_ID)
)
_ACCEPTED = sa.func.coalesce(_questions.accepted_answer_id == _answers.id, sa.false())
_ANSWERS: sa.Select[Any] = (
    sa.select(
        _answers.id,
        _answers.question_id,
        _answers.author_id,
        _users.display_name,
        _answers.by_expert,
        _answers.text,
        _answers.vote_count,
        _mine(AnswerVote, "answer_id", _answers.id),
        _ACCEPTED,
        _answers.created_at,
    )
    .join_from(Answer.__table__, User.__table__, _users.id == _answers.author_id)
    .join(Question.__table__, _questions.id == _answers.question_id)
    .where(_answers.question_id.in_(_FAMILY), _answers.hidden_at.is_(None))
    .order_by(
        sa.and_(_ACCEPTED, _answers.question_id == _QUESTION_ID).desc(),
        _ACCEPTED.desc(),
        _answers.vote_count.desc(),
        _answers.id,
    )
)

_COMMENTS: sa.Select[Any] = (
    sa.select(
        _comments.id,
        _comments.answer_id,
        _users.display_name,
        _comments.is_clarification,
        _comments.text,
        _comments.created_at,
    )
    .join_from(Comment.__table__, User.__table__, _users.id == _comments.author_id)
    .where(_comments.question_id == _QUESTION_ID)
    .order_by(_comments.id)
)


def question_page(db: Session, *, question_id: int, user_id: int | None) -> QuestionPage | None:
    """The question, its asker, its owner and what this reader did with it. One statement."""
    if not 0 < question_id <= LARGEST_ID:
        return None
    row = db.execute(_PAGE, {"question_id": question_id, "user_id": user_id}).first()
    return QuestionPage(*row) if row else None


def answers_of(db: Session, *, question_id: int, user_id: int | None) -> Answers:
    """The shown answers of a question and of those merged into it. One statement."""
    rows = db.execute(_ANSWERS, {"question_id": question_id, "user_id": user_id})
    return Answers(tuple(AnswerRow(*row) for row in rows))


def comments_of(db: Session, *, question_id: int) -> list[CommentRow]:
    """The remarks on a question and its answers, the oldest first. One statement."""
    return [CommentRow(*row) for row in db.execute(_COMMENTS, {"question_id": question_id})]


def merged_titles(db: Session, *, question_id: int) -> list[sa.Row[Any]]:
    """What was merged into a question: id, title, when. One statement."""
    columns = (Question.id, Question.title, Question.merged_at)
    return list(db.execute(sa.select(*columns).where(Question.merged_into_id == question_id).order_by(Question.id)))


def question_of_answer(db: Session, answer_id: int) -> Question:
    """The question that an answer, shown or hidden, belongs to. Raises AnswerNotFoundError."""
    question = db.scalar(
        sa.select(Question)
        .join(Answer, Answer.question_id == Question.id)
        .where(Answer.id == min(answer_id, LARGEST_ID))
    )
    if question is None:
        raise AnswerNotFoundError
    return question
