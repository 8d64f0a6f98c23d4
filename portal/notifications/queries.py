"""Reading notices and the sandbox's mailbox."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.notifications.models import Notice, SandboxMail


def notices(db: Session, user_id: int, *, limit: int = 10) -> Sequence[Notice]:
    """A user's newest notices."""
    return db.scalars(sa.select(Notice).where(Notice.user_id == user_id).order_by(Notice.id.desc()).limit(limit)).all()


def sandbox_mails(db: Session, *, recipient: str = "", limit: int = 100) -> Sequence[SandboxMail]:
    """The newest mails that stayed in the sandbox, all or one address's."""
    wanted = sa.select(SandboxMail).order_by(SandboxMail.id.desc()).limit(limit)
    if recipient:
        wanted = wanted.where(SandboxMail.recipient == recipient.strip().lower())
    return db.scalars(wanted).all()


def sandbox_mail(db: Session, mail_id: int) -> SandboxMail | None:
    """One mail of the sandbox."""
    return db.get(SandboxMail, mail_id)
