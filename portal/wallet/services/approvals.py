"""Leave to pay, bound to what the payer was shown: asked for, used once, void as soon as anything changes.

What is paid has an owner (transfers here, orders in the store) that says what it is now and executes it; it registers
itself for its kind. Rule: Regulation (EU) 2018/389, article 5 (dynamic linking to amount and payee).
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.identity.queries import Person
from portal.kernel import clock, ids
from portal.kernel.db import rows_changed
from portal.kernel.errors import NotFoundError
from portal.kernel.money import Money
from portal.wallet.errors import ApprovalGoneError
from portal.wallet.models import Approval, ApprovalState
from portal.wallet.services import limits

APPROVAL_LASTS = timedelta(minutes=5)
FROM_WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class Payable:
    """What is to be paid, as it stands now. `payee` is `user:12` or `email:someone@example.org`."""

    payer_id: int
    payee: str
    amount: Money
    source: str = FROM_WALLET

    def binding(self, kind: str, reference: str) -> str:
        """A hash that changes with amount, currency, payee, source, payer or the thing paid."""
        bound = [
            kind,
            reference,
            self.payer_id,
            self.payee,
            self.source,
            self.amount.amount_minor,
            self.amount.currency,
        ]
        return hashlib.sha256(json.dumps(bound).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the portal: an endpoint and its values, made an address where a request is at hand."""

    endpoint: str
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class PayableView:
    """What the approval page shows besides the amount. `payee` is None for someone who is not a user yet."""

    payee: Person | None
    payee_name: str
    note: str
    fee: Money | None
    arrives_at_once: bool
    times_paid: int
    back: Place


class Owner(Protocol):
    """What a kind of payment brings: registered once, with `register`."""

    def payable(self, db: Session, reference: str) -> Payable | None:
        """What is to be paid now; None when it cannot be paid any more."""

    def execute(self, db: Session, reference: str) -> None:
        """Pay it: the ledger, the thing's own state, who is told. Raises PortalError to refuse."""

    def refused(self, db: Session, reference: str) -> None:
        """It was approved but could not be paid (not enough money by then): note its end."""

    def given_up(self, db: Session, reference: str) -> None:
        """The payer chose not to approve it: note its end."""

    def view(self, db: Session, reference: str) -> PayableView:
        """What the approval page shows of it."""

    def done(self, db: Session, reference: str) -> Place:
        """Where the payer lands once it is paid: its receipt."""


_owners: dict[str, Owner] = {}


def register(kind: str, owner: Owner) -> None:
    """Let `owner` answer for payments of a kind; ValueError when another one does."""
    if _owners.setdefault(kind, owner) is not owner:
        msg = f"two owners for approvals of kind {kind!r}"
        raise ValueError(msg)


def owner_of(kind: str) -> Owner:
    """Who answers for payments of this kind; KeyError for an unknown one."""
    return _owners[kind]


def ask(db: Session, *, kind: str, reference: str) -> Approval:
    """A pending approval of a payment as it stands now: the one asked for already, while it is good, or a new one.

    Raises ApprovalGoneError when the thing cannot be paid any more.
    """
    payable = owner_of(kind).payable(db, reference)
    if payable is None:
        raise ApprovalGoneError
    now = clock.now()
    binding = payable.binding(kind, reference)
    same_thing = (Approval.kind == kind, Approval.reference == reference, Approval.state == ApprovalState.PENDING)
    good = sa.select(Approval).where(*same_thing, Approval.binding == binding, Approval.expires_at > now)
    found = db.scalar(good.order_by(Approval.id.desc()).limit(1))
    if found is not None:
        return found
    db.execute(
        sa.update(Approval)
        .where(*same_thing)
        .values(state=ApprovalState.VOID)
        .execution_options(synchronize_session=False)
    )
    approval = Approval(
        public_id=ids.readable_code(),
        user_id=payable.payer_id,
        kind=kind,
        reference=reference,
        payee=payable.payee,
        source=payable.source,
        amount_minor=payable.amount.amount_minor,
        currency=payable.amount.currency,
        binding=binding,
        expires_at=now + APPROVAL_LASTS,
    )
    db.add(approval)
    db.flush()
    return approval


def next_step(db: Session, *, kind: str, reference: str) -> Place:
    """Where whoever wants to pay this goes next: to its approval, or to its receipt once it is paid.

    Raises ApprovalGoneError for what has ended otherwise.
    """
    paid = sa.select(Approval.id).where(
        Approval.kind == kind, Approval.reference == reference, Approval.state == ApprovalState.USED
    )
    if db.scalar(paid) is not None:
        return owner_of(kind).done(db, reference)
    return Place("wallet.approval", {"approval_id": ask(db, kind=kind, reference=reference).public_id})


def owned_by(db: Session, *, user_id: int, public_id: str) -> Approval:
    """A user's own approval; NotFoundError for another's and for none."""
    found = db.scalar(sa.select(Approval).where(Approval.public_id == public_id, Approval.user_id == user_id))
    if found is None:
        raise NotFoundError
    return found


def is_pending(approval: Approval) -> bool:
    """Whether it still waits for its PIN."""
    return approval.state is ApprovalState.PENDING and approval.expires_at > clock.now()


def void(db: Session, approval: Approval) -> bool:
    """End a pending approval without paying; False when it was used or void already."""
    return (
        rows_changed(
            db,
            sa.update(Approval)
            .where(Approval.id == approval.id, Approval.state == ApprovalState.PENDING)
            .values(state=ApprovalState.VOID)
            .execution_options(synchronize_session=False),
        )
        == 1
    )


def void_all(db: Session, *, kind: str, reference: str) -> None:
    """The thing has changed or ended: whatever waits to approve it is void."""
    db.execute(
        sa.update(Approval)
        .where(Approval.kind == kind, Approval.reference == reference, Approval.state == ApprovalState.PENDING)
        .values(state=ApprovalState.VOID)
        .execution_options(synchronize_session=False)
    )


def is_bound(db: Session, approval: Approval) -> bool:
    """Whether the thing is still exactly what its payer was shown."""
    payable = owner_of(approval.kind).payable(db, approval.reference)
    return payable is not None and payable.binding(approval.kind, approval.reference) == approval.binding


def use(db: Session, approval: Approval, *, payer: User) -> None:
    """Use an approval, once, and pay what it is for, in this transaction.

    The payer's limits are counted here, where nothing else of theirs can be paid meanwhile (their PIN's row is held).
    Raises ApprovalGoneError for one that is used, void, too old or no longer bound to the same thing, LimitError,
    and whatever its owner refuses with.
    """
    now = clock.now()
    if not is_bound(db, approval):
        raise ApprovalGoneError
    limits.check(db, payer=payer, payee=approval.payee, amount=approval.amount)
    used = (
        sa.update(Approval)
        .where(Approval.id == approval.id, Approval.state == ApprovalState.PENDING, Approval.expires_at > now)
        .values(state=ApprovalState.USED, used_at=now)
        .execution_options(synchronize_session=False)
    )
    if not rows_changed(db, used):
        raise ApprovalGoneError
    owner_of(approval.kind).execute(db, approval.reference)
