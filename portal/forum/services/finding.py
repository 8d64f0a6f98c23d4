"""Loading the row that a service is about to change, locked until the transaction ends."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.errors import AnswerNotFoundError, QuestionClosedError, QuestionNotFoundError
from portal.forum.folding import fold
from portal.forum.models import LARGEST_ID, Answer, Question
from portal.forum.policies import may_see
from portal.identity.models import User
from portal.training import content


def question_for(db: Session, user: User, question_id: int) -> Question:
    """The question, locked; the one it was merged into when it was. Raises QuestionNotFoundError.

    Only the one that goes on is locked: nobody waits for two questions at once.
    """
    if not 0 < question_id <= LARGEST_ID:
        raise QuestionNotFoundError
    goes_on = sa.func.coalesce(Question.merged_into_id, Question.id)
    question = _locked(db, db.scalar(sa.select(goes_on).where(Question.id == question_id)))
    if not may_see(user, question):
        raise QuestionNotFoundError
    if question.merged_into_id is not None:  # merged between the two statements
        raise QuestionClosedError
    return question


def _locked(db: Session, question_id: int | None) -> Question:
    question = db.scalar(
        sa.select(Question)
        .where(Question.id == question_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if question is None:
        raise QuestionNotFoundError
    return question


def answer_for(db: Session, user: User, answer_id: int) -> tuple[Answer, Question]:
    """A shown answer and its own question, the question locked. Raises AnswerNotFoundError."""
    if not 0 < answer_id <= LARGEST_ID:
        raise AnswerNotFoundError
    answer = db.get(Answer, answer_id)
    if answer is None or answer.hidden_at is not None:
        raise AnswerNotFoundError
    question = _locked(db, answer.question_id)
    if not may_see(user, question):
        raise AnswerNotFoundError
    return answer, question


def index_words(db: Session, question: Question) -> None:
    """Write what the full-text index is built on: the title; the lesson's name, the text and every shown answer."""
    answers = db.scalars(
        sa.select(Answer.text).where(Answer.question_id == question.id, Answer.hidden_at.is_(None)).order_by(Answer.id)
    )
    question.search_title = fold(question.title)
    lesson = content.lesson(question.lesson_number).title(question.language) if question.lesson_number else ""
    question.search_text = fold("\n".join((lesson, question.text, *answers)))
