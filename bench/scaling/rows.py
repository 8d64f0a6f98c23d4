"""The rows themselves, as COPY reads them: one cohort is one piece, made from its number alone."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bench.scaling.shape import FINISHED, LESSONS, LIVE, TO_COME, Shape
from portal.identity.models import User
from portal.kernel.db import Base
from portal.training.models import (
    Attendance,
    AttendanceState,
    Cohort,
    CohortExpert,
    CohortState,
    Enrolment,
    PresencePing,
    PresenceSource,
    Seat,
    Session,
    SessionState,
)

ZONE = "Europe/Paris"
_LENGTH = timedelta(minutes=30)
_SECONDS = 1800
# Of 100 people: there, there for a part of it, not there, made up for by the replay, excused.
_STATES = (
    *[AttendanceState.PRESENT] * 72,
    *[AttendanceState.PARTIAL] * 8,
    *[AttendanceState.ABSENT] * 15,
    *[AttendanceState.REPLAY] * 4,
    AttendanceState.EXCUSED,
)
_PRESENT_SECONDS = {AttendanceState.PRESENT: 1620, AttendanceState.PARTIAL: 700}
_LANGUAGES = (*["fr"] * 8, "en", "ar")
ORGANISER_ID = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for one table: its columns in order, and its lines as COPY reads them."""

    model: type[Base]
    columns: tuple[str, ...]
    lines: list[str] = field(default_factory=list)
    # What every row ends with: the columns that nobody gave, at the values the models give them.
    rest: str = ""

    def add(self, *values: object) -> None:
        """One more row."""
        self.lines.append("\t".join([_text(value) for value in values]) + self.rest)


def _text(value: object) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def table(model: type[Base], *given: str) -> Table:
    """An empty table for these columns; every other column that may not be NULL gets the model's own default."""
    rest: list[tuple[str, Any]] = []
    for column in model.__table__.columns:
        default = column.default
        if column.name in given or column.nullable:
            continue
        if not isinstance(default, sa.ColumnDefault) or not default.is_scalar:
            msg = f"{column} has no default that a row could be filled with"
            raise ValueError(msg)
        rest.append((column.name, default.arg))
    return Table(
        model,
        (*given, *(name for name, _ in rest)),
        rest="".join(f"\t{_text(getattr(value, 'value', value))}" for _, value in rest) + "\n",
    )


def users(shape: Shape, first: int, last: int, at: datetime) -> Table:
    """The users whose ids lie between two numbers, both included: one organiser, the experts, the merchants."""
    rows = table(User, "id", "email", "handle", "display_name", "language", "is_expert", "is_organiser", "created_at")
    for number in range(first, last + 1):
        role = "organiser" if number == ORGANISER_ID else "expert" if number <= 1 + shape.experts else "merchant"
        rows.add(
            number,
            f"{role}-{number}@example.org",
            f"{role}{number}",
            f"{role.title()} {number}",
            _LANGUAGES[number % len(_LANGUAGES)] if role == "merchant" else "fr",
            role == "expert",
            role == "organiser",
            at - timedelta(days=200),
        )
    return rows


def member_ids(shape: Shape, cohort: int) -> Iterator[int]:
    """Who is in a cohort (from 0): the merchants in turn, some of them in a second cohort."""
    first = 2 + shape.experts
    begin = cohort * shape.people
    return (first + (begin + position) % shape.merchants for position in range(shape.people))


def _starts(shape: Shape, cohort: int, at: datetime) -> list[datetime]:
    """When the 25 sessions of a cohort begin: one every third day, its expert's hour, counted from now."""
    kind = shape.kind(cohort)
    hour = 7 + shape.expert_of(cohort)[1]
    noon = at.replace(hour=hour, minute=0, second=0, microsecond=0)
    if kind == LIVE:
        first = at - timedelta(minutes=10, days=3 * shape.ended(cohort))
    elif kind == FINISHED:
        first = noon - timedelta(days=3 * LESSONS + 5 + cohort % 60)
    elif kind == TO_COME:
        first = noon + timedelta(days=5 + cohort % 20)
    else:
        first = noon - timedelta(days=3 * shape.ended(cohort) - 1)
    return [first + timedelta(days=3 * number) for number in range(LESSONS)]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The first ids of a cohort's rows: they follow from its number, so that every piece stands alone."""

    cohort: int
    session: int
    enrolment: int
    seat: int

    @classmethod
    def of(cls, shape: Shape, cohort: int) -> "_Numbers":
        return cls(
            cohort + 1,
            cohort * LESSONS + 1,
            cohort * shape.people + 1,
            cohort * shape.people * LESSONS + 1,
        )


def cohort_tables(shape: Shape, cohort: int, lesson_ids: list[int], at: datetime) -> list[Table]:
    """Everything of one cohort (from 0): itself, its sessions, who is in it, their seats, who attended."""
    numbers = _Numbers.of(shape, cohort)
    starts = _starts(shape, cohort, at)
    return [
        *_cohort(shape, cohort, starts, at),
        _sessions(shape, cohort, starts, lesson_ids),
        _enrolments(shape, cohort, numbers, starts[0]),
        _seats(shape, cohort, numbers, starts[0]),
        _attendances(shape, cohort, numbers, starts),
        _pings(shape, cohort, numbers, at),
    ]


