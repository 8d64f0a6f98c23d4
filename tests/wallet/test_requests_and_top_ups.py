"""Asking for money, and adding it by card."""

from datetime import timedelta

import pytest

from portal.kernel import clock
from portal.kernel.errors import NotFoundError
from portal.kernel.events import publish
from portal.ledger.queries import check
from portal.messaging import queries as messaging
from portal.messaging.services import block
from portal.payments.events import FundsAvailable, PaymentExpired, PaymentFailed, PaymentSucceeded
from portal.wallet import flows, jobs
from portal.wallet.errors import (
    AmountError,
    BlockedPayeeError,
    RequestClosedError,
    SelfTransferError,
    TooManyRequestsError,
)
from portal.wallet.models import RequestState, TopUpState
from portal.wallet.queries import balance
from portal.wallet.services import requests, top_ups
from tests.builders.wallet import PIN, ask_approval, euros, fund, give_pin


def ask(db, requester, payer, amount=30, key="k" * 32):
    return requests.request_money(
        db, requester=requester, payer_id=payer.id, amount=euros(amount), note="Pots en verre", form_key=key
    )


def state(db, asked):
    db.expire_all()
    return requests.asked_of(db, payer_id=asked.payer_id, public_id=asked.public_id).state


def pay(db, payer, asked):
    transfer = requests.pay(db, payer=payer, public_id=asked.public_id)
    flows.approve(payer=payer, approval_id=ask_approval(transfer), pin=PIN)


def test_a_request_is_paid_with_the_usual_approval(db, alice, bob):
    fund(alice, 100)
    give_pin(alice)
    asked = ask(db, bob, alice)
    assert messaging.inbox(db, alice.id)[0].card.amount == euros(30)
    pay(db, alice, asked)
    assert state(db, asked) is RequestState.PAID
    assert balance(db, bob.id).available == euros(30)
    with pytest.raises(RequestClosedError):
        requests.pay(db, payer=alice, public_id=asked.public_id)


def test_asking_twice_with_one_form_asks_once(db, alice, bob):
    assert ask(db, bob, alice).id == ask(db, bob, alice).id
    assert messaging.inbox(db, alice.id)[0].unread == 1


def test_paying_twice_begins_one_transfer(db, alice, bob):
    fund(alice, 100)
    asked = ask(db, bob, alice)
    first, second = (requests.pay(db, payer=alice, public_id=asked.public_id).id for _ in range(2))
    assert first == second


def test_a_request_is_declined_by_its_payer_and_cancelled_by_its_requester_alone(db, alice, bob, charlie):
    asked, other = ask(db, bob, alice), ask(db, bob, alice, key="l" * 32)
    for stranger in (bob, charlie):
        with pytest.raises(NotFoundError):
            requests.decline(db, payer=stranger, public_id=asked.public_id)
    for stranger in (alice, charlie):
        with pytest.raises(NotFoundError):
            requests.cancel(db, requester=stranger, public_id=asked.public_id)
    for _ in range(2):
        requests.decline(db, payer=alice, public_id=asked.public_id)
        requests.cancel(db, requester=bob, public_id=other.public_id)
    assert (state(db, asked), state(db, other)) == (RequestState.DECLINED, RequestState.CANCELLED)
    with pytest.raises(RequestClosedError):
        requests.cancel(db, requester=bob, public_id=asked.public_id)


def test_a_request_closed_while_its_payment_waits_is_not_paid(db, alice, bob):
    fund(alice, 100)
    give_pin(alice)
    asked = ask(db, bob, alice)
    approval = ask_approval(requests.pay(db, payer=alice, public_id=asked.public_id))
    requests.cancel(db, requester=bob, public_id=asked.public_id)
    with pytest.raises(RequestClosedError):
        flows.approve(payer=alice, approval_id=approval, pin=PIN)
    assert balance(db, alice.id).available == euros(100)


