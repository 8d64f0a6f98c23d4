"""One vote for each person on a question, one on an answer, and following. Saying it twice changes nothing."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute, Session

from portal.forum import telling
from portal.forum.errors import AnswerNotFoundError, NotYoursError, QuestionNotFoundError
from portal.forum.models import LARGEST_ID, Answer, AnswerVote, Question, QuestionFollower, Vote
from portal.forum.policies import may_see, may_vote
from portal.identity.models import User
from portal.kernel.db import conflict_insert, rows_changed

Mark = type[Vote | QuestionFollower]


def vote(db: Session, *, user: User, question_id: int, wanted: bool = True) -> int:
    """Vote for a question, or take the vote back; returns its votes. Raises QuestionNotFoundError.

    The row's key and the arithmetic in the database keep the count right whoever votes at the same moment.
    """
    target = _shown(db, user, question_id)
    _mark(db, Vote, Question.vote_count, target, user.id, wanted=wanted)
    row = db.execute(sa.select(Question.vote_count, Question.session_id).where(Question.id == target)).one()
    telling.room_changed(db, row.session_id)
    return int(row.vote_count)


def follow(db: Session, *, user: User, question_id: int, wanted: bool = True) -> int:
    """Follow a question, or stop; returns how many follow. Its asker is told anyway and counts as no follower.

    Raises QuestionNotFoundError.
    """
    target = _shown(db, user, question_id)
    asker_id = db.scalars(sa.select(Question.asker_id).where(Question.id == target)).one()
    if user.id != asker_id:
        _mark(db, QuestionFollower, Question.follower_count, target, user.id, wanted=wanted)
    return db.scalars(sa.select(Question.follower_count).where(Question.id == target)).one()


def help_vote(db: Session, *, user: User, answer_id: int, wanted: bool = True) -> int:
    """Say that an answer helps, or no longer; returns how many it helped.

    Raises AnswerNotFoundError, and NotYoursError for one's own answer.
    """
    if not 0 < answer_id <= LARGEST_ID:
        raise AnswerNotFoundError
    row = db.execute(
        sa.select(Answer.author_id, Answer.hidden_at, Question.state, Question.asker_id)
        .join(Question, Question.id == Answer.question_id)
        .where(Answer.id == answer_id)
    ).first()
    if row is None or row.hidden_at is not None or not may_see(user, row):
        raise AnswerNotFoundError
    if row.author_id == user.id:
        raise NotYoursError
    if wanted:
        step = _added(db, AnswerVote, answer_id=answer_id, user_id=user.id)
    else:
        mine = sa.delete(AnswerVote).where(AnswerVote.answer_id == answer_id, AnswerVote.user_id == user.id)
        step = -rows_changed(db, mine)
    return db.scalars(
        sa.update(Answer)
        .where(Answer.id == answer_id)
        .values(vote_count=Answer.vote_count + step)
        .returning(Answer.vote_count)
    ).one()


def _shown(db: Session, user: User, question_id: int) -> int:
    """The id that takes the vote: the question's own, or the one it was merged into."""
    if not 0 < question_id <= LARGEST_ID:
        raise QuestionNotFoundError
    columns = (Question.id, Question.state, Question.asker_id, Question.merged_into_id)
    row = db.execute(sa.select(*columns).where(Question.id == question_id)).first()
    if row is not None and row.merged_into_id is not None:
        row = db.execute(sa.select(*columns).where(Question.id == row.merged_into_id)).first()
    if row is None or not may_see(user, row) or not may_vote(row):
        raise QuestionNotFoundError
    return int(row.id)


def _added(db: Session, mark: type[Vote | QuestionFollower | AnswerVote], **key: int) -> int:
    """Insert a person's mark; 1 when it was new, 0 when it was there."""
    insert = conflict_insert(db, mark).values(**key).on_conflict_do_nothing()
    return 0 if db.scalar(insert.returning(mark.user_id)) is None else 1


def _mark(
    db: Session, mark: Mark, count: InstrumentedAttribute[int], question_id: int, user_id: int, *, wanted: bool
) -> None:
    family = sa.select(Question.id).where(sa.or_(Question.id == question_id, Question.merged_into_id == question_id))
    there = sa.exists().where(mark.question_id.in_(family), mark.user_id == user_id)
    if wanted:
        elsewhere = db.scalar(sa.select(there.where(mark.question_id != question_id)))
        added = _added(db, mark, question_id=question_id, user_id=user_id)
        step = 0 if elsewhere else added
    else:
        taken: Any = sa.delete(mark).where(mark.question_id.in_(family), mark.user_id == user_id)
        step = -min(rows_changed(db, taken), 1)
    if step:
        db.execute(
            sa.update(Question)
            .where(Question.id == question_id)
            .values({count: count + step})
            .execution_options(synchronize_session=False)
        )
