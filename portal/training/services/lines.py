"""What people in a line are told: by mail, and on their own page."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session as DbSession

from portal.identity.models import User
from portal.identity.services import recipient_of
from portal.kernel import clock
from portal.notifications.services import notify, send_mail
from portal.training import content
from portal.training.models import Cohort, Lesson, Session, SessionState, WaitlistEntry, WaitlistOffer


@dataclass(frozen=True, slots=True)
class Line:
    """The line for a cohort or for one session: exactly one of the two, locked by whoever changes it."""

    cohort_id: int | None = None
    session_id: int | None = None

    @property
    def is_of(self) -> sa.ColumnElement[bool]:
        """The entries of this line."""
        if self.cohort_id is not None:
            return WaitlistEntry.cohort_id == self.cohort_id
        return WaitlistEntry.session_id == self.session_id


def offer_key(offer_id: int) -> str:
    """What an offer's mail is filed under."""
    return f"offer:{offer_id}"


def _about(db: DbSession, line: Line) -> dict[str, object]:
    """What a mail about a line is written from: the cohort's next session, or the one session."""
    query = (
        sa.select(Session.id, Lesson.number, Session.starts_at, Session.zone, Cohort.id.label("cohort_id"), Cohort.name)
        .join(Lesson, Lesson.id == Session.lesson_id)
        .join(Cohort, Cohort.id == Session.cohort_id)
        .order_by(Session.starts_at <= clock.now(), Session.starts_at)
        .limit(1)
    )
    if line.cohort_id is not None:
        query = query.where(Session.cohort_id == line.cohort_id, Session.state != SessionState.CANCELLED)
    else:
        query = query.where(Session.id == line.session_id)
    row = db.execute(query).first()
    if row is None:
        return {}
    return {
        "whole_cohort": line.cohort_id is not None,
        "session_id": row.id,
        "number": row.number,
        "starts_at": row.starts_at.isoformat(),
        "zone": row.zone,
        "cohort_id": row.cohort_id,
        "cohort": row.name,
    }


def write(db: DbSession, line: Line, user: User, kind: str, offer: WaitlistOffer | None = None, **more: object) -> None:
    """One mail about a line; none about a cohort all of whose sessions were cancelled."""
    about = _about(db, line)
    if not about:
        return
    send_mail(
        db,
        to=recipient_of(user),
        kind=kind,
        params={**about, **more, "offer_id": offer.id if offer else None},
        dedupe_key=f"{kind}:{offer.id}" if offer else None,
        subject_key=offer_key(offer.id) if offer else None,
    )


def notice_of(db: DbSession, line: Line, user: User, offer: WaitlistOffer) -> None:
    """The offer on their own page: who is on the portal need not wait for the mail."""
    about = _about(db, line)
    if not about:
        return
    expires_at = offer.expires_at.isoformat() if offer.expires_at else None
    lesson = content.lesson(int(str(about["number"])))
    path = f"cohorts/{line.cohort_id}" if line.cohort_id is not None else f"programme/{lesson.address}"
    notify(
        db,
        user_id=user.id,
        kind="training.seat_offered" if expires_at else "training.seat_given",
        params={**about, "expires_at": expires_at},
        path=f"/{user.language}/{path}",
        dedupe_key=offer_key(offer.id),
    )
