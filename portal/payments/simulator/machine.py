"""What happens to a payment at the provider: opened, paid, declined, closed, refunded. Each change tells an event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.kernel.money import Money
from portal.payments.simulator import events
from portal.payments.simulator.cards import Answer, Card
from portal.payments.simulator.state import Ledger, Object, now

SESSION, INTENT, CHARGE, FUNDS, REFUND = (
    "checkout.session",
    "payment_intent",
    "charge",
    "balance_transaction",
    "refund",
)
_SHORTEST, _LONGEST = 29 * 60, 24 * 3600 + 60
_SMALLEST_MINOR = 50
# What European cards cost with Stripe: 1.5 % and 0.25.
_FEE_BASIS_POINTS, _FEE_MINOR = 150, 25


@dataclass(slots=True, eq=False)
class RequestError(Exception):
    """The request is refused, in Stripe's words and shape."""

    message: str
    code: str = "parameter_invalid"
    param: str | None = None
    status: int = 400
    type: str = "invalid_request_error"

    def body(self) -> Object:
        """The JSON that says so."""
        error = {"type": self.type, "message": self.message, "code": self.code, "param": self.param}
        return {"error": error}


def _whole(given: Mapping[str, Any], name: str, path: str) -> int:
    text = str(given.get(name, ""))
    if not text.isdecimal():
        raise RequestError(message=f"Invalid integer: {text}", code="parameter_invalid_integer", param=path)
    return int(text)


def _lines(items: Sequence[Mapping[str, Any]]) -> tuple[list[Object], str]:
    if not items:
        raise RequestError(message="Missing required param: line_items.", code="parameter_missing", param="line_items")
    lines = []
    for at, item in enumerate(items):
        path = f"line_items[{at}]"
        price = item.get("price_data") or {}
        lines.append(
            {
                "name": (price.get("product_data") or {}).get("name", ""),
                "quantity": _whole(item, "quantity", f"{path}[quantity]"),
                "unit_amount": _whole(price, "unit_amount", f"{path}[price_data][unit_amount]"),
                "currency": price.get("currency", ""),
            }
        )
    currencies = {line["currency"] for line in lines}
    if len(currencies) != 1:
        raise RequestError(message="All prices must have one currency.", param="line_items")
    return lines, currencies.pop()


def open_session(ledger: Ledger, given: Mapping[str, Any], page_url: str) -> Object:
    """A new payment page. Raises RequestError as the provider would refuse it."""
    if given.get("mode") != "payment" or not given.get("success_url"):
        raise RequestError(
            message="Missing required param: success_url.", code="parameter_missing", param="success_url"
        )
    lines, currency = _lines(given.get("line_items") or [])
    total = sum(line["quantity"] * line["unit_amount"] for line in lines)
    if total < _SMALLEST_MINOR:
        raise RequestError(message="The total amount due is too small.", code="amount_too_small")
    expires_at = _whole(given, "expires_at", "expires_at") if "expires_at" in given else now() + _LONGEST
    if not now() + _SHORTEST <= expires_at <= now() + _LONGEST:
        raise RequestError(message="expires_at must be between 30 minutes and 24 hours from now.", param="expires_at")
    session = ledger.add(
        SESSION,
        "cs_test",
        {
            "amount_subtotal": total,
            "amount_total": total,
            "cancel_url": given.get("cancel_url"),
            "client_reference_id": given.get("client_reference_id"),
            "currency": currency,
            "customer_email": given.get("customer_email"),
            "expires_at": expires_at,
            "line_items": {"object": "list", "data": lines, "has_more": False},
            "locale": given.get("locale"),
            "metadata": dict(given.get("metadata") or {}),
            "mode": "payment",
            "payment_intent": None,
            "payment_status": "unpaid",
            "status": "open",
            "success_url": given["success_url"],
            "intent_metadata": dict((given.get("payment_intent_data") or {}).get("metadata") or {}),
        },
    )
    session["url"] = f"{page_url}/{session['id']}"
    ledger.save(session)
    return session


def current(ledger: Ledger, session: Object) -> Object:
    """The session as it is now: an open one whose time is over closes."""
    if session["status"] == "open" and session["expires_at"] <= now():
        return close(ledger, session)
    return session


def close(ledger: Ledger, session: Object) -> Object:
    """Close an open page unpaid. Raises RequestError when it is not open."""
    if session["status"] != "open":
        raise RequestError(
            message=f"This Checkout Session is {session['status']} and cannot be expired.", code="resource_missing"
        )
    session |= {"status": "expired", "url": None}
    ledger.save(session)
    events.tell(ledger, "checkout.session.expired", session)
    return session


