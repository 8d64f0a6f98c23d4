"""Editing a lesson's words: each save is a version of its own, and none is ever changed."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import conflict_insert
from portal.training import content
from portal.training.errors import BadWordsError, EditedMeanwhileError, NoSuchVersionError
from portal.training.models import Lesson, LessonVersion
from portal.training.queries.lessons import newest_version, version_of
from portal.training.services.programme import ensure_programme


def save_words(
    db: DbSession, *, organiser: User, number: int, words: Mapping[str, Mapping[str, Any]], based_on: int
) -> int:
    """Save a lesson's words in all languages as its next version; returns that version's number.

    Words that are those of `based_on` change nothing. Raises EditedMeanwhileError when `based_on` is no longer the
    newest version, BadWordsError when the words are not what the content files must be (`content.problems`).
    """
    newest = newest_version(db, number)
    if newest.number != based_on:
        raise EditedMeanwhileError
    kept = {
        language: {"summary": one["summary"], "aims": list(one["aims"]), "task": one["task"], "text": one["text"]}
        for language, one in words.items()
    }
    if content.problems(kept):
        raise BadWordsError
    if kept == newest.words:
        return newest.number
    programme = ensure_programme(db)
    lesson_id = db.scalars(
        sa.select(Lesson.id).where(Lesson.programme_id == programme.id, Lesson.number == number)
    ).one()
    insert = conflict_insert(db, LessonVersion).values(
        lesson_id=lesson_id, number=based_on + 1, words=kept, created_by=organiser.id, created_at=clock.now()
    )
    added = db.scalar(insert.on_conflict_do_nothing(index_elements=["lesson_id", "number"]).returning(LessonVersion.id))
    if added is None:
        raise EditedMeanwhileError
    return based_on + 1


def restore_words(db: DbSession, *, organiser: User, number: int, version: int, based_on: int) -> int:
    """Save an older version's words (0: the original's) as the next version; returns its number.

    Raises NoSuchVersionError, and what `save_words` raises.
    """
    older = version_of(db, number, version)
    if older is None:
        raise NoSuchVersionError
    return save_words(db, organiser=organiser, number=number, words=older.words, based_on=based_on)
