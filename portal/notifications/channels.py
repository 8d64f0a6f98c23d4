"""How a message leaves: by SMTP where it is configured, into the sandbox's mailbox otherwise."""

import smtplib
import ssl
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import unquote, urlsplit

from portal import config
from portal.kernel.db import conflict_insert, transaction
from portal.notifications.models import SandboxMail

_TIMEOUT_SECONDS = 20


class Channel(Protocol):
    """Delivers one message; raises OSError (smtplib's errors are) when it cannot."""

    def deliver(self, message: EmailMessage) -> None:
        """Hand the message over."""


class SmtpChannel:
    """`smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`."""

    def __init__(self, url: str) -> None:
        """Read the address; nothing is opened yet."""
        self._parts = urlsplit(url)

    def deliver(self, message: EmailMessage) -> None:
        """Send the message over a connection of its own."""
        host = self._parts.hostname or "localhost"
        tls = ssl.create_default_context()
        if self._parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, self._parts.port or 465, timeout=_TIMEOUT_SECONDS, context=tls
            )
        else:
            server = smtplib.SMTP(host, self._parts.port or 587, timeout=_TIMEOUT_SECONDS)
        with server:
            if self._parts.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=tls)
            if self._parts.username:
                server.login(unquote(self._parts.username), unquote(self._parts.password or ""))
            server.send_message(message)


class SandboxChannel:
    """Keeps the message where /dev/mail shows it; the same message id arrives once."""

    def deliver(self, message: EmailMessage) -> None:
        """Store the whole message."""
        values = {
            "message_id": message["Message-ID"],
            "recipient": message["To"],
            "subject": message["Subject"][:300],
            "source": message.as_string(),
        }
        with transaction() as db:
            insert = conflict_insert(db, SandboxMail).values(values)
            db.execute(insert.on_conflict_do_nothing(index_elements=["message_id"]))


def channel() -> Channel:
    """The channel of this installation."""
    url = config.current().smtp_url
    return SmtpChannel(url) if url else SandboxChannel()
