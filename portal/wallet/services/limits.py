"""What a person may still send, counted from the payments they have approved."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.kernel import clock
from portal.kernel.money import Money
from portal.wallet.errors import (
    NewPayeesPausedError,
    over_day_limit,
    over_month_limit,
    over_new_payee_limit,
    over_payment_limit,
)
from portal.wallet.models import Approval, ApprovalState, Pin
from portal.wallet.policies import DAY, MONTH, NEW_PAYEE, is_new_payee, limits_of, major


@dataclass(frozen=True, slots=True)
class _Spent:
    """Minor units that left a wallet, with what is on its way or held: an approval is used when they leave."""

    day: int
    month: int
    to_payee: int
    first_to_payee_at: datetime | None


def _spent(db: Session, *, payer_id: int, payee: str, currency: str, now: datetime) -> _Spent:
    amount = Approval.amount_minor
    used = (Approval.user_id == payer_id, Approval.currency == currency, Approval.state == ApprovalState.USED)
    to_payee = Approval.payee == payee

    def total(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, amount), else_=0)), 0)

    recent = db.execute(
        sa.select(total(Approval.used_at > now - DAY), total(sa.true()), total(to_payee)).where(
            *used, Approval.used_at > now - MONTH
        )
    ).one()
    first_at = db.scalar(sa.select(sa.func.min(Approval.used_at)).where(*used, to_payee))
    return _Spent(int(recent[0]), int(recent[1]), int(recent[2]), first_at)


def check(db: Session, *, payer: User, payee: str, amount: Money) -> None:
    """Refuse what is over a limit of the payer or for a new payee.

    Raises LimitError with the words for it, NewPayeesPausedError within 24 hours of a PIN reset.
    """
    now = clock.now()
    currency = amount.currency
    spent = _spent(db, payer_id=payer.id, payee=payee, currency=currency, now=now)
    own = limits_of(user_since=payer.created_at, now=now)
    if amount > major(own.payment, currency):
        raise over_payment_limit(major(own.payment, currency))
    if spent.first_to_payee_at is None:
        paused_until = db.scalar(sa.select(Pin.new_payees_from).where(Pin.user_id == payer.id))
        if paused_until is not None and paused_until > now:
            raise NewPayeesPausedError(paused_until)
    if is_new_payee(spent.first_to_payee_at, now=now):
        most = major(NEW_PAYEE.day, currency)
        if amount > major(NEW_PAYEE.payment, currency) or Money(spent.to_payee, currency) + amount > most:
            raise over_new_payee_limit(most)
    if Money(spent.day, currency) + amount > major(own.day, currency):
        raise over_day_limit(_left(own.day, spent.day, currency))
    if Money(spent.month, currency) + amount > major(own.month, currency):
        raise over_month_limit(_left(own.month, spent.month, currency))


def _left(limit: int, spent_minor: int, currency: str) -> Money:
    return Money(max(0, major(limit, currency).amount_minor - spent_minor), currency)
