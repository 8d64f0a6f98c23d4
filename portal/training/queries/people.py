"""The people of a cohort: who they are, their 25 marks, and who is stuck. A fixed number of statements each."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession
from sqlalchemy.orm import aliased

from portal.identity.models import Language, LoginSession, User
from portal.kernel import text
from portal.training.models import (
    COUNTED,
    Attendance,
    AttendanceState,
    Cohort,
    Enrolment,
    EnrolmentState,
    Lesson,
    Programme,
    Session,
    SessionState,
    WaitlistEntry,
)
from portal.training.queries.overview import IN_LINE

PAGE = 25
_TO_COME = (SessionState.DRAFT, SessionState.SCHEDULED, SessionState.LIVE)
# Somebody who did any of these has started.
_STARTED = (AttendanceState.PRESENT, AttendanceState.PARTIAL, AttendanceState.REPLAY)
# A lesson is shown by the best that somebody made of it, in any cohort.
_BEST_FIRST = (
    AttendanceState.PRESENT,
    AttendanceState.REPLAY,
    AttendanceState.EXCUSED,
    AttendanceState.TECHNICAL,
    AttendanceState.PARTIAL,
    AttendanceState.ABSENT,
)
_RANK = {state: rank for rank, state in enumerate(_BEST_FIRST)}
_IN_A_ROW = 2


class Segment(StrEnum):
    """Parts of a cohort that an organiser looks at; all but the first are stuck in one way."""

    EVERYONE = "everyone"
    NOT_STARTED = "not_started"
    MISSED_TWO = "missed_two"
    FAR = "far"


def _not_started(cohort_id: int) -> sa.ColumnElement[bool]:
    """Had a seat in a session of the cohort that ended, and has never been to any, nor caught one up."""
    mine = Attendance.user_id == Enrolment.user_id
    missed = sa.select(Attendance.id).join(Session, Session.id == Attendance.session_id)
    began = sa.select(Attendance.id).where(mine, Attendance.state.in_(_STARTED))
    return sa.and_(missed.where(mine, Session.cohort_id == cohort_id).exists(), ~began.exists())


def _missed_two(cohort_id: int) -> sa.ColumnElement[bool]:
    """Absent from the last two sessions of the cohort in which they had a seat."""
    latest = sa.func.row_number().over(partition_by=Attendance.user_id, order_by=Session.starts_at.desc())
    ranked = (
        sa.select(Attendance.user_id, Attendance.state, latest.label("latest"))
        .join(Session, Session.id == Attendance.session_id)
        .where(Session.cohort_id == cohort_id)
        .subquery()
    )
    missed = (
        sa.select(ranked.c.user_id)
        .where(ranked.c.latest <= _IN_A_ROW, ranked.c.state == AttendanceState.ABSENT)
        .group_by(ranked.c.user_id)
        .having(sa.func.count() == _IN_A_ROW)
    )
    return Enrolment.user_id.in_(missed)


def _far(cohort_id: int) -> sa.ColumnElement[bool]:
    """Would not reach the certificate's number of lessons with every session to come of the cohort."""
    to_come = sa.select(Session.lesson_id).where(Session.cohort_id == cohort_id, Session.state.in_(_TO_COME))
    within_reach = sa.select(sa.func.count()).select_from(to_come.subquery()).scalar_subquery()
    needed = (
        sa.select(Programme.needed_lessons)
        .join(Cohort, Cohort.programme_id == Programme.id)
        .where(Cohort.id == cohort_id)
        .scalar_subquery()
    )
    # Of everyone at once: asked for each person, it looked through every session there is, each time.
    people = aliased(Enrolment, name="people")
    close = (
        sa.select(Attendance.user_id)
        .join(people, (people.user_id == Attendance.user_id) & (people.cohort_id == cohort_id))
        .join(Session, Session.id == Attendance.session_id)
        .where(Attendance.state.in_(COUNTED), Session.lesson_id.not_in(to_come))
        .group_by(Attendance.user_id)
        .having(sa.func.count(sa.distinct(Session.lesson_id)) + within_reach >= needed)
    )
    return sa.and_(within_reach < needed, Enrolment.user_id.not_in(close))


def in_segment(cohort_id: int, segment: Segment) -> list[sa.ColumnElement[bool]]:
    """The conditions on Enrolment for a part of a cohort."""
    conditions: list[sa.ColumnElement[bool]] = [
        Enrolment.cohort_id == cohort_id,
        Enrolment.state == EnrolmentState.ACTIVE,
    ]
    stuck = {Segment.NOT_STARTED: _not_started, Segment.MISSED_TWO: _missed_two, Segment.FAR: _far}
    if segment in stuck:
        conditions.append(stuck[segment](cohort_id))
    return conditions


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """How many people there are in each part of a cohort, and in its line."""

    everyone: int
    not_started: int
    missed_two: int
    far: int
    waiting: int


