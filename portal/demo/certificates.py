"""Demo certificates: the shop owner has one already; the other who met the rule asks for theirs on the page."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from portal.certificates.queries import valid_certificate
from portal.certificates.services import issue
from portal.demo.people import KARIM, demo_user
from portal.identity.queries import user_by_id
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.training.models import Attendance, Session

# Confirmed the day after the last session.
_AFTER = timedelta(days=1)


def issue_for(user_id: int, name: str, at: datetime, *, shop: str = "") -> None:
    """A certificate for a demo user who has met the rule, issued at that moment; once."""
    with transaction() as db, clock.at(at):
        user = user_by_id(db, user_id)
        if user is not None and valid_certificate(db, user_id) is None:
            issue(db, user=user, name=name, shop=shop)


def build() -> None:
    """Karim's certificate, from the cohort that ended."""
    with transaction() as db:
        karim = demo_user(db, KARIM)
        last = db.scalar(
            sa.select(sa.func.max(Session.ends_at))
            .join(Attendance, Attendance.session_id == Session.id)
            .where(Attendance.user_id == karim.id)
        )
    if last is not None:
        issue_for(karim.id, karim.display_name, min(last + _AFTER, clock.now()), shop="Épicerie Benali, Sète")
