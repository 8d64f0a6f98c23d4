"""What training writes to people. Times are in the cohort's own zone, and the zone is always said."""

from datetime import date

from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.training.planning import weekdays_of
from portal.training.views.words import weekday_list
from portal.web.formats import date_long, zone_name


def _language() -> str:
    """The two letters of the language this mail is written in."""
    return str(get_locale())[:2]


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
