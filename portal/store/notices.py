"""What a merchant finds on their own page about the shop."""

from flask_babel import gettext as _

from portal.kernel.money import Money
from portal.notifications.contents import NoticeContent, Params, notice_kind
from portal.web.formats import money_text


@notice_kind("store.new_sale")
def new_sale(params: Params) -> NoticeContent:
    """Somebody has ordered."""
    amount = money_text(Money(params["total_minor"], params["currency"]))
    title = (
        _("Your first sale: %(amount)s", amount=amount)
        if params["is_first"]
        else _("New order: %(amount)s", amount=amount)
    )
    return NoticeContent("shopping-basket", "go", title, params["customer"])
