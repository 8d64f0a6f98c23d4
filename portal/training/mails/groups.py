"""What an organiser writes to a group, and what people hear who were put in line by one."""

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.notifications.contents import Action, MailContent, Params, mail_kind


def _cohort_path(params: Params) -> str:
    return f"/{str(get_locale())[:2]}/cohorts/{params['cohort_id']}"


@mail_kind("training.group")
def group_message(params: Params) -> MailContent:
    """An organiser's own words, a paragraph for each line, and why they came."""
    if params["waiting"]:
        note = _(
            "%(writer)s, who organises, wrote this to everyone in line for “%(cohort)s”.",
            writer=params["writer"],
            cohort=params["cohort"],
        )
    else:
        note = _(
            "%(writer)s, who organises, wrote this to people of “%(cohort)s”.",
            writer=params["writer"],
            cohort=params["cohort"],
        )
    return MailContent(
        subject=params["subject"],
        heading=params["subject"],
        paragraphs=[line.strip() for line in params["text"].splitlines() if line.strip()],
        action=Action(_("See the cohort"), _cohort_path(params)),
        note=note,
        own_direction=True,
    )


@mail_kind("training.put_in_line")
def put_in_line(params: Params) -> MailContent:
    """An organiser enrolled them, but the cohort is full."""
    return MailContent(
        subject=_("You are in line: %(cohort)s", cohort=params["cohort"]),
        heading=_("You are in line for a seat"),
        paragraphs=[
            _("An organiser put your name down for “%(cohort)s”, which is full now.", cohort=params["cohort"]),
            _("As soon as a seat is free, it is offered to you by e-mail. There is nothing to do until then."),
        ],
        action=Action(_("See the cohort"), _cohort_path(params)),
        note=_("You do not know why? Ignore this e-mail: without you, nothing happens."),
    )
