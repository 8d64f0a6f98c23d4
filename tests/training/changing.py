"""Keeping and releasing changes of public sessions, in one line each."""

import sqlalchemy as sa

from portal.notifications.models import OutboxMail
from portal.training import services
from portal.training.models import RoomKind
from portal.training.services import Wanted, When


def to(session, *, on=None, at=None, expert=None, video_url=None, until=None, fold=None):
    """The session as it is, but for what is given."""
    return Wanted(
        When(on or session.local_date, at or session.local_time, fold),
        expert.id if expert else session.expert_id,
        RoomKind.LINK,
        session.video_url if video_url is None else video_url,
        until,
    )


def propose(db, organiser, session, **changes):
    return services.propose_change(db, organiser_id=organiser.id, session_id=session.id, wanted=to(session, **changes))


def release(db, organiser, cohort, **more):
    return services.release_changes(db, organiser_id=organiser.id, cohort_id=cohort.id, **more)


def mails(db, kind=None):
    query = sa.select(OutboxMail).order_by(OutboxMail.id)
    return list(db.scalars(query.where(OutboxMail.kind == kind) if kind else query))
