"""Reminders of a session, in the reader's own language, on the clock of their own zone, which is always said."""

from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.kernel import clock
from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.training import content
from portal.training.mails.seats import give_back_action
from portal.web.formats import date_medium, time_short, upper_first, zone_name


def _reminder(params: Params, subject: str, heading: str) -> MailContent:
    language = str(get_locale())[:2]
    words = content.lesson(params["number"]).words[language]
    moment, zone = datetime.fromisoformat(params["starts_at"]), params["time_zone"]
    when = _(
        "%(day)s, %(time)s (time of %(city)s)",
        day=date_medium(moment, zone),
        time=time_short(moment, zone),
        city=zone_name(zone),
    )
    return MailContent(
        subject=subject,
        heading=heading,
        paragraphs=[f"{params['number']}. {words.title}", words.summary],
        action=Action(_("Join the room"), f"/{language}/sessions/{params['session_id']}"),
        second=give_back_action(params),
        rows=[(_("When"), upper_first(when)), (_("Cohort"), params["cohort"])],
        note=_("The room opens ten minutes before. You cannot come? The same lesson comes round again."),
    )


@mail_kind("training.tomorrow")
def tomorrow(params: Params) -> MailContent:
    """A day before; the worker may have been late, and where the reader is it may be another day already."""
    moment, zone = datetime.fromisoformat(params["starts_at"]), ZoneInfo(params["time_zone"])
    time = time_short(moment, params["time_zone"])
    if moment.astimezone(zone).date() == clock.now().astimezone(zone).date():
        return _reminder(params, _("Today at %(time)s: your session", time=time), _("Your session is today"))
    return _reminder(params, _("Tomorrow at %(time)s: your session", time=time), _("Your session is tomorrow"))


@mail_kind("training.soon")
def soon(params: Params) -> MailContent:
    """Ten minutes before."""
    return _reminder(params, _("In ten minutes: your session"), _("The room is open"))
