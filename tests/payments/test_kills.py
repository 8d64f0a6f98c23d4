"""A process killed between the provider's doing and our writing it down: found again, once."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from portal import config
from portal.kernel import clock
from portal.kernel import db as kernel_db
from portal.kernel.events import Event
from portal.payments import flows
from portal.payments.events import PaymentExpired, PaymentSucceeded, RefundSucceeded
from portal.payments.models import PaymentState, RefundState
from tests.builders.payments import LONG_AGO, Sandbox, begin, latest, paid, refunds_of, wait_until

_PROGRAM = """
import sys
from portal import config
from portal.kernel import db
db.configure(sys.argv[1])
config.use(config.load())
from tests.builders.ledger import euros
from tests.builders.payments import begin, latest
from portal.payments import flows
if sys.argv[2] == "checkout":
    begin(key="killed")
else:
    flows.refund(payment_id=latest().id, amount=euros(5), key="killed", reason="")
"""


def _killed(running: Sandbox, tmp_path: Path, what: str, kind: str) -> None:
    """Run a flow in a process of its own, and kill it once the provider has done what it asked."""
    before = _count(running, kind)
    running.switch(answers="late")
    environment = {
        **os.environ,
        "COMPTOIR_INSTANCE": str(tmp_path),
        "COMPTOIR_BASE_URL": running.portal_url,
        "COMPTOIR_PAYMENT_SIMULATOR_URL": running.simulator_url,
    }
    url = kernel_db.database().engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, "-c", _PROGRAM, url, what], env=environment, cwd=config.ROOT)
    try:
        wait_until(lambda: _count(running, kind) > before, seconds=30)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL


def _count(running: Sandbox, kind: str) -> int:
    with running.app.extensions["simulator_state"].reading() as ledger:
        return len(ledger.every(kind))


def test_killed_while_the_page_is_made_the_same_form_goes_on(
    running: Sandbox, tmp_path: Path, heard: list[Event]
) -> None:
    _killed(running, tmp_path, "checkout", "checkout.session")
    assert (latest().state, latest().checkout_url) == (PaymentState.CREATED, None)
    running.come_back(running.pay(begin(key="killed")))
    assert latest().state is PaymentState.SUCCEEDED
    assert _count(running, "checkout.session") == 1
    assert [type(event) for event in heard] == [PaymentSucceeded]


def test_killed_while_the_page_is_made_and_nobody_returns(running: Sandbox, tmp_path: Path, heard: list[Event]) -> None:
    _killed(running, tmp_path, "checkout", "checkout.session")
    flows.sweep()
    assert latest().state is PaymentState.CREATED
    with clock.at(clock.now() + LONG_AGO):
        flows.sweep()
    assert latest().state is PaymentState.EXPIRED
    assert _count(running, "checkout.session") == 1
    assert [type(event) for event in heard] == [PaymentExpired]


@pytest.mark.parametrize("found_by", ["sweep", "event"])
def test_killed_while_money_is_given_back(running: Sandbox, tmp_path: Path, heard: list[Event], found_by: str) -> None:
    payment = paid(running)
    running.received(3)
    flows.handle_events()
    _killed(running, tmp_path, "refund", "refund")
    assert refunds_of(payment)[0].state is RefundState.CREATED
    assert latest().refunded_minor == 500
    if found_by == "event":
        running.received(5)
        flows.handle_events()
    else:
        with clock.at(clock.now() + LONG_AGO):
            flows.sweep()
    assert refunds_of(payment)[0].state is RefundState.SUCCEEDED
    assert _count(running, "refund") == 1
    assert [type(event) for event in heard[1:]] == [RefundSucceeded]
