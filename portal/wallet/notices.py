"""What wallets say on a person's own page."""

from datetime import datetime

from flask_babel import gettext as _

from portal.kernel.money import Money
from portal.notifications.contents import NoticeContent, Params, notice_kind
from portal.web.formats import date_time, money_text


def _amount(params: Params) -> str:
    return money_text(Money(params["amount_minor"], params["currency"]))


@notice_kind("wallet.received")
def received(params: Params) -> NoticeContent:
    """Money has arrived."""
    title = _("%(name)s sent you %(amount)s", name=params["name"], amount=_amount(params))
    return NoticeContent("wallet", "go", title, params["note"])


@notice_kind("wallet.requested")
def requested(params: Params) -> NoticeContent:
    """Someone asks for money."""
    title = _("%(name)s asks for %(amount)s", name=params["name"], amount=_amount(params))
    return NoticeContent("hand-coins", "wait", title, params["note"])


@notice_kind("wallet.returned")
def returned(params: Params) -> NoticeContent:
    """Nobody came for the money."""
    title = _("%(amount)s are back in your wallet", amount=_amount(params))
    return NoticeContent("undo-2", "info", title, _("%(email)s did not join in time.", email=params["email"]))


@notice_kind("wallet.topped_up")
def topped_up(params: Params) -> NoticeContent:
    """A top-up has arrived."""
    return NoticeContent("plus", "go", _("%(amount)s added by card", amount=_amount(params)))


@notice_kind("wallet.pin_locked")
def pin_locked(params: Params) -> NoticeContent:
    """Five tries did not pass."""
    until = date_time(datetime.fromisoformat(params["until"]))
    return NoticeContent(
        "lock", "bad", _("Your PIN is locked until %(when)s", when=until), _("Five tries did not go through")
    )
