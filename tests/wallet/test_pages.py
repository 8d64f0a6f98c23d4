"""The wallet's pages: what one does there without scripting, what is kept on an error, what strangers see."""

import csv
import io
import logging
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock
from portal.kernel.db import transaction
from portal.messaging import queries as messaging
from portal.messaging.services import add_message, conversation_between
from portal.notifications.models import OutboxMail
from portal.wallet.models import MoneyRequest, RequestState, Transfer, TransferState
from portal.wallet.queries import balance
from portal.wallet.services import requests
from tests.builders.wallet import PIN, WRONG_PIN, ask_approval, euros, fund, give_pin, send, start


@pytest.fixture
def payer(db, alice):
    fund(alice, 100)
    give_pin(alice)
    return alice


@pytest.fixture
def as_payer(client, sign_in, payer):
    sign_in(client, payer)
    return client


def page(response):
    return response.get_data(as_text=True)


def key_in(html):
    return re.search(r'name="key"[^>]*value="([^"]+)"', html).group(1)


def type_in(client, handle, text, key=None):
    key = key or key_in(page(client.get(f"/en/wallet/with/{handle}")))
    return client.post(f"/en/wallet/with/{handle}", data={"text": text, "key": key})


def only_transfer(db):
    db.expire_all()
    return db.scalars(sa.select(Transfer)).one()


def test_three_actions_to_send(db, as_payer, payer, bob):
    approval = type_in(as_payer, "bob", "25").location
    shown = page(as_payer.get(approval))
    for words in ("Pay <bdi", "€25.00", "to <bdi>Bob</bdi>", "@bob", "€100.00", "No fee", "At once"):
        assert words in shown
    done = as_payer.post(approval, data={"pin": PIN})
    assert done.status_code == 303
    assert done.location == "/en/wallet/with/bob#latest"
    assert "Received by Bob" in page(as_payer.get(done.location))
    assert balance(db, bob.id).available == euros(25)


def test_pressing_twice_shows_the_same_receipt(db, as_payer, payer, bob):
    key = key_in(page(as_payer.get("/en/wallet/with/bob")))
    approvals = {type_in(as_payer, "bob", "25", key).location for _ in range(2)}
    assert len(approvals) == 1
    (approval,) = approvals
    assert {as_payer.post(approval, data={"pin": PIN}).location for _ in range(2)} == {"/en/wallet/with/bob#latest"}
    # The form once more, as by the browser's Back: the receipt again.
    assert type_in(as_payer, "bob", "25", key).location == "/en/wallet/with/bob#latest"
    assert as_payer.get(approval).location == "/en/wallet/with/bob#latest"
    assert balance(db, bob.id).available == euros(25)


@pytest.mark.parametrize("typed", ["25", "25 €", "25,00", "25.00 EUR", "٢٥", "0,50 euro"])
def test_an_amount_alone_is_money(as_payer, bob, typed):
    assert "/wallet/approve/" in type_in(as_payer, "bob", typed).location


@pytest.mark.parametrize(
    "typed", ["10 bobines", "4 € pièce", "le 25", "25 ou 30", "-25", "12:04", "06 12 34 56 78", "0612345678"]
)
def test_anything_else_is_words(db, as_payer, payer, bob, typed):
    assert type_in(as_payer, "bob", typed).location == "/en/wallet/with/bob#latest"
    assert messaging.inbox(db, bob.id)[0].text == typed


def test_the_first_payment_asks_for_a_pin_to_be_chosen(db, client, sign_in, alice, bob):
    fund(alice, 50)
    sign_in(client, alice)
    approval = type_in(client, "bob", "5").location
    to_pin = client.get(approval)
    assert to_pin.location.startswith("/en/wallet/pin?approval=")
    asked = approval.rsplit("/", 1)[1]
    for wrong, words in (
        ({"pin": "123456", "again": "123456"}, "too easy to guess"),
        ({"pin": PIN, "again": WRONG_PIN}, "not the same"),
        ({"pin": "12", "again": "12"}, "Six digits"),
    ):
        refused = client.post("/en/wallet/pin", data=wrong | {"approval": asked})
        assert refused.status_code == 422
        assert words in page(refused)
        shown_again = f'value="{wrong["pin"]}"'
        assert shown_again not in page(refused)
    chosen = client.post("/en/wallet/pin", data={"pin": PIN, "again": PIN, "approval": asked})
    assert chosen.location == approval
    assert client.post(approval, data={"pin": PIN}).status_code == 303
    assert balance(db, bob.id).available == euros(5)


