"""What a payer sees: the payment page and its confirmation; and for whoever tries the portal, what was paid."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response
from wtforms import Form, StringField

from portal.kernel import clock
from portal.kernel.money import Money
from portal.payments.simulator import machine
from portal.payments.simulator.cards import CARDS, Answer, Card
from portal.payments.simulator.machine import INTENT, REFUND, SESSION
from portal.payments.simulator.state import SWITCHES, Ledger, Object, current_state

pages = Blueprint("pages", __name__)

Page = str | tuple[str, int] | Response
_CVC_DIGITS = {3, 4}
_MONTHS = 12
_SHOWN = 30
# Seconds until money is available, as offered on the first page.
DELAYS = {"0": _l("At once"), "120": _l("After two minutes"), "86400": _l("After a day")}


class CardForm(Form):
    """A card, as it is typed."""

    number = StringField(_l("Card number"))
    expiry = StringField(_l("Expires (MM/YY)"))
    cvc = StringField(_l("Security code"))


def _digits(text: str | None) -> str:
    """The digits of what was typed, Arabic ones as Latin; empty when there is anything but digits and spaces."""
    plain = "".join((text or "").replace("\u200f", "").split())
    return "".join(str(int(character)) for character in plain) if plain.isdecimal() else ""


def read_card(form: CardForm) -> Card | None:
    """The test card that was typed; None with errors on the form when it is none, or incomplete."""
    card = CARDS.get(_digits(form.number.data))
    if card is None:
        form.number.errors = [_("This is no test card. Never type a real one here: choose a number from the list.")]
    month, _slash, year = (form.expiry.data or "").replace("-", "/").partition("/")
    if not _is_ahead(_digits(month), _digits(year)):
        form.expiry.errors = [_("A month and a year to come, for example 12/34.")]
    if len(_digits(form.cvc.data)) not in _CVC_DIGITS:
        form.cvc.errors = [_("Three digits, any will do.")]
    return None if form.errors else card


def _is_ahead(month: str, year: str) -> bool:
    if not month or len(year) not in {2, 4} or not 1 <= int(month) <= _MONTHS:
        return False
    now = clock.now()
    full_year = int(year) if len(year) == 4 else now.year // 100 * 100 + int(year)  # noqa: PLR2004 (digits)
    return (full_year, int(month)) >= (now.year, now.month)


def _session(ledger: Ledger, session_id: str) -> Object:
    session = ledger.get(session_id, SESSION)
    if session is None:
        abort(404)
    return machine.current(ledger, session)


def _money(amount: int, currency: str) -> Money:
    return Money(amount, currency.upper())


def _pay_page(session: Object, form: CardForm, *, declined: str = "") -> str:
    lines = [
        (line["name"], line["quantity"], _money(line["unit_amount"] * line["quantity"], line["currency"]))
        for line in session["line_items"]["data"]
    ]
    total = _money(session["amount_total"], session["currency"])
    return render_template(
        "payments/simulator/pay.html",
        session=session,
        form=form,
        lines=lines,
        total=total,
        declined=declined,
        cards=[(card, _meaning(card)) for card in CARDS.values()],
    )


def _meaning(card: Card) -> str:
    """What this test card does."""
    if card.answer is Answer.PAID:
        words = _("is accepted")
    elif card.answer is Answer.ASKS_CONFIRMATION:
        words = _("asks for confirmation")
    else:
        words = _("is refused: not enough money") if card.decline_code == "insufficient_funds" else _("is refused")
    return str(words)


def _declined(decline_code: str) -> str:
    words = {
        "insufficient_funds": _("Declined: there is not enough money on this card."),
        "authentication": _("Declined: the payment was not confirmed."),
    }
    return str(words.get(decline_code, _("Declined by the card’s bank.")))


def _ended(session: Object) -> Page:
    """A page that was paid leads on; one that closed says so."""
    if session["status"] == "complete":
        return redirect(session["success_url"], code=303)
    return render_template("payments/simulator/closed.html", session=session), 410


@pages.get("/pay/<session_id>")
def pay(session_id: str) -> Page:
    """What is paid for, and the card."""
    with current_state().writing() as ledger:
        session = _session(ledger, session_id)
    return _pay_page(session, CardForm()) if session["status"] == "open" else _ended(session)


@pages.post("/pay/<session_id>")
def send(session_id: str) -> Page:
    """Try the card."""
    form = CardForm(request.form)
    card = read_card(form)
    with current_state().writing() as ledger:
        session = _session(ledger, session_id)
        if session["status"] != "open":
            return _ended(session)
        if card is None:
            return _pay_page(session, form), 422
        answer = machine.pay(ledger, session, card)
    if answer is Answer.PAID:
        return redirect(session["success_url"], code=303)
    if answer is Answer.ASKS_CONFIRMATION:
        target = url_for("pages.confirm", session_id=session_id, card=card.last4, lang=request.args.get("lang"))
        return redirect(target, code=303)
    return _pay_page(session, form, declined=_declined(card.decline_code)), 402


def _card_to_confirm() -> Card:
    asking = {card.last4: card for card in CARDS.values() if card.answer is Answer.ASKS_CONFIRMATION}
    return asking.get(request.args.get("card", "")) or abort(404)


@pages.get("/pay/<session_id>/confirm")
def confirm(session_id: str) -> Page:
    """The page of the card's bank."""
    card = _card_to_confirm()
    with current_state().writing() as ledger:
        session = _session(ledger, session_id)
    if session["status"] != "open":
        return _ended(session)
    total = _money(session["amount_total"], session["currency"])
    return render_template("payments/simulator/confirm.html", session=session, card=card, total=total)


