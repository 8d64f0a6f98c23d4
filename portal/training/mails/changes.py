"""What training writes when a public session is moved, cancelled, led by somebody else, or held elsewhere."""

from flask_babel import gettext as _

from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.training import content, links
from portal.training.links import SEAT
from portal.training.mails.seats import give_back_action, language_here, title_of, when


def _more_rows(params: Params) -> list[tuple[str, str]]:
    """What else is new: who leads it, where it is."""
    rows = []
    if params.get("expert"):
        rows.append((_("Led by"), params["expert"]))
    if params.get("room_changed"):
        rows.append((_("Room"), _("A new one: the link below leads to it.")))
    return rows


def _see(params: Params) -> Action:
    return Action(_("See the session"), f"/{language_here()}/sessions/{params['session_id']}")


@mail_kind("training.moved")
def moved(params: Params) -> MailContent:
    """A new time, beside the old one; when there is time to answer, a yes or a no is asked for."""
    asked = params.get("answer_by")
    action, paragraphs = _see(params), [_("Your seat moves with it. The attached calendar changes the date in yours.")]
    if asked:
        action = Action(
            _("Yes, I will be there"), f"/{language_here()}/seats/confirm/{links.sign(SEAT, params['seat_id'])}"
        )
        paragraphs = [
            _("Does the new time suit you? Please say so before %(when)s.", when=when(params, "answer_by")),
            _("Without an answer your seat goes to somebody who waits. Nothing is held against you."),
            _("The attached calendar changes the date in yours."),
        ]
    return MailContent(
        subject=_("New time: %(title)s", title=title_of(params["number"])),
        heading=_("Your session has moved"),
        paragraphs=paragraphs,
        action=action,
        second=give_back_action(params),
        rows=[
            (_("Session"), title_of(params["number"])),
            (_("Before"), when(params, "before")),
            (_("Now"), when(params)),
            (_("Cohort"), params["cohort"]),
            *_more_rows(params),
        ],
        note=_("The new time does not suit you? The same lesson comes round again."),
    )


@mail_kind("training.cancelled")
def cancelled(params: Params) -> MailContent:
    """Cancelled; the attached calendar takes the date out."""
    lesson = content.lesson(params["number"])
    return MailContent(
        subject=_("Cancelled: %(title)s", title=title_of(params["number"])),
        heading=_("Your session is cancelled"),
        paragraphs=[
            _("We are sorry. The attached calendar removes the date from yours."),
            _("The same lesson comes round again: choose another date, or read it once it has been held."),
        ],
        action=Action(_("See the next dates"), f"/{language_here()}/programme/{lesson.address}"),
        rows=[
            (_("Session"), title_of(params["number"])),
            (_("When"), when(params, "before")),
            (_("Cohort"), params["cohort"]),
        ],
    )


@mail_kind("training.changed")
def changed(params: Params) -> MailContent:
    """The same time, but another room or another expert."""
    elsewhere = params.get("room_changed")
    return MailContent(
        subject=_("Changed: %(title)s", title=title_of(params["number"])),
        heading=_("Your session has a new room") if elsewhere else _("Somebody else leads your session"),
        paragraphs=[_("Its date and time stay the same, and so does your seat.")],
        action=_see(params),
        rows=[
            (_("Session"), title_of(params["number"])),
            (_("When"), when(params)),
            (_("Cohort"), params["cohort"]),
            *_more_rows(params),
        ],
    )


@mail_kind("training.leads")
def leads(params: Params) -> MailContent:
    """To whoever leads a session, or led it until now."""
    what = params["what"]
    heading = {
        "given": _("You lead this session now"),
        "taken": _("Somebody else leads this session"),
        "moved": _("A session you lead has moved"),
        "cancelled": _("A session you lead is cancelled"),
        "room": _("A session you lead has a new room"),
    }[what]
    rows = [(_("Session"), title_of(params["number"]))]
    if what in {"given", "moved"} and params["before"] != params["starts_at"]:
        rows.append((_("Before"), when(params, "before")))
        rows.append((_("Now"), when(params)))
    else:
        rows.append((_("When"), when(params, "before" if what in {"taken", "cancelled"} else "starts_at")))
    return MailContent(
        subject=f"{heading}: {title_of(params['number'])}",
        heading=heading,
        paragraphs=[_("Your own calendar of Comptoir, if you subscribe to it, follows by itself.")],
        action=Action(_("My sessions"), f"/{language_here()}/expert/availability"),
        rows=[*rows, (_("Cohort"), params["cohort"])],
    )
