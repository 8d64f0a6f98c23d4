"""Demo cohorts: one that ended, one that begins next week, and one of which a session is live at each start."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.demo import forum, people
from portal.demo.people import demo_user
from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.training import content, services
from portal.training.errors import ExpertTakenError
from portal.training.jobs import run_sessions
from portal.training.models import Attendance, Cohort, CohortState, Lesson, Session, SessionState
from portal.training.queries import live_sessions
from portal.training.services import CohortRequest, experts, feedback
from portal.training.services.changes import When

ZONE = "Europe/Paris"
ENDED = "Midi, automne"
COMING = "Midi, la prochaine"
LIVE = "Portes ouvertes"
# A room that anybody may open; the portal itself loads nothing from it.
_VIDEO = "https://meet.jit.si/comptoir-portes-ouvertes"
_DEMO_LIVE_SINCE = timedelta(minutes=12)
_PRESSES_EVERY = timedelta(minutes=5)
# Who missed which lessons of the cohort that ended: everybody else attended.
_MISSED = {
    people.CLAIRE: frozenset({6, 8, 21}),
    people.KARIM: frozenset({3, 17}),
    people.NADIA: frozenset(range(11, 26)) | {4},
}
# What Claire caught up by its replay.
_CAUGHT_UP = 8
# A slide stays up for so long: ten of them fill a session.
_SLIDE_EVERY = timedelta(minutes=3)
# What those who said how it was wrote beside it, by lesson.
_SAID = {
    people.KARIM: {
        5: "La feuille blanche près de la vitrine : fait le soir même.",
        7: "Enfin le calcul complet, sur un vrai prix.",
        16: "Un peu rapide sur le message d’absence.",
    },
    people.NADIA: {5: "أمثلة واضحة، جرّبتها في متجري.", 9: "خطوة بخطوة، من دون كلمات صعبة."},
}


def build_programme() -> None:
    """The programme and its 25 lessons: for every installation, not only the sandbox."""
    with transaction() as db:
        services.ensure_programme(db)


def build_cohorts() -> None:
    """The cohort that ended and the one to come; one that is there already is left alone."""
    with reading() as db:
        known = set(db.scalars(sa.select(Cohort.name)))
    if ENDED not in known:
        _build_ended()
    if COMING not in known:
        _build_coming()


def _request(name: str, first: datetime, team: list[User], **changes: object) -> CohortRequest:
    values: dict[str, object] = {
        "name": name,
        "language": "fr",
        "first_on": first.date(),
        "weekdays": frozenset({0, 2, 4}),
        "local_time": time(12, 30),
        "zone": ZONE,
        "country": "FR",
        "team": tuple(one.id for one in team),
        "capacity": 40,
    }
    return CohortRequest(**{**values, **changes})  # type: ignore[arg-type]


def _open(db: DbSession, request: CohortRequest, enrolled: list[User]) -> Cohort:
    cohort = services.create_cohort(db, organiser=demo_user(db, people.ODILE), request=request)
    services.release(db, cohort_id=cohort.id)
    for user in enrolled:
        services.enrol(db, user=user, cohort_id=cohort.id)
    return cohort


def _build_ended() -> None:
    """25 sessions of the last three months, attended by pressing "I am here" as they went."""
    begin = clock.now().astimezone(ZoneInfo(ZONE)) - timedelta(weeks=12)
    with transaction() as db:
        users = {person: demo_user(db, person) for person in _MISSED}
        with clock.at(begin):
            team = [demo_user(db, people.INES), demo_user(db, people.HUGO)]
            cohort = _open(db, _request(ENDED, begin + timedelta(days=1), team), list(users.values()))
        # Salma leads in French too.
        experts.set_languages(db, user=demo_user(db, people.SALMA), languages=["ar", "fr"])
        for session, number in _sessions(db, cohort.id):
            there = {person: user for person, user in users.items() if number not in _MISSED[person]}
            _hold(db, session, number, list(there.values()))
            _say(db, session.id, number, {person: user.id for person, user in there.items()})
        answers = [question.answer for question in content.lesson(_CAUGHT_UP).words["fr"].quiz]
        services.answer_quiz(db, user=users[people.CLAIRE], number=_CAUGHT_UP, answers=answers)


def _sessions(db: DbSession, cohort_id: int) -> list[tuple[Session, int]]:
    rows = db.execute(
        sa.select(Session, Lesson.number)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .where(Session.cohort_id == cohort_id)
        .order_by(Lesson.number)
        .execution_options(populate_existing=True)
    )
    return [(session, number) for session, number in rows]


def _hold(db: DbSession, session: Session, number: int, there: list[User]) -> None:
    starts_at, ends_at = session.starts_at, session.ends_at
    with clock.at(starts_at):
        services.start_session(db, session_id=session.id)
    _attend(db, session.id, there, starts_at, ends_at)
    _turn(db, session.id, number, starts_at, ends_at)
    with clock.at(ends_at):
        services.end_session(db, session_id=session.id)


def _turn(db: DbSession, session_id: int, number: int, from_at: datetime, until_at: datetime) -> None:
    """Show the slides one after the other: they are the chapters of the replay."""
    slides = len(content.lesson(number).words["fr"].slides)
    for slide in range(1, slides):
        moment = from_at + slide * _SLIDE_EVERY
        if moment >= until_at:
            return
        with clock.at(moment):
            services.turn_slide(db, session_id=session_id, to=slide)


def _say(db: DbSession, session_id: int, number: int, there: dict[people.DemoPerson, int]) -> None:
    """What Karim and Nadia thought of it; Claire has not said yet, so that her pages ask."""
    rows = db.execute(
        sa.select(Attendance.user_id, Attendance.id).where(Attendance.session_id == session_id, Attendance.seconds > 0)
    )
    attendances = {row.user_id: row.id for row in rows}
    for person, lines in _SAID.items():
        if there.get(person) in attendances:
            attendance_id = attendances[there[person]]
            feedback.rate(db, attendance_id=attendance_id, stars=3 if number % 8 == 0 else 4 + number % 2)
            if number in lines:
                feedback.comment(db, attendance_id=attendance_id, text=lines[number])


def _attend(db: DbSession, session_id: int, there: list[User], from_at: datetime, until_at: datetime) -> None:
    moment = from_at
    while moment < until_at:
        with clock.at(moment):
            for user in there:
                services.press_button(db, user=user, session_id=session_id)
        moment += _PRESSES_EVERY


def _build_coming() -> None:
    """From next Tuesday, with seats left."""
    today = clock.now().astimezone(ZoneInfo(ZONE))
    tuesday = today + timedelta(days=7 - today.weekday() + 1)
    with transaction() as db:
        team = [demo_user(db, people.INES), demo_user(db, people.HUGO)]
        request = _request(COMING, tuesday, team, weekdays=frozenset({1, 3}), capacity=300)
        _open(db, request, [demo_user(db, people.NADIA)])


def ensure_live_session() -> None:
    """See to it that a session is live: the next one of the open-door cohort is brought forward when none is."""
    run_sessions()
    with transaction() as db:
        if live_sessions(db):
            return
        session = _next_of_open_doors(db)
        started_at = (clock.now() - _DEMO_LIVE_SINCE).replace(second=0, microsecond=0)
        with clock.at(started_at):
            _bring_forward(db, session.id, started_at)
            services.start_session(db, session_id=session.id)
            number = db.scalars(sa.select(Lesson.number).where(Lesson.id == session.lesson_id)).one()
        _turn(db, session.id, number, started_at, clock.now())
        _attend(db, session.id, _visitors(db), started_at, clock.now())
        forum.ask_live(db, session_id=session.id, started_at=started_at)


def _visitors(db: DbSession) -> list[User]:
    return [demo_user(db, one) for one in (people.CLAIRE, people.KARIM, people.NADIA, people.TOM)]


def _next_of_open_doors(db: DbSession) -> Session:
    """The next session of the cohort that is there to be live; a new cohort once the old one is used up."""
    query = (
        sa.select(Session)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .where(Cohort.name == LIVE, Cohort.state == CohortState.RELEASED, Session.state == SessionState.SCHEDULED)
        .order_by(Session.starts_at)
        .limit(1)
    )
    found = db.scalar(query)
    if found is None:
        later = clock.now().astimezone(ZoneInfo(ZONE)) + timedelta(weeks=6)
        team = [demo_user(db, people.INES), demo_user(db, people.SALMA)]
        # Far ahead, on Sundays at nine in the evening: few come by themselves before they are brought forward.
        sundays = frozenset({6})
        _open(
            db,
            _request(LIVE, later, team, weekdays=sundays, local_time=time(21), capacity=500, video_url=_VIDEO),
            _visitors(db),
        )
        found = db.scalars(query).one()
    return found


def _bring_forward(db: DbSession, session_id: int, started_at: datetime) -> None:
    """Move it to now, led by whoever of the experts is free."""
    local = started_at.astimezone(ZoneInfo(ZONE))
    when = When(local.date(), local.time(), fold=local.fold)
    for person in people.EXPERTS:
        try:
            services.move_session(db, session_id=session_id, when=when, expert_id=demo_user(db, person).id)
        except ExpertTakenError:
            continue
        return
    raise ExpertTakenError
