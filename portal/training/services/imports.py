"""Enrolling the people of a file: checked, confirmed, then worked through in small transactions by the worker."""

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.queries import user_by_email
from portal.identity.services import create_user, recipient_of
from portal.kernel import clock, text
from portal.kernel.db import rows_changed
from portal.kernel.worker import wake_after_commit
from portal.notifications.services import send_mail
from portal.training.errors import CohortFullError, CohortOverError, NoSuchCohortError, NoSuchImportError
from portal.training.models import Cohort, CohortState, ImportState, PeopleImport
from portal.training.people_files import Line, line_from, read_people
from portal.training.queries.cohorts import is_enrolled, is_waiting
from portal.training.queries.imports import people_import
from portal.training.services.enrolment import enrol, join_waitlist

JOB = "training.imports"
# People a transaction enrols: others want the cohort's row and SQLite's one writer meanwhile.
BATCH = 10
# A file that nobody said yes to is forgotten after this.
KEPT = timedelta(days=1)
_LONGEST_FILE_NAME = 120


def check_file(db: DbSession, *, organiser: User, cohort_id: int, file_name: str, data: bytes) -> PeopleImport:
    """Keep the people of a file until somebody confirms them; nobody is enrolled and nobody is told.

    Raises BadFileError for a file of another shape, NoSuchCohortError for a draft, CohortOverError.
    """
    cohort = db.get(Cohort, cohort_id)
    if cohort is None or cohort.state is CohortState.DRAFT:
        raise NoSuchCohortError
    if cohort.state is CohortState.FINISHED:
        raise CohortOverError
    lines = read_people(data)
    found = PeopleImport(
        cohort_id=cohort_id,
        file_name=text.clean_line(file_name)[:_LONGEST_FILE_NAME],
        lines=[line.as_json() for line in lines],
        created_by=organiser.id,
    )
    db.add(found)
    db.flush()
    return found


def confirm_import(db: DbSession, *, cohort_id: int, import_id: int) -> None:
    """Let the worker enrol what is right; confirming twice changes nothing. Raises NoSuchImportError."""
    if people_import(db, cohort_id, import_id) is None:
        raise NoSuchImportError
    rows_changed(
        db,
        sa.update(PeopleImport)
        .where(PeopleImport.id == import_id, PeopleImport.state == ImportState.CHECKED)
        .values(state=ImportState.RUNNING)
        .execution_options(synchronize_session=False),
    )
    wake_after_commit(db, JOB)


def _user(db: DbSession, line: Line, language: str) -> User:
    """Whoever has this address; made now when nobody has. Nobody is signed in by it."""
    known = user_by_email(db, line.email)
    if known is not None:
        return known
    try:
        with db.begin_nested():
            return create_user(db, email=line.email, display_name=line.name or None, language=line.language or language)
    except IntegrityError:
        # They came by themselves at this very moment.
        user = user_by_email(db, line.email)
        if user is None:
            raise
        return user


def _put_in_line(db: DbSession, user: User, cohort: Cohort) -> None:
    join_waitlist(db, user=user, cohort_id=cohort.id)
    send_mail(
        db,
        to=recipient_of(user),
        kind="training.put_in_line",
        params={"cohort_id": cohort.id, "cohort": cohort.name},
        dedupe_key=f"training.put_in_line:{cohort.id}:{user.id}",
    )


def _take(db: DbSession, line: Line, cohort: Cohort) -> str:
    """Enrol one line, or put it in line; returns the counter it belongs to."""
    if line.fault is not None:
        return "refused"
    user = _user(db, line, cohort.language)
    if is_enrolled(db, user.id, cohort.id) or is_waiting(db, user.id, cohort.id):
        return "unchanged"
    try:
        with db.begin_nested():
            enrol(db, user=user, cohort_id=cohort.id)
    except CohortFullError:
        _put_in_line(db, user, cohort)
        return "waiting"
    except (CohortOverError, NoSuchCohortError):
        return "refused"
    return "enrolled"


def work_through(db: DbSession, *, import_id: int) -> bool:
    """Take the next few lines of a running import; False when nothing is left to do.

    Where it stands moves in the same transaction: killed in between, they are taken again, and nobody twice.
    """
    found = db.get(PeopleImport, import_id, populate_existing=True, with_for_update=True)
    if found is None or found.state is not ImportState.RUNNING:
        return False
    cohort = db.get_one(Cohort, found.cohort_id)
    for kept in found.lines[found.position : found.position + BATCH]:
        counter = _take(db, line_from(kept), cohort)
        setattr(found, counter, getattr(found, counter) + 1)
    found.position = min(found.position + BATCH, len(found.lines))
    if found.position == len(found.lines):
        # Their names and addresses are with the users now; a second copy would only be one more to lose.
        found.state, found.finished_at, found.lines = ImportState.DONE, clock.now(), []
    db.flush()
    return found.state is ImportState.RUNNING


def running_imports(db: DbSession) -> list[int]:
    """The imports that are being worked through, the oldest first."""
    return list(
        db.scalars(
            sa.select(PeopleImport.id).where(PeopleImport.state == ImportState.RUNNING).order_by(PeopleImport.id)
        )
    )


def forget_unconfirmed(db: DbSession) -> int:
    """Delete the files that nobody said yes to; returns how many."""
    return rows_changed(
        db,
        sa.delete(PeopleImport)
        .where(PeopleImport.state == ImportState.CHECKED, PeopleImport.created_at < clock.now() - KEPT)
        .execution_options(synchronize_session=False),
    )
