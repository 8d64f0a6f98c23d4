"""Questions and answers, built through the services."""

from itertools import count

from sqlalchemy.orm import Session as DbSession

from portal.forum import services
from portal.forum.models import Answer, Question
from portal.identity.models import User
from portal.identity.services import create_user
from portal.kernel import clock
from portal.training.models import Cohort, Session
from portal.training.services import start_session
from tests.builders import training

_numbers = count(1)


def make_user(db: DbSession, name: str = "", **roles: object) -> User:
    """One more person."""
    number = next(_numbers)
    return create_user(
        db,
        email=f"person-{number}@example.org",
        display_name=name or f"Person {number}",
        **roles,  # type: ignore[arg-type]
    )


def ask(db: DbSession, user: User, title: str = "Puis-je encaisser par lien ?", **more: object) -> Question:
    """A question of the forum."""
    values: dict[str, object] = {"text": "", "lesson_number": 12, **more}
    return services.ask(db, user=user, title=title, **values)  # type: ignore[arg-type]


def answer(db: DbSession, user: User, question: Question, text: str = "Oui, dès aujourd’hui.") -> Answer:
    """An answer to a question."""
    return services.answer(db, user=user, question_id=question.id, text=text)


def live_session(db: DbSession, organiser: User, expert: User, number: int = 1) -> Session:
    """A session of a new cohort that has begun; use `clock.at(session.starts_at)` and later."""
    session = training.session_of(db, training.make_cohort(db, organiser, expert), number)
    with clock.at(session.starts_at):
        start_session(db, session_id=session.id)
    return training.session_of(db, db.get_one(Cohort, session.cohort_id), number)


def path(question: Question, language: str = "fr") -> str:
    """The address of a question."""
    return f"/{language}/q/{question.id}-{question.slug}"


def fresh(db: DbSession, question: Question) -> Question:
    """The question as the database has it now."""
    return db.get_one(Question, question.id, populate_existing=True)
