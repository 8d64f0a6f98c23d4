"""What certificates write to people."""

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.certificates.sheet import grouped, verify_url
from portal.notifications.contents import Action, MailContent, Params, mail_kind


def _path(rest: str) -> str:
    """A page in the reader's language."""
    locale = get_locale()
    return f"/{locale.language if locale else 'fr'}{rest}"


@mail_kind("certificates.ready")
def ready(params: Params) -> MailContent:
    """The signed PDF can be downloaded."""
    return MailContent(
        subject=_("Your certificate is ready"),
        heading=_("Well done, %(name)s", name=params["name"]),
        paragraphs=[
            _("Your certificate is signed and ready to download, print and share."),
            _("Next: your shop. One photo, one name, one price."),
        ],
        action=Action(_("Download my certificate"), _path("/certificate")),
        rows=[
            (_("Certificate"), params["serial"]),
            (_("Verification code"), grouped(params["code"])),
            (_("Anybody can verify it at"), verify_url(params["code"])),
        ],
    )
