"""What training writes about places and seats, with links that act without signing in.

Times are on the clock of the reader's own zone, and the zone is always said.
"""

from datetime import datetime

from flask_babel import get_locale, ngettext
from flask_babel import gettext as _

from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.training import content, links
from portal.training.links import ENROLMENT, OFFER, SEAT
from portal.training.planning import weekdays_of
from portal.training.views.words import weekday_list
from portal.web.formats import date_medium, time_short, upper_first, zone_name


def language_here() -> str:
    """The two letters of the language this mail is written in."""
    return str(get_locale())[:2]


def moment_of(params: Params, key: str) -> str:
    """A moment of the mail inside a sentence: day, time and zone."""
    moment, zone = datetime.fromisoformat(params[key]), params["time_zone"]
    return str(
        _(
            "%(day)s, %(time)s (time of %(city)s)",
            day=date_medium(moment, zone),
            time=time_short(moment, zone),
            city=zone_name(zone),
        )
    )


def when(params: Params, key: str = "starts_at") -> str:
    """The same on a line of its own."""
    return upper_first(moment_of(params, key))


def title_of(number: int) -> str:
    """`4. Être trouvé`."""
    return f"{number}. {content.lesson(number).title(language_here())}"


def _path(path: str, purpose: str, row_id: int) -> str:
    return f"/{language_here()}/{path}/{links.sign(purpose, row_id)}"


def give_back_action(params: Params) -> Action | None:
    """The link to give one seat back; mails that left before it existed have no seat in their params."""
    if not params.get("seat_id"):
        return None
    return Action(_("I cannot come: give my seat back"), _path("seats/give-back", SEAT, params["seat_id"]))


def _decline(params: Params) -> Action:
    return Action(_("No, thank you: give it to the next person"), _path("offers/decline", OFFER, params["offer_id"]))


def _rhythm(params: Params) -> str:
    return str(
        _(
            "%(days)s, %(time)s (time of %(city)s)",
            days=weekday_list(sorted(weekdays_of(params["weekdays"]))),
            time=params["time"],
            city=zone_name(params["zone"]),
        )
    )


@mail_kind("training.enrolled")
def enrolled(params: Params) -> MailContent:
    """The confirmation, with every date in the attached calendar; also of a place given to the first in line."""
    given = bool(params.get("offer_id"))
    second = _decline(params) if given else None
    if second is None and params.get("enrolment_id"):
        second = Action(_("Give my seats back"), _path("cohorts/leave", ENROLMENT, params["enrolment_id"]))
    paragraphs = [
        ngettext(
            "You have a seat in %(num)d session. Its date is in the attached calendar.",
            "You have a seat in %(num)d sessions. Their dates are in the attached calendar.",
            params["sessions"],
        ),
        _("The room opens ten minutes before each session. Thirty minutes, and it is over."),
    ]
    if given:
        paragraphs.insert(0, _("You were first in line, and the next session begins soon: the place is yours at once."))
    return MailContent(
        subject=_("Your seats are booked: %(cohort)s", cohort=params["cohort"]),
        heading=_("A place came free: it is yours") if given else _("It is done. See you soon."),
        paragraphs=paragraphs,
        action=Action(_("See the dates"), f"/{language_here()}/cohorts/{params['cohort_id']}"),
        second=second,
        rows=[
            (_("First session"), title_of(params["next_number"])),
            (_("When"), when(params, "next_starts_at")),
            (_("Then"), _rhythm(params)),
        ],
        note=_("Something came up? Give your seats back, and somebody in line has them at once."),
    )


@mail_kind("training.left")
def left(params: Params) -> MailContent:
    """Leaving, confirmed; the attached calendar takes the dates out again."""
    return MailContent(
        subject=_("Your seats are free again: %(cohort)s", cohort=params["cohort"]),
        heading=_("Your seats are free again"),
        paragraphs=[
            _("You will get no more reminders. The attached calendar removes the dates from yours."),
            _("What you have attended still counts. Join another cohort whenever you like."),
        ],
        action=Action(_("See the cohorts"), f"/{language_here()}/programme"),
    )


