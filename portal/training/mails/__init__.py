"""What training writes to people; importing a module registers its kinds of mail."""

from portal.training.mails import feedback, reminders, sessions  # noqa: F401 (their kinds of mail)
