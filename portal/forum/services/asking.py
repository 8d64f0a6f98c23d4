"""Asking: in the forum, or in a live session."""

import re
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum import telling
from portal.forum.errors import NoSeatError, QuestionNotFoundError, TooManyPostsError
from portal.forum.models import Question, QuestionState, Topic
from portal.forum.policies import is_moderator, is_published_at_once
from portal.forum.queries.rooms import Room, room_of
from portal.forum.services.finding import index_words
from portal.forum.services.routing import route
from portal.identity.models import Language, User
from portal.kernel import clock, text, throttle
from portal.kernel.errors import TooManyAttemptsError

QUESTIONS_AN_HOUR = 10
HIDDEN_COUNTS_FOR = timedelta(days=30)
_LINK = re.compile(r"https?://|www\.|\b[\w-]+\.(?:com|net|org|fr|shop|store|xyz|info|ru|top)\b", re.IGNORECASE)
_ARABIC = re.compile("[\u0600-\u06ff]")
_LATIN = re.compile(r"[a-z\u00e0-\u017f]", re.IGNORECASE)


def language_of(words: str, spoken: str) -> Language:
    """The language a text is in: Arabic by its letters, otherwise what its writer's page is in."""
    if len(_ARABIC.findall(words)) > len(_LATIN.findall(words)):
        return Language.ARABIC
    return Language.FRENCH if spoken == Language.ARABIC else Language(spoken)


def slow_down(db: Session, user: User, what: str, *, an_hour: int) -> None:
    """Count one more post of this person; raises TooManyPostsError beyond the limit."""
    try:
        throttle.hit(db, f"forum.{what}:{user.id}", limit=an_hour, window=timedelta(hours=1))
    except TooManyAttemptsError as error:
        raise TooManyPostsError from error


def ask(  # noqa: PLR0913 (each is a fact about the question)
    db: Session,
    *,
    user: User,
    title: str,
    text: str,
    lesson_number: int | None,
    session_id: int | None = None,
    minute: int | None = None,
    anonymous: bool = False,
    language: str | None = None,
) -> Question:
    """Ask a question. Without a session, or after its end, it opens in the forum with an owner and a promise.

    `minute`: whole minutes after the session's start. `language`: of the page it was written on.
    Raises TooManyPostsError.
    """
    slow_down(db, user, "ask", an_hour=QUESTIONS_AN_HOUR)
    question = Question(
        asker_id=user.id,
        title=title,
        text=text,
        slug=_slug(title),
        language=language_of(f"{title} {text}", language or user.language),
        anonymous=anonymous,
        lesson_number=lesson_number,
        topic_id=_topic_of(db, lesson_number),
        session_id=session_id,
        minute=minute,
        state=_first_state(db, user, session_id, f"{title} {text}"),
    )
    db.add(question)
    db.flush()
    index_words(db, question)
    if question.state is QuestionState.OPEN:
        route(db, question)
    telling.room_changed(db, session_id)
    return question


def ask_live(
    db: Session, *, user: User, session_id: int, title: str, anonymous: bool = False, language: str | None = None
) -> Question:
    """Ask in a session, as someone who holds a seat in it (or leads one); stamps the session's minute.

    Raises QuestionNotFoundError for an unknown session, NoSeatError, TooManyPostsError.
    """
    room = room_of(db, session_id=session_id, user_id=user.id)
    if room is None:
        raise QuestionNotFoundError
    if not room.has_seat and not is_moderator(user):
        raise NoSeatError
    return ask(
        db,
        user=user,
        title=title,
        text="",
        lesson_number=room.lesson_number,
        session_id=session_id,
        minute=room.minute_at(clock.now()),
        anonymous=anonymous,
        language=language,
    )


def _slug(title: str) -> str:
    return text.slugify(title)


def _topic_of(db: Session, lesson_number: int | None) -> int | None:
    if lesson_number is None:
        return None
    topics = db.execute(sa.select(Topic.id, Topic.lesson_numbers)).all()
    return next((topic.id for topic in topics if lesson_number in topic.lesson_numbers), None)


def _first_state(db: Session, user: User, session_id: int | None, words: str) -> QuestionState:
    room: Room | None = room_of(db, session_id=session_id, user_id=user.id) if session_id else None
    if room is None or room.has_ended:
        return QuestionState.OPEN
    if is_moderator(user):
        return QuestionState.PUBLISHED
    hidden_before = db.scalar(
        sa.select(sa.func.count()).where(
            Question.asker_id == user.id,
            Question.state == QuestionState.HIDDEN,
            Question.hidden_at > clock.now() - HIDDEN_COUNTS_FOR,
        )
    )
    at_once = is_published_at_once(has_link=bool(_LINK.search(words)), hidden_before=hidden_before or 0)
    return QuestionState.PUBLISHED if at_once else QuestionState.PENDING
