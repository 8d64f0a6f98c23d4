"""What training writes when a session failed through us."""

from datetime import datetime

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.training import content
from portal.web.formats import date_medium, time_short, zone_name


@mail_kind("training.technical")
def technical(params: Params) -> MailContent:
    """It was our fault: what happened, and the two ways to make the session count."""
    language = str(get_locale())[:2]
    lesson = content.lesson(params["number"])
    moment = datetime.fromisoformat(params["starts_at"])
    when = _(
        "%(day)s, %(time)s (time of %(city)s)",
        day=date_medium(moment, params["zone"]),
        time=time_short(moment, params["zone"]),
        city=zone_name(params["zone"]),
    )
    return MailContent(
        subject=_("It was our fault: %(title)s", title=f"{lesson.number}. {lesson.title(language)}"),
        heading=_("This session failed, and it was our fault"),
        paragraphs=[
            _("You lose nothing by it: your absence is not counted as one."),
            _("Two ways to make it count: the replay with four questions, or the same lesson on its next date."),
        ],
        action=Action(_("Choose what suits you"), f"/{language}/programme/{lesson.address}"),
        rows=[
            (_("Session"), f"{lesson.number}. {lesson.title(language)}"),
            (_("When"), str(when)),
            (_("What happened"), params["reason"]),
        ],
    )
