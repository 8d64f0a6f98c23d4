"""A lesson's words as they stand now or stood once: the content file's, or an organiser's version of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel.db import BigId
from portal.training import content
from portal.training.content import LessonWords
from portal.training.models import Lesson, LessonVersion

# The words of the content file, before anybody edited them.
ORIGINAL = 0

_versions, _lessons, _users = (kind.__table__.c for kind in (LessonVersion, Lesson, User))
_OF_LESSON = (_lessons.id == _versions.lesson_id) & (_lessons.number == sa.bindparam("number", type_=sa.Integer))
_NEWEST: sa.Select[Any] = (
    sa.select(_versions.id, _versions.number, _versions.words)
    .where(_OF_LESSON)
    .order_by(_versions.number.desc())
    .limit(1)
)
_BY_ID = sa.select(_versions.words).where(_OF_LESSON, _versions.id == sa.bindparam("version_id", type_=BigId))
_HISTORY: sa.Select[Any] = (
    sa.select(_versions.id, _versions.number, _versions.created_at, _users.display_name)
    .where(_OF_LESSON, _users.id == _versions.created_by)
    .order_by(_versions.number.desc())
)
_later = LessonVersion.__table__.alias("later").c
_IS_NEWEST = ~sa.exists().where(_later.lesson_id == _versions.lesson_id, _later.number > _versions.number)
_TASKS: sa.Select[Any] = sa.select(_lessons.number, _versions.words).where(
    _lessons.number.in_(sa.bindparam("numbers", type_=sa.Integer, expanding=True)),
    _versions.lesson_id == _lessons.id,
    _IS_NEWEST,
)
_EDITED: sa.Select[Any] = sa.select(_lessons.number, _versions.number, _versions.created_at, _users.display_name).where(
    _versions.lesson_id == _lessons.id, _users.id == _versions.created_by, _IS_NEWEST
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a lesson's words: {language: {summary, aims, task, text}}. Number 0 is the content file."""

    id: int
    number: int
    words: dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version in the history: when, and by whom."""

    id: int
    number: int
    created_at: datetime
    author: str


@dataclass(frozen=True, slots=True)
class EditedLesson:
    """What the list of lessons says of one: its newest version, if it was ever edited."""

    number: int
    version: int
    created_at: datetime | None
    author: str


def lesson_words(db: DbSession, number: int, language: str, version_id: int | None = None) -> LessonWords:
    """A lesson's words in a language: the newest ones, those of a version, or with `ORIGINAL` the content file's.

    One statement, and none for the original. LookupError for a version that is not this lesson's.
    """
    lesson = content.lesson(number)
    if version_id == ORIGINAL:
        return lesson.words[language]
    if version_id is None:
        row = db.execute(_NEWEST, {"number": number}).first()
        return lesson.edited(language, row.words[language]) if row else lesson.words[language]
    words = db.scalar(_BY_ID, {"number": number, "version_id": version_id})
    if words is None:
        msg = f"lesson {number} has no version with the id {version_id}"
        raise LookupError(msg)
    return lesson.edited(language, words[language])


def lesson_tasks(db: DbSession, numbers: Sequence[int], language: str) -> dict[int, str]:
    """The tasks of several lessons as they are shown now, by lesson number. One statement, none for no lessons."""
    shown = {number: content.lesson(number).words[language].task for number in numbers}
    if numbers:
        shown |= {row.number: row.words[language]["task"] for row in db.execute(_TASKS, {"numbers": list(numbers)})}
    return shown


def shown_version(lesson_version_id: int | None, *, began: bool) -> int | None:
    """Which `version_id` a session shows: the newest until it begins, from then on what was stamped on it.

    One that began without a stamp began before the first edit: it shows the original.
    """
    if not began:
        return None
    return lesson_version_id or ORIGINAL


def newest_version(db: DbSession, number: int) -> Version:
    """The version that is shown now; number 0 when the lesson was never edited."""
    row = db.execute(_NEWEST, {"number": number}).first()
    return Version(*row) if row else original_version(number)


def original_version(number: int) -> Version:
    """The content file's words as a version."""
    return Version(ORIGINAL, 0, content.lesson(number).entries())


def version_of(db: DbSession, number: int, version: int) -> Version | None:
    """A lesson's version by its own number; 0 is the original. None when there is none."""
    if version == 0:
        return original_version(number)
    row = db.execute(
        sa.select(_versions.id, _versions.number, _versions.words).where(_OF_LESSON, _versions.number == version),
        {"number": number},
    ).first()
    return Version(*row) if row else None


def version_history(db: DbSession, number: int) -> list[VersionLine]:
    """The versions of a lesson, the newest first; the original is not among them."""
    return [VersionLine(*row) for row in db.execute(_HISTORY, {"number": number})]


def edited_lessons(db: DbSession) -> dict[int, EditedLesson]:
    """The newest version of each lesson that was edited, by lesson number. One statement."""
    rows = db.execute(_EDITED)
    return {row[0]: EditedLesson(*row) for row in rows}