def test_a_request_grows_too_old(db, alice, bob):
    fund(alice, 100)
    asked = ask(db, bob, alice)
    with clock.at(clock.now() + timedelta(days=13)):
        jobs.expire_transfers()
        assert state(db, asked) is RequestState.REQUESTED
    with clock.at(clock.now() + timedelta(days=16)):
        with pytest.raises(RequestClosedError):
            requests.pay(db, payer=alice, public_id=asked.public_id)
        jobs.expire_transfers()
    assert state(db, asked) is RequestState.EXPIRED


def test_what_cannot_be_asked(db, alice, bob, charlie):
    with pytest.raises(SelfTransferError):
        ask(db, alice, alice)
    for amount in (0, 1001):
        with pytest.raises(AmountError):
            ask(db, alice, bob, amount)
    block(db, blocker_id=charlie.id, blocked_id=alice.id)
    with pytest.raises(BlockedPayeeError):
        ask(db, alice, charlie)


def test_thirty_requests_a_day(db, alice, bob):
    with clock.at(clock.now().replace(hour=3)):
        for n in range(30):
            ask(db, alice, bob, key=f"{n:032}")
        with pytest.raises(TooManyRequestsError):
            ask(db, alice, bob, key="x" * 32)


def begin(db, user, amount=50, key="k" * 32):
    return top_ups.start_top_up(db, user=user, amount=euros(amount), form_key=key)


def event(kind, top_up, **more):
    return kind(payment_id=1, purpose="top_up", reference=top_up.public_id, amount_minor=5000, currency="EUR", **more)


def top_up_state(db, top_up):
    db.expire_all()
    return top_ups.owned_by(db, user_id=top_up.user_id, public_id=top_up.public_id).state


def test_a_paid_top_up_is_credited_once(db, alice):
    top_up = begin(db, alice)
    for _ in range(3):
        publish(db, event(PaymentSucceeded, top_up, funds_available=True))
    assert balance(db, alice.id).available == euros(50)
    assert top_up_state(db, top_up) is TopUpState.COMPLETED
    assert check(db) == []


def test_a_top_up_is_incoming_until_its_money_can_be_used(db, alice):
    top_up = begin(db, alice)
    publish(db, event(PaymentSucceeded, top_up, funds_available=False))
    assert (balance(db, alice.id).incoming, balance(db, alice.id).available) == (euros(50), euros(0))
    for _ in range(2):
        publish(db, event(FundsAvailable, top_up))
    assert (balance(db, alice.id).incoming, balance(db, alice.id).available) == (euros(0), euros(50))


@pytest.mark.parametrize("kind", [PaymentFailed, PaymentExpired])
def test_a_top_up_that_failed_credits_nothing_unless_it_succeeds_after_all(db, alice, kind):
    top_up = begin(db, alice)
    publish(db, event(kind, top_up))
    assert top_up_state(db, top_up) is TopUpState.FAILED
    assert balance(db, alice.id).available == euros(0)
    publish(db, event(PaymentSucceeded, top_up, funds_available=True))
    publish(db, event(kind, top_up))
    assert top_up_state(db, top_up) is TopUpState.COMPLETED
    assert balance(db, alice.id).available == euros(50)


def test_payments_of_other_purposes_are_not_the_wallets(db, alice):
    top_up = begin(db, alice)
    other = PaymentSucceeded(
        payment_id=1,
        purpose="something_else",
        reference=top_up.public_id,
        amount_minor=5000,
        currency="EUR",
        funds_available=True,
    )
    top_up_before = top_up_state(db, top_up)
    publish(db, other)
    assert top_up_state(db, top_up) is top_up_before
    assert balance(db, alice.id).available == euros(0)


@pytest.mark.parametrize("amount", [0, "4.99", "500.01"])
def test_a_top_up_has_bounds(db, alice, amount):
    with pytest.raises(AmountError):
        begin(db, alice, amount)


def test_a_top_up_is_its_owners(db, alice, bob):
    top_up = begin(db, alice)
    with pytest.raises(NotFoundError):
        top_ups.owned_by(db, user_id=bob.id, public_id=top_up.public_id)
