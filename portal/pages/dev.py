"""The sandbox's own pages: its mailbox, and every component of the design on one page."""

import email
import email.policy
from dataclasses import dataclass
from email.message import EmailMessage
from typing import cast

from flask import Response, render_template, request

from portal import config
from portal.kernel.errors import NotFoundError
from portal.notifications.models import SandboxMail
from portal.notifications.queries import sandbox_mail, sandbox_mails
from portal.pages.blueprint import plain_blueprint
from portal.pages.samples import samples
from portal.web.access import public
from portal.web.database import read_db


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail of the sandbox, taken apart for reading."""

    row: SandboxMail
    text: str
    attachments: list[str]


def _only_in_sandbox() -> None:
    if not config.current().sandbox:
        raise NotFoundError


def _parsed(mail_id: int) -> tuple[SandboxMail, EmailMessage]:
    _only_in_sandbox()
    row = sandbox_mail(read_db(), mail_id)
    if row is None:
        raise NotFoundError
    return row, email.message_from_string(row.source, policy=email.policy.default)


@plain_blueprint.get("/dev/mail")
@public
def mailbox() -> str:
    """Every mail that stayed here, newest first; `?to=` for one address."""
    _only_in_sandbox()
    mails = sandbox_mails(read_db(), recipient=request.args.get("to", ""))
    return render_template("dev/mailbox.html", mails=mails, to=request.args.get("to", ""))


@plain_blueprint.get("/dev/mail/<int:mail_id>")
@public
def mail(mail_id: int) -> str:
    """One mail: its text, its attachments, and how it looks."""
    row, message = _parsed(mail_id)
    body = message.get_body(("plain",))
    names = [part.get_filename() or "" for part in message.iter_attachments()]
    text = body.get_content() if body is not None else ""
    return render_template("dev/mail.html", mail=ReadMail(row, text, names))


@plain_blueprint.get("/dev/mail/<int:mail_id>/html")
@public
def mail_html(mail_id: int) -> Response:
    """The HTML part alone, as a mail program shows it: no script, nothing from outside."""
    _row, message = _parsed(mail_id)
    body = message.get_body(("html",))
    response = Response(body.get_content() if body is not None else "", mimetype="text/html")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    )
    return response


@plain_blueprint.get("/dev/mail/<int:mail_id>/attachments/<int:index>")
@public
def mail_attachment(mail_id: int, index: int) -> Response:
    """One attachment, as it was sent."""
    _row, message = _parsed(mail_id)
    parts = list(message.iter_attachments())
    if index >= len(parts):
        raise NotFoundError
    part = parts[index]
    payload = cast("bytes", part.get_payload(decode=True))
    response = Response(payload, mimetype=part.get_content_type())
    response.headers["Content-Disposition"] = f'attachment; filename="attachment-{index}"'
    return response


@plain_blueprint.get("/dev/components")
@public
def components() -> str:
    """Every component in every state."""
    _only_in_sandbox()
    return render_template("dev/components.html", **samples())