def pay(ledger: Ledger, session: Object, card: Card, *, confirmed: bool = False) -> Answer:
    """Try a card on an open page; a card that asks for confirmation is paid only when `confirmed`."""
    if card.answer is Answer.ASKS_CONFIRMATION and not confirmed:
        _intent(ledger, session, {"status": "requires_action"})
        return Answer.ASKS_CONFIRMATION
    if card.answer is Answer.DECLINED:
        refuse(ledger, session, card.decline_code)
        return Answer.DECLINED
    _capture(ledger, session, card)
    return Answer.PAID


def refuse(ledger: Ledger, session: Object, decline_code: str) -> None:
    """The bank said no, or its holder did; the page stays open for another card."""
    code = "payment_intent_authentication_failure" if decline_code == "authentication" else "card_declined"
    error = {"type": "card_error", "code": code, "decline_code": decline_code}
    intent = _intent(ledger, session, {"status": "requires_payment_method", "last_payment_error": error})
    events.tell(ledger, "payment_intent.payment_failed", intent)


def _intent(ledger: Ledger, session: Object, changes: Object) -> Object:
    intent = ledger.get(session["payment_intent"] or "", INTENT)
    if intent is None:
        intent = ledger.add(
            INTENT,
            "pi",
            {
                "amount": session["amount_total"],
                "amount_received": 0,
                "currency": session["currency"],
                "last_payment_error": None,
                "latest_charge": None,
                "metadata": session["intent_metadata"],
            },
        )
        session["payment_intent"] = intent["id"]
        ledger.save(session)
    intent |= changes
    ledger.save(intent)
    return intent


def _capture(ledger: Ledger, session: Object, card: Card) -> None:
    amount, currency = session["amount_total"], session["currency"]
    intent = _intent(ledger, session, {"status": "succeeded", "amount_received": amount, "last_payment_error": None})
    fee = Money(amount, currency.upper()).share(_FEE_BASIS_POINTS).amount_minor + _FEE_MINOR
    funds = ledger.add(
        FUNDS,
        "txn",
        {
            "amount": amount,
            "available_on": now() + int(ledger.switch("funds_delay")),
            "currency": currency,
            "fee": fee,
            "net": amount - fee,
            "type": "charge",
        },
    )
    charge = ledger.add(
        CHARGE,
        "ch",
        {
            "amount": amount,
            "amount_captured": amount,
            "amount_refunded": 0,
            "balance_transaction": funds["id"],
            "captured": True,
            "currency": currency,
            "metadata": session["intent_metadata"],
            "paid": True,
            "payment_intent": intent["id"],
            "payment_method_details": {"type": "card", "card": {"brand": card.brand, "last4": card.last4}},
            "refunded": False,
            "status": "succeeded",
        },
    )
    intent["latest_charge"] = charge["id"]
    ledger.save(intent)
    session |= {"status": "complete", "payment_status": "paid", "url": None}
    ledger.save(session)
    events.tell(ledger, "payment_intent.succeeded", intent)
    events.tell(ledger, "charge.succeeded", charge)
    events.tell(ledger, "checkout.session.completed", session)


def give_back(ledger: Ledger, given: Mapping[str, Any]) -> Object:
    """A new refund. Raises RequestError for a payment that is not there, or for more than is left of it."""
    intent = ledger.get(str(given.get("payment_intent", "")), INTENT)
    charge = None if intent is None else ledger.get(intent["latest_charge"] or "", CHARGE)
    if charge is None:
        raise RequestError(
            message="No such payment_intent", code="resource_missing", param="payment_intent", status=404
        )
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise RequestError(message="Charge has already been refunded.", code="charge_already_refunded")
    amount = _whole(given, "amount", "amount") if "amount" in given else left
    if not 0 < amount <= left:
        raise RequestError(message="Refund amount is greater than unrefunded amount on charge.", param="amount")
    ended = ledger.switch("refunds")
    refund = ledger.add(
        REFUND,
        "re",
        {
            "amount": amount,
            "charge": charge["id"],
            "currency": charge["currency"],
            "failure_reason": None,
            "metadata": dict(given.get("metadata") or {}),
            "payment_intent": charge["payment_intent"],
            "status": "pending",
        },
    )
    _count(ledger, refund, amount)
    events.tell(ledger, "refund.created", refund)
    if ended != "pending":
        end_refund(ledger, refund, ended)
    return refund


def end_refund(ledger: Ledger, refund: Object, status: str) -> None:
    """The bank took the money back, or could not."""
    refund |= {"status": status, "failure_reason": "expired_or_canceled_card" if status == "failed" else None}
    ledger.save(refund)
    if status == "failed":
        _count(ledger, refund, -refund["amount"])
    events.tell(ledger, "refund.failed" if status == "failed" else "refund.updated", refund)


def _count(ledger: Ledger, refund: Object, amount: int) -> None:
    charge = ledger.get(refund["charge"], CHARGE)
    if charge is None:
        raise RequestError(message="No such charge", code="resource_missing", param="charge", status=404)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    ledger.save(charge)