@pages.post("/pay/<session_id>/confirm")
def answer_confirmation(session_id: str) -> Page:
    """Confirmed at the bank, or not."""
    card = _card_to_confirm()
    with current_state().writing() as ledger:
        session = _session(ledger, session_id)
        if session["status"] != "open":
            return _ended(session)
        if request.form.get("answer") == "confirm":
            machine.pay(ledger, session, card, confirmed=True)
            return redirect(session["success_url"], code=303)
        machine.refuse(ledger, session, "authentication")
    return _pay_page(session, CardForm(), declined=_declined("authentication")), 402


@pages.get("/")
def overview() -> str:
    """The latest payments, and the switch for how fast money is available."""
    with current_state().writing() as ledger:
        sessions = [machine.current(ledger, session) for session in ledger.every(SESSION, _SHOWN)]
        failures = {intent["id"]: intent["last_payment_error"] for intent in ledger.every(INTENT)}
        delay = ledger.switch("funds_delay")
        refunded: dict[str, int] = {}
        for refund in ledger.every(REFUND):
            if refund["status"] != "failed":
                refunded[refund["payment_intent"]] = refunded.get(refund["payment_intent"], 0) + refund["amount"]
    rows = [_row(session, failures, refunded) for session in sessions]
    return render_template("payments/simulator/overview.html", rows=rows, delays=DELAYS, delay=delay)


def _row(session: Object, failures: dict[str, Any], refunded: dict[str, int]) -> dict[str, Any]:
    intent = session["payment_intent"] or ""
    return {
        "amount": _money(session["amount_total"], session["currency"]),
        "what": ", ".join(line["name"] for line in session["line_items"]["data"]),
        "at": datetime.fromtimestamp(session["created"], UTC),
        "state": "paid" if session["payment_status"] == "paid" else session["status"],
        "declined": bool(failures.get(intent)),
        "refunded": _money(refunded.get(intent, 0), session["currency"]),
        "url": session["url"],
    }


@pages.post("/switches")
def turn() -> Page:
    """Turn switches: from the first page, or by a test that has the API's key."""
    own = request.headers.get("Origin") == current_app.config["SIMULATOR_URL"]
    if not own and not request.headers.get("Authorization", "").startswith("Bearer sk_test_"):
        abort(403)
    with current_state().writing() as ledger:
        for name, value in request.form.items():
            if name not in SWITCHES:
                abort(400)
            ledger.set_switch(name, value)
    return redirect(url_for("pages.overview"), code=303)


@pages.post("/refunds/<refund_id>")
def end_refund(refund_id: str) -> Page:
    """End a refund as the card's bank would, for a test that has the API's key."""
    if not request.headers.get("Authorization", "").startswith("Bearer sk_test_"):
        abort(403)
    with current_state().writing() as ledger:
        refund = ledger.get(refund_id, REFUND)
        if refund is None or request.form.get("status") not in {"succeeded", "failed"}:
            abort(404)
        machine.end_refund(ledger, refund, request.form["status"])
    return redirect(url_for("pages.overview"), code=303)


@pages.get("/livez")
def livez() -> str:
    """Alive."""
    return "ok\n"
