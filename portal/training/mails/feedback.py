"""After a session: what it asks to be done in the shop, and how it was."""

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.training import content, links
from portal.training.services.feedback import LINK


@mail_kind("training.feedback")
def feedback(params: Params) -> MailContent:
    """To those who were there; the link asks with one tap and needs no sign-in."""
    language = str(get_locale())[:2]
    lesson = content.lesson(params["number"])
    title = lesson.title(language)
    return MailContent(
        subject=_("How was it? Lesson %(number)s: %(title)s", number=params["number"], title=title),
        heading=_("How was your session?"),
        paragraphs=[
            _("Lesson %(number)s counts for your certificate.", number=params["number"])
            if params["counts"]
            else _("Thank you for coming. Four questions on the lesson's page can still make it count."),
            _("One tap tells us how it was, and makes the next one better."),
        ],
        action=Action(_("Say how it was"), f"/{language}/feedback/{links.sign(LINK, params['attendance_id'])}"),
        second=Action(_("Read the lesson again"), f"/{language}/programme/{lesson.address}"),
        rows=[(_("To do in your shop"), lesson.words[language].task)],
    )
