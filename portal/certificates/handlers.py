"""What follows from an issued certificate, in the same transaction."""

from sqlalchemy.orm import Session

from portal.certificates.events import CertificateIssued
from portal.certificates.models import Certificate
from portal.kernel.events import subscribe
from portal.notifications.services import notify


def _on_issued(db: Session, event: CertificateIssued) -> None:
    certificate = db.get_one(Certificate, event.certificate_id)
    notify(
        db,
        user_id=event.user_id,
        kind="certificates.issued",
        params={"serial": certificate.serial},
        path=f"/{certificate.language}/certificate",
        dedupe_key=f"certificate-issued:{certificate.id}",
    )


def register() -> None:
    """Tell the holder on their own page."""
    subscribe(CertificateIssued, _on_issued)
