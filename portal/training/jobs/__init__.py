"""What the clock does for training; importing a module registers its jobs."""

from portal.training.jobs.confirmations import release_unconfirmed
from portal.training.jobs.feedback import ask_for_feedback
from portal.training.jobs.imports import forget_imports, run_imports
from portal.training.jobs.nightly import recompute_attendances
from portal.training.jobs.reminders import send_reminders
from portal.training.jobs.rooms import find_recordings, watch_rooms
from portal.training.jobs.sessions import run_sessions
from portal.training.jobs.waitlist import run_waitlists

__all__ = [
    "ask_for_feedback",
    "find_recordings",
    "forget_imports",
    "recompute_attendances",
    "release_unconfirmed",
    "run_imports",
    "run_sessions",
    "run_waitlists",
    "send_reminders",
    "watch_rooms",
]
