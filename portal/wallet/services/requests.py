"""Asking for money: a request moves nothing; it is paid by a transfer, declined, cancelled, or grows too old."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import config
from portal.identity.models import User
from portal.identity.queries import user_by_id
from portal.identity.services import recipient_of
from portal.kernel import clock, ids, text, throttle
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.errors import NotFoundError, TooManyAttemptsError
from portal.kernel.money import Money
from portal.messaging.services import add_card, conversation_between
from portal.notifications.services import notify, send_mail
from portal.wallet.errors import AmountError, RequestClosedError, TooManyRequestsError
from portal.wallet.models import MoneyRequest, RequestState, Transfer
from portal.wallet.policies import USUAL, major
from portal.wallet.services.transfers import NOTE_LENGTH, Payee, check_payee, start

CARD = "money_request"
OPEN_FOR = timedelta(days=14)
PER_DAY = 30
IN_ONE_GO = 200


def today() -> date:
    """The day it is where this portal is at home: what a request's last day is counted in."""
    return clock.now().astimezone(ZoneInfo(config.current().time_zone)).date()


def request_money(
    db: Session, *, requester: User, payer_id: int, amount: Money, note: str, form_key: str
) -> MoneyRequest:
    """Ask someone for money; it can be paid for 14 days. The same form sent twice asks once.

    Raises AmountError for nothing or more than one payment may hold, SelfTransferError, BlockedPayeeError and
    TooManyRequestsError after 30 in a day.
    """
    mine = sa.select(MoneyRequest).where(MoneyRequest.requester_id == requester.id, MoneyRequest.form_key == form_key)
    repeated = db.scalar(mine)
    if repeated is not None:
        return repeated
    check_payee(db, sender=requester, payee=Payee(user_id=payer_id))
    if amount.amount_minor <= 0 or amount > major(USUAL.payment, amount.currency):
        raise AmountError
    try:
        throttle.hit(db, f"money-request:{requester.id}", limit=PER_DAY, window=timedelta(days=1))
    except TooManyAttemptsError as error:
        raise TooManyRequestsError from error
    conversation = conversation_between(db, requester.id, payer_id)
    insert = (
        conflict_insert(db, MoneyRequest)
        .values(
            public_id=ids.readable_code(),
            requester_id=requester.id,
            payer_id=payer_id,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            note=text.clean_line(note)[:NOTE_LENGTH],
            state=RequestState.REQUESTED,
            pay_by=today() + OPEN_FOR,
            conversation_id=conversation.id,
            form_key=form_key,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing()
        .returning(MoneyRequest.id)
    )
    is_new = db.scalar(insert) is not None
    request = db.scalars(mine).one()
    if is_new:
        _tell_payer(db, request, requester)
    return request


def _tell_payer(db: Session, request: MoneyRequest, requester: User) -> None:
    payer = user_by_id(db, request.payer_id)
    if payer is None:
        raise NotFoundError
    add_card(
        db,
        conversation_id=request.conversation_id,
        sender_id=requester.id,
        kind=CARD,
        reference=request.public_id,
    )
    params = {
        "name": requester.display_name,
        "handle": requester.handle,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "note": request.note,
        "pay_by": request.pay_by.isoformat(),
    }
    key = f"money-request:{request.public_id}"
    send_mail(db, to=recipient_of(payer), kind="wallet.requested", params=params, dedupe_key=key)
    path = f"/{payer.language}/wallet/with/{requester.handle}"
    notify(db, user_id=payer.id, kind="wallet.requested", params=params, path=path, dedupe_key=key)


def _one(db: Session, *conditions: sa.ColumnElement[bool]) -> MoneyRequest:
    request = db.scalar(sa.select(MoneyRequest).where(*conditions))
    if request is None:
        raise NotFoundError
    return request


def asked_of(db: Session, *, payer_id: int, public_id: str) -> MoneyRequest:
    """A request made to this user; NotFoundError for anyone else's."""
    return _one(db, MoneyRequest.public_id == public_id, MoneyRequest.payer_id == payer_id)


def asked_by(db: Session, *, requester_id: int, public_id: str) -> MoneyRequest:
    """A request this user made; NotFoundError for anyone else's."""
    return _one(db, MoneyRequest.public_id == public_id, MoneyRequest.requester_id == requester_id)


def pay(db: Session, *, payer: User, public_id: str) -> Transfer:
    """Begin the transfer that pays a request made to this user; pressing twice begins one.

    Raises NotFoundError for another's, RequestClosedError when it is no longer open, and whatever `start` refuses with.
    """
    request = asked_of(db, payer_id=payer.id, public_id=public_id)
    if request.state is not RequestState.REQUESTED or request.pay_by < today():
        raise RequestClosedError
    return start(
        db,
        sender=payer,
        payee=Payee(user_id=request.requester_id),
        amount=request.amount,
        note=request.note,
        # An hour, so that a payment that was given up can be begun again later.
        form_key=f"request:{request.public_id}:{clock.now():%Y%m%d%H}",
        money_request=request,
    )


def _close(db: Session, request: MoneyRequest, state: RequestState) -> None:
    closed = (
        sa.update(MoneyRequest)
        .where(MoneyRequest.id == request.id, MoneyRequest.state == RequestState.REQUESTED)
        .values(state=state, ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    if not rows_changed(db, closed):
        db.refresh(request)
        if request.state is not state:
            raise RequestClosedError
    db.refresh(request)


def decline(db: Session, *, payer: User, public_id: str) -> MoneyRequest:
    """Decline a request made to this user; again changes nothing. RequestClosedError once it is paid or cancelled."""
    request = asked_of(db, payer_id=payer.id, public_id=public_id)
    _close(db, request, RequestState.DECLINED)
    return request


def cancel(db: Session, *, requester: User, public_id: str) -> MoneyRequest:
    """Cancel a request of one's own; again changes nothing. RequestClosedError once it is paid or declined."""
    request = asked_by(db, requester_id=requester.id, public_id=public_id)
    _close(db, request, RequestState.CANCELLED)
    return request


def expire_old(db: Session) -> int:
    """Close requests whose last day has passed; returns how many."""
    old = (
        sa.update(MoneyRequest)
        .where(MoneyRequest.state == RequestState.REQUESTED, MoneyRequest.pay_by < today())
        .values(state=RequestState.EXPIRED, ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return rows_changed(db, old)
