"""What certificates say on a person's own page."""

from flask_babel import gettext as _

from portal.notifications.contents import NoticeContent, Params, notice_kind


@notice_kind("certificates.issued")
def issued(params: Params) -> NoticeContent:
    """A certificate was issued to them."""
    return NoticeContent(
        "award",
        "go",
        _("Your certificate is issued"),
        _("No. %(serial)s. Your shop can open now.", serial=params["serial"]),
    )
