"""What certificates tell, in their own transaction."""

from dataclasses import dataclass

from portal.kernel.events import Event


@dataclass(frozen=True, slots=True)
class CertificateIssued(Event):
    """A certificate exists, for good; its PDF is made next. Also for one that replaces another."""

    certificate_id: int
    user_id: int
