"""Making the signed PDFs: claim, render and sign, record. The row is the truth: a killed worker loses nothing."""

import logging
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from portal.certificates import storage
from portal.certificates.errors import BlockedResourceError, SigningIdentityError
from portal.certificates.models import Certificate, CertificateDocument, CertificateState, DocumentState
from portal.certificates.sheet import Sheet, sheet_of
from portal.identity.queries import user_by_id
from portal.identity.services import recipient_of
from portal.kernel import clock, ids
from portal.kernel.db import rows_changed, transaction
from portal.notifications.services import send_mail

logger = logging.getLogger(__name__)

# While one worker has a document nobody else takes it; when it was killed meanwhile, it is free after this.
CLAIM_LASTS = timedelta(minutes=2)
_LONGEST_WAIT_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Task:
    """A document that this worker has taken, and what to print on it."""

    document_id: int
    claim: str
    attempts: int
    sheet: Sheet


def claim() -> Task | None:
    """Take the document that has waited longest, by moving its due time; None when nothing is due."""
    now = clock.now()
    with transaction() as db:
        document = db.scalar(
            sa.select(CertificateDocument)
            .where(CertificateDocument.state == DocumentState.TO_RENDER, CertificateDocument.due_at <= now)
            .order_by(CertificateDocument.due_at, CertificateDocument.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if document is None:
            return None
        document.due_at = now + CLAIM_LASTS
        document.attempts += 1
        document.claim = ids.token()
        certificate = db.get_one(Certificate, document.certificate_id)
        return Task(document.id, document.claim, document.attempts, sheet_of(certificate))


def render(sheet: Sheet) -> bytes:
    """The signed PDF of a sheet. WeasyPrint and pyHanko are loaded here, in the worker, and nowhere else."""
    from portal.certificates.press import press  # noqa: PLC0415 (the web process never loads it)
    from portal.certificates.signing import sign, signing_identity  # noqa: PLC0415

    return sign(press().render(sheet), signing_identity(), reason=sheet.title)


def record(task: Task, *, sha256: str, size_bytes: int) -> bool:
    """Note that the document is ready and write to its holder; False when another worker was first."""
    with transaction() as db:
        ready = (
            sa.update(CertificateDocument)
            .where(
                CertificateDocument.id == task.document_id,
                CertificateDocument.state == DocumentState.TO_RENDER,
                CertificateDocument.claim == task.claim,
            )
            .values(state=DocumentState.READY, sha256=sha256, size_bytes=size_bytes, rendered_at=clock.now())
        )
        if rows_changed(db, ready) != 1:
            return False
        document = db.get_one(CertificateDocument, task.document_id)
        certificate = db.get_one(Certificate, document.certificate_id)
        holder = user_by_id(db, certificate.user_id) if certificate.user_id is not None else None
        if holder is not None and certificate.state is CertificateState.VALID:
            send_mail(
                db,
                to=recipient_of(holder),
                kind="certificates.ready",
                params={"serial": certificate.serial, "code": certificate.code},
                dedupe_key=f"certificate-ready:{certificate.id}",
            )
    return True


def _postpone(task: Task) -> None:
    wait = timedelta(minutes=min(2**task.attempts, _LONGEST_WAIT_MINUTES))
    with transaction() as db:
        rows_changed(
            db,
            sa.update(CertificateDocument)
            .where(CertificateDocument.id == task.document_id, CertificateDocument.claim == task.claim)
            .values(due_at=clock.now() + wait),
        )


def make(task: Task) -> bool:
    """Render, sign and store one document; False when it failed (tried again later) or another worker was first."""
    try:
        pdf = render(task.sheet)
        sha256 = storage.keep(pdf)
    except (BlockedResourceError, SigningIdentityError, OSError, ValueError):
        logger.exception("certificate %s was not made, attempt %d", task.sheet.serial, task.attempts)
        _postpone(task)
        return False
    return record(task, sha256=sha256, size_bytes=len(pdf))


def render_due() -> int:
    """Make every document that is due; returns how many were made. Safe to be killed and to run twice."""
    made = 0
    while (task := claim()) is not None:
        made += make(task)
    return made
