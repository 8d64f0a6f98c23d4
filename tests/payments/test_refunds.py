"""Giving money back: written down first, never more than was paid, found again when its answer was lost."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from portal import config
from portal.kernel import clock
from portal.kernel.events import Event
from portal.payments import flows, gateway
from portal.payments.errors import PaymentConflictError, PaymentNotFoundError, RefundTooLargeError
from portal.payments.events import RefundFailed, RefundSucceeded
from portal.payments.models import Payment, Refund, RefundState
from tests.builders.ledger import euros
from tests.builders.payments import Sandbox, begin, latest, listen, paid, refunds_of

LATER = timedelta(minutes=10)


def _refund(payment: Payment, cents: int, key: str = "r") -> Refund:
    return flows.refund(payment_id=payment.id, amount=euros(0, cents), key=key, reason="asked")


def _at_provider(payment: Payment) -> list[tuple[str | None, str]]:
    client = gateway._stripe()
    found = client.v1.refunds.list({"payment_intent": payment.provider_payment_id or ""})
    return [(gateway._mark(refund.to_dict(), "refund"), refund.status or "") for refund in found.data]


def test_a_refund_goes_back_and_tells_so(running: Sandbox, heard: list[Event]) -> None:
    payment = paid(running)
    refund = _refund(payment, 990)
    assert refund.state is RefundState.SUCCEEDED
    assert (latest().refunded_minor, latest().refundable) == (990, euros(15))
    assert heard[1:] == [RefundSucceeded(refund.id, payment.id, "r", "test", "basket-1", 990, "EUR")]
    assert _at_provider(payment) == [(refund.public_id, "succeeded")]


def test_the_same_key_is_the_same_refund(running: Sandbox, heard: list[Event]) -> None:
    payment = paid(running)
    first = _refund(payment, 990)
    assert _refund(payment, 990).id == first.id
    with pytest.raises(PaymentConflictError):
        _refund(payment, 991)
    assert latest().refunded_minor == 990
    assert len(_at_provider(payment)) == 1
    assert len(heard) == 2


def test_never_more_than_was_paid(running: Sandbox) -> None:
    payment = paid(running)
    for cents in (2491, 0, -5):
        with pytest.raises(RefundTooLargeError):
            _refund(payment, cents)
    _refund(payment, 2000, "r1")
    with pytest.raises(RefundTooLargeError):
        _refund(payment, 491, "r2")
    _refund(payment, 490, "r3")
    with pytest.raises(RefundTooLargeError):
        _refund(payment, 1, "r4")
    assert latest().refunded_minor == 2490
    assert len(_at_provider(payment)) == 2


def test_what_was_not_paid_is_not_given_back(running: Sandbox) -> None:
    begin()
    with pytest.raises(RefundTooLargeError):
        _refund(latest(), 1)
    with pytest.raises(PaymentNotFoundError):
        flows.refund(payment_id=10**9, amount=euros(1), key="x", reason="")


@pytest.mark.parametrize("same_key", [True, False])
def test_many_refunds_at_once_stay_below_the_ceiling(running: Sandbox, same_key: bool, full_counts: bool) -> None:
    payment = paid(running)
    count = 20 if full_counts else 6
    barrier = threading.Barrier(count)
    refused: list[str] = []

    def run(at: int) -> None:
        barrier.wait()
        try:
            _refund(payment, 1000, "r" if same_key else f"r{at}")
        except RefundTooLargeError:
            refused.append(str(at))

    threads = [threading.Thread(target=run, args=(at,)) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = 1 if same_key else 2
    assert len(refused) == (0 if same_key else count - 2)
    assert latest().refunded_minor == 1000 * made
    assert [state for _, state in _at_provider(payment)] == ["succeeded"] * made


@pytest.mark.parametrize("answers", ["lost", "broken"])
def test_a_lost_answer_is_looked_up_before_it_is_sent_again(running: Sandbox, heard: list[Event], answers: str) -> None:
    payment = paid(running)
    running.switch(answers=answers, events="off")
    refund = _refund(payment, 990)
    assert refund.state is RefundState.CREATED
    assert latest().refunded_minor == 990
    flows.sweep()
    assert refunds_of(payment)[0].state is RefundState.CREATED
    with clock.at(clock.now() + LATER):
        flows.sweep()
        flows.sweep()
    assert refunds_of(payment)[0].state is RefundState.SUCCEEDED
    assert refunds_of(payment)[0].attempt == (1 if answers == "lost" else 2)
    assert _at_provider(payment) == [(refund.public_id, "succeeded")]
    assert [type(event) for event in heard[1:]] == [RefundSucceeded]


def test_a_refund_while_the_provider_is_silent_is_sent_later(running: Sandbox) -> None:
    payment = paid(running)
    reachable = config.current()
    silent, url = listen()
    silent.close()
    config.use(replace(reachable, payment_simulator_url=url))
    assert _refund(payment, 990).state is RefundState.CREATED
    with clock.at(clock.now() + LATER):
        flows.sweep()
        config.use(reachable)
        flows.sweep()
    assert refunds_of(payment)[0].state is RefundState.SUCCEEDED
    assert len(_at_provider(payment)) == 1


def test_the_event_beats_the_answer(running: Sandbox, heard: list[Event]) -> None:
    payment = paid(running)
    running.received(3)
    flows.handle_events()
    running.switch(answers="lost")
    refund = _refund(payment, 990)
    running.received(5)
    assert flows.handle_events() == 2
    assert refunds_of(payment)[0].state is RefundState.SUCCEEDED
    assert refunds_of(payment)[0].id == refund.id
    assert [type(event) for event in heard[1:]] == [RefundSucceeded]


@pytest.mark.parametrize("ends", ["succeeded", "failed"])
def test_a_refund_that_takes_its_time(running: Sandbox, heard: list[Event], ends: str) -> None:
    payment = paid(running)
    running.switch(refunds="pending")
    refund = _refund(payment, 990)
    assert refund.state is RefundState.PENDING
    running.end_refund(refund.provider_refund_id or "", ends)
    running.received(5)
    flows.handle_events()
    assert refunds_of(payment)[0].state == ends
    assert latest().refunded_minor == (990 if ends == "succeeded" else 0)
    assert [type(event) for event in heard[1:]] == [RefundSucceeded if ends == "succeeded" else RefundFailed]


def test_a_pending_refund_is_found_by_the_sweep(running: Sandbox) -> None:
    payment = paid(running)
    running.switch(refunds="pending", events="off")
    refund = _refund(payment, 990)
    running.end_refund(refund.provider_refund_id or "", "succeeded")
    with clock.at(clock.now() + LATER):
        flows.sweep()
    assert refunds_of(payment)[0].state is RefundState.SUCCEEDED


def test_a_bank_may_send_a_refund_back(running: Sandbox, heard: list[Event]) -> None:
    payment = paid(running)
    refund = _refund(payment, 2490)
    running.end_refund(refund.provider_refund_id or "", "failed")
    running.received(6)
    flows.handle_events()
    flows.handle_events()
    assert refunds_of(payment)[0].state is RefundState.FAILED
    assert latest().refunded_minor == 0
    assert [type(event) for event in heard[1:]] == [RefundSucceeded, RefundFailed]
    assert _refund(payment, 2490, "again").state is RefundState.SUCCEEDED


def test_what_the_provider_refuses_to_give_back_can_be_tried_again(running: Sandbox, heard: list[Event]) -> None:
    payment = paid(running)
    # Someone gave it back on the provider's own pages.
    gateway.create_refund(
        payment_id=payment.provider_payment_id or "", amount=euros(20), public_id="elsewhere", key="elsewhere"
    )
    refund = _refund(payment, 990)
    assert refund.state is RefundState.FAILED
    assert latest().refunded_minor == 0
    assert [type(event) for event in heard[1:]] == [RefundFailed]
    assert _refund(payment, 490, "less").state is RefundState.SUCCEEDED
