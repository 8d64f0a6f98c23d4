"""Money from one person to another: begun, approved, arrived; waiting, taken back or returned."""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.identity.queries import user_by_email, user_by_id
from portal.identity.services import recipient_of
from portal.kernel import clock, ids, text
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.errors import NotFoundError
from portal.kernel.money import Money
from portal.ledger.services import Line, post
from portal.messaging.queries import is_blocked
from portal.messaging.services import add_card, conversation_between
from portal.notifications.services import Recipient, notify, send_mail
from portal.wallet.errors import (
    AmountError,
    ApprovalGoneError,
    BlockedPayeeError,
    NotEnoughError,
    RequestClosedError,
    SelfTransferError,
    TransferClosedError,
)
from portal.wallet.models import MoneyRequest, RequestState, Transfer, TransferState
from portal.wallet.queries.balances import balance
from portal.wallet.services import approvals, limits
from portal.wallet.services.accounts import WalletAccounts

KIND = "transfer"
CARD = "transfer"
NOTE_LENGTH = 140
WAITS_FOR = timedelta(days=7)
GIVEN_UP_AFTER = timedelta(hours=1)
IN_ONE_GO = 100


@dataclass(frozen=True, slots=True)
class Payee:
    """Who is to receive: a user, or an e-mail address that is nobody's yet. Exactly one of the two."""

    user_id: int | None = None
    email: str | None = None

    @property
    def key(self) -> str:
        """How approvals and limits name them."""
        return f"user:{self.user_id}" if self.user_id is not None else f"email:{self.email}"


def payee_of(transfer: Transfer) -> Payee:
    """Who a transfer goes to."""
    return Payee(transfer.payee_id, None if transfer.payee_id is not None else transfer.payee_email)


def resolve_email(db: Session, email: str) -> Payee:
    """The user with this address, or the address itself."""
    user = user_by_email(db, email)
    return Payee(user_id=user.id) if user else Payee(email=email.strip().lower())


def _request_hash(payee: Payee, amount: Money, note: str, request_id: int | None) -> str:
    said = [payee.key, amount.amount_minor, amount.currency, note, request_id]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def check_payee(db: Session, *, sender: User, payee: Payee) -> None:
    """Refuse oneself (SelfTransferError) and a closed conversation (BlockedPayeeError)."""
    if payee.user_id == sender.id or (payee.email and payee.email == sender.email):
        raise SelfTransferError
    if payee.user_id is not None and is_blocked(db, sender.id, payee.user_id):
        raise BlockedPayeeError


def check_funds(db: Session, *, user_id: int, amount: Money) -> None:
    """Refuse what the wallet does not hold, and say how much is missing (NotEnoughError)."""
    available = balance(db, user_id).available
    if available < amount:
        raise NotEnoughError(amount - available)