def test_a_wrong_pin_says_one_sentence_and_never_comes_back(as_payer, bob, caplog):
    approval = type_in(as_payer, "bob", "25").location
    with caplog.at_level(logging.DEBUG):
        refused = as_payer.post(approval, data={"pin": WRONG_PIN})
    assert refused.status_code == 422
    assert "That did not go through. 4 tries left." in page(refused)
    assert "<title>Error:" in page(refused)
    for place in (page(refused), caplog.text, str(refused.headers)):
        assert WRONG_PIN not in place


def test_five_wrong_pins_say_until_when(as_payer, bob):
    approval = type_in(as_payer, "bob", "25").location
    for _ in range(5):
        refused = as_payer.post(approval, data={"pin": WRONG_PIN})
    assert "Your PIN works again from" in page(refused)
    assert 'name="pin"' not in page(refused)
    assert "Your PIN works again from" in page(as_payer.get(approval))


def test_what_was_typed_is_kept_and_what_is_missing_is_said(as_payer, bob):
    refused = type_in(as_payer, "bob", "106,20")
    assert refused.status_code == 422
    assert "€6.20" in page(refused)
    assert "106,20</textarea>" in page(refused)
    assert "/en/wallet/top-up" in page(refused)


@pytest.mark.parametrize(("typed", "words"), [("0", "Type an amount"), ("300", "250.00"), ("", "Type an amount")])
def test_what_cannot_be_sent_says_why(as_payer, bob, typed, words):
    refused = type_in(as_payer, "bob", typed)
    assert refused.status_code == 422
    assert words in page(refused)


def test_an_approval_too_old_leads_back_with_words(as_payer, payer, bob):
    with clock.at(clock.now() - timedelta(minutes=6)):
        approval = ask_approval(start(payer, bob, 5))
    back = as_payer.post(f"/en/wallet/approve/{approval}", data={"pin": PIN})
    assert back.location == "/en/wallet/with/bob#latest"
    assert "no longer valid" in page(as_payer.get(back.location))


def test_giving_up_sends_nothing(db, as_payer, payer, bob):
    approval = type_in(as_payer, "bob", "25").location
    assert as_payer.post(f"{approval}/give-up").location == "/en/wallet/with/bob#latest"
    assert only_transfer(db).state is TransferState.CANCELLED


def test_money_asked_for_with_a_note_and_paid(db, as_payer, payer, bob, new_client, sign_in):
    asker = new_client()
    sign_in(asker, bob)
    key = key_in(page(asker.get("/en/wallet/with/alice/money?for=request")))
    form = {"amount": "12,50", "note": "Pots en verre", "key": key}
    asker.post("/en/wallet/with/alice/money", data=form | {"do": "ask"})
    asked = db.scalars(sa.select(MoneyRequest)).one()
    assert (asked.amount, asked.note) == (euros("12.50"), "Pots en verre")
    assert "Bob</bdi> asks for" in page(as_payer.get("/en/wallet"))
    approval = as_payer.post(f"/en/wallet/requests/{asked.public_id}/pay").location
    as_payer.post(approval, data={"pin": PIN})
    assert balance(db, bob.id).available == euros("12.50")
    assert "asks for" not in page(as_payer.get("/en/wallet"))
    again = as_payer.post(f"/en/wallet/requests/{asked.public_id}/pay")
    assert "This request is closed" in page(as_payer.get(again.location))


def test_declining_and_cancelling(db, as_payer, payer, bob, new_client, sign_in):
    first, second = (
        requests.request_money(db, requester=bob, payer_id=payer.id, amount=euros(9), note="", form_key=k * 32)
        for k in "ab"
    )
    as_payer.post(f"/en/wallet/requests/{first.public_id}/decline")
    asker = new_client()
    sign_in(asker, bob)
    asker.post(f"/en/wallet/requests/{second.public_id}/cancel")
    db.expire_all()
    assert [first.state, second.state] == [RequestState.DECLINED, RequestState.CANCELLED]


def test_to_an_address_that_is_nobodys_yet_and_back(db, as_payer, payer):
    chosen = as_payer.post("/en/wallet/send", data={"to": "Paul@Example.ORG"}).location
    assert "aul@" not in chosen
    form = page(as_payer.get(chosen))
    assert "paul@example.org" in form
    approval = as_payer.post(chosen, data={"amount": "30", "note": "", "key": key_in(form)}).location
    assert "When they join" in page(as_payer.get(approval))
    receipt = as_payer.post(approval, data={"pin": PIN}).location
    assert "Waits for them to join" in page(as_payer.get(receipt))
    assert "paul@example.org" in page(as_payer.get("/en/wallet"))
    assert db.scalar(sa.select(OutboxMail.kind).where(OutboxMail.email == "paul@example.org")) == "wallet.invited"
    as_payer.post(f"{receipt}/take-back")
    assert balance(db, payer.id).available == euros(100)
    assert "already found its end" in page(as_payer.get(as_payer.post(f"{receipt}/take-back").location))


