"""The organisers' first page: what waits for a decision, the cohorts and their fill, the sessions that come next."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from flask import render_template
from sqlalchemy.orm import Session as DbSession

from portal.forum.queries.queue import late_count
from portal.kernel import clock
from portal.pages.blueprint import blueprint
from portal.training import content, queries
from portal.training.models import CohortState
from portal.training.policies import may_organise
from portal.training.queries.cohorts import CohortCard
from portal.training.queries.overview import changes_waiting, people_in_line
from portal.training.queries.sessions import UpcomingSession
from portal.training.views import words
from portal.web.access import requires
from portal.web.database import read_db
from portal.web.languages import language

_SESSIONS_SHOWN = 8
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
    going_on: list[CohortCard]
    ended: list[CohortCard]
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


def overview(db: DbSession, code: str) -> Overview:
    """What organisers see first, in a fixed number of statements."""
    cohorts = queries.all_cohorts(db)
    today = clock.now().date()
    changes, in_line, late = changes_waiting(db), people_in_line(db), late_count(db)
    decisions = [Decision(DecisionKind.QUESTIONS, late)] if late else []
    for one in cohorts:
        decisions += _of_cohort(one, today, changes.get(one.id, 0), in_line.get(one.id, 0))
    order = list(DecisionKind)
    decisions.sort(key=lambda one: order.index(one.kind))
    sessions = queries.next_sessions(db, _SESSIONS_SHOWN)
    return Overview(
        decisions=decisions,
        going_on=[one for one in cohorts if one.state is not CohortState.FINISHED],
        ended=[one for one in cohorts if one.state is CohortState.FINISHED],
        sessions=[(one, content.lesson(one.number).title(code)) for one in sessions],
        in_line=in_line,
    )


@blueprint.get("/manage")
@requires(may_organise)
def manage() -> str:
    """What waits for a decision, cohorts, and the sessions that come next."""
    page = overview(read_db(), language())
    return render_template("pages/manage.html", page=page, weekdays=words.weekday_list)
