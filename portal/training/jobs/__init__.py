"""What the clock does for training; importing a module registers its jobs."""

from portal.training.jobs.feedback import ask_for_feedback
from portal.training.jobs.reminders import send_reminders
from portal.training.jobs.sessions import run_sessions
from portal.training.jobs.waitlist import run_waitlists

__all__ = ["ask_for_feedback", "run_sessions", "run_waitlists", "send_reminders"]
