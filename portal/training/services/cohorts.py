"""Planning a cohort as a draft, settling its conflicts, publishing it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.kernel.db import rows_changed
from portal.notifications.services import send_mail
from portal.training.errors import (
    NoSuchCohortError,
    NoSuchSessionError,
    NotADraftError,
    NotReadyError,
    OverdueError,
    PlanRefusedError,
)
from portal.training.models import (
    Cohort,
    CohortExpert,
    CohortState,
    Lesson,
    Programme,
    RoomKind,
    Session,
    SessionState,
    WaitlistEntry,
    WaitlistState,
)
from portal.training.planning import Plan, PlanInputs, moments, plan, public_holidays, weekday_mask
from portal.training.queries.experts import rotas
from portal.training.queries.planning import busy_spans, draft_conflicts
from portal.training.services.programme import ensure_programme

# One guest seat for every ten enrolled, for people who catch a lesson up.
_GUESTS_EVERY = 10
_PLANNED_AHEAD = timedelta(days=760)


@dataclass(frozen=True, slots=True)
class CohortRequest:
    """What an organiser asks for. `weekdays`: 0 is Monday; `days_off`: closed beside the public holidays."""

    name: str
    language: str
    first_on: date
    weekdays: frozenset[int]
    local_time: time
    zone: str
    country: str
    team: tuple[int, ...]
    capacity: int
    days_off: frozenset[date] = frozenset()
    fold: int | None = None
    video_url: str = ""
    room_kind: RoomKind = RoomKind.LINK


def _inputs(db: DbSession, request: CohortRequest, minutes: int) -> PlanInputs:
    closed = public_holidays(request.country, request.first_on, request.language) if request.country else {}
    closed |= {on: closed.get(on, "") for on in request.days_off}
    start = datetime.combine(request.first_on, time(0), tzinfo=ZoneInfo(request.zone))
    return PlanInputs(
        first_on=request.first_on,
        weekdays=request.weekdays,
        local_time=request.local_time,
        zone=request.zone,
        team=request.team,
        closed=closed,
        busy=busy_spans(db, request.team, start, start + _PLANNED_AHEAD),
        rotas=rotas(db, request.team),
        language=request.language,
        fold=request.fold,
        minutes=minutes,
    )


def plan_cohort(db: DbSession, request: CohortRequest, *, minutes: int = 30) -> Plan:
    """The 25 sessions a request comes to, and what stands in their way; writes nothing.

    Raises ValueError when the request leaves no room for 25 sessions.
    """
    return plan(_inputs(db, request, minutes))


def _planned(db: DbSession, request: CohortRequest, programme: Programme) -> Plan:
    planned = plan_cohort(db, request, minutes=programme.session_minutes)
    if not planned.possible:
        raise PlanRefusedError
    return planned


def _terms(request: CohortRequest, planned: Plan) -> dict[str, Any]:
    """What a cohort keeps of its request and its plan."""
    return {
        "name": request.name,
        "language": request.language,
        "first_on": planned.drafts[0].local_date,
        "last_on": planned.drafts[-1].local_date,
        "local_time": request.local_time,
        "weekdays": weekday_mask(request.weekdays),
        "zone": request.zone,
        "country": request.country,
        "days_off": [{"on": day.on.isoformat(), "name": day.name} for day in planned.skipped],
        "capacity": request.capacity,
        "video_url": request.video_url,
        "room_kind": request.room_kind,
    }


def _add_sessions(db: DbSession, cohort: Cohort, request: CohortRequest, planned: Plan, programme: Programme) -> None:
    """The team, and the dated sessions of a plan, into a draft that has none."""
    db.add_all(
        CohortExpert(cohort_id=cohort.id, user_id=user_id, position=position)
        for position, user_id in enumerate(request.team)
    )
    lesson_ids = dict(db.execute(sa.select(Lesson.number, Lesson.id).where(Lesson.programme_id == programme.id)).all())
    db.add_all(
        Session(
            cohort_id=cohort.id,
            lesson_id=lesson_ids[draft.number],
            expert_id=draft.expert_id,
            local_date=draft.local_date,
            local_time=draft.local_time,
            zone=draft.zone,
            starts_at=draft.starts_at,
            ends_at=draft.ends_at,
            bar_percent=programme.bar_percent,
            guest_capacity=-(-request.capacity // _GUESTS_EVERY),
        )
        for draft in planned.drafts
    )
    db.flush()


def create_cohort(db: DbSession, *, organiser: User, request: CohortRequest) -> Cohort:
    """A draft cohort with its 25 sessions; nobody is told.

    Raises PlanRefusedError when a session has no real moment. Experts already taken may stand in a draft.
    """
    programme = ensure_programme(db)
    planned = _planned(db, request, programme)
    cohort = Cohort(programme_id=programme.id, created_by=organiser.id, **_terms(request, planned))
    db.add(cohort)
    db.flush()
    _add_sessions(db, cohort, request, planned, programme)
    return cohort


def lock_draft(db: DbSession, cohort_id: int) -> Cohort:
    """A draft that nobody else edits or publishes until this transaction ends. NoSuchCohortError, NotADraftError."""
    cohort = db.get(Cohort, cohort_id, populate_existing=True, with_for_update={"key_share": True})
    if cohort is None:
        raise NoSuchCohortError
    if cohort.state is not CohortState.DRAFT:
        raise NotADraftError
    return cohort


def replan_cohort(db: DbSession, *, cohort_id: int, request: CohortRequest) -> Cohort:
    """Plan a draft afresh: its sessions are those of the new request, and what was settled by hand is gone.

    Raises NotADraftError once it is published, PlanRefusedError when a session has no real moment.
    """
    cohort = lock_draft(db, cohort_id)
    programme = ensure_programme(db)
    planned = _planned(db, request, programme)
    db.execute(sa.delete(Session).where(Session.cohort_id == cohort_id, Session.state == SessionState.DRAFT))
    db.execute(sa.delete(CohortExpert).where(CohortExpert.cohort_id == cohort_id))
    for name, value in _terms(request, planned).items():
        setattr(cohort, name, value)
    _add_sessions(db, cohort, request, planned, programme)
    return cohort


def _draft_session(db: DbSession, session_id: int) -> Session:
    cohort_id = db.scalar(sa.select(Session.cohort_id).where(Session.id == session_id))
    if cohort_id is None:
        raise NoSuchSessionError
    lock_draft(db, cohort_id)
    session = db.get(Session, session_id, populate_existing=True)
    if session is None:
        raise NoSuchSessionError
    return session


def assign_expert(db: DbSession, *, session_id: int, expert_id: int) -> None:
    """Give a draft session to another expert. NotADraftError once it is published."""
    session = _draft_session(db, session_id)
    expert = db.get(User, expert_id)
    if expert is None or not expert.is_expert:
        raise NoSuchSessionError
    session.expert_id = expert_id
    db.flush()


def shift_session(db: DbSession, *, session_id: int, on: date) -> None:
    """Move a draft session to another day, at the same local time.

    Raises PlanRefusedError when that day lacks that time or has it twice, NotADraftError once published.
    """
    session = _draft_session(db, session_id)
    found = moments(on, session.local_time, session.zone)
    if len(found) != 1:
        raise PlanRefusedError
    length = session.ends_at - session.starts_at
    session.local_date, session.starts_at, session.ends_at = on, found[0], found[0] + length
    db.flush()
    note_span(db, session.cohort_id)


def note_span(db: DbSession, cohort_id: int) -> None:
    """Keep a cohort's first and last day in step with its sessions."""
    span = sa.select(sa.func.min(Session.local_date), sa.func.max(Session.local_date)).where(
        Session.cohort_id == cohort_id
    )
    first_on, last_on = db.execute(span).one()
    db.execute(sa.update(Cohort).where(Cohort.id == cohort_id).values(first_on=first_on, last_on=last_on))