@pytest.mark.parametrize(
    ("to", "words"),
    [("nobody", "Nobody here"), ("alice", "your own wallet"), ("alice@example.org", "your own wallet"), ("", "Type a")],
)
def test_who_cannot_be_chosen(as_payer, to, words):
    refused = as_payer.post("/en/wallet/send", data={"to": to})
    assert refused.status_code == 422
    assert words in page(refused)
    assert f'value="{to}"' in page(refused)


@pytest.mark.parametrize("to", ["bob", "@Bob", "bob@example.org", "BOB@example.org"])
def test_who_can(as_payer, bob, to):
    assert as_payer.post("/en/wallet/send", data={"to": to}).location == "/en/wallet/with/bob#latest"


def test_an_address_in_a_link_must_be_signed(as_payer):
    assert as_payer.get("/en/wallet/send/InBhdWxAZXhhbXBsZS5vcmci.forged").status_code == 404


def test_strangers_find_nothing(db, as_payer, payer, bob, charlie, new_client, sign_in):
    waiting = send(payer, "paul@example.org", 5)
    approval = ask_approval(start(payer, bob, 5))
    asked = requests.request_money(db, requester=bob, payer_id=payer.id, amount=euros(9), note="", form_key="k" * 32)
    stranger = new_client()
    sign_in(stranger, charlie)
    give_pin(charlie)
    tries = [
        stranger.get(f"/en/wallet/approve/{approval}"),
        stranger.post(f"/en/wallet/approve/{approval}", data={"pin": PIN}),
        stranger.post(f"/en/wallet/approve/{approval}/give-up"),
        stranger.get(f"/en/wallet/transfers/{waiting.public_id}"),
        stranger.post(f"/en/wallet/transfers/{waiting.public_id}/take-back"),
        stranger.post(f"/en/wallet/requests/{asked.public_id}/pay"),
        stranger.post(f"/en/wallet/requests/{asked.public_id}/decline"),
        stranger.post(f"/en/wallet/requests/{asked.public_id}/cancel"),
        stranger.get("/en/wallet/with/charlie"),
        stranger.get("/en/wallet/with/nobody"),
    ]
    assert [answer.status_code for answer in tries] == [404] * len(tries)


def test_a_conversation_shows_its_own_two_alone(db, as_payer, payer, bob, charlie, new_client, sign_in):
    send(payer, bob, 5, "entre nous deux")
    stranger = new_client()
    sign_in(stranger, charlie)
    for address in ("/en/wallet/with/bob", "/en/wallet/with/alice", "/en/wallet/with/bob/messages"):
        assert "entre nous deux" not in page(stranger.get(address))
    assert "entre nous deux" in page(as_payer.get("/en/wallet/with/bob"))


@pytest.mark.parametrize("address", ["/en/wallet", "/en/wallet/with/bob", "/en/wallet/statement", "/en/wallet/top-up"])
def test_visitors_are_asked_to_sign_in(client, bob, address):
    assert client.get(address).location.startswith("/en/sign-in")


def test_what_is_written_is_shown_as_it_is(db, as_payer, payer, bob):
    type_in(as_payer, "bob", "<script>alert(1)</script>")
    shown = page(as_payer.get("/en/wallet/with/bob"))
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_the_open_page_asks_for_what_is_new(db, as_payer, payer, bob):
    send(payer, bob, 5)
    first = as_payer.get("/en/wallet/with/bob/messages?after=0")
    tag = first.headers["ETag"]
    assert as_payer.get("/en/wallet/with/bob/messages", headers={"If-None-Match": tag}).status_code == 304
    last = messaging.inbox(db, payer.id)[0].last_message_id
    with transaction() as other:
        conversation = conversation_between(other, payer.id, bob.id)
        add_message(other, conversation_id=conversation.id, sender_id=bob.id, text="Merci !")
    fresh = as_payer.get(f"/en/wallet/with/bob/messages?after={last}", headers={"If-None-Match": tag})
    assert fresh.status_code == 200
    assert fresh.headers["X-New"] == "1%20new%20message"
    assert "Merci !" in page(fresh)


