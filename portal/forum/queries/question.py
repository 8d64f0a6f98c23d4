"""One question with all that stands on its page."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from portal.forum.errors import AnswerNotFoundError
from portal.forum.models import LARGEST_ID, Answer, AnswerVote, Comment, Question, QuestionFollower, QuestionState, Vote
from portal.identity.models import Language, User
from portal.kernel import text as words


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


def question_page(db: Session, *, question_id: int, user_id: int | None) -> QuestionPage | None:
    """The question, its asker, its owner and what this reader did with it. One statement."""
    if not 0 < question_id <= LARGEST_ID:
        return None
    owner, accepter = aliased(User), aliased(User)
    follows = sa.exists().where(QuestionFollower.question_id == Question.id, QuestionFollower.user_id == user_id)
    votes = sa.exists().where(Vote.question_id == Question.id, Vote.user_id == user_id)
    row = db.execute(
        sa.select(
            Question.id,
            Question.slug,
            Question.title,
            Question.text,
            Question.language,
            Question.state,
            Question.hidden_reason,
            Question.asker_id,
            sa.case((Question.anonymous, ""), else_=User.display_name),
            Question.lesson_number,
            Question.session_id,
            Question.minute,
            Question.answered_minute,
            owner.display_name,
            Question.promised_at,
            Question.paused_at,
            Question.answered_at,
            Question.merged_into_id,
            accepter.display_name,
            Question.vote_count,
            Question.answer_count,
            Question.follower_count,
            Question.created_at,
            follows,
            votes,
        )
        .join(User, User.id == Question.asker_id)
        .outerjoin(owner, owner.id == Question.owner_id)
        .outerjoin(accepter, accepter.id == Question.accepted_by_id)
        .where(Question.id == question_id)
    ).first()
    return QuestionPage(*row) if row else None


def answers_of(db: Session, *, question_id: int, user_id: int | None) -> Answers:
    """The shown answers of a question and of those merged into it. One statement."""
    accepted = sa.func.coalesce(Question.accepted_answer_id == Answer.id, sa.false())
    helped = sa.exists().where(AnswerVote.answer_id == Answer.id, AnswerVote.user_id == user_id)
    family = sa.select(Question.id).where(sa.or_(Question.id == question_id, Question.merged_into_id == question_id))
    rows: Any = db.execute(
        sa.select(
            Answer.id,
            Answer.question_id,
            Answer.author_id,
            User.display_name,
            Answer.by_expert,
            Answer.text,
            Answer.vote_count,
            helped,
            accepted,
            Answer.created_at,
        )
        .join(User, User.id == Answer.author_id)
        .join(Question, Question.id == Answer.question_id)
        .where(Answer.question_id.in_(family), Answer.hidden_at.is_(None))
        .order_by(
            sa.and_(accepted, Answer.question_id == question_id).desc(),
            accepted.desc(),
            Answer.vote_count.desc(),
            Answer.id,
        )
    )
    return Answers(tuple(AnswerRow(*row) for row in rows))


def comments_of(db: Session, *, question_id: int) -> list[CommentRow]:
    """The remarks on a question and its answers, the oldest first. One statement."""
    rows: Any = db.execute(
        sa.select(
            Comment.id, Comment.answer_id, User.display_name, Comment.is_clarification, Comment.text, Comment.created_at
        )
        .join(User, User.id == Comment.author_id)
        .where(Comment.question_id == question_id)
        .order_by(Comment.id)
    )
    return [CommentRow(*row) for row in rows]


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


def time_to_answer(page: QuestionPage, answer: AnswerRow) -> timedelta:
    """How long the asker waited for this answer."""
    return answer.created_at - page.created_at
