"""The words of the forum's mails."""

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.forum.addresses import question_path
from portal.notifications.contents import Action, MailContent, Params, mail_kind


def _path(params: Params) -> str:
    locale = get_locale()
    language = locale.language if locale else "fr"
    return question_path(language, params["question_id"], params["slug"])


@mail_kind("forum.answered")
def answered(params: Params) -> MailContent:
    """Somebody has answered your question."""
    if params["by_expert"]:
        opening = _("%(name)s, an expert, has answered your question.", name=params["author"])
    else:
        opening = _("%(name)s has answered your question.", name=params["author"])
    return MailContent(
        subject=_("Answered: %(title)s", title=params["title"]),
        heading=params["title"],
        paragraphs=[opening, params["excerpt"]],
        action=Action(_("Read the answer"), _path(params)),
        note=_("If it solves your problem, accept it: the next shop owner finds it faster."),
    )


@mail_kind("forum.clarification")
def clarification(params: Params) -> MailContent:
    """An expert needs to know more."""
    return MailContent(
        subject=_("One thing to know first: %(title)s", title=params["title"]),
        heading=params["title"],
        paragraphs=[_("To answer you well, the expert needs one more detail."), params["excerpt"]],
        action=Action(_("Reply"), _path(params)),
        note=_("Your question keeps its place; the answer’s due time waits for you."),
    )


@mail_kind("forum.hidden")
def hidden(params: Params) -> MailContent:
    """Your question is no longer shown."""
    return MailContent(
        subject=_("Your question is no longer shown: %(title)s", title=params["title"]),
        heading=params["title"],
        paragraphs=[_("An expert has hidden your question. Here is why:"), params["reason"]],
        action=Action(_("See my question"), _path(params)),
        note=_("You can ask again in other words."),
    )
