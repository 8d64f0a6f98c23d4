"""What the provider tells: verified, kept once, and looked up rather than believed."""

import json
import logging
from dataclasses import replace
from datetime import timedelta

import pytest
import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import config
from portal.kernel import clock
from portal.kernel.db import reading
from portal.kernel.events import Event
from portal.payments import flows, queries, services
from portal.payments.gateway import EventHint
from portal.payments.models import PaymentEvent, PaymentState
from portal.payments.simulator.events import sign
from tests.builders.payments import Sandbox, begin, events_received, latest, listen, paid, wait_until
from tests.conftest import TODAY
from tests.payments.conftest import fulfilled


def _event(kind: str, object_id: str, *, event_id: str = "evt_test", **claims: object) -> bytes:
    body = {"id": object_id, "object": kind.rpartition(".")[0], **claims}
    return json.dumps({"id": event_id, "object": "event", "type": kind, "data": {"object": body}}).encode()


def _post(running: Sandbox, payload: bytes, signature: str | None) -> int:
    headers = {"Content-Type": "application/json"}
    if signature is not None:
        headers["Stripe-Signature"] = signature
    with requests.post(f"{running.portal_url}/payments/events", data=payload, headers=headers, timeout=10) as answer:
        return answer.status_code


def _signed(running: Sandbox, payload: bytes, *, age: int = 0, secret: str | None = None) -> int:
    moment = int(clock.now().timestamp()) - age
    return _post(running, payload, sign(payload, secret or config.current().stripe_webhook_secret, moment))


def test_an_event_is_kept_once_however_often_it_comes(running: Sandbox) -> None:
    payload = _event("charge.succeeded", "ch_1")
    assert [_signed(running, payload, age=age) for age in (0, 0, 250)] == [200, 200, 200]
    assert events_received() == 1
    assert flows.handle_events() == 1
    assert flows.handle_events() == 0
    assert _signed(running, payload) == 200
    assert flows.handle_events() == 0


def test_a_forged_or_old_event_is_refused(running: Sandbox) -> None:
    payload = _event("charge.succeeded", "ch_1")
    now = int(clock.now().timestamp())
    good = sign(payload, config.current().stripe_webhook_secret, now)
    assert _post(running, payload, None) == 400
    assert _post(running, payload, "") == 400
    assert _post(running, payload, f"t={now},v1={'0' * 64}") == 400
    assert _post(running, payload, f"t={now}") == 400
    assert _post(running, payload, "nonsense") == 400
    assert _post(running, payload.replace(b"ch_1", b"ch_2"), good) == 400
    assert _post(running, payload, good.replace(f"t={now}", f"t={now + 1}")) == 400
    assert _signed(running, payload, secret="another secret") == 400
    assert _signed(running, payload, age=301) == 400
    assert _signed(running, b"{}") == 400
    assert _signed(running, b"[1]") == 400
    assert _signed(running, b"\xff\xfe") == 400
    assert events_received() == 0
    assert _post(running, payload, good) == 200
    assert events_received() == 1


def test_an_event_is_never_believed(running: Sandbox, heard: list[Event]) -> None:
    begin()
    session_id = latest().provider_session_id or ""
    claims = {"status": "complete", "payment_status": "paid", "client_reference_id": latest().public_id}
    assert _signed(running, _event("checkout.session.completed", session_id, **claims)) == 200
    assert flows.handle_events() == 1
    assert latest().state is PaymentState.PENDING
    assert heard == []


def test_an_event_about_nothing_of_ours_is_done_with(running: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    for at, (kind, object_id) in enumerate(
        [
            ("checkout.session.completed", "cs_unknown"),
            ("payment_intent.succeeded", "pi_unknown"),
            ("refund.updated", "re_unknown"),
            ("customer.created", "cus_1"),
        ]
    ):
        assert _signed(running, _event(kind, object_id, event_id=f"evt_{at}")) == 200
    with caplog.at_level(logging.WARNING):
        assert flows.handle_events() == 4
    assert caplog.text.count("resource_missing") == 3
    assert flows.handle_events() == 0


def test_late_events_change_nothing_any_more(running: Sandbox, heard: list[Event]) -> None:
    payment = paid(running)
    running.received(3)
    assert flows.handle_events() == 3
    late = _event("checkout.session.expired", payment.provider_session_id or "", event_id="evt_late")
    assert _signed(running, late) == 200
    assert flows.handle_events() == 1
    assert latest().state is PaymentState.SUCCEEDED
    assert len(heard) == 1
    assert fulfilled() == 2490


def test_out_of_order_and_twice_is_as_good_as_in_order(running: Sandbox, heard: list[Event]) -> None:
    running.switch(events="scrambled")
    running.type_card(begin(), "4000000000000002")
    running.pay(latest().checkout_url or "")
    wait_until(lambda: _undelivered(running) == 0)
    with reading() as db:
        received = queries.unhandled_events(db, at=clock.now())
    assert len(received) == 4
    assert received[0].type != "payment_intent.payment_failed"
    assert flows.handle_events() == 4
    assert latest().state is PaymentState.SUCCEEDED
    assert fulfilled() == 2490
    assert len(heard) == 1


def _undelivered(running: Sandbox) -> int:
    with running.app.extensions["simulator_state"].reading() as ledger:
        return int(ledger.connection.execute("SELECT count(*) FROM deliveries WHERE delivered = 0").fetchone()[0])


def test_what_cannot_be_handled_now_waits_and_holds_nobody_up(
    running: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    running.switch(events="off")
    running.pay(begin())
    assert _signed(running, _event("checkout.session.completed", latest().provider_session_id or "")) == 200
    assert _signed(running, _event("customer.created", "cus_1", event_id="evt_2")) == 200
    reachable = config.current()
    silent, url = listen()
    silent.close()
    config.use(replace(reachable, payment_simulator_url=url))
    assert flows.handle_events() == 1
    assert "evt_test" in caplog.text
    assert latest().state is PaymentState.PENDING
    config.use(reachable)
    assert flows.handle_events() == 0
    with clock.at(clock.now() + timedelta(seconds=61)):
        assert flows.handle_events() == 1
    assert latest().state is PaymentState.SUCCEEDED


def test_waiting_grows_and_stays_bounded(db: Session) -> None:
    services.receive_event(db, EventHint("evt_1", "charge.succeeded", "ch_1"))
    with clock.at(TODAY):
        waits = []
        for _ in range(14):
            event = db.scalars(sa.select(PaymentEvent).execution_options(populate_existing=True)).one()
            waits.append(services.postpone_event(db, event) - TODAY)
    assert waits[:4] == [timedelta(minutes=minutes) for minutes in (1, 2, 4, 8)]
    assert waits[-1] == timedelta(hours=6)