@mail_kind("training.seat_booked")
def seat_booked(params: Params) -> MailContent:
    """One seat in one session, asked for or given to the first in line."""
    given = bool(params.get("offer_id"))
    lesson = content.lesson(params["number"])
    return MailContent(
        subject=_("Your seat is booked: %(title)s", title=title_of(params["number"])),
        heading=_("A seat came free: it is yours") if given else _("Your seat is booked"),
        paragraphs=[
            *([_("You were first in line, and the session begins soon: the seat is yours at once.")] if given else []),
            lesson.words[language_here()].summary,
            _("The date is in the attached calendar. The room opens ten minutes before."),
        ],
        action=Action(_("See the session"), f"/{language_here()}/sessions/{params['session_id']}"),
        second=_decline(params) if given else give_back_action(params),
        rows=[
            (_("Session"), title_of(params["number"])),
            (_("When"), when(params)),
            (_("Cohort"), params["cohort"]),
        ],
    )


def _gone(params: Params, subject: str, heading: str, first: str) -> MailContent:
    lesson = content.lesson(params["number"])
    return MailContent(
        subject=subject,
        heading=heading,
        paragraphs=[first, _("The attached calendar removes the date from yours, and no reminder will come.")],
        action=Action(_("See the next dates"), f"/{language_here()}/programme/{lesson.address}"),
        rows=[
            (_("Session"), title_of(params["number"])),
            (_("When"), when(params)),
            (_("Cohort"), params["cohort"]),
        ],
        note=_("The same lesson comes round again: one tap books its next date."),
    )


@mail_kind("training.seat_released")
def seat_released(params: Params) -> MailContent:
    """A seat given back, confirmed."""
    return _gone(
        params,
        _("Your seat is free again: %(title)s", title=title_of(params["number"])),
        _("Your seat is free again"),
        _("Thank you for saying so: somebody else can have it."),
    )


@mail_kind("training.seat_lapsed")
def seat_lapsed(params: Params) -> MailContent:
    """A moved session that was not confirmed in time."""
    return _gone(
        params,
        _("Your seat has been freed: %(title)s", title=title_of(params["number"])),
        _("Your seat has been freed"),
        _("The session had moved, and you had not confirmed the new time. Nothing is held against you."),
    )


@mail_kind("training.seat_offered")
def seat_offered(params: Params) -> MailContent:
    """A place in a cohort, or a seat in one session, held until a moment that is said first."""
    whole = params["whole_cohort"]
    return MailContent(
        subject=_("A place is free: %(cohort)s", cohort=params["cohort"])
        if whole
        else _("A seat is free: %(title)s", title=title_of(params["number"])),
        heading=_("A place is held for you") if whole else _("A seat is held for you"),
        paragraphs=[
            _("You are first in line. Until %(when)s it is yours alone.", when=moment_of(params, "expires_at")),
            _("After that it goes to the next person, and you go to the end of the line, once."),
        ],
        action=Action(_("I take it"), _path("offers", OFFER, params["offer_id"])),
        second=_decline(params),
        rows=[
            (_("Cohort"), params["cohort"]),
            (_("Next session") if whole else _("Session"), title_of(params["number"])),
            (_("When"), when(params)),
        ],
        note=_("You need not sign in: the button opens a page that asks once, and that is all."),
    )


@mail_kind("training.offer_expired")
def offer_expired(params: Params) -> MailContent:
    """An offer nobody answered: the first time the wait goes on, the second time it ends."""
    over, whole = params["over"], params["whole_cohort"]
    lesson = content.lesson(params["number"])
    path = f"cohorts/{params['cohort_id']}" if whole else f"programme/{lesson.address}"
    name = params["cohort"] if whole else title_of(params["number"])
    return MailContent(
        subject=_("The seat went to the next person: %(name)s", name=name),
        heading=_("You are no longer in line") if over else _("You are still in line"),
        paragraphs=[
            _("A seat was held for you, and its time has passed."),
            _("It was the second one, so your wait has ended. You can join the line again at any time.")
            if over
            else _("You are at the end of the line now. We will write to you once more when it is your turn."),
        ],
        action=Action(_("Join the line again") if over else _("See my place in line"), f"/{language_here()}/{path}"),
    )


@mail_kind("training.line_closed")
def line_closed(params: Params) -> MailContent:
    """No seat came free in time, or what was waited for will not be."""
    lesson, whole = content.lesson(params["number"]), params["whole_cohort"]
    return MailContent(
        subject=_("No seat came free: %(name)s", name=params["cohort"] if whole else title_of(params["number"])),
        heading=_("No seat came free this time"),
        paragraphs=[
            _("This line has ended, and you need do nothing."),
            _("Every lesson comes round again: choose another date."),
        ],
        action=Action(
            _("See the cohorts") if whole else _("See the next dates"),
            f"/{language_here()}/programme" + ("" if whole else f"/{lesson.address}"),
        ),
    )
