"""Where the provider and the payer come back to. No page of its own."""

import logging

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from portal.kernel.db import transaction
from portal.payments import flows, gateway, queries, services
from portal.payments.errors import ProviderError
from portal.payments.models import PaymentState
from portal.web.access import public, signed_by_sender
from portal.web.database import read_db

logger = logging.getLogger(__name__)

plain_blueprint = Blueprint("payments", __name__, url_prefix="/payments")


@plain_blueprint.get("/<public_id>/return")
@public
def returned(public_id: str) -> Response:
    """The payer is back: apply what the provider says, once, and go on to the page of what was paid."""
    payment = queries.payment_by_public_id(read_db(), public_id)
    _sync(public_id)
    return redirect(payment.success_path, code=303)


@plain_blueprint.get("/<public_id>/cancel")
@public
def cancelled(public_id: str) -> Response:
    """The payer left the payment page; they may have paid in another tab."""
    payment = queries.payment_by_public_id(read_db(), public_id)
    paid = _sync(public_id) is PaymentState.SUCCEEDED
    return redirect(payment.success_path if paid else payment.cancel_path, code=303)


def _sync(public_id: str) -> PaymentState | None:
    """The state now; None when the provider cannot tell: its event or the sweep will."""
    try:
        return flows.sync_payment(public_id)
    except ProviderError as error:
        logger.warning("a payer came back and the provider did not answer: %s", type(error).__name__)
        return None


@plain_blueprint.post("/events")
@public
@signed_by_sender
def events() -> tuple[str, int]:
    """The provider tells us something: verify it, keep it once, and let the worker look."""
    hint = gateway.read_event(request.get_data(), request.headers.get("Stripe-Signature"))
    with transaction() as db:
        services.receive_event(db, hint)
    return "", 200
