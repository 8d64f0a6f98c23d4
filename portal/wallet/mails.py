"""What wallets write to people."""

from datetime import date, datetime

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.kernel.money import Money
from portal.notifications.contents import Action, MailContent, Params, mail_kind
from portal.web.formats import date_medium, date_time, money_text


def _amount(params: Params) -> str:
    return money_text(Money(params["amount_minor"], params["currency"]))


def _path(rest: str) -> str:
    """A page in the reader's language."""
    locale = get_locale()
    return f"/{locale.language if locale else 'fr'}{rest}"


def _rows(params: Params) -> list[tuple[str, str]]:
    rows = [(_("Amount"), _amount(params))]
    if params["note"]:
        rows.append((_("What for"), params["note"]))
    return rows


@mail_kind("wallet.received")
def received(params: Params) -> MailContent:
    """Money has arrived."""
    amount = _amount(params)
    return MailContent(
        subject=_("%(name)s sent you %(amount)s", name=params["name"], amount=amount),
        heading=_("%(amount)s arrived", amount=amount),
        paragraphs=[_("%(name)s sent it to you. It is in your wallet, ready to be used.", name=params["name"])],
        action=Action(_("See the conversation"), _path(f"/wallet/with/{params['handle']}")),
        rows=_rows(params),
    )


@mail_kind("wallet.invited")
def invited(params: Params) -> MailContent:
    """Money waits for someone who is not a user yet."""
    amount, until = _amount(params), date_medium(datetime.fromisoformat(params["until"]))
    return MailContent(
        subject=_("%(name)s is sending you %(amount)s", name=params["name"], amount=amount),
        heading=_("%(amount)s are waiting for you", amount=amount),
        paragraphs=[
            _(
                "%(name)s is sending you money with Comptoir. Sign in with this very address and it is yours, "
                "free of charge.",
                name=params["name"],
            ),
            _("It waits until %(day)s; after that it goes back.", day=until),
        ],
        action=Action(_("Receive %(amount)s", amount=amount), _path("/sign-in")),
        rows=_rows(params),
        note=_("You do not know this person? Then do nothing: the money goes back by itself."),
    )


@mail_kind("wallet.returned")
def returned(params: Params) -> MailContent:
    """Nobody came for the money."""
    amount = _amount(params)
    return MailContent(
        subject=_("%(amount)s are back in your wallet", amount=amount),
        heading=_("%(amount)s are back", amount=amount),
        paragraphs=[
            _("%(email)s did not join Comptoir within seven days, so your money came back.", email=params["email"])
        ],
        action=Action(_("See my wallet"), _path("/wallet")),
        rows=_rows(params),
    )


@mail_kind("wallet.requested")
def requested(params: Params) -> MailContent:
    """Someone asks for money."""
    amount = _amount(params)
    return MailContent(
        subject=_("%(name)s asks you for %(amount)s", name=params["name"], amount=amount),
        heading=_("%(name)s asks for %(amount)s", name=params["name"], amount=amount),
        paragraphs=[
            _(
                "You can pay or decline until %(day)s. Nothing is sent without your PIN.",
                day=date_medium(date.fromisoformat(params["pay_by"])),
            )
        ],
        action=Action(_("See the request"), _path(f"/wallet/with/{params['handle']}")),
        rows=_rows(params),
    )


@mail_kind("wallet.pin_chosen")
def pin_chosen(_params: Params) -> MailContent:
    """A first PIN was chosen."""
    return MailContent(
        subject=_("Your PIN is set"),
        heading=_("Your PIN is set"),
        paragraphs=[_("From now on each payment from your wallet asks for it. We will never ask you for it.")],
        action=Action(_("See my wallet"), _path("/wallet")),
        note=_("It was not you? Choose a new PIN at once, from your wallet."),
    )


@mail_kind("wallet.pin_reset")
def pin_reset(params: Params) -> MailContent:
    """The code to choose a new PIN with."""
    return MailContent(
        subject=_("Your code for a new PIN: %(code)s", code=params["code"]),
        heading=_("Choose a new PIN"),
        paragraphs=[_("Type this code on the page where you asked for it.")],
        code=params["code"],
        note=_("Good for 15 minutes, once. You did not ask for it? Then do nothing: your PIN stays as it is."),
    )


@mail_kind("wallet.pin_changed")
def pin_changed(_params: Params) -> MailContent:
    """The PIN was replaced."""
    return MailContent(
        subject=_("Your PIN has changed"),
        heading=_("Your PIN has changed"),
        paragraphs=[_("For 24 hours, your wallet pays only people you have paid before.")],
        action=Action(_("See my wallet"), _path("/wallet")),
        note=_("It was not you? Choose a new PIN at once, from your wallet."),
    )


@mail_kind("wallet.pin_locked")
def pin_locked(params: Params) -> MailContent:
    """Five tries did not pass."""
    until = date_time(datetime.fromisoformat(params["until"]))
    return MailContent(
        subject=_("Your PIN is locked until %(when)s", when=until),
        heading=_("Five tries did not go through"),
        paragraphs=[
            _("Nothing was sent. Until %(when)s your PIN works on none of your devices.", when=until),
            _("Forgotten it? Ask for a code by e-mail and choose another."),
        ],
        action=Action(_("Choose a new PIN"), _path("/wallet/pin/reset")),
    )
