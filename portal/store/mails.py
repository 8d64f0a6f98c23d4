"""What shops write: to their shoppers, to their merchants, to their followers."""

from flask_babel import get_locale
from flask_babel import gettext as _

from portal import config
from portal.kernel.money import Money
from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.web.formats import money_text


def _money(params: Params, name: str) -> str:
    return money_text(Money(params[name], params["currency"]))


def _order(params: Params) -> Action:
    return Action(_("See my order"), f"/o/{params['token']}")


def _language() -> str:
    locale = get_locale()
    return str(locale.language) if locale else "fr"


def _lines(params: Params) -> list[tuple[str, str]]:
    currency = params["currency"]
    rows = [(f"{name} × {quantity}", money_text(Money(total, currency))) for name, quantity, total in params["lines"]]
    if params["delivery_minor"]:
        rows.append((_("Delivery"), _money(params, "delivery_minor")))
    return [*rows, (_("Total paid"), _money(params, "total_minor"))]


@mail_kind("store.order_paid")
def order_paid(params: Params) -> MailContent:
    """The shopper's receipt."""
    return MailContent(
        subject=_("Your order %(number)s at %(shop)s", number=params["number"], shop=params["shop"]),
        heading=_("Thank you, it is ordered"),
        paragraphs=[_("%(shop)s is preparing your order. You get a mail when it is ready.", shop=params["shop"])],
        action=_order(params),
        rows=_lines(params),
        note=_("You have 14 days from receiving your order to change your mind. The order's page says how."),
    )


@mail_kind("store.new_sale")
def new_sale(params: Params) -> MailContent:
    """The merchant sold something; the first time is special."""
    first = params["is_first"]
    amount = _money(params, "total_minor")
    return MailContent(
        subject=_("Your first sale: %(amount)s", amount=amount) if first else _("New order: %(amount)s", amount=amount),
        heading=_("Your first sale!") if first else _("A new order"),
        paragraphs=[
            _(
                "%(name)s has ordered and paid. Prepare it, then say that it is ready: they are told.",
                name=params["customer"],
            )
        ],
        action=Action(_("See the order"), f"/{_language()}/shop/orders/{params['number']}"),
        rows=[*_lines(params), (_("Comptoir fees"), f"−{_money(params, 'fee_minor')}")],
    )


@mail_kind("store.order_ready")
def order_ready(params: Params) -> MailContent:
    """Ready to collect, or on its way."""
    if params["fulfilment"] == "pickup":
        return MailContent(
            subject=_("Your order is ready at %(shop)s", shop=params["shop"]),
            heading=_("It is ready"),
            paragraphs=[_("You can collect it at %(address)s.", address=params["address"])],
            action=_order(params),
        )
    return MailContent(
        subject=_("Your order from %(shop)s is on its way", shop=params["shop"]),
        heading=_("It is on its way"),
        paragraphs=[_("%(shop)s has sent your order off.", shop=params["shop"])],
        action=_order(params),
    )


@mail_kind("store.order_handed_over")
def order_handed_over(params: Params) -> MailContent:
    """The end of an order, with the rights that begin now."""
    return MailContent(
        subject=_("Your order from %(shop)s is with you", shop=params["shop"]),
        heading=_("Enjoy it"),
        paragraphs=[_("Your 14 days to change your mind begin today. The order's page says how.")],
        action=_order(params),
    )


_WHY = {
    "out_of_stock": lambda: _("Somebody was faster: what you paid for is sold out."),
    "cancelled": lambda: _("Your payment came after the order was cancelled."),
    "paid_twice": lambda: _("The same order was paid twice. Your order itself is not changed."),
    "wrong_amount": lambda: _("Your order had changed before you paid, and the amount was no longer right."),
}


@mail_kind("store.money_back")
def money_back(params: Params) -> MailContent:
    """A payment that could not become an order goes back, whole."""
    return MailContent(
        subject=_("%(amount)s go back to you", amount=_money(params, "amount_minor")),
        heading=_("Your money goes back to you"),
        paragraphs=[
            _WHY[params["reason"]](),
            _("The whole amount goes back to your card by itself. There is nothing to do."),
        ],
        action=_order(params),
    )


@mail_kind("store.sale_lost")
def sale_lost(params: Params) -> MailContent:
    """The merchant hears of a payment that was given back."""
    return MailContent(
        subject=_("A payment was given back: %(amount)s", amount=_money(params, "amount_minor")),
        heading=_("An order could not be kept"),
        paragraphs=[
            _(
                "%(name)s paid when the items were gone or the order was cancelled. They are refunded in full and have "
                "been told. Nothing was taken from you.",
                name=params["customer"],
            )
        ],
        action=Action(_("Look at my stock"), f"/{_language()}/shop/products"),
    )


@mail_kind("store.refunded")
def refunded(params: Params) -> MailContent:
    """The shop gave money back."""
    amount = _money(params, "amount_minor")
    return MailContent(
        subject=_("%(shop)s gave you back %(amount)s", shop=params["shop"], amount=amount),
        heading=_("%(amount)s are on their way back", amount=amount),
        paragraphs=[_("They go back to where they came from. A bank takes up to ten days to show it.")],
        action=_order(params),
    )


@mail_kind("store.confirm_following")
def confirm_following(params: Params) -> MailContent:
    """Is it really you who wants to be told?"""
    return MailContent(
        subject=_("Follow %(shop)s?", shop=params["shop"]),
        heading=_("One press, and it is done"),
        paragraphs=[_("You are then told when %(shop)s opens, once a day at most.", shop=params["shop"])],
        action=Action(_("Yes, tell me"), f"/b/follow/{params['token']}"),
        note=_("It was not you? Then do nothing: nothing more will be sent."),
    )


@mail_kind("store.open_now")
def open_now(params: Params) -> MailContent:
    """The shop has just opened."""
    return MailContent(
        subject=_("%(shop)s is open", shop=params["shop"]),
        heading=_("%(shop)s is open", shop=params["shop"]),
        paragraphs=[_("Come and see what is on the shelf.")],
        action=Action(_("See the shelf"), f"/b/{params['slug']}"),
        note=_("To stop: %(link)s", link=f"{config.current().base_url}/b/follow/{params['token']}"),
    )
