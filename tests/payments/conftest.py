"""A running sandbox, and an effect of payments that can be counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from portal.kernel.db import Database, reading
from portal.kernel.events import Event, subscribe
from portal.kernel.money import Money
from portal.ledger import queries as ledger_queries
from portal.ledger.kinds import AccountKind
from portal.ledger.services import Line, account_for, post
from portal.payments.events import (
    FundsAvailable,
    PaymentExpired,
    PaymentFailed,
    PaymentSucceeded,
    RefundFailed,
    RefundSucceeded,
)
from tests.builders.ledger import new_key, provider
from tests.builders.payments import PURPOSE, Sandbox, sandbox

_heard: list[Event] = []


def _listen(db: Session, event: PaymentSucceeded) -> None:
    """Fulfil, without any protection of its own: done twice, it counts twice."""
    if event.purpose != PURPOSE:
        return
    _heard.append(event)
    fees = account_for(db, kind=AccountKind.PLATFORM_FEES, currency=event.currency, owner_id=None)
    amount = Money(event.amount_minor, event.currency)
    post(db, key=new_key(), kind="fulfilled", lines=[Line(provider(db, event.currency), fees, amount)])


def _hear(
    _db: Session, event: PaymentFailed | PaymentExpired | FundsAvailable | RefundSucceeded | RefundFailed
) -> None:
    if event.purpose == PURPOSE:
        _heard.append(event)


@pytest.fixture
def heard() -> list[Event]:
    """What payments have told since the test began, in order."""
    subscribe(PaymentSucceeded, _listen)
    for kind in (PaymentFailed, PaymentExpired, FundsAvailable, RefundSucceeded, RefundFailed):
        subscribe(kind, _hear)
    _heard.clear()
    return _heard


@pytest.fixture
def running(app: Flask, fresh_database: Database, heard: list[Event], tmp_path: Path) -> Iterator[Sandbox]:
    """The portal and the simulator, each answering on loopback, on a database of their own."""
    with sandbox(app, tmp_path) as both:
        yield both


def fulfilled() -> int:
    """For how many cents payments were fulfilled, in all that was committed."""
    with reading() as db:
        fees = account_for(db, kind=AccountKind.PLATFORM_FEES, currency="EUR", owner_id=None)
        return ledger_queries.balance(db, fees).amount_minor
