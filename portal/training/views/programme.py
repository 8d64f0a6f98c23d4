"""The programme: 25 lessons by chapter, one's own progress, cohorts with places left."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from flask import render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session as DbSession

from portal import config
from portal.kernel import clock
from portal.training import content, presence, queries
from portal.training.presence import Reach
from portal.training.queries.calendars import feed_token
from portal.training.queries.cohorts import CohortCard
from portal.training.queries.progress import (
    COUNTED,
    LIVE,
    OPEN,
    SEAT,
    TO_CATCH_UP,
    LessonState,
    Progress,
    SeatedSession,
)
from portal.training.views import words
from portal.training.views._blueprint import blueprint
from portal.web.access import public
from portal.web.database import read_db
from portal.web.headers import cacheable
from portal.web.languages import language

_CACHED_SECONDS = 60
_COHORTS_SHOWN = 4
_NUMBER_IN_ADDRESS = "0-lesson"


@dataclass(frozen=True, slots=True)
class Row:
    """A lesson in the list; `text` is its second line, in words."""

    number: int
    title: str
    href: str
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """Five rows, folded unless something happens there."""

    number: int
    title: str
    rows: tuple[Row, ...]
    meta: str
    open: bool


@dataclass(frozen=True, slots=True)
class Next:
    """The one next thing: a seated session (with how presence stands once it is live), the certificate, or joining."""

    kind: str
    session: SeatedSession | None = None
    title: str = ""
    href: str = ""
    minutes_left: int = 0
    reach: Reach | None = None
    cohort: CohortCard | None = None


@dataclass(frozen=True, slots=True)
class ProgrammePage:
    """What the programme page shows to one person; `progress` is None for a visitor."""

    chapters: list[Chapter]
    next: Next
    progress: Progress | None
    cohorts: list[CohortCard]
    mine: CohortCard | None
    catch_up: Row | None
    feed: str


def _lines(dates: dict[int, datetime]) -> Callable[[LessonState], str]:
    """What writes the second line of a row; whatever is the same for all rows is looked up here, once."""
    texts = {
        "present": _("Attended"),
        "replay": _("Completed by replay"),
        "excused": _("Excused"),
        "partial": _("Partly attended"),
        "missed": _("Missed"),
        "technical": _("Technical problem"),
    }
    to_come, until, day_and_time = str(_("To come")), str(_("Now, until %(time)s")), str(_("%(day)s, %(time)s"))
    zone, locale = words.zone_here(), words.locale_name()

    def line(one: LessonState) -> str:
        at = dates.get(one.number) if one.state == OPEN else one.at
        if at is None:
            return to_come
        if one.state == LIVE:
            return until % {"time": words.clock_time(one.ends_at or at, zone)}
        if one.state in {SEAT, OPEN}:
            day = words.day_full(at, zone, locale) if one.state == SEAT else words.day_short(at, zone, locale)
            return day_and_time % {"day": day, "time": words.clock_time(at, zone)}
        return f"{texts[one.state]} · {words.day_short(at, zone, locale)}"

    return line


def _chapters(states: dict[int, LessonState], dates: dict[int, datetime], code: str) -> list[Chapter]:
    line = _lines(dates)
    base = url_for("training.lesson", address=_NUMBER_IN_ADDRESS).removesuffix(_NUMBER_IN_ADDRESS)
    found = []
    current = next((number for number, one in states.items() if one.state not in COUNTED), 1)
    for chapter in content.chapters():
        rows = tuple(
            Row(one.number, one.title(code), base + one.address, states[one.number].state, line(states[one.number]))
            for one in chapter.lessons
        )
        happening = any(row.state == LIVE or row.state in TO_CATCH_UP or row.number == current for row in rows)
        done = sum(1 for row in rows if row.state in COUNTED)
        meta = _("%(done)s of %(all)s", done=done, all=len(rows))
        found.append(Chapter(chapter.number, chapter.title(code), rows, meta, happening))
    return found


def reach_of(db: DbSession, one: SeatedSession, user_id: int) -> Reach:
    """How a live session's presence stands for a user now."""
    present = queries.presence_so_far(db, session_id=one.session_id, user_id=user_id, from_at=one.began_at)
    return presence.reach(
        present,
        planned=one.ends_at - one.starts_at,
        left=one.ends_at - clock.now(),
        bar_percent=one.bar_percent,
    )


def _next(db: DbSession, far: Progress | None, cohorts: list[CohortCard], user_id: int | None) -> Next:
    now = clock.now()
    first = far.next if far else None
    if first is not None and user_id is not None:
        lesson = content.lesson(first.number)
        title, href = lesson.title(language()), url_for("training.lesson", address=lesson.address)
        if first.room_open(now):
            minutes = max(-int((now - first.ends_at).total_seconds() // 60), 0)
            reach = reach_of(db, first, user_id) if first.live else None
            return Next("room", first, title, url_for("pages.room", session_id=first.session_id), minutes, reach)
        if far is None or not far.reached:
            return Next("session", first, title, href)
    if far is not None and far.reached:
        return Next("certificate")
    return Next("join", cohort=next((one for one in cohorts if one.places > 0), None))


def _feed(db: DbSession, user_id: int) -> str:
    """The whole address of one's own calendar, as a phone wants it; empty before it was asked for."""
    token = feed_token(db, user_id)
    return config.current().base_url + url_for("training.feed", token=token) if token else ""


def programme_page(db: DbSession, user_id: int | None, code: str) -> ProgrammePage:
    """Everything on the programme page: two statements for a visitor's, eight at most for a member's."""
    far = queries.progress(db, user_id) if user_id is not None else None
    states = far.states if far else {number: LessonState(number, OPEN) for number in range(1, content.LESSONS + 1)}
    cohorts = queries.open_cohorts(db, language=code, limit=_COHORTS_SHOWN)
    # Only a lesson without a seat asks when it comes next.
    is_open = any(one.state == OPEN for one in states.values())
    chapters = _chapters(states, queries.lesson_dates(db) if is_open else {}, code)
    rows = [row for chapter in chapters for row in chapter.rows]
    return ProgrammePage(
        chapters=chapters,
        next=_next(db, far, cohorts, user_id),
        progress=far,
        cohorts=cohorts,
        mine=queries.my_cohort(db, user_id) if user_id is not None else None,
        catch_up=next((row for row in rows if row.state in TO_CATCH_UP), None),
        feed=_feed(db, user_id) if user_id is not None else "",
    )


@blueprint.get("/programme")
@public
@cacheable(_CACHED_SECONDS)
def programme() -> str:
    """The 25 lessons; a visitor's page may be kept for a minute."""
    user_id = current_user.id if current_user.is_authenticated else None
    page = programme_page(read_db(), user_id, language())
    return render_template("training/programme.html", page=page, weekdays=words.weekday_list)
