"""An import of people as its organiser sees it: what would become of each line now, and how far it has come."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.training.models import Cohort, Enrolment, EnrolmentState, PeopleImport, WaitlistEntry
from portal.training.people_files import Line, LineFault, line_from
from portal.training.queries.overview import IN_LINE


class Outcome(StrEnum):
    """What becomes of a line: the first three are done, the next two need nothing, the rest are left out."""

    NEW = "new"
    KNOWN = "known"
    LINE = "line"
    IN = "in"
    WAITING = "waiting"
    WRONG_EMAIL = "wrong_email"
    TWICE = "twice"
    UNKNOWN_LANGUAGE = "unknown_language"
    LONG_NAME = "long_name"


TO_DO = (Outcome.NEW, Outcome.KNOWN, Outcome.LINE)
LEFT_OUT = (Outcome.WRONG_EMAIL, Outcome.TWICE, Outcome.UNKNOWN_LANGUAGE, Outcome.LONG_NAME)
_FAULTS = {fault: Outcome(fault.value) for fault in LineFault}


@dataclass(frozen=True, slots=True)
class Report:
    """Every line with what would become of it now."""

    lines: Sequence[tuple[Line, Outcome]]

    @property
    def counts(self) -> dict[Outcome, int]:
        """How many lines there are of each outcome that occurs, in the order of the outcomes."""
        counted = Counter(outcome for _line, outcome in self.lines)
        return {outcome: counted[outcome] for outcome in Outcome if counted[outcome]}

    @property
    def to_do(self) -> int:
        """How many people the import would do something for."""
        return sum(count for outcome, count in self.counts.items() if outcome in TO_DO)

    @property
    def left_out(self) -> int:
        """How many lines it would leave out."""
        return sum(count for outcome, count in self.counts.items() if outcome in LEFT_OUT)


def _standing(db: DbSession, cohort_id: int, emails: Sequence[str]) -> dict[str, Outcome]:
    """What these addresses are to the cohort already, in one statement; unknown ones are absent."""
    enrolment = (
        (Enrolment.user_id == User.id) & (Enrolment.cohort_id == cohort_id) & (Enrolment.state == EnrolmentState.ACTIVE)
    )
    entry = (
        (WaitlistEntry.user_id == User.id) & (WaitlistEntry.cohort_id == cohort_id) & WaitlistEntry.state.in_(IN_LINE)
    )
    rows = db.execute(
        sa.select(User.email, Enrolment.id.is_not(None), WaitlistEntry.id.is_not(None))
        .outerjoin(Enrolment, enrolment)
        .outerjoin(WaitlistEntry, entry)
        .where(User.email.in_(emails))
    )
    return {
        email: Outcome.IN if enrolled else Outcome.WAITING if waits else Outcome.KNOWN
        for email, enrolled, waits in rows
    }


def report(db: DbSession, cohort_id: int, lines: Sequence[Line]) -> Report:
    """What would become of each line now, in two statements; seats go to the lines in their order."""
    cohort = db.execute(sa.select(Cohort.capacity, Cohort.seats_taken).where(Cohort.id == cohort_id)).one()
    places = cohort.capacity - cohort.seats_taken
    standing = _standing(db, cohort_id, [line.email for line in lines if line.fault is None])
    found: list[tuple[Line, Outcome]] = []
    for line in lines:
        outcome = _FAULTS[line.fault] if line.fault else standing.get(line.email, Outcome.NEW)
        if outcome in {Outcome.NEW, Outcome.KNOWN}:
            if places <= 0:
                outcome = Outcome.LINE
            places -= 1
        found.append((line, outcome))
    return Report(found)


def people_import(db: DbSession, cohort_id: int, import_id: int) -> PeopleImport | None:
    """One import of this cohort."""
    return db.scalar(sa.select(PeopleImport).where(PeopleImport.id == import_id, PeopleImport.cohort_id == cohort_id))


def lines_of(found: PeopleImport) -> list[Line]:
    """The lines that an import still keeps."""
    return [line_from(kept) for kept in found.lines]
