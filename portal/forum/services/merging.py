"""Two questions that are one. Nothing is moved: the merged question points to the one that goes on.

So both histories and both addresses stay, each voter counts once, and undoing is taking the pointer away.
"""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum import telling
from portal.forum.errors import MergeError, NotYoursError, QuestionNotFoundError
from portal.forum.models import (
    FORUM_STATES,
    LARGEST_ID,
    AssignmentOutcome,
    Question,
    QuestionFollower,
    QuestionState,
    Vote,
)
from portal.forum.policies import UNDO_MERGE_WITHIN, is_moderator
from portal.forum.services.routing import end_turn, route
from portal.identity.models import User
from portal.kernel import clock


def merge(db: Session, *, user: User, question_id: int, into_id: int) -> Question:
    """Merge a question into another one of the forum; returns the one that goes on.

    Raises QuestionNotFoundError, NotYoursError, MergeError (the same one, one already merged, not in the forum).
    """
    merged, target = _pair(db, user, question_id, into_id)
    if merged.state not in FORUM_STATES or target.state not in FORUM_STATES:
        raise MergeError
    if merged.merged_into_id is not None or target.merged_into_id is not None:
        raise MergeError
    now = clock.now()
    # What was merged into it before goes where it goes: no chain of pointers.
    db.execute(sa.update(Question).where(Question.merged_into_id == merged.id).values(merged_into_id=target.id))
    merged.merged_into_id, merged.merged_at, merged.merged_by_id = target.id, now, user.id
    end_turn(db, merged, AssignmentOutcome.CLOSED)
    db.flush()
    recount(db, target)
    telling.merged(db, merged, target)
    return target


def undo_merge(db: Session, *, user: User, question_id: int) -> Question:
    """Take a merge back, within 7 days; the question is its own again and, if unanswered, gets an owner.

    Raises QuestionNotFoundError, NotYoursError, MergeError.
    """
    merged = db.get(Question, question_id) if 0 < question_id <= LARGEST_ID else None
    if merged is None:
        raise QuestionNotFoundError
    if merged.merged_into_id is None:
        raise MergeError
    merged, target = _pair(db, user, question_id, merged.merged_into_id)
    if merged.merged_at is None or clock.now() > merged.merged_at + UNDO_MERGE_WITHIN:
        raise MergeError
    merged.merged_into_id = merged.merged_at = merged.merged_by_id = None
    if merged.state is QuestionState.OPEN:
        route(db, merged)
    db.flush()
    recount(db, target)
    return merged


def recount(db: Session, question: Question) -> None:
    """Votes and followers of a question and of all that was merged into it: each person once."""
    family = sa.select(Question.id).where(sa.or_(Question.id == question.id, Question.merged_into_id == question.id))
    votes = sa.select(sa.func.count(Vote.user_id.distinct())).where(Vote.question_id.in_(family))
    followers = sa.select(sa.func.count(QuestionFollower.user_id.distinct())).where(
        QuestionFollower.question_id.in_(family), QuestionFollower.user_id != question.asker_id
    )
    question.vote_count = votes.scalar_subquery()
    question.follower_count = followers.scalar_subquery()
    question.updated_at = clock.now()
    db.flush()
    db.refresh(question)


def _pair(db: Session, user: User, question_id: int, into_id: int) -> tuple[Question, Question]:
    """Both questions, locked in the order of their ids."""
    if not is_moderator(user):
        raise NotYoursError
    if question_id == into_id:
        raise MergeError
    wanted = [number for number in (question_id, into_id) if 0 < number <= LARGEST_ID]
    rows = db.scalars(
        sa.select(Question)
        .where(Question.id.in_(wanted))
        .order_by(Question.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = {question.id: question for question in rows}
    if question_id not in found or into_id not in found:
        raise QuestionNotFoundError
    return found[question_id], found[into_id]
