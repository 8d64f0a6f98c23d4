"""Lists of questions: newest, unanswered, of a lesson, a topic or a session, found by words; and similar ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.forum import folding, search
from portal.forum.models import (
    DONE_STATES,
    FORUM_STATES,
    LARGEST_ID,
    Answer,
    Question,
    QuestionState,
    Topic,
)
from portal.identity.models import User

ROWS = 50
SIMILAR = 3
EXCERPT_LONGEST = 160


class Show(StrEnum):
    """Which questions a list is of."""

    ALL = "all"
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; `before` is the id after which the page begins."""

    text: str = ""
    show: Show = Show.ALL
    lesson_number: int | None = None
    topic: str = ""
    session_id: int | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class ListRow:
    """A question in a list. `asker` is empty when they asked anonymously."""

    id: int
    slug: str
    title: str
    state: QuestionState
    asker: str
    lesson_number: int | None
    answer_count: int
    follower_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionList:
    """One page of questions; `older` is where the next one begins, None on the last."""

    rows: tuple[ListRow, ...]
    older: int | None


@dataclass(frozen=True, slots=True)
class SimilarRow:
    """An answered question that may ask the same, with the beginning of its answer."""

    id: int
    slug: str
    title: str
    excerpt: str
    author: str
    helped: int
    segments: tuple[search.Segment, ...]


_COLUMNS = (
    Question.id,
    Question.slug,
    Question.title,
    Question.state,
    sa.case((Question.anonymous, ""), else_=User.display_name).label("asker"),
    Question.lesson_number,
    Question.answer_count,
    Question.follower_count,
    Question.created_at,
)


def topics(db: Session) -> list[sa.Row[tuple[str, str, str, str]]]:
    """The topics in their order: slug and the name in each language."""
    columns = (Topic.slug, Topic.title_fr, Topic.title_en, Topic.title_ar)
    return list(db.execute(sa.select(*columns).order_by(Topic.position)))


def question_list(db: Session, filters: Filters) -> QuestionList:
    """A page of questions: the best first when words are looked for, otherwise the newest. One or two statements."""
    conditions = [*_conditions(filters), User.id == Question.asker_id]
    if filters.text:
        found = search.search(db, filters.text, conditions, columns=_COLUMNS, limit=ROWS)
        return QuestionList(_rows(found), None)
    statement = sa.select(*_COLUMNS).where(*conditions).order_by(Question.id.desc()).limit(ROWS + 1)
    rows = _rows(db.execute(statement))
    return QuestionList(rows[:ROWS], rows[ROWS - 1].id if len(rows) > ROWS else None)


def similar_answered(
    db: Session, text: str, *, without: int | None = None, limit: int = SIMILAR
) -> tuple[SimilarRow, ...]:
    """Answered questions that may ask the same as `text`, with their answers. Two statements."""
    filters = [*_listed(DONE_STATES), Question.answer_count > 0]
    if without is not None:
        filters.append(Question.id != without)
    columns = (Question.id, Question.slug, Question.title, Question.accepted_answer_id)
    found = search.similar(db, text, filters, columns=columns, limit=limit)
    answers = _best_answers(db, found)
    words = folding.query_words(text)
    return tuple(
        SimilarRow(
            row.id,
            row.slug,
            row.title,
            *answers[row.id],
            tuple(search.marked(row.title, words)),
        )
        for row in found
        if row.id in answers
    )


def related(db: Session, *, question_id: int, title: str, lesson_number: int | None) -> list[sa.Row[Any]]:
    """Answered questions close to one, for the side of its page: id, slug, title.

    By their words; when these find few, the lesson's newest follow. One or two statements.
    """
    filters = [*_listed(DONE_STATES), Question.id != question_id]
    columns = (Question.id, Question.slug, Question.title)
    found = search.related(db, title, filters, columns=columns, limit=SIMILAR)
    if len(found) < SIMILAR and lesson_number is not None:
        known = [row.id for row in found]
        others = sa.select(*columns).where(*filters, Question.lesson_number == lesson_number, Question.id.not_in(known))
        found += db.execute(others.order_by(Question.id.desc()).limit(SIMILAR - len(found))).all()
    return found


def latest_answered(db: Session, *, lesson_number: int | None = None, limit: int = 5) -> QuestionList:
    """What was answered lately, about one lesson or all: for a lesson's page and for home. One statement."""
    conditions = [*_listed(DONE_STATES), User.id == Question.asker_id]
    if lesson_number is not None:
        conditions.append(Question.lesson_number == lesson_number)
    statement = sa.select(*_COLUMNS).where(*conditions).order_by(Question.id.desc()).limit(limit)
    return QuestionList(_rows(db.execute(statement)), None)


def _rows(found: Iterable[sa.Row[Any]]) -> tuple[ListRow, ...]:
    return tuple(ListRow(*row[: len(_COLUMNS)]) for row in found)


def _listed(states: Sequence[QuestionState]) -> list[sa.ColumnElement[bool]]:
    return [Question.state.in_(states), Question.merged_into_id.is_(None)]


def _conditions(filters: Filters) -> list[sa.ColumnElement[bool]]:
    states = (QuestionState.OPEN,) if filters.show is Show.UNANSWERED else FORUM_STATES
    conditions = _listed(states)
    if filters.lesson_number is not None:
        conditions.append(Question.lesson_number == filters.lesson_number)
    if filters.topic:
        conditions.append(Question.topic_id == sa.select(Topic.id).where(Topic.slug == filters.topic).scalar_subquery())
    if filters.session_id is not None:
        conditions.append(Question.session_id == filters.session_id)
    if filters.before is not None and not filters.text:
        conditions.append(Question.id < min(filters.before, LARGEST_ID))
    return conditions


def _best_answers(db: Session, found: Sequence[sa.Row[Any]]) -> dict[int, tuple[str, str, int]]:
    """Of each question the accepted answer, else the expert's, else the most helpful: text, author, how many helped."""
    accepted = [row.accepted_answer_id for row in found if row.accepted_answer_id is not None]
    rows = db.execute(
        sa.select(Answer.question_id, Answer.text, User.display_name, Answer.vote_count)
        .join(User, User.id == Answer.author_id)
        .where(Answer.question_id.in_([row.id for row in found]), Answer.hidden_at.is_(None))
        .order_by(Answer.id.in_(accepted), Answer.by_expert, Answer.vote_count, Answer.id.desc())
    )
    return {row.question_id: (excerpt(row.text), row.display_name, row.vote_count) for row in rows}


def excerpt(text: str) -> str:
    """The beginning of a Markdown text as one plain line, cut at a word."""
    line = " ".join(text.replace("**", "").replace("`", "").replace("#", "").replace("> ", "").split())
    if len(line) <= EXCERPT_LONGEST:
        return line
    return line[:EXCERPT_LONGEST].rsplit(" ", 1)[0] + "…"
