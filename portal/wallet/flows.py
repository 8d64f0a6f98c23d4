"""Approving a payment, choosing a PIN, adding money: what needs more than one transaction.

A try against a PIN is counted and committed (first transaction) before the PIN is looked at (outside of any: it takes
70 ms on purpose), and only a right one is acted upon (second transaction). Killed in between, a try stays counted.
"""

from typing import NoReturn

from portal.identity.models import User
from portal.kernel.db import reading, transaction
from portal.kernel.errors import PortalError
from portal.kernel.money import Money
from portal.payments.flows import CheckoutItem, start_checkout
from portal.wallet.errors import ApprovalGoneError, ApprovalRefusedError, PinLockedError
from portal.wallet.models import Approval, ApprovalState
from portal.wallet.services import approvals, pins, top_ups
from portal.wallet.services.approvals import Place


def approve(*, payer: User, approval_id: str, pin: str) -> Place:
    """Approve a payment with a PIN and pay it; returns the page of its receipt.

    An approval that was used already leads to the same receipt, and its PIN is not looked at. Raises NotFoundError for
    another's approval, ApprovalGoneError, ApprovalRefusedError for a wrong PIN (or none), PinLockedError, and what the
    payment is refused with (LimitError, NotEnoughError): then it is noted as declined, and the try is not held against
    the PIN.
    """
    with reading() as db:
        approval = approvals.owned_by(db, user_id=payer.id, public_id=approval_id)
    if approval.state is ApprovalState.USED:
        return _receipt(approval)
    if not approvals.is_pending(approval):
        raise ApprovalGoneError
    with transaction() as db:
        tried = pins.count_try(db, user_id=payer.id)
    if not pins.matches(tried.stored, payer.id, pin) or tried.stored is None:
        _refuse(payer, tried.left)
    return _pay(payer, approval, tried.stored)


def _refuse(payer: User, left: int) -> NoReturn:
    with transaction() as db:
        until = pins.tell_if_locked(db, user=payer)
    if until is not None and left == 0:
        raise PinLockedError(until)
    raise ApprovalRefusedError(left)


def _pay(payer: User, approval: Approval, stored: str) -> Place:
    refusal: PortalError | None = None
    with transaction() as db:
        if not pins.forget_tries(db, user_id=payer.id, stored=stored):
            raise ApprovalGoneError
        try:
            with db.begin_nested():
                approvals.use(db, approval, payer=payer)
        except ApprovalGoneError as error:
            # Void, or used by the same press a moment ago: then its receipt is the answer.
            refusal = error
            approvals.void(db, approval)
        except PortalError as error:
            refusal = error
            approvals.void(db, approval)
            approvals.owner_of(approval.kind).refused(db, approval.reference)
    if refusal is None:
        return _receipt(approval)
    with reading() as db:
        if approvals.owned_by(db, user_id=payer.id, public_id=approval.public_id).state is ApprovalState.USED:
            return _receipt(approval)
    raise refusal


def _receipt(approval: Approval) -> Place:
    with reading() as db:
        return approvals.owner_of(approval.kind).done(db, approval.reference)


def give_up(*, payer: User, approval_id: str) -> Place:
    """Do not pay after all; returns the page to go back to. Nothing changes for one that was used or is void."""
    with transaction() as db:
        approval = approvals.owned_by(db, user_id=payer.id, public_id=approval_id)
        owner = approvals.owner_of(approval.kind)
        back = owner.view(db, approval.reference).back
        if approvals.void(db, approval):
            owner.given_up(db, approval.reference)
    return back


def choose_pin(*, user: User, pin: str) -> None:
    """Keep a user's first PIN. Raises WeakPinError for a common one, PinSetError when there is one already."""
    pin_hash = pins.hashed(user.id, pin)
    with transaction() as db:
        pins.choose(db, user=user, pin_hash=pin_hash)


def reset_pin(*, user: User, code: str, pin: str) -> None:
    """Replace a PIN with the code that was mailed; the try is counted first.

    Raises WeakPinError before the code is looked at, then ResetCodeError.
    """
    pin_hash = pins.hashed(user.id, pin)
    with transaction() as db:
        reset_id = pins.count_reset_try(db, user_id=user.id)
    with transaction() as db:
        pins.reset(db, user=user, reset_id=reset_id, code=code, pin_hash=pin_hash)


def top_up(*, user: User, amount: Money, form_key: str, language: str, item_name: str) -> str:
    """Record a top-up, then open the provider's payment page for it; returns its address. Raises AmountError."""
    with transaction() as db:
        started = top_ups.start_top_up(db, user=user, amount=amount, form_key=form_key)
    return start_checkout(
        purpose=top_ups.PURPOSE,
        reference=started.public_id,
        items=[CheckoutItem(name=item_name, unit=started.amount, quantity=1)],
        customer_email=user.email,
        success_path=f"/{language}/wallet/top-up/{started.public_id}",
        cancel_path=f"/{language}/wallet/top-up",
        key=f"top-up:{started.public_id}",
        language=language,
    )
