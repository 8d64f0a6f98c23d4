"""What training writes to people; importing a module registers its kinds of mail."""

from portal.training.mails import changes, feedback, groups, reminders, rooms, seats, sessions  # noqa: F401 (their kinds of mail)
