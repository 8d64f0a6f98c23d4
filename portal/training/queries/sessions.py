"""Sessions as pages read them: what comes next, what is live, the room."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import BigId, UTCDateTime
from portal.training import presence
from portal.training.models import (
    Cohort,
    CohortState,
    Lesson,
    PresencePing,
    PresenceSource,
    RoomKind,
    Seat,
    SeatState,
    Session,
    SessionState,
)
from portal.training.policies import room_is_open
from portal.training.queries.lessons import shown_version
from portal.training.rooms import Room

# Somebody counts as in the room for this long after their last sign of life.
_STILL_HERE = timedelta(seconds=60)
# The roster comes each minute, and may be a little late.
_STILL_IN_ROSTER = timedelta(seconds=150)
# Written into the statement, not bound: only then does the index of sessions to come apply.
_TO_COME: list[sa.ColumnElement[Any]] = [
    sa.literal_column(f"'{state}'") for state in (SessionState.SCHEDULED, SessionState.LIVE)
]
_pings = PresencePing.__table__.c
_SPANS = sa.select(_pings.from_at, _pings.until_at).where(
    _pings.session_id == sa.bindparam("session_id", type_=BigId),
    _pings.user_id == sa.bindparam("user_id", type_=BigId),
)
_PRESENT = sa.select(sa.func.count(sa.distinct(_pings.user_id))).where(
    _pings.session_id == sa.bindparam("session_id", type_=BigId),
    _pings.until_at >= sa.bindparam("since", type_=UTCDateTime),
)
_SPANS_IN_ROSTER, _PRESENT_IN_ROSTER = (
    query.where(_pings.source == PresenceSource.ROSTER) for query in (_SPANS, _PRESENT)
)


@dataclass(frozen=True, slots=True)
class UpcomingSession:
    """A session that anybody can see, and how many places its cohort has left."""

    id: int
    number: int
    starts_at: datetime
    ends_at: datetime
    zone: str
    state: SessionState
    cohort_id: int
    cohort: str
    language: str
    expert: str
    places: int

    @property
    def live(self) -> bool:
        """True while it runs."""
        return self.state is SessionState.LIVE


def _upcoming() -> sa.Select[*tuple[Any, ...]]:
    return (
        sa.select(
            Session.id,
            Lesson.number,
            Session.starts_at,
            Session.ends_at,
            Session.zone,
            Session.state,
            Cohort.id.label("cohort_id"),
            Cohort.name,
            Cohort.language,
            User.display_name,
            (Cohort.capacity - Cohort.seats_taken).label("places"),
        )
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .join(User, User.id == Session.expert_id)
        .where(Cohort.state != CohortState.DRAFT)
    )


def next_sessions(db: DbSession, limit: int, *, language: str | None = None) -> list[UpcomingSession]:
    """The next sessions of all public cohorts, those that are live first; of one language when asked."""
    query = _upcoming().where(Session.state.in_(_TO_COME), Session.ends_at > clock.now())
    if language is not None:
        query = query.where(Cohort.language == language)
    rows = db.execute(query.order_by(Session.starts_at, Session.id).limit(limit))
    return [UpcomingSession(*row) for row in rows]


def live_sessions(db: DbSession) -> list[UpcomingSession]:
    """The sessions that run now."""
    rows = db.execute(_upcoming().where(Session.state == SessionState.LIVE).order_by(Session.starts_at, Session.id))
    return [UpcomingSession(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class EndedSession:
    """The last session of a lesson that ended, with its replay when there is one."""

    id: int
    starts_at: datetime
    zone: str
    replay_url: str
    cohort: str


def last_ended(db: DbSession, number: int) -> EndedSession | None:
    """The latest session of a lesson that ended; one with a replay before all."""
    row = db.execute(
        sa.select(Session.id, Session.starts_at, Session.zone, Session.replay_url, Cohort.name)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Lesson.number == number, Session.state == SessionState.ENDED)
        .order_by(Session.replay_url == "", Session.starts_at.desc())
        .limit(1)
    ).first()
    return EndedSession(*row) if row else None


# A session's own room, or else its cohort's.
_OWN_ROOM = (Session.room_kind != RoomKind.LINK) | (Session.video_url != "")
ROOM_KIND = sa.case((_OWN_ROOM, Session.room_kind), else_=Cohort.room_kind).label("room_kind")
VIDEO_URL = sa.case((_OWN_ROOM, Session.video_url), else_=Cohort.video_url).label("video_url")


@dataclass(frozen=True, slots=True)
class SessionPage:
    """The room as one person finds it."""

    id: int
    number: int
    state: SessionState
    starts_at: datetime
    ends_at: datetime
    started_at: datetime | None
    zone: str
    bar_percent: int
    slide: int
    video_url: str
    replay_url: str
    cohort_id: int
    cohort: str
    language: str
    expert_id: int
    expert: str
    moved_from: datetime | None
    room_kind: RoomKind
    room_id: str
    lesson_version_id: int | None
    # From when on the provider's roster counts, not the page's pings.
    roster_seen_at: datetime | None
    seated: bool

    @property
    def room(self) -> Room:
        """Where it is seen and heard."""
        return Room(self.id, self.room_kind, self.room_id, self.video_url)

    @property
    def version_id(self) -> int | None:
        """Which version of the lesson's words it shows."""
        return shown_version(self.lesson_version_id, began=self.state is not SessionState.SCHEDULED)

    @property
    def live(self) -> bool:
        """True while it runs."""
        return self.state is SessionState.LIVE

    @property
    def began_at(self) -> datetime:
        """When presence begins to count."""
        return self.started_at or self.starts_at

    def open_at(self, moment: datetime) -> bool:
        """Whether the room lets people in."""
        return room_is_open(self.state, self.starts_at, moment)

    def minutes_left(self, moment: datetime) -> int:
        """Minutes until the planned end, rounded up, never below zero."""
        return max(-(-(self.ends_at - moment) // timedelta(minutes=1)), 0)


def session_page(db: DbSession, session_id: int, user_id: int | None) -> SessionPage | None:
    """One public session with whether this user has a seat in it; None when unknown or a draft."""
    seat = (Seat.session_id == Session.id) & (Seat.user_id == (user_id or 0)) & (Seat.state == SeatState.HELD)
    row = db.execute(
        sa.select(
            Session.id,
            Lesson.number,
            Session.state,
            Session.starts_at,
            Session.ends_at,
            Session.started_at,
            Session.zone,
            Session.bar_percent,
            Session.slide,
            VIDEO_URL,
            Session.replay_url,
            Cohort.id,
            Cohort.name,
            Cohort.language,
            Session.expert_id,
            User.display_name,
            Session.moved_from,
            ROOM_KIND,
            Session.room_id,
            Session.lesson_version_id,
            Session.roster_seen_at,
            Seat.id.is_not(None),
        )
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .join(User, User.id == Session.expert_id)
        .outerjoin(Seat, seat)
        .where(Session.id == session_id, Session.state != SessionState.DRAFT)
    ).first()
    return SessionPage(*row) if row else None


def present_count(db: DbSession, session_id: int, *, roster: bool = False) -> int:
    """How many people are there now: in the room's roster if `roster`, else by a sign of life of the last minute."""
    since = clock.now() - (_STILL_IN_ROSTER if roster else _STILL_HERE)
    return db.scalar(_PRESENT_IN_ROSTER if roster else _PRESENT, {"session_id": session_id, "since": since}) or 0


def presence_so_far(
    db: DbSession, *, session_id: int, user_id: int, from_at: datetime, roster: bool = False
) -> timedelta:
    """How long this user has been present since a session began, until now, devices merged.

    By the room's roster alone if `roster`.
    """
    rows = db.execute(_SPANS_IN_ROSTER if roster else _SPANS, {"session_id": session_id, "user_id": user_id})
    spans = [(row.from_at, row.until_at) for row in rows]
    return presence.merged(spans, from_at=from_at, until_at=clock.now())


@dataclass(frozen=True, slots=True)
class PresentPerson:
    """Somebody with a seat, as the expert sees them during the session."""

    id: int
    name: str
    here: bool


def people_of_session(db: DbSession, session_id: int, *, roster: bool, limit: int = 200) -> list[PresentPerson]:
    """Who has a seat, those who are there now first, then by name. One statement."""
    source = PresencePing.source == PresenceSource.ROSTER if roster else sa.true()
    here = (
        sa.exists()
        .where(
            PresencePing.session_id == session_id,
            PresencePing.user_id == User.id,
            PresencePing.until_at >= clock.now() - (_STILL_IN_ROSTER if roster else _STILL_HERE),
            source,
        )
        .label("here")
    )
    rows = db.execute(
        sa.select(User.id, User.display_name, here)
        .join(Seat, Seat.user_id == User.id)
        .where(Seat.session_id == session_id, Seat.state == SeatState.HELD)
        .order_by(here.desc(), sa.func.lower(User.display_name), User.id)
        .limit(limit)
    )
    return [PresentPerson(*row) for row in rows]


def has_seat(db: DbSession, user_id: int, session_id: int) -> bool:
    """Whether this user has a seat in a session."""
    seat = sa.select(Seat.id).where(
        Seat.user_id == user_id, Seat.session_id == session_id, Seat.state == SeatState.HELD
    )
    return db.scalar(seat) is not None
