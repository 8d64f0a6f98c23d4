"""Who comes first in a cohort's line: by the rule of the cohort, or by an organiser's hand, who says why."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.training.errors import NotInLineError, ReasonNeededError
from portal.training.models import (
    COUNTED,
    Attendance,
    Cohort,
    Enrolment,
    EnrolmentState,
    Session,
    WaitlistEntry,
    WaitlistRule,
    WaitlistState,
)
from portal.training.queries.progress import needed_lessons
from portal.training.services.places import lock_cohort

# Beyond any that a rule gives: lessons counted are at most 25.
FIRST, LAST = 1000, -1000
_SHORTEST_REASON = 3
_LONGEST_REASON = 200
_LEADING = 1


def _newcomers(db: DbSession, user_ids: Sequence[int]) -> dict[int, int]:
    """One for whoever has attended nothing and is in no cohort."""
    known = set(db.scalars(sa.select(Attendance.user_id).where(Attendance.user_id.in_(user_ids)).distinct()))
    enrolled = sa.select(Enrolment.user_id).where(
        Enrolment.user_id.in_(user_ids), Enrolment.state == EnrolmentState.ACTIVE
    )
    known |= set(db.scalars(enrolled.distinct()))
    return {user_id: 0 if user_id in known else _LEADING for user_id in user_ids}


def _near_certificate(db: DbSession, user_ids: Sequence[int], needed: int) -> dict[int, int]:
    """Lessons that count; nothing for whoever has what the certificate needs."""
    counts = db.execute(
        sa.select(Attendance.user_id, sa.func.count(sa.distinct(Session.lesson_id)).label("lessons"))
        .join(Session, Session.id == Attendance.session_id)
        .where(Attendance.user_id.in_(user_ids), Attendance.state.in_(COUNTED))
        .group_by(Attendance.user_id)
    )
    found = {row.user_id: row.lessons for row in counts}
    return {user_id: found.get(user_id, 0) if found.get(user_id, 0) < needed else 0 for user_id in user_ids}


def priorities(db: DbSession, cohort: Cohort, user_ids: Sequence[int]) -> dict[int, int]:
    """What the cohort's rule gives each of these users: the higher comes first."""
    if cohort.waitlist_rule is WaitlistRule.NEWCOMERS:
        return _newcomers(db, user_ids)
    if cohort.waitlist_rule is WaitlistRule.NEAR_CERTIFICATE:
        return _near_certificate(db, user_ids, needed_lessons(db))
    return dict.fromkeys(user_ids, 0)


def lowest_priority(db: DbSession, of_line: sa.ColumnElement[bool], own: int) -> int:
    """The lowest priority among those who wait in a line, or one's own when that is lower."""
    lowest = db.scalar(
        sa.select(sa.func.min(WaitlistEntry.priority)).where(of_line, WaitlistEntry.state == WaitlistState.WAITING)
    )
    return own if lowest is None else min(own, lowest)


def _in_line(db: DbSession, cohort_id: int) -> Sequence[WaitlistEntry]:
    return db.scalars(
        sa.select(WaitlistEntry)
        .where(WaitlistEntry.cohort_id == cohort_id, WaitlistEntry.state == WaitlistState.WAITING)
        .execution_options(populate_existing=True)
    ).all()


def _recompute(db: DbSession, cohort: Cohort) -> None:
    """Give everyone in line what the rule says; whoever let an offer expire stays behind, and a hand stays."""
    entries = _in_line(db, cohort.id)
    by_rule = priorities(db, cohort, [entry.user_id for entry in entries])
    fresh = [by_rule[entry.user_id] for entry in entries if not entry.expired_offers]
    for entry in entries:
        if not entry.priority_reason:
            entry.priority = min([*fresh, 0]) if entry.expired_offers else by_rule[entry.user_id]
    db.flush()


def choose_rule(db: DbSession, *, cohort_id: int, rule: WaitlistRule) -> None:
    """Change who comes first in a cohort's line, at once for all who wait. Raises NoSuchCohortError."""
    cohort = lock_cohort(db, cohort_id)
    cohort.waitlist_rule = rule
    db.flush()
    _recompute(db, cohort)


def set_priority(db: DbSession, *, cohort_id: int, entry_id: int, priority: int | None, reason: str) -> None:
    """Put somebody first or last by hand, with a reason; None gives them back to the rule.

    Raises ReasonNeededError without a reason, NotInLineError for somebody who does not wait in this line.
    """
    cohort = lock_cohort(db, cohort_id)
    entry = next((one for one in _in_line(db, cohort_id) if one.id == entry_id), None)
    if entry is None:
        raise NotInLineError
    reason = reason.strip()[:_LONGEST_REASON]
    if priority is None:
        entry.priority_reason = ""
        db.flush()
        _recompute(db, cohort)
        return
    if len(reason) < _SHORTEST_REASON:
        raise ReasonNeededError
    entry.priority, entry.priority_reason = priority, reason
    db.flush()
