"""The part of Stripe's HTTP API that the portal uses: the same addresses, forms, answers and refusals.

Source: https://docs.stripe.com/api (Checkout Sessions, PaymentIntents, Charges, Balance Transactions, Refunds,
"Errors", "Idempotent requests", "Expanding responses").
"""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, current_app, request

from portal.payments.simulator import machine
from portal.payments.simulator.machine import CHARGE, FUNDS, INTENT, REFUND, SESSION, RequestError
from portal.payments.simulator.state import Ledger, Object, current_state, now

api = Blueprint("api", __name__, url_prefix="/v1")

_KINDS = {
    "checkout/sessions": SESSION,
    "payment_intents": INTENT,
    "charges": CHARGE,
    "balance_transactions": FUNDS,
    "refunds": REFUND,
}
_EXPANDABLE = {"payment_intent": INTENT, "latest_charge": CHARGE, "balance_transaction": FUNDS, "charge": CHARGE}
_LATE_SECONDS = 20
_PRIVATE = ("intent_metadata",)


def nested(form: Mapping[str, str]) -> Object:
    """`a[b][0][c]=1` as nested dicts and lists."""
    root: Object = {}
    for name, value in form.items():
        *path, last = [part for part in re.split(r"\[|\]", name) if part] or [name]
        at = root
        for part in path:
            at = at.setdefault(part, {})
        at[last] = value
    listed: Object = _with_lists(root)
    return listed


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdecimal() for key in value):
        return [_with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _with_lists(item) for key, item in value.items()}


def _answer(status: int, body: Object, *, replayed: bool = False) -> Response:
    response = Response(json.dumps(body), status, content_type="application/json")
    response.headers["Request-Id"] = f"req_{hashlib.sha256(response.get_data()).hexdigest()[:14]}"
    if replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _shown(ledger: Ledger, body: Object, expand: list[str]) -> Object:
    """The object as it is answered: funds by today's date, and the parts that were asked for in full."""
    shown = {name: value for name, value in body.items() if name not in _PRIVATE}
    if shown["object"] == FUNDS:
        shown["status"] = "available" if shown["available_on"] <= now() else "pending"
    for path in expand:
        name, _, rest = path.partition(".")
        part = shown.get(name)
        if isinstance(part, str) and name in _EXPANDABLE:
            part = ledger.get(part, _EXPANDABLE[name])
        if isinstance(part, dict):
            shown[name] = _shown(ledger, part, [rest] if rest else [])
    return shown


def _expand(given: Mapping[str, Any]) -> list[str]:
    expand = given.get("expand") or []
    return list(expand.values()) if isinstance(expand, dict) else list(expand)


@api.before_request
def _authenticate() -> Response | None:
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if key.startswith("sk_test_"):
        return None
    return _answer(401, RequestError(message="Invalid API Key provided", code="invalid_api_key").body())


def _found(ledger: Ledger, kind: str, object_id: str) -> Object:
    found = ledger.get(object_id, kind)
    if found is None:
        raise RequestError(message=f"No such {kind}: '{object_id}'", code="resource_missing", param="id", status=404)
    return machine.current(ledger, found) if kind == SESSION else found


@api.get("/checkout/sessions/<object_id>", defaults={"collection": "checkout/sessions"})
@api.get("/<any(payment_intents, charges, balance_transactions, refunds):collection>/<object_id>")
def retrieve(collection: str, object_id: str) -> Response:
    """One object."""
    with current_state().writing() as ledger:
        try:
            found = _found(ledger, _KINDS[collection], object_id)
            return _answer(200, _shown(ledger, found, _expand(nested(request.args))))
        except RequestError as error:
            return _answer(error.status, error.body())


@api.get("/refunds")
def list_refunds() -> Response:
    """The refunds of a payment, latest first, in pages."""
    limit, after = request.args.get("limit", 10, int), request.args.get("starting_after")
    with current_state().writing() as ledger:
        found = [
            refund
            for refund in ledger.every(REFUND)
            if request.args.get("payment_intent") in {None, refund["payment_intent"]}
        ]
        ids = [refund["id"] for refund in found]
        rest = found[ids.index(after) + 1 :] if after in ids else found
        page = [_shown(ledger, refund, []) for refund in rest[:limit]]
    return _answer(200, {"object": "list", "url": "/v1/refunds", "has_more": len(rest) > limit, "data": page})


@api.post("/checkout/sessions")
def create_session() -> Response:
    """A new payment page."""
    page_url = f"{current_app.config['SIMULATOR_URL']}/pay"
    return _once(lambda ledger, given: machine.open_session(ledger, given, page_url))


@api.post("/checkout/sessions/<session_id>/expire")
def expire_session(session_id: str) -> Response:
    """Close a payment page."""
    return _once(lambda ledger, _given: machine.close(ledger, _found(ledger, SESSION, session_id)))


@api.post("/refunds")
def create_refund() -> Response:
    """Give money back."""
    return _once(machine.give_back)


def _once(act: Callable[[Ledger, Object], Object]) -> Response:
    """Do it once for each idempotency key: a repeat has the stored answer, another body under the key is refused."""
    key = request.headers.get("Idempotency-Key")
    form = request.form.to_dict()
    body = hashlib.sha256(json.dumps([request.path, sorted(form.items())]).encode()).hexdigest()
    with current_state().writing() as ledger:
        stored = ledger.connection.execute("SELECT request, status, body FROM answers WHERE key = ?", (key,)).fetchone()
        if stored is not None and stored[0] != body:
            message = (
                "Keys for idempotent requests can only be used with the same parameters they were first used with."
            )
            return _answer(
                400, RequestError(message=message, code="idempotency_error", type="idempotency_error").body()
            )
        if stored is not None:
            return _answer(stored[1], json.loads(stored[2]), replayed=True)
        status, answered, mode = _perform(ledger, act, form)
        # A request that was refused before anything was done is not remembered.
        if key and status // 100 != 4:  # noqa: PLR2004 (refusals)
            ledger.connection.execute(
                "INSERT INTO answers (key, request, status, body) VALUES (?, ?, ?, ?)",
                (key, body, status, json.dumps(answered)),
            )
    if mode == "late":
        time.sleep(_LATE_SECONDS)
    if mode == "lost":
        status, answered = 502, {"error": {"type": "api_error", "message": "The answer was lost on its way."}}
    response = _answer(status, answered)
    if status // 100 == 5:  # noqa: PLR2004 (failures: the same key would only have the same answer)
        response.headers["Stripe-Should-Retry"] = "false"
    return response


def _perform(
    ledger: Ledger, act: Callable[[Ledger, Object], Object], form: Mapping[str, str]
) -> tuple[int, Object, str]:
    """The answer's status and body, and how the switch wants it to arrive; a switch that breaks is used once."""
    mode = ledger.switch("answers")
    if mode != "normal":
        ledger.set_switch("answers", "normal")
    if mode == "broken":
        return 500, {"error": {"type": "api_error", "message": "Something went wrong on our end."}}, mode
    try:
        given = nested(form)
        return 200, _shown(ledger, act(ledger, given), _expand(given)), mode
    except RequestError as error:
        return error.status, error.body(), mode
