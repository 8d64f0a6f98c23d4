"""Lists of questions: newest, unanswered, of a lesson, a topic or a session, found by words; and similar ones."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, cast
from weakref import WeakKeyDictionary

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
from portal.kernel.db import BigId, Database, database

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


# Plain tables and statements built once: a list costs little more than its rows.
_questions, _users, _topics = Question.__table__.c, User.__table__.c, Topic.__table__.c
_COLUMNS = (
    _questions.id,
    _questions.slug,
    _questions.title,
    _questions.state,
    sa.case((_questions.anonymous, ""), else_=_users.display_name).label("asker"),
    _questions.lesson_number,
    _questions.answer_count,
    _questions.follower_count,
    _questions.created_at,
)
_TOPICS = sa.select(_topics.slug, _topics.title_fr, _topics.title_en, _topics.title_ar).order_by(_topics.position)
_kept_topics: WeakKeyDictionary[Database, tuple[sa.Row[Any], ...]] = WeakKeyDictionary()


def topics(db: Session) -> tuple[sa.Row[Any], ...]:
    """The topics in their order: slug and the name in each language. Migrations alone change them: read once."""
    here = database()
    if here not in _kept_topics:
        _kept_topics[here] = tuple(db.execute(_TOPICS))
    return _kept_topics[here]


def question_list(db: Session, filters: Filters) -> QuestionList:
    """A page of questions: the best first when words are looked for, otherwise the newest. One or two statements."""
    given = {
        name: value
        for name, value in (
            ("lesson_number", filters.lesson_number),
            ("topic", filters.topic or None),
            ("session_id", filters.session_id),
            ("before", None if filters.text or filters.before is None else min(filters.before, LARGEST_ID)),
        )
        if value is not None
    }
    if filters.text:
        wanted = _narrowed(filters.show, frozenset(given))
        found = search.search(db, filters.text, wanted, limit=ROWS, given=given)
        return QuestionList(_rows(found), None)
    rows = _rows(db.execute(_newest(filters.show, frozenset(given)), given))
    return QuestionList(rows[:ROWS], rows[ROWS - 1].id if len(rows) > ROWS else None)


@cache
def _newest(show: Show, given: frozenset[str]) -> sa.Select[Any]:
    """The statement of a list without words, one for each way of narrowing it."""
    return _narrowed(show, given).order_by(_questions.id.desc()).limit(ROWS + 1)


def _narrowed(show: Show, given: frozenset[str]) -> sa.Select[Any]:
    states = (QuestionState.OPEN,) if show is Show.UNANSWERED else FORUM_STATES
    topic_id = sa.select(_topics.id).where(_topics.slug == sa.bindparam("topic", type_=sa.String)).scalar_subquery()
    narrower = {
        "lesson_number": _questions.lesson_number == sa.bindparam("lesson_number", type_=sa.Integer),
        "topic": _questions.topic_id == topic_id,
        "session_id": _questions.session_id == sa.bindparam("session_id", type_=BigId),
        "before": _questions.id < sa.bindparam("before", type_=BigId),
    }
    conditions = (*_listed(states), _users.id == _questions.asker_id)
    return sa.select(*_COLUMNS).where(*conditions, *(narrower[name] for name in sorted(given)))


def similar_answered(
    db: Session, text: str, *, without: int | None = None, limit: int = SIMILAR
) -> tuple[SimilarRow, ...]:
    """Answered questions that may ask the same as `text`, with their answers. Two statements."""
    columns = (_questions.id, _questions.slug, _questions.title, _questions.accepted_answer_id)
    wanted = sa.select(*columns).where(*_listed(DONE_STATES), _questions.answer_count > 0)
    if without is not None:
        wanted = wanted.where(_questions.id != without)
    found = search.similar(db, text, wanted, limit=limit)
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
    """Answered questions close to one, for the side of its page: id, slug, title. One statement.

    Those with its words in their title; when these are few, the lesson's newest follow.
    """
    dialect = db.get_bind().dialect.name
    words = search.title_query(dialect, title)
    given = {"question_id": question_id, "words": words, "lesson_number": lesson_number}
    statement = _related(dialect, bool(words), lesson_number is not None)
    found = db.execute(statement, given) if statement is not None else ()
    return list({row.id: row for row in found}.values())[:SIMILAR]


@cache
def _related(dialect: str, has_words: bool, has_lesson: bool) -> sa.Select[Any] | None:  # noqa: FBT001 (a cache's key)
    wanted = sa.select(_questions.id, _questions.slug, _questions.title).where(
        _questions.state.in_(DONE_STATES),
        _questions.merged_into_id.is_(None),
        _questions.id != sa.bindparam("question_id", type_=BigId),
    )
    parts = []
    if has_words:
        close = search.in_titles(dialect, wanted).add_columns(sa.literal(0).label("tier"))
        parts.append(close.order_by(sa.text("score"), _questions.id.desc()).limit(SIMILAR))
    if has_lesson:
        same = wanted.where(_questions.lesson_number == sa.bindparam("lesson_number", type_=sa.Integer))
        newest = same.add_columns(sa.literal(0.0).label("score"), sa.literal(1).label("tier"))
        parts.append(newest.order_by(_questions.id.desc()).limit(SIMILAR + 1))
    if not parts:
        return None
    both = sa.union_all(*(part.subquery().select() for part in parts)).subquery()
    return sa.select(both.c.id, both.c.slug, both.c.title).order_by(both.c.tier, both.c.score, both.c.id.desc())


def latest_answered(db: Session, *, lesson_number: int | None = None, limit: int = 5) -> QuestionList:
    """What was answered lately, about one lesson or all: for a lesson's page and for home. One statement."""
    conditions = [*_listed(DONE_STATES), User.id == Question.asker_id]
    if lesson_number is not None:
        conditions.append(Question.lesson_number == lesson_number)
    statement = sa.select(*_COLUMNS).where(*conditions).order_by(Question.id.desc()).limit(limit)
    return QuestionList(_rows(db.execute(statement)), None)


def _rows(found: Iterable[sa.Row[Any]]) -> tuple[ListRow, ...]:
    # What a search adds for itself stands after the list's own columns.
    width = len(_COLUMNS)
    return tuple(ListRow(*cast("tuple[Any, ...]", row)[:width]) for row in found)


def _listed(states: Sequence[QuestionState]) -> list[sa.ColumnElement[bool]]:
    return [_questions.state.in_(states), _questions.merged_into_id.is_(None)]


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
