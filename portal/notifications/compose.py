"""From an outbox row to a message: written in the recipient's language, styled inline, with a text part."""

import base64
from email.message import EmailMessage
from functools import cache

import css_inline
from flask import current_app
from flask_babel import force_locale, get_locale

from portal import config
from portal.notifications.contents import MailContent, write_mail
from portal.notifications.models import OutboxMail
from portal.web.languages import LOCALES

_RIGHT_TO_LEFT = frozenset({"ar"})
# The methods of calendars that mail programs act on by themselves (iMIP, RFC 6047).
_INVITATIONS = frozenset({"REQUEST", "CANCEL"})


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(keep_style_tags=True, load_remote_stylesheets=False)


def _render(template: str, content: MailContent) -> str:
    language = str(get_locale())[:2]
    return current_app.jinja_env.get_template(template).render(
        content=content,
        base_url=config.current().base_url,
        language=language,
        direction="rtl" if language in _RIGHT_TO_LEFT else "ltr",
        sandbox=config.current().sandbox,
    )


def compose(row: OutboxMail) -> EmailMessage:
    """The message an outbox row stands for; needs an application context. KeyError for an unknown kind."""
    # As the pages write it: Latin digits and the months' names of the Maghreb in Arabic.
    with force_locale(LOCALES[row.language]):
        content = write_mail(row.kind, {**row.params, "time_zone": row.time_zone, "name": row.name})
        text = _render("mail/mail.txt", content)
        html = _inliner().inline(_render("mail/mail.html", content))
    message = EmailMessage()
    message["From"] = config.current().mail_from
    message["To"] = row.email
    message["Subject"] = content.subject
    message["Message-ID"] = row.message_id
    message["Date"] = row.created_at
    message["Content-Language"] = row.language
    message["Auto-Submitted"] = "auto-generated"
    for name, value in row.headers.items():
        message[name] = value
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    for attachment in row.attachments:
        if attachment["method"] in _INVITATIONS:
            # Mail programs look for an invitation beside the text, people for a file under it: both are there.
            invitation = base64.b64decode(attachment["content"]).decode()
            message.add_alternative(invitation, subtype="calendar", params={"method": attachment["method"]})
    for attachment in row.attachments:
        maintype, _, subtype = attachment["content_type"].partition("/")
        message.add_attachment(
            base64.b64decode(attachment["content"]),
            maintype=maintype,
            subtype=subtype,
            filename=attachment["file_name"],
            params={"method": attachment["method"]} if attachment["method"] else {},
        )
    return message
