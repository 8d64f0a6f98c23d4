"""The organisers' first page: what waits for a decision, the cohorts and their fill, the sessions that come next."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from flask import render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session as DbSession

from portal.forum.queries.queue import late_count
from portal.kernel import clock
from portal.pages.blueprint import blueprint
from portal.training import content, queries
from portal.training.models import CohortState
from portal.training.policies import may_organise
from portal.training.queries.cohorts import CohortCard
from portal.training.queries.overview import changes_waiting, cohorts_to_decide, people_in_line
from portal.training.queries.sessions import UpcomingSession
from portal.training.views import words
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import language
from portal.web.requests import id_argument

_SESSIONS_SHOWN = 8
_COHORTS_SHOWN = 6
_COHORTS_A_PAGE = 25
# Of so many cohorts at once: more is not decided in one sitting, and the next ones follow.
_DECIDED_AT_ONCE = 6
# A cohort that begins this soon, with fewer than one seat in so many taken, or still a draft, waits for a decision.
_SOON = timedelta(days=14)
_FEW = 4


class DecisionKind(StrEnum):
    """What an organiser may have to decide about."""

    CHANGES = "changes"
    QUESTIONS = "questions"
    DRAFT = "draft"
    FEW = "few"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that waits; `count` is of changes, questions, people in line, or days until the first session."""

    kind: DecisionKind
    count: int
    cohort: CohortCard | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the page."""

    decisions: list[Decision]
    more_decisions: bool
    going_on: list[CohortCard]
    sessions: list[tuple[UpcomingSession, str]]
    in_line: dict[int, int]


def _of_cohort(one: CohortCard, today: date, changes: int, waiting: int) -> list[Decision]:
    days = (one.first_on - today).days
    soon = days <= _SOON.days
    is_draft, is_public = one.state is CohortState.DRAFT, one.state is CohortState.RELEASED
    wanted = {
        DecisionKind.CHANGES: changes if is_public else 0,
        DecisionKind.DRAFT: int(is_draft and soon),
        DecisionKind.FEW: int(is_public and soon and days >= 0 and one.seats_taken * _FEW < one.capacity),
        DecisionKind.LINE: waiting,
    }
    in_days = {DecisionKind.DRAFT, DecisionKind.FEW}
    return [Decision(kind, days if kind in in_days else count, one) for kind, count in wanted.items() if count]


def _decisions(db: DbSession, cohorts: list[CohortCard], today: date) -> list[Decision]:
    ids = [one.id for one in cohorts]
    changes, in_line, late = changes_waiting(db, ids), people_in_line(db, ids), late_count(db)
    decisions = [Decision(DecisionKind.QUESTIONS, late)] if late else []
    for one in cohorts:
        decisions += _of_cohort(one, today, changes.get(one.id, 0), in_line.get(one.id, 0))
    order = list(DecisionKind)
    return sorted(decisions, key=lambda one: order.index(one.kind))


def overview(db: DbSession, code: str) -> Overview:
    """What organisers see first: as much of it, and as many statements, however many cohorts there are."""
    today = clock.now().date()
    asking = cohorts_to_decide(db, today=today, soon=today + _SOON, few=_FEW, limit=_DECIDED_AT_ONCE + 1)
    going_on = queries.cohorts_page(db, ended=False, limit=_COHORTS_SHOWN)
    sessions = queries.next_sessions(db, _SESSIONS_SHOWN)
    return Overview(
        decisions=_decisions(db, asking[:_DECIDED_AT_ONCE], today),
        more_decisions=len(asking) > _DECIDED_AT_ONCE,
        going_on=going_on.cohorts,
        sessions=[(one, content.lesson(one.number).title(code)) for one in sessions],
        in_line=people_in_line(db, [one.id for one in going_on.cohorts]),
    )


@blueprint.get("/manage")
@requires(may_organise)
def manage() -> str:
    """What waits for a decision, cohorts, and the sessions that come next."""
    page = overview(read_db(), language())
    return render_template("pages/manage.html", page=page, weekdays=words.weekday_list)


@blueprint.get("/manage/cohorts")
@requires(may_organise)
def manage_cohorts() -> str:
    """All cohorts, the latest to begin first: those that go on, or those that have ended."""
    ended = request.args.get("show") == "ended"
    page = queries.cohorts_page(read_db(), ended=ended, before=id_argument("before"), limit=_COHORTS_A_PAGE)
    show = "ended" if ended else None
    shows = [
        (_("Going on"), url_for("pages.manage_cohorts"), not ended),
        (_("Ended ones"), url_for("pages.manage_cohorts", show="ended"), ended),
    ]
    return render_template(
        "pages/manage_cohorts.html",
        page=page,
        shows=shows,
        in_line=people_in_line(read_db(), [one.id for one in page.cohorts]),
        older=url_for("pages.manage_cohorts", show=show, before=page.older) if page.older else None,
        newest=url_for("pages.manage_cohorts", show=show) if "before" in request.args else None,
        weekdays=words.weekday_list,
    )
