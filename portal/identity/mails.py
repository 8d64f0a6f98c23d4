"""What identity writes to people."""

from flask_babel import gettext as _

from portal.notifications.contents import Action, MailContent, Params, mail_kind


@mail_kind("identity.sign_in")
def sign_in(params: Params) -> MailContent:
    """The way in: a link that opens a page with a button, and a code to type."""
    return MailContent(
        subject=_("Your way in to Comptoir: %(code)s", code=params["code"]),
        heading=_("Welcome. Come in."),
        paragraphs=[_("Open the link and press its button, or type this code on the page where you asked for it.")],
        code=params["code"],
        action=Action(_("Come in"), f"/{params['language']}/sign-in/link/{params['token']}"),
        note=_("Good for 15 minutes, once. You did not ask for it? Then do nothing: nobody comes in without it."),
    )