def _tell_the_waiting(db: DbSession, cohort: Cohort) -> int:
    """One mail to each person in line for a full cohort of the same programme and language."""
    people = db.scalars(
        sa.select(User)
        .join(WaitlistEntry, WaitlistEntry.user_id == User.id)
        .join(Cohort, Cohort.id == WaitlistEntry.cohort_id)
        .where(
            WaitlistEntry.state == WaitlistState.WAITING,
            Cohort.programme_id == cohort.programme_id,
            Cohort.language == cohort.language,
        )
        .distinct()
    ).all()
    for user in people:
        send_mail(
            db,
            to=recipient_of(user),
            kind="training.released",
            params=cohort_params(cohort),
            dedupe_key=f"training.released:{cohort.id}:{user.id}",
        )
    return len(people)


def cohort_params(cohort: Cohort) -> dict[str, object]:
    """What mails about a cohort are written from."""
    return {
        "cohort_id": cohort.id,
        "cohort": cohort.name,
        "first_on": cohort.first_on.isoformat(),
        "time": cohort.local_time.isoformat("minutes"),
        "weekdays": cohort.weekdays,
        "zone": cohort.zone,
        "capacity": cohort.capacity,
    }


def release(db: DbSession, *, cohort_id: int) -> int:
    """Make a draft public: its sessions take their experts' time, and whoever waits for a cohort gets one mail.

    Returns how many were told. Raises NotReadyError while an expert is in two places (warnings may stand),
    OverdueError when its first session is past, NotADraftError when it was published already.
    """
    cohort = db.get(Cohort, cohort_id)
    if cohort is None:
        raise NoSuchCohortError
    changed = rows_changed(
        db,
        sa.update(Cohort)
        .where(Cohort.id == cohort_id, Cohort.state == CohortState.DRAFT)
        .values(state=CohortState.RELEASED, released_at=clock.now()),
    )
    if not changed:
        raise NotADraftError
    first = db.scalar(sa.select(sa.func.min(Session.starts_at)).where(Session.cohort_id == cohort_id))
    if first is None or first <= clock.now():
        raise OverdueError
    if any(conflict.refused for _session_id, conflict in draft_conflicts(db, cohort)):
        raise NotReadyError
    try:
        # The database has the last word: another cohort may be published at this very moment.
        with db.begin_nested():
            db.execute(
                sa.update(Session)
                .where(Session.cohort_id == cohort_id, Session.state == SessionState.DRAFT)
                .values(state=SessionState.SCHEDULED)
            )
    except IntegrityError as error:
        raise NotReadyError from error
    return _tell_the_waiting(db, cohort)
