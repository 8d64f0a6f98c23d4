"""What training writes to people; importing a module registers its kinds of mail."""

from portal.training.mails import sessions  # noqa: F401 (its kinds of mail)
