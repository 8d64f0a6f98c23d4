"""What wallets write and draw, in every language: each mail and notice, from what really happens."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask_babel import force_locale

from portal.kernel import clock
from portal.kernel.events import publish
from portal.notifications.contents import mail_kinds, notice_kinds, write_mail, write_notice
from portal.notifications.models import Notice, OutboxMail
from portal.payments.events import PaymentSucceeded
from portal.wallet import flows, jobs
from portal.wallet.errors import ApprovalRefusedError, PinLockedError
from portal.wallet.services import pins, requests, top_ups
from tests.builders.wallet import WRONG_PIN, ask_approval, euros, fund, give_pin, send, start

LANGUAGES = ("fr", "en", "ar")
PAGES = (
    "/wallet",
    "/wallet/with/bob",
    "/wallet/with/bob/money",
    "/wallet/with/bob/money?for=request",
    "/wallet/send",
    "/wallet/request",
    "/wallet/statement",
    "/wallet/top-up",
    "/wallet/pin/reset",
)


@pytest.fixture
def _everything(db, alice, bob):
    """All that a wallet can tell people."""
    fund(alice, 100)
    top_up = top_ups.start_top_up(db, user=alice, amount=euros(5), form_key="t" * 32)
    paid = {"payment_id": 1, "purpose": "top_up", "reference": top_up.public_id, "amount_minor": 500}
    publish(db, PaymentSucceeded(**paid, currency="EUR", funds_available=True))
    give_pin(alice)
    send(alice, bob, 25, "Fil bleu")
    send(alice, "paul@example.org", 5, "Étal")
    requests.request_money(db, requester=bob, payer_id=alice.id, amount=euros(9), note="", form_key="r" * 32)
    with clock.at(clock.now() + timedelta(days=8)):
        jobs.return_transfers()
    approval = ask_approval(start(alice, bob, 5))
    for _ in range(5):
        with pytest.raises((ApprovalRefusedError, PinLockedError)):
            flows.approve(payer=alice, approval_id=approval, pin=WRONG_PIN)
    pins.ask_reset(db, user=alice)
    code = db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "wallet.pin_reset")).one().params["code"]
    flows.reset_pin(user=alice, code=code, pin="850274")


@pytest.mark.usefixtures("_everything")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_mail_reads_well(db, app, language):
    mails = db.scalars(sa.select(OutboxMail).where(OutboxMail.kind.startswith("wallet."))).all()
    assert {mail.kind for mail in mails} == {kind for kind in mail_kinds() if kind.startswith("wallet.")}
    with app.test_request_context(), force_locale(language):
        for mail in mails:
            written = write_mail(mail.kind, mail.params)
            words = [written.subject, written.heading, *written.paragraphs, written.note]
            assert all("%(" not in text for text in words)
            assert written.subject
            assert written.heading
            if written.action is not None:
                assert written.action.path.startswith(f"/{language}/")


@pytest.mark.usefixtures("_everything")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_notice_reads_well(db, app, language):
    notices = db.scalars(sa.select(Notice).where(Notice.kind.startswith("wallet."))).all()
    assert {notice.kind for notice in notices} == {kind for kind in notice_kinds() if kind.startswith("wallet.")}
    with app.test_request_context(), force_locale(language):
        for notice in notices:
            written = write_notice(notice.kind, notice.params)
            assert written.title
            assert "%(" not in written.title + written.text


@pytest.mark.usefixtures("_everything")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_opens_in_every_language(client, sign_in, alice, language):
    sign_in(client, alice)
    for path in PAGES:
        shown = client.get(f"/{language}{path}")
        assert shown.status_code == 200
        assert f'lang="{language}"' in shown.get_data(as_text=True)


@pytest.mark.parametrize("state", ["completed", "waiting", "cancelled", "declined", "expired", "returned"])
def test_a_transfers_own_page_in_every_state(db, client, sign_in, alice, bob, state):
    fund(alice, 50)
    give_pin(alice)
    transfer = send(alice, bob if state == "completed" else "paul@example.org", 5)
    db.execute(sa.update(type(transfer)).values(state=state))
    sign_in(client, alice)
    assert client.get(f"/fr/wallet/transfers/{transfer.public_id}").status_code == 200


@pytest.mark.parametrize("state", ["pending", "completed", "failed"])
def test_a_top_ups_own_page_in_every_state(db, client, sign_in, alice, bob, state):
    top_up = top_ups.start_top_up(db, user=alice, amount=euros(5), form_key="t" * 32)
    db.execute(sa.update(type(top_up)).values(state=state))
    sign_in(client, alice)
    assert client.get(f"/fr/wallet/top-up/{top_up.public_id}").status_code == 200
    sign_in(client, bob)
    assert client.get(f"/fr/wallet/top-up/{top_up.public_id}").status_code == 404