def _cohort(shape: Shape, cohort: int, starts: list[datetime], at: datetime) -> Iterable[Table]:
    local = [start.astimezone(ZoneInfo(ZONE)) for start in starts]
    finished = shape.kind(cohort) == FINISHED
    rows = table(
        Cohort,
        *("id", "programme_id", "name", "language", "first_on", "last_on", "local_time", "weekdays", "zone"),
        *("country", "days_off", "capacity", "seats_taken", "state", "created_by", "created_at", "released_at"),
    )
    made = min(starts[0] - timedelta(days=30), at)
    rows.add(
        *(cohort + 1, 1, f"Cohorte {cohort + 1}", "fr", local[0].date(), local[-1].date()),
        *(local[0].time(), 127, ZONE, "FR", "[]", shape.people + (0 if finished else 20), shape.people),
        *((CohortState.FINISHED if finished else CohortState.RELEASED).value, ORGANISER_ID, made, made),
    )
    team = table(CohortExpert, "cohort_id", "user_id", "position")
    team.add(cohort + 1, 2 + shape.expert_of(cohort)[0], 0)
    return rows, team


def _sessions(shape: Shape, cohort: int, starts: list[datetime], lesson_ids: list[int]) -> Table:
    rows = table(
        Session,
        *("id", "cohort_id", "lesson_id", "expert_id", "local_date", "local_time", "zone", "starts_at", "ends_at"),
        *("state", "bar_percent", "started_at", "ended_at", "calendar_uid", "day_reminder_at", "soon_reminder_at"),
    )
    ended, is_live = shape.ended(cohort), shape.kind(cohort) == LIVE
    for number, start in enumerate(starts):
        is_over, runs = number < ended, is_live and number == ended
        state = SessionState.ENDED if is_over else SessionState.LIVE if runs else SessionState.SCHEDULED
        local, end = start.astimezone(ZoneInfo(ZONE)), start + _LENGTH
        began = is_over or runs
        rows.add(
            *(cohort * LESSONS + number + 1, cohort + 1, lesson_ids[number], 2 + shape.expert_of(cohort)[0]),
            *(local.date(), local.time(), ZONE, start, end, state.value, 70),
            *(start if began else None, end if is_over else None, f"scale-{cohort}-{number}"),
            *(start - timedelta(days=1) if began else None, start - timedelta(minutes=10) if began else None),
        )
    return rows


def _enrolments(shape: Shape, cohort: int, numbers: _Numbers, first: datetime) -> Table:
    rows = table(Enrolment, "id", "cohort_id", "user_id", "created_at")
    for position, user_id in enumerate(member_ids(shape, cohort)):
        rows.add(numbers.enrolment + position, numbers.cohort, user_id, min(first, datetime.now(UTC)))
    return rows


def _seats(shape: Shape, cohort: int, numbers: _Numbers, first: datetime) -> Table:
    rows = table(Seat, "id", "session_id", "user_id", "enrolment_id", "created_at")
    members, made = list(member_ids(shape, cohort)), min(first, datetime.now(UTC)).isoformat()
    seat = numbers.seat
    for number in range(LESSONS):
        for position, user_id in enumerate(members):
            # Millions of them: the line is put together here, once.
            rows.lines.append(
                f"{seat}\t{numbers.session + number}\t{user_id}\t{numbers.enrolment + position}\t{made}{rows.rest}"
            )
            seat += 1
    return rows


def _attendances(shape: Shape, cohort: int, numbers: _Numbers, starts: list[datetime]) -> Table:
    rows = table(Attendance, "id", "session_id", "user_id", "state", "seconds", "session_seconds", "recorded_at")
    members, chance = list(member_ids(shape, cohort)), random.Random(cohort)
    row_id = 1 + shape.people * sum(shape.ended(one) for one in range(cohort))
    for number in range(shape.ended(cohort)):
        recorded, session_id = (starts[number] + _LENGTH).isoformat(), numbers.session + number
        for user_id, state in zip(members, chance.choices(_STATES, k=len(members)), strict=True):
            seconds = _PRESENT_SECONDS.get(state, 0)
            rows.lines.append(
                f"{row_id}\t{session_id}\t{user_id}\t{state.value}\t{seconds}\t{_SECONDS}\t{recorded}{rows.rest}"
            )
            row_id += 1
    return rows


def _pings(shape: Shape, cohort: int, numbers: _Numbers, at: datetime) -> Table:
    rows = table(PresencePing, "id", "session_id", "user_id", "device", "source", "from_at", "until_at")
    if shape.kind(cohort) == LIVE:
        session_id = numbers.session + shape.ended(cohort)
        for position, user_id in enumerate(member_ids(shape, cohort)):
            rows.add(
                *(numbers.enrolment + position, session_id, user_id, "scale", PresenceSource.PAGE.value),
                *(at - timedelta(minutes=9), at),
            )
    return rows
