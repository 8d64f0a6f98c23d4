"""What the worker does for payments."""

from portal.kernel.jobs import job
from portal.payments import flows
from portal.payments.services import EVENTS_JOB


@job(EVENTS_JOB, every_minutes=1)
def handle_events() -> None:
    """Apply the provider's events; woken by each one, and every minute for those that wait."""
    flows.handle_events()


@job("payments.sweep", every_minutes=10)
def sweep() -> None:
    """Ask the provider about what its events may have missed, day and night."""
    flows.sweep()
