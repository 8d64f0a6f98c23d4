"""What experts say of themselves: their languages, their weekly hours, the days they are away."""

from collections.abc import Collection
from datetime import date, time

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.db import conflict_insert, rows_changed
from portal.training.errors import TooManyRowsError
from portal.training.models import ExpertAbsence, ExpertAvailability, ExpertLanguage

# More than anybody needs, so that a page stays a page.
MOST_HOURS = 50
MOST_ABSENCES = 50


def set_languages(db: DbSession, *, user: User, languages: Collection[str]) -> None:
    """Lead sessions in these languages and no others; in none means in that of one's own pages."""
    db.execute(
        sa.delete(ExpertLanguage).where(
            ExpertLanguage.user_id == user.id, ExpertLanguage.language.not_in(sorted(languages))
        )
    )
    for language in sorted(languages):
        insert = conflict_insert(db, ExpertLanguage).values(user_id=user.id, language=language)
        db.execute(insert.on_conflict_do_nothing(index_elements=["user_id", "language"]))


def add_hours(
    db: DbSession, *, user: User, weekdays: Collection[int], from_time: time, until_time: time, zone: str
) -> None:
    """Lead sessions in these hours of each weekday (0 is Monday); hours that begin alike are replaced.

    Raises TooManyRowsError.
    """
    for weekday in sorted(weekdays):
        insert = conflict_insert(db, ExpertAvailability).values(
            user_id=user.id, weekday=weekday, from_time=from_time, until_time=until_time, zone=zone
        )
        db.execute(
            insert.on_conflict_do_update(
                index_elements=["user_id", "weekday", "from_time"], set_={"until_time": until_time, "zone": zone}
            )
        )
    kept = sa.select(sa.func.count()).where(ExpertAvailability.user_id == user.id)
    if (db.scalar(kept) or 0) > MOST_HOURS:
        raise TooManyRowsError


def remove_hours(db: DbSession, *, user: User, hours_id: int) -> bool:
    """Take one's own hours out; False when they were gone, or are somebody else's."""
    mine = sa.delete(ExpertAvailability).where(ExpertAvailability.id == hours_id, ExpertAvailability.user_id == user.id)
    return rows_changed(db, mine) == 1


def add_absence(db: DbSession, *, user: User, first_on: date, last_on: date, note: str = "") -> None:
    """Lead nothing from one day to another, both included. The same days twice are one absence.

    Sessions that are public already stay theirs: the organisers see the conflict. Raises TooManyRowsError.
    """
    known = sa.select(ExpertAbsence).where(
        ExpertAbsence.user_id == user.id, ExpertAbsence.first_on == first_on, ExpertAbsence.last_on == last_on
    )
    absence = db.scalar(known.limit(1))
    if absence is not None:
        absence.note = note
    else:
        db.add(ExpertAbsence(user_id=user.id, first_on=first_on, last_on=last_on, note=note))
    db.flush()
    kept = sa.select(sa.func.count()).where(
        ExpertAbsence.user_id == user.id, ExpertAbsence.last_on >= clock.now().date()
    )
    if (db.scalar(kept) or 0) > MOST_ABSENCES:
        raise TooManyRowsError


def remove_absence(db: DbSession, *, user: User, absence_id: int) -> bool:
    """Take one's own absence out; False when it was gone, or is somebody else's."""
    mine = sa.delete(ExpertAbsence).where(ExpertAbsence.id == absence_id, ExpertAbsence.user_id == user.id)
    return rows_changed(db, mine) == 1