def start(  # noqa: PLR0913 (each is a fact about the transfer)
    db: Session,
    *,
    sender: User,
    payee: Payee,
    amount: Money,
    note: str,
    form_key: str,
    money_request: MoneyRequest | None = None,
) -> Transfer:
    """Begin a transfer: it waits for its approval and moves nothing yet.

    The same form sent twice is the same transfer, whatever became of it. The same form sent with something changed is
    a new one, and what waited for approval from it is cancelled. Raises SelfTransferError, BlockedPayeeError,
    AmountError for nothing, LimitError, NewPayeesPausedError and NotEnoughError.
    """
    note = text.clean_line(note)[:NOTE_LENGTH]
    request_hash = _request_hash(payee, amount, note, money_request.id if money_request else None)
    same_form = (Transfer.sender_id == sender.id, Transfer.form_key == form_key)
    same = sa.select(Transfer).where(*same_form, Transfer.request_hash == request_hash)
    repeated = db.scalar(same)
    if repeated is not None:
        return repeated
    if amount.amount_minor <= 0:
        raise AmountError
    check_payee(db, sender=sender, payee=payee)
    limits.check(db, payer=sender, payee=payee.key, amount=amount)
    check_funds(db, user_id=sender.id, amount=amount)
    changed = sa.select(Transfer).where(*same_form, Transfer.state == TransferState.AWAITING_APPROVAL)
    for before in db.scalars(changed).all():
        _end_unpaid(db, before, TransferState.CANCELLED)
    db.execute(
        conflict_insert(db, Transfer)
        .values(
            public_id=ids.readable_code(),
            sender_id=sender.id,
            payee_id=payee.user_id,
            payee_email=payee.email,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            note=note,
            state=TransferState.AWAITING_APPROVAL,
            money_request_id=money_request.id if money_request else None,
            form_key=form_key,
            request_hash=request_hash,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing()
    )
    return db.scalars(same).one()


def _move(db: Session, transfer: Transfer, before: TransferState, after: TransferState, **values: object) -> bool:
    """Change a transfer's state, once: False when it is no longer in the state before."""
    moved = (
        sa.update(Transfer)
        .where(Transfer.id == transfer.id, Transfer.state == before)
        .values(state=after, **values)
        .execution_options(synchronize_session=False)
    )
    changed = rows_changed(db, moved) == 1
    db.refresh(transfer)
    return changed


def _end_unpaid(db: Session, transfer: Transfer, state: TransferState) -> None:
    _move(db, transfer, TransferState.AWAITING_APPROVAL, state, ended_at=clock.now())
    approvals.void_all(db, kind=KIND, reference=transfer.public_id)


def by_public_id(db: Session, public_id: str) -> Transfer | None:
    """The transfer with this id, whoever's it is."""
    return db.scalar(sa.select(Transfer).where(Transfer.public_id == public_id))


def owned_by(db: Session, *, sender_id: int, public_id: str) -> Transfer:
    """A transfer this user sent; NotFoundError for another's and for none."""
    transfer = by_public_id(db, public_id)
    if transfer is None or transfer.sender_id != sender_id:
        raise NotFoundError
    return transfer


def execute(db: Session, transfer: Transfer) -> None:
    """Pay an approved transfer: the ledger, the request it pays, the card, and word to its payee.

    Raises NotEnoughError, RequestClosedError when the request was closed meanwhile, ApprovalGoneError when the
    transfer has ended already.
    """
    check_payee(db, sender=_sender(db, transfer), payee=payee_of(transfer))
    check_funds(db, user_id=transfer.sender_id, amount=transfer.amount)
    after = TransferState.WAITING if transfer.payee_id is None else TransferState.COMPLETED
    now = clock.now()
    ended_at = None if after is TransferState.WAITING else now
    if not _move(db, transfer, TransferState.AWAITING_APPROVAL, after, sent_at=now, ended_at=ended_at):
        raise ApprovalGoneError
    if transfer.money_request_id is not None:
        _close_request(db, transfer.money_request_id)
    own = WalletAccounts(db, transfer.sender_id, transfer.currency)
    if transfer.payee_id is None:
        line = Line(own.available, own.waiting, transfer.amount)
    else:
        line = Line(own.available, WalletAccounts(db, transfer.payee_id, transfer.currency).available, transfer.amount)
    post(db, key=f"transfer:{transfer.public_id}", kind=KIND, lines=[line], reference=transfer.public_id)
    if transfer.payee_id is None:
        _invite(db, transfer)
    else:
        _arrived(db, transfer)


def _sender(db: Session, transfer: Transfer) -> User:
    sender = user_by_id(db, transfer.sender_id)
    if sender is None:
        raise NotFoundError
    return sender


def _close_request(db: Session, request_id: int) -> None:
    paid = (
        sa.update(MoneyRequest)
        .where(MoneyRequest.id == request_id, MoneyRequest.state == RequestState.REQUESTED)
        .values(state=RequestState.PAID, ended_at=clock.now())
        .execution_options(synchronize_session="fetch")
    )
    if not rows_changed(db, paid):
        raise RequestClosedError


def _params(transfer: Transfer, other: User) -> dict[str, object]:
    return {
        "name": other.display_name,
        "handle": other.handle,
        "amount_minor": transfer.amount_minor,
        "currency": transfer.currency,
        "note": transfer.note,
        "transfer": transfer.public_id,
    }


def _arrived(db: Session, transfer: Transfer) -> None:
    """The card in their conversation, and word to the payee."""
    sender, payee = _sender(db, transfer), user_by_id(db, transfer.payee_id or 0)
    if payee is None:
        raise NotFoundError
    conversation = conversation_between(db, sender.id, payee.id)
    transfer.conversation_id = conversation.id
    db.flush()
    add_card(db, conversation_id=conversation.id, sender_id=sender.id, kind=CARD, reference=transfer.public_id)
    params = _params(transfer, sender)
    key = f"transfer:{transfer.public_id}"
    send_mail(db, to=recipient_of(payee), kind="wallet.received", params=params, dedupe_key=key)
    path = f"/{payee.language}/wallet/with/{sender.handle}"
    notify(db, user_id=payee.id, kind="wallet.received", params=params, path=path, dedupe_key=key)


def _invite(db: Session, transfer: Transfer) -> None:
    """Write to someone who is not a user yet, in the sender's language: nothing else is known of them."""
    sender = _sender(db, transfer)
    to = Recipient(email=transfer.payee_email or "", name="", language=str(sender.language), time_zone=sender.time_zone)
    params = _params(transfer, sender) | {"until": (clock.now() + WAITS_FOR).isoformat()}
    send_mail(
        db,
        to=to,
        kind="wallet.invited",
        params=params,
        dedupe_key=f"transfer-invite:{transfer.public_id}",
        subject_key=f"transfer:{transfer.public_id}",
    )


def claim_for(db: Session, *, user_id: int) -> int:
    """Bring in what waited for a user's e-mail address; returns how many transfers arrived.

    Each arrives once, however often and wherever this runs.
    """
    user = user_by_id(db, user_id)
    if user is None:
        return 0
    waiting = sa.select(Transfer).where(
        Transfer.payee_email == user.email, Transfer.state == TransferState.WAITING, Transfer.sender_id != user.id
    )
    arrived = 0
    for transfer in db.scalars(waiting.order_by(Transfer.id)).all():
        now = clock.now()
        if not _move(db, transfer, TransferState.WAITING, TransferState.COMPLETED, payee_id=user.id, ended_at=now):
            continue
        waited = WalletAccounts(db, transfer.sender_id, transfer.currency).waiting
        line = Line(waited, WalletAccounts(db, user.id, transfer.currency).available, transfer.amount)
        post(db, key=f"transfer-in:{transfer.public_id}", kind=KIND, lines=[line], reference=transfer.public_id)
        _arrived(db, transfer)
        arrived += 1
    return arrived


def _bring_back(db: Session, transfer: Transfer, state: TransferState) -> bool:
    if not _move(db, transfer, TransferState.WAITING, state, ended_at=clock.now()):
        return False
    own = WalletAccounts(db, transfer.sender_id, transfer.currency)
    line = Line(own.waiting, own.available, transfer.amount)
    post(
        db, key=f"transfer-back:{transfer.public_id}", kind="transfer_back", lines=[line], reference=transfer.public_id
    )
    return True


def take_back(db: Session, *, sender: User, public_id: str) -> Transfer:
    """Take back a transfer nobody has joined for yet: its money is available again at once.

    NotFoundError for another's, TransferClosedError when it has arrived or was returned.
    """
    transfer = owned_by(db, sender_id=sender.id, public_id=public_id)
    if not _bring_back(db, transfer, TransferState.CANCELLED):
        raise TransferClosedError
    return transfer


def return_unclaimed(db: Session) -> int:
    """Return what has waited for seven days, and tell its senders; up to 100 at a time, returns how many."""
    before = clock.now() - WAITS_FOR
    due = sa.select(Transfer).where(Transfer.state == TransferState.WAITING, Transfer.sent_at <= before)
    returned = 0
    for transfer in db.scalars(due.order_by(Transfer.id).limit(IN_ONE_GO)).all():
        if not _bring_back(db, transfer, TransferState.RETURNED):
            continue
        sender = _sender(db, transfer)
        params = _params(transfer, sender) | {"email": transfer.payee_email}
        key = f"transfer-back:{transfer.public_id}"
        send_mail(db, to=recipient_of(sender), kind="wallet.returned", params=params, dedupe_key=key)
        path = f"/{sender.language}/wallet/transfers/{transfer.public_id}"
        notify(db, user_id=sender.id, kind="wallet.returned", params=params, path=path, dedupe_key=key)
        returned += 1
    return returned


def waiting_for_users(db: Session) -> list[int]:
    """Users whose address has a transfer waiting: what a sweep brings in if the sign-up itself could not."""
    joined = (
        sa.select(User.id)
        .join(Transfer, Transfer.payee_email == User.email)
        .where(Transfer.state == TransferState.WAITING, Transfer.sender_id != User.id)
    )
    return list(db.scalars(joined.distinct().limit(IN_ONE_GO)))


def expire_unapproved(db: Session) -> int:
    """End transfers that nobody approved within the hour; returns how many."""
    before = clock.now() - GIVEN_UP_AFTER
    old = sa.select(Transfer).where(Transfer.state == TransferState.AWAITING_APPROVAL, Transfer.created_at <= before)
    transfers = db.scalars(old.order_by(Transfer.id).limit(IN_ONE_GO)).all()
    for transfer in transfers:
        _end_unpaid(db, transfer, TransferState.EXPIRED)
    return len(transfers)


def end_unpaid(db: Session, *, public_id: str, state: TransferState) -> None:
    """Note that a transfer awaiting approval will not be paid; nothing changes for one that has ended."""
    transfer = by_public_id(db, public_id)
    if transfer is not None:
        _end_unpaid(db, transfer, state)
