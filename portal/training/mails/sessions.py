"""What training writes to people. Times are in the cohort's own zone, and the zone is always said."""

from datetime import date, datetime

from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.training import content
from portal.training.planning import weekdays_of
from portal.training.views.words import weekday_list
from portal.web.formats import date_long, date_medium, time_short, zone_name


def _language() -> str:
    """The two letters of the language this mail is written in."""
    return str(get_locale())[:2]


def _when(params: Params, key: str) -> str:
    moment = datetime.fromisoformat(params[key])
    return str(
        _(
            "%(day)s, %(time)s (time of %(city)s)",
            day=date_medium(moment, params["zone"]),
            time=time_short(moment, params["zone"]),
            city=zone_name(params["zone"]),
        )
    )


def _rhythm(params: Params) -> str:
    return str(
        _(
            "%(days)s, %(time)s (time of %(city)s)",
            days=weekday_list(sorted(weekdays_of(params["weekdays"]))),
            time=params["time"],
            city=zone_name(params["zone"]),
        )
    )


@mail_kind("training.released")
def released(params: Params) -> MailContent:
    """A new cohort, for whoever waits for one."""
    language = _language()
    return MailContent(
        subject=_("A new cohort opens: %(cohort)s", cohort=params["cohort"]),
        heading=_("There is room for you"),
        paragraphs=[
            _("You were in line for a cohort that was full. This one is new, and its seats are free."),
            ngettext("It has %(num)d seat.", "It has %(num)d seats.", params["capacity"]),
        ],
        action=Action(_("I take part"), f"/{language}/cohorts/{params['cohort_id']}"),
        rows=[
            (_("Begins"), date_long(date.fromisoformat(params["first_on"]))),
            (_("When"), _rhythm(params)),
        ],
    )


def _title(params: Params, language: str) -> str:
    return f"{params['number']}. {content.lesson(params['number']).title(language)}"


@mail_kind("training.moved")
def moved(params: Params) -> MailContent:
    """A new time, beside the old one; the attached calendar moves the date."""
    language = _language()
    return MailContent(
        subject=_("New time: %(title)s", title=_title(params, language)),
        heading=_("Your session has moved"),
        paragraphs=[_("Your seat moves with it. The attached calendar changes the date in yours.")],
        action=Action(_("See the session"), f"/{language}/sessions/{params['session_id']}"),
        rows=[
            (_("Session"), _title(params, language)),
            (_("Before"), _when(params, "before")),
            (_("Now"), _when(params, "starts_at")),
            (_("Cohort"), params["cohort"]),
        ],
        note=_("The new time does not suit you? The same lesson comes round again."),
    )


@mail_kind("training.cancelled")
def cancelled(params: Params) -> MailContent:
    """Cancelled; the attached calendar takes the date out."""
    language = _language()
    lesson = content.lesson(params["number"])
    return MailContent(
        subject=_("Cancelled: %(title)s", title=_title(params, language)),
        heading=_("Your session is cancelled"),
        paragraphs=[
            _("We are sorry. The attached calendar removes the date from yours."),
            _("The same lesson comes round again: choose another date, or read it once it has been held."),
        ],
        action=Action(_("See the next dates"), f"/{language}/programme/{lesson.address}"),
        rows=[
            (_("Session"), _title(params, language)),
            (_("When"), _when(params, "before")),
            (_("Cohort"), params["cohort"]),
        ],
    )
