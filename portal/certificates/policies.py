"""Who may do what with certificates."""

from portal.certificates.models import Certificate, CertificateState, RevocationReason
from portal.web.access import Viewer

MOST_CORRECTIONS = 3


def may_revoke(user: Viewer) -> bool:
    """Organisers."""
    return user.is_authenticated and user.is_organiser


def bars_another(certificate: Certificate | None) -> bool:
    """Whether the last certificate was revoked because attendance was not genuine."""
    return (
        certificate is not None
        and certificate.state is CertificateState.REVOKED
        and certificate.revocation_reason is RevocationReason.ATTENDANCE
    )
