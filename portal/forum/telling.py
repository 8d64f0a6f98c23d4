"""Telling people about questions, in the transaction that gives the reason. What is said is in mails and notices."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum.addresses import question_path
from portal.forum.models import Answer, Question, QuestionFollower
from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import events
from portal.notifications.services import notify, send_mail
from portal.training.events import RoomChanged

EXCERPT_LONGEST = 280


def _params(question: Question, **more: Any) -> dict[str, Any]:
    return {"question_id": question.id, "slug": question.slug, "title": question.title, **more}


def _notify(
    db: Session,
    users: Iterable[Any],
    kind: str,
    question: Question,
    *,
    params: Mapping[str, Any],
    key: str | None = None,
) -> None:
    """Leave a notice with each of these (rows with id and language); once each when there is a `key`."""
    for user in users:
        notify(
            db,
            user_id=user.id,
            kind=kind,
            params=params,
            path=question_path(str(user.language), question.id, question.slug),
            dedupe_key=f"{key}:{user.id}" if key else None,
        )


def _user(db: Session, user_id: int | None) -> User | None:
    return db.get(User, user_id) if user_id is not None else None


def _tell_asker(db: Session, question: Question, kind: str, *, params: Mapping[str, Any], key: str) -> None:
    """By mail and in the page."""
    asker = _user(db, question.asker_id)
    if asker is not None:
        send_mail(db, to=recipient_of(asker), kind=kind, params=params, dedupe_key=f"{key}:{asker.id}")
        _notify(db, [asker], kind, question, params=params, key=key)


def routed(db: Session, question: Question) -> None:
    """An expert owes an answer from now on."""
    owner = _user(db, question.owner_id)
    if owner is not None and question.promised_at is not None:
        params = _params(question, promised_at=question.promised_at.isoformat())
        _notify(db, [owner], "forum.routed", question, params=params)


def handed_on(db: Session, question: Question) -> None:
    """The promise was not kept: the asker learns the new one."""
    asker = _user(db, question.asker_id)
    if asker is not None and question.promised_at is not None:
        params = _params(question, promised_at=question.promised_at.isoformat())
        _notify(db, [asker], "forum.handed_on", question, params=params)


def carried_on(db: Session, question: Question) -> None:
    """The session ended before it was answered: the asker learns where it goes on, and by when."""
    asker = _user(db, question.asker_id)
    if asker is not None and question.promised_at is not None:
        params = _params(question, promised_at=question.promised_at.isoformat())
        _notify(db, [asker], "forum.carried_on", question, params=params, key=f"forum.carried_on:{question.id}")


def answered(db: Session, question: Question, answer: Answer, *, author: User) -> None:
    """A new answer: mail and notice to the asker, a notice to each follower."""
    params = _params(
        question,
        author=author.display_name,
        by_expert=answer.by_expert,
        excerpt=answer.text[:EXCERPT_LONGEST],
    )
    key = f"forum.answered:{answer.id}"
    if question.asker_id != author.id:
        _tell_asker(db, question, "forum.answered", params=params, key=key)
    followers = db.execute(
        sa.select(User.id, User.language)
        .join(QuestionFollower, QuestionFollower.user_id == User.id)
        .where(QuestionFollower.question_id.in_(_family(question.id)), User.id.not_in([author.id, question.asker_id]))
        .distinct()
        .order_by(User.id)
    )
    _notify(db, followers, "forum.followed_answered", question, params=params, key=key)


def answered_aloud(db: Session, question: Question) -> None:
    """Answered by voice in the session: a notice to the asker."""
    asker = _user(db, question.asker_id)
    if asker is not None:
        params = _params(question, minute=question.answered_minute)
        _notify(db, [asker], "forum.answered_aloud", question, params=params, key=f"forum.aloud:{question.id}")


def accepted(db: Session, question: Question, answer: Answer, *, by: User) -> None:
    """An answer was accepted: a notice to its author."""
    author = _user(db, answer.author_id)
    if author is not None and author.id != by.id:
        params = _params(question, by=by.display_name)
        _notify(db, [author], "forum.accepted", question, params=params, key=f"forum.accepted:{answer.id}")


def hidden(db: Session, question: Question) -> None:
    """A question was hidden: its asker learns why."""
    params = _params(question, reason=question.hidden_reason)
    _tell_asker(db, question, "forum.hidden", params=params, key=f"forum.hidden:{question.id}")


def answer_hidden(db: Session, question: Question, answer: Answer) -> None:
    """An answer was hidden: its author learns why."""
    author = _user(db, answer.author_id)
    if author is not None:
        params = _params(question, reason=answer.hidden_reason)
        _notify(db, [author], "forum.answer_hidden", question, params=params, key=f"forum.answer_hidden:{answer.id}")


def clarification(db: Session, question: Question, text: str) -> None:
    """An expert asks back: it is the asker's turn."""
    params = _params(question, excerpt=text[:EXCERPT_LONGEST])
    asker = _user(db, question.asker_id)
    if asker is not None:
        send_mail(db, to=recipient_of(asker), kind="forum.clarification", params=params)
        _notify(db, [asker], "forum.clarification", question, params=params)


def asker_replied(db: Session, question: Question) -> None:
    """The asker has replied: the owner's clock runs again."""
    owner = _user(db, question.owner_id)
    if owner is not None and question.promised_at is not None:
        params = _params(question, promised_at=question.promised_at.isoformat())
        _notify(db, [owner], "forum.asker_replied", question, params=params)


def merged(db: Session, question: Question, into: Question) -> None:
    """Their question goes on in another one: the asker learns where."""
    asker = _user(db, question.asker_id)
    if asker is not None:
        _notify(db, [asker], "forum.merged", into, params=_params(into, merged_title=question.title))


def _family(question_id: int) -> sa.Select[int]:
    return sa.select(Question.id).where(sa.or_(Question.id == question_id, Question.merged_into_id == question_id))


def room_changed(db: Session, session_id: int | None) -> None:
    """A question of this session was asked, voted for, chosen, answered or hidden; nothing outside a session."""
    if session_id is not None:
        events.publish(db, RoomChanged(session_id))
