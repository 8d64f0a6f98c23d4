"""What the database itself refuses of payments, on both engines."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from portal.kernel import clock
from portal.payments.models import Payment, PaymentState, Refund, RefundState

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)


def _payment(db: Session, key: str = "k", **values: Any) -> Payment:
    payment = Payment(
        purpose="test",
        reference="r",
        amount_minor=1000,
        currency="EUR",
        key=key,
        request={},
        success_path="/",
        cancel_path="/",
        **values,
    )
    db.add(payment)
    db.flush()
    return payment


def _refused(db: Session, model: type[Payment | Refund], row_id: int, **values: Any) -> None:
    with pytest.raises(DBAPIError), db.begin_nested():
        db.execute(sa.update(model).where(model.id == row_id).values(**values))


def _change(db: Session, model: type[Payment | Refund], row_id: int, **values: Any) -> None:
    db.execute(sa.update(model).where(model.id == row_id).values(**values))


def _succeeded(db: Session) -> Payment:
    return _payment(db, state=PaymentState.SUCCEEDED, succeeded_at=clock.now())


@pytest.mark.parametrize(
    "values",
    [
        {"amount_minor": 0},
        {"amount_minor": -1},
        {"refunded_minor": 1},
        {"state": PaymentState.SUCCEEDED},
        {"succeeded_at": MOMENT},
        {"funds_available_at": MOMENT},
        {"attempt": 0},
    ],
)
def test_a_payment_that_makes_no_sense_is_refused(db: Session, values: dict[str, Any]) -> None:
    payment = _payment(db)
    _refused(db, Payment, payment.id, **values)


def test_no_more_than_the_amount_is_refunded(db: Session) -> None:
    payment = _succeeded(db)
    _change(db, Payment, payment.id, refunded_minor=1000)
    _refused(db, Payment, payment.id, refunded_minor=1001)
    _refused(db, Payment, payment.id, refunded_minor=-1)


@pytest.mark.parametrize("end", [PaymentState.FAILED, PaymentState.EXPIRED])
@pytest.mark.parametrize("next_state", [*PaymentState])
def test_the_end_of_a_payment_is_final(db: Session, end: PaymentState, next_state: PaymentState) -> None:
    payment = _payment(db, state=end)
    if next_state is end:
        _change(db, Payment, payment.id, state=end, failure_code="x")
        return
    moment = clock.now() if next_state is PaymentState.SUCCEEDED else None
    _refused(db, Payment, payment.id, state=next_state, succeeded_at=moment)


def test_a_success_is_final_and_nothing_goes_back(db: Session) -> None:
    payment = _succeeded(db)
    _refused(db, Payment, payment.id, state=PaymentState.PENDING, succeeded_at=None)
    _refused(db, Payment, payment.id, state=PaymentState.FAILED, succeeded_at=None)
    pending = _payment(db, "k2", state=PaymentState.PENDING)
    _refused(db, Payment, pending.id, state=PaymentState.CREATED)


@pytest.mark.parametrize(
    "values", [{"amount_minor": 2000}, {"currency": "MAD"}, {"purpose": "x"}, {"reference": "x"}, {"key": "x"}]
)
def test_what_was_asked_never_changes(db: Session, values: dict[str, Any]) -> None:
    payment = _payment(db)
    _refused(db, Payment, payment.id, **values)


def test_a_refund_goes_forwards_only(db: Session) -> None:
    payment = _succeeded(db)
    refund = Refund(payment_id=payment.id, amount_minor=10, currency="EUR", key="r")
    db.add(refund)
    db.flush()
    for values in ({"amount_minor": 11}, {"amount_minor": 0}, {"key": "x"}, {"attempt": 0}):
        _refused(db, Refund, refund.id, **values)
    _change(db, Refund, refund.id, state=RefundState.PENDING)
    _refused(db, Refund, refund.id, state=RefundState.CREATED)
    _change(db, Refund, refund.id, state=RefundState.SUCCEEDED)
    _refused(db, Refund, refund.id, state=RefundState.PENDING)
    _change(db, Refund, refund.id, state=RefundState.FAILED)
    for state in (RefundState.CREATED, RefundState.PENDING, RefundState.SUCCEEDED):
        _refused(db, Refund, refund.id, state=state)


def test_keys_and_the_provider_s_ids_are_unique(db: Session) -> None:
    payment = _payment(db, provider_session_id="cs_1")
    for values in (
        {"key": "k"},
        {"key": "other", "provider_session_id": "cs_1"},
        {"key": "third", "public_id": payment.public_id},
    ):
        with pytest.raises(DBAPIError), db.begin_nested():
            _payment(db, **values)
