"""What the worker does for certificates."""

from portal.certificates.flows import render_due
from portal.certificates.services import RENDER_JOB
from portal.kernel.jobs import job


@job(RENDER_JOB, every_minutes=1)
def render_certificates() -> int:
    """Make the signed PDFs that wait; woken at once when a certificate is issued."""
    return render_due()