def group_sizes(db: DbSession, cohort_id: int) -> GroupSizes:
    """Every part counted in one statement."""
    waiting = sa.select(sa.func.count()).where(WaitlistEntry.cohort_id == cohort_id, WaitlistEntry.state.in_(IN_LINE))
    stuck = (_not_started(cohort_id), _missed_two(cohort_id), _far(cohort_id))
    counts: tuple[sa.ColumnElement[Any], ...] = (
        sa.func.count(),
        *(sa.func.count(sa.case((condition, 1))) for condition in stuck),
        waiting.scalar_subquery(),
    )
    row = db.execute(sa.select(*counts).where(*in_segment(cohort_id, Segment.EVERYONE))).one()
    return GroupSizes(*row)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a cohort; `states` by lesson number, for what they have a record of."""

    id: int
    name: str
    email: str
    language: Language
    enrolled_at: datetime
    states: Mapping[int, AttendanceState]
    seen_at: datetime | None

    @property
    def counted(self) -> int:
        """Lessons that count towards the certificate."""
        return sum(1 for state in self.states.values() if state in COUNTED)

    def lessons(self, state: AttendanceState) -> list[int]:
        """The lessons in this state, in order."""
        return sorted(number for number, found in self.states.items() if found == state)


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Some people of a cohort by name; `before` and `after` are who to go on from, None at an end."""

    people: list[Person]
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Asked:
    """Which people are asked for: at most one of `after` and `before` is a person to go on from."""

    segment: Segment = Segment.EVERYONE
    search: str = ""
    after: int | None = None
    before: int | None = None


_LISTED: tuple[Any, ...] = (User.id, User.display_name, User.email, User.language, Enrolment.created_at)


def _facts(row: sa.Row[Any]) -> tuple[int, str, str, Language, datetime]:
    return row.id, row.display_name, row.email, row.language, row.created_at


def _beyond(asked: Asked) -> tuple[list[sa.ColumnElement[bool]], bool]:
    """What comes after (or before) a person in the order of names; True when it is read backwards."""
    from_id = asked.before or asked.after
    if from_id is None:
        return [], False
    name = sa.select(User.display_name).where(User.id == from_id).scalar_subquery()
    if asked.before:
        earlier = (User.display_name < name) | ((User.display_name == name) & (User.id < from_id))
        return [earlier], True
    return [(User.display_name > name) | ((User.display_name == name) & (User.id > from_id))], False


def _found(rows: list[sa.Row[Any]], search: str) -> list[sa.Row[Any]]:
    wanted = text.comparable(search)
    return [row for row in rows if wanted in text.comparable(row.display_name) or wanted in row.email]


def people_page(db: DbSession, cohort_id: int, asked: Asked, *, needs: int = PAGE) -> PeoplePage:
    """People by name, `needs` at a time, each with their marks; three statements.

    A search reads all names of the cohort: case, accents and Arabic spellings are no matter for the databases here.
    """
    beyond, backwards = _beyond(asked)
    order = (User.display_name.desc(), User.id.desc()) if backwards else (User.display_name, User.id)
    query = (
        sa.select(*_LISTED)
        .join(Enrolment, Enrolment.user_id == User.id)
        .where(*in_segment(cohort_id, asked.segment), *beyond)
        .order_by(*order)
    )
    rows = list(db.execute(query if asked.search else query.limit(needs + 1)))
    if asked.search:
        rows = _found(rows, asked.search)
    more, rows = len(rows) > needs, rows[:needs]
    if backwards:
        rows.reverse()
    ids = [row.id for row in rows]
    marks, seen = _marks(db, Attendance.user_id.in_(ids)), _last_seen(db, ids)
    people = [Person(*_facts(row), marks.get(row.id, {}), seen.get(row.id)) for row in rows]
    if not people:
        return PeoplePage([], None, None)
    from_before = more if backwards else asked.after is not None
    from_after = asked.before is not None if backwards else more
    return PeoplePage(people, people[0].id if from_before else None, people[-1].id if from_after else None)


def _best(found: Collection[tuple[int, AttendanceState]]) -> dict[int, AttendanceState]:
    """The best state of each lesson."""
    best: dict[int, AttendanceState] = {}
    for number, state in found:
        if number not in best or _RANK[state] < _RANK[best[number]]:
            best[number] = state
    return best


def _marks(db: DbSession, whose: sa.ColumnElement[bool]) -> dict[int, dict[int, AttendanceState]]:
    """The marks of these people, by user."""
    rows = db.execute(
        sa.select(Attendance.user_id, Lesson.number, Attendance.state)
        .join(Session, Session.id == Attendance.session_id)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(whose)
        .order_by(Attendance.user_id)
    )
    return {
        user_id: _best([(row.number, row.state) for row in group])
        for user_id, group in groupby(rows, key=lambda row: row.user_id)
    }


def _last_seen(db: DbSession, user_ids: list[int]) -> dict[int, datetime]:
    rows = db.execute(
        sa.select(LoginSession.user_id, sa.func.max(LoginSession.last_seen_at))
        .where(LoginSession.user_id.in_(user_ids))
        .group_by(LoginSession.user_id)
    )
    return dict(rows.all())


def everyone(db: DbSession, cohort_id: int) -> Iterator[Person]:
    """All people of a cohort by name, each with their marks; two statements."""
    active = in_segment(cohort_id, Segment.EVERYONE)
    marks = _marks(db, Attendance.user_id.in_(sa.select(Enrolment.user_id).where(*active)))
    seen = sa.select(sa.func.max(LoginSession.last_seen_at)).where(LoginSession.user_id == User.id).scalar_subquery()
    query: sa.Select[Any] = (
        sa.select(*_LISTED, seen.label("seen_at"))
        .join(Enrolment, Enrolment.user_id == User.id)
        .where(*active)
        .order_by(User.display_name, User.id)
    )
    for row in db.execute(query):
        yield Person(*_facts(row), marks.get(row.id, {}), row.seen_at)