def test_reading_is_said_by_a_post_and_looking_is_not(db, as_payer, payer, bob):
    with transaction() as other:
        conversation = conversation_between(other, payer.id, bob.id)
        last = add_message(other, conversation_id=conversation.id, sender_id=bob.id, text="Là ?")
    assert "Mark as read" in page(as_payer.get("/en/wallet/with/bob"))
    assert messaging.unread_conversations(db, payer.id) == 1
    assert as_payer.post(f"/en/wallet/with/bob/seen?up_to={last.id}").status_code == 410
    assert messaging.unread_conversations(db, payer.id) == 0
    assert "Mark as read" not in page(as_payer.get("/en/wallet/with/bob"))


def test_blocking_and_letting_write_again(db, as_payer, payer, bob):
    as_payer.post("/en/wallet/with/bob/block", data={"value": "1"})
    refused = type_in(as_payer, "bob", "allô ?")
    assert refused.status_code == 422
    assert "allô ?</textarea>" in page(refused)
    as_payer.post("/en/wallet/with/bob/block", data={"value": "0"})
    assert type_in(as_payer, "bob", "allô ?").status_code == 303


def test_a_new_pin_by_mail(db, as_payer, payer):
    assert as_payer.get("/en/wallet/pin").location == "/en/wallet/pin/reset"
    sent = as_payer.post("/en/wallet/pin/reset/code").location
    assert payer.email in page(as_payer.get(sent))
    code = db.scalars(sa.select(OutboxMail).where(OutboxMail.kind == "wallet.pin_reset")).one().params["code"]
    wrong = as_payer.post("/en/wallet/pin/reset", data={"code": "000000", "pin": "850274", "again": "850274"})
    assert wrong.status_code == 422
    assert "850274" not in page(wrong)
    done = as_payer.post("/en/wallet/pin/reset", data={"code": code, "pin": "850274", "again": "850274"})
    assert done.location == "/en/wallet"


class TestStatement:
    """A month on a page and as a table."""

    @pytest.fixture(autouse=True)
    def _moved(self, payer, bob):
        send(payer, bob, 20, "=cmd|' /C calc'!A0")
        send(payer, bob, 5, "+33 1 23")

    def rows(self, client, month=""):
        answer = client.get(f"/en/wallet/statement.csv{month}")
        assert answer.mimetype == "text/csv"
        return list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))

    def test_the_page_adds_up(self, as_payer):
        shown = page(as_payer.get("/en/wallet/statement"))
        for amount in ("+</", "€100.00", "€20.00", "€75.00"):
            assert amount.replace("+</", "+") in shown

    def test_the_table_adds_up_and_runs_nothing(self, as_payer):
        rows = self.rows(as_payer)
        amounts = [row[4] for row in rows[2:-1]]
        assert amounts == ["100.00", "-20.00", "-5.00"]
        assert (rows[1][5], rows[-1][5], rows[-2][5]) == ("0.00", "75.00", "75.00")
        for row in rows[1:]:
            for cell in (row[1], row[2], row[3]):
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert rows[3][2] == "'=cmd|' /C calc'!A0"

    def test_a_month_without_entries(self, as_payer):
        rows = self.rows(as_payer, "?month=2026-01")
        assert len(rows) == 3

    @pytest.mark.parametrize("month", ["2099-01", "nonsense", "2026-13", "1999-01", "2026-01-01"])
    def test_months_that_are_none(self, as_payer, month):
        assert as_payer.get(f"/en/wallet/statement?month={month}").status_code == 404

    def test_it_is_ones_own(self, new_client, sign_in, charlie):
        stranger = new_client()
        sign_in(stranger, charlie)
        assert len(self.rows(stranger)) == 3


def test_the_wallet_costs_the_same_for_two_and_for_twelve(db, as_payer, payer):
    from portal.identity.services import create_user

    def statements(count):
        for n in range(count):
            other = create_user(db, email=f"p{count}-{n}@example.org", display_name=f"P {n}")
            send(payer, other, 1)
            requests.request_money(
                db, requester=payer, payer_id=other.id, amount=euros(1), note="", form_key=f"{count}-{n}".ljust(32, "x")
            )
        seen = []
        connection = db.connection()

        def one(_c, _cursor, statement, *_rest):
            seen.append(statement)

        sa.event.listen(connection, "before_cursor_execute", one)
        assert as_payer.get("/en/wallet").status_code == 200
        sa.event.remove(connection, "before_cursor_execute", one)
        return len([statement for statement in seen if "SAVEPOINT" not in statement])

    few, many = statements(2), statements(10)
    assert few == many
    assert many <= 18
