"""What the clock does for training; importing a module registers its jobs."""

from portal.training.jobs.sessions import run_sessions, send_reminders

__all__ = ["run_sessions", "send_reminders"]
