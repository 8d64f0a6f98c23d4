"""Paying, from the request to the fulfilment, over HTTP against the simulator."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from portal import config
from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.kernel.events import Event
from portal.payments import flows, gateway, queries, services
from portal.payments.errors import (
    PaymentClosedError,
    PaymentConflictError,
    PaymentNotFoundError,
    ProviderRefusedError,
    ProviderUnavailableError,
)
from portal.payments.events import FundsAvailable, PaymentExpired, PaymentSucceeded
from portal.payments.models import PaymentState
from tests.builders.ledger import euros
from tests.builders.payments import (
    ASKS,
    DECLINED,
    LONG_AGO,
    MASTERCARD,
    TOO_POOR,
    TOTAL,
    VISA,
    Sandbox,
    begin,
    latest,
    listen,
    public_id,
)
from tests.payments.conftest import fulfilled


def kinds(heard: list[Event]) -> list[type[Event]]:
    return [type(event) for event in heard]


def test_the_payer_pays_comes_back_and_it_is_fulfilled(running: Sandbox, heard: list[Event]) -> None:
    url = begin()
    assert url.startswith(f"{running.simulator_url}/pay/cs_test_")
    assert latest().state is PaymentState.PENDING
    back = running.pay(url)
    assert latest().state is PaymentState.PENDING
    assert running.come_back(back) == "/fr/thanks"
    payment = latest()
    assert payment.state is PaymentState.SUCCEEDED
    assert (payment.amount, payment.card_brand, payment.card_last4) == (TOTAL, "visa", "4242")
    assert payment.provider_fee_minor == 62
    assert payment.funds_available_at is not None
    assert heard == [PaymentSucceeded(payment.id, "test", "basket-1", 2490, "EUR", funds_available=True)]
    assert fulfilled() == 2490


def test_a_mastercard_pays_too(running: Sandbox) -> None:
    running.come_back(running.pay(begin(), MASTERCARD))
    assert (latest().card_brand, latest().card_last4) == ("mastercard", "4444")


@pytest.mark.parametrize(("number", "code"), [(DECLINED, "generic_decline"), (TOO_POOR, "insufficient_funds")])
def test_a_declined_card_leaves_the_page_open_for_another(running: Sandbox, number: str, code: str) -> None:
    url = begin()
    answer = running.type_card(url, number)
    assert answer.status_code == 402
    assert 'role="alert"' in answer.text
    assert flows.sync_payment(latest().public_id) is PaymentState.PENDING
    assert latest().failure_code == code
    running.come_back(running.pay(url, VISA))
    assert latest().state is PaymentState.SUCCEEDED
    assert latest().failure_code is None
    assert fulfilled() == 2490


def test_a_card_that_asks_is_paid_once_confirmed(running: Sandbox) -> None:
    url = begin()
    confirm = running.pay(url, ASKS)
    assert "/confirm?card=3155" in confirm
    page = f"{running.simulator_url}{confirm}"
    refused = running.type_card(page, "", answer="refuse")
    assert refused.status_code == 402
    assert flows.sync_payment(latest().public_id) is PaymentState.PENDING
    confirmed = running.type_card(page, "", answer="confirm")
    assert running.come_back(confirmed.headers["Location"]) == "/fr/thanks"
    assert latest().state is PaymentState.SUCCEEDED


def test_the_event_comes_before_the_payer(running: Sandbox, heard: list[Event]) -> None:
    back = running.pay(begin())
    running.received(3)
    assert flows.handle_events() == 3
    assert latest().state is PaymentState.SUCCEEDED
    assert running.come_back(back) == "/fr/thanks"
    assert kinds(heard) == [PaymentSucceeded]
    assert fulfilled() == 2490


def test_the_payer_comes_before_the_event(running: Sandbox, heard: list[Event]) -> None:
    running.switch(events="off")
    running.come_back(running.pay(begin()))
    running.switch(events="normal")
    running.received(3)
    assert flows.handle_events() == 3
    assert kinds(heard) == [PaymentSucceeded]
    assert fulfilled() == 2490


def test_it_is_fulfilled_once_when_all_arrive_together(running: Sandbox, full_counts: bool) -> None:
    running.switch(events="scrambled")
    back = running.pay(begin())
    running.received(3)
    failures: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        try:
            barrier.wait()
            act()
        except BaseException as error:  # noqa: BLE001 (shown by the test)
            failures.append(error)

    each = 8 if full_counts else 3
    acts = [
        lambda: running.come_back(back),
        flows.handle_events,
        flows.sweep,
        lambda: flows.sync_payment(public_id(back)),
    ]
    barrier = threading.Barrier(len(acts) * each)
    threads = [threading.Thread(target=run, args=(act,)) for act in acts * each]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert latest().state is PaymentState.SUCCEEDED
    assert fulfilled() == 2490


def test_leaving_the_page_leads_back_to_the_basket(running: Sandbox, heard: list[Event]) -> None:
    begin()
    back = f"{running.portal_url}/payments/{latest().public_id}/cancel"
    assert running.come_back(back) == "/fr/basket"
    assert latest().state is PaymentState.PENDING
    assert heard == []


def test_leaving_after_paying_in_another_tab_leads_to_the_thanks(running: Sandbox) -> None:
    running.pay(begin())
    assert running.come_back(f"{running.portal_url}/payments/{latest().public_id}/cancel") == "/fr/thanks"


def test_the_same_key_is_the_same_payment(running: Sandbox) -> None:
    url = begin(key="k")
    assert begin(key="k") == url
    with pytest.raises(PaymentConflictError):
        begin(key="k", amount=euros(11))
    running.come_back(running.pay(url))
    assert begin(key="k") == "/fr/thanks"
    with reading() as db:
        assert len(queries.payments_for(db, purpose="test", reference="basket-1")) == 1


def test_a_closed_page_cannot_be_paid(running: Sandbox, heard: list[Event]) -> None:
    url = begin(key="k")
    assert flows.cancel_checkout(latest().public_id) is PaymentState.EXPIRED
    assert kinds(heard) == [PaymentExpired]
    assert running.open(url).status_code == 410
    assert running.type_card(url, VISA).status_code == 410
    with pytest.raises(PaymentClosedError):
        begin(key="k")


def test_closing_a_page_that_was_paid_tells_so(running: Sandbox) -> None:
    running.pay(begin())
    assert flows.cancel_checkout(latest().public_id) is PaymentState.SUCCEEDED
    assert fulfilled() == 2490


def test_what_the_provider_refuses_is_over(running: Sandbox) -> None:
    with pytest.raises(ProviderRefusedError, match="refused"):
        flows.start_checkout(
            purpose="test",
            reference="basket-1",
            items=[flows.CheckoutItem("Bonbon", euros(0, 10), 1)],
            customer_email="",
            success_path="/",
            cancel_path="/",
            key="small",
            language="fr",
        )
    assert latest().state is PaymentState.FAILED
    assert latest().failure_code == "amount_too_small"


def test_an_answer_that_never_came_is_asked_for_again(running: Sandbox, heard: list[Event]) -> None:
    running.switch(answers="lost")
    with pytest.raises(ProviderUnavailableError):
        begin(key="k")
    assert latest().state is PaymentState.CREATED
    running.come_back(running.pay(begin(key="k")))
    assert latest().state is PaymentState.SUCCEEDED
    assert fulfilled() == 2490


def test_a_failure_the_provider_would_repeat_is_asked_under_a_new_key(running: Sandbox) -> None:
    running.switch(answers="broken")
    with pytest.raises(ProviderUnavailableError):
        begin(key="k")
    running.come_back(running.pay(begin(key="k")))
    assert latest().state is PaymentState.SUCCEEDED


def test_the_page_that_was_never_handed_out_does_not_end_the_payment(running: Sandbox, heard: list[Event]) -> None:
    running.switch(answers="lost")
    with pytest.raises(ProviderUnavailableError):
        begin(key="k")
    lost = [row["id"] for row in _sessions(running)]
    url = begin(key="k")
    gateway.expire_checkout(lost[0])
    running.received(1)
    assert flows.handle_events() == 1
    assert latest().state is PaymentState.PENDING
    assert heard == []
    running.come_back(running.pay(url))
    assert latest().state is PaymentState.SUCCEEDED


def _sessions(running: Sandbox) -> list[dict[str, object]]:
    with running.app.extensions["simulator_state"].reading() as ledger:
        return ledger.every("checkout.session")


def test_a_payment_without_its_page_is_closed_by_the_sweep(running: Sandbox, heard: list[Event]) -> None:
    with clock.at(clock.now() - LONG_AGO):
        running.switch(answers="lost")
        with pytest.raises(ProviderUnavailableError):
            begin()
    flows.sweep()
    assert latest().state is PaymentState.EXPIRED
    assert kinds(heard) == [PaymentExpired]


def test_money_that_takes_a_day_is_told_apart_and_follows_once(running: Sandbox, heard: list[Event]) -> None:
    running.switch(funds_delay="86400")
    running.come_back(running.pay(begin()))
    payment = latest()
    assert heard == [PaymentSucceeded(payment.id, "test", "basket-1", 2490, "EUR", funds_available=False)]
    assert payment.available_on is not None
    assert payment.funds_available_at is None
    running.release_funds()
    flows.sweep()
    assert len(heard) == 1
    with clock.at(payment.available_on):
        flows.sweep()
        flows.sweep()
    assert heard[1:] == [FundsAvailable(payment.id, "test", "basket-1", 2490, "EUR")]
    assert latest().funds_available_at == payment.available_on


def test_money_that_is_still_late_is_asked_about_again(running: Sandbox, heard: list[Event]) -> None:
    running.switch(funds_delay="86400")
    running.come_back(running.pay(begin()))
    with clock.at(clock.now() + timedelta(days=2)):
        flows.sweep()
    assert latest().funds_available_at is None
    assert len(heard) == 1


def test_nobody_finds_a_payment_by_guessing(running: Sandbox) -> None:
    assert running.open(f"{running.portal_url}/payments/{'x' * 43}/return").status_code == 404
    with pytest.raises(PaymentNotFoundError):
        flows.sync_payment("x" * 43)


def test_the_provider_receives_another_amount_and_nothing_is_fulfilled(running: Sandbox) -> None:
    begin()
    payment = latest()
    found = gateway.Found(payment.public_id, gateway.Outcome.PAID, payment_id="pi_1", received=euros(1))
    with pytest.raises(ValueError, match="received"), transaction() as db:
        services.record_outcome(db, payment_id=payment.id, found=found)
    assert latest().state is PaymentState.PENDING


def test_while_the_provider_is_silent_the_payer_still_comes_back(running: Sandbox) -> None:
    begin()
    silent, url = listen()
    silent.close()
    config.use(replace(config.current(), payment_simulator_url=url))
    assert running.come_back(f"{running.portal_url}/payments/{latest().public_id}/return") == "/fr/thanks"
    assert latest().state is PaymentState.PENDING
