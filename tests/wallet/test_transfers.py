"""Sending money: who, how much, once, and only with leave."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.errors import NotFoundError
from portal.ledger.queries import check
from portal.messaging import queries as messaging
from portal.messaging.services import block
from portal.notifications.models import Notice, OutboxMail
from portal.wallet import flows, jobs
from portal.wallet.errors import (
    AmountError,
    ApprovalGoneError,
    BlockedPayeeError,
    LimitError,
    NotEnoughError,
    SelfTransferError,
    TransferClosedError,
)
from portal.wallet.models import Approval, ApprovalState, Transfer, TransferState
from portal.wallet.queries import balance
from portal.wallet.services import approvals, transfers
from tests.builders.wallet import PIN, ask_approval, euros, fund, give_pin, send, start

NEWCOMER = "newcomer@example.org"


@pytest.fixture
def payer(db, alice):
    fund(alice, 100)
    give_pin(alice)
    return alice


def available(db, user):
    return balance(db, user.id).available


def state(db, transfer):
    return db.scalar(sa.select(Transfer.state).where(Transfer.public_id == transfer.public_id))


def test_nothing_moves_before_approval(db, payer, bob):
    start(payer, bob, 25)
    assert (available(db, payer), available(db, bob)) == (euros(100), euros(0))


def test_an_approved_transfer_arrives_at_once_with_card_mail_and_notice(db, payer, bob):
    send(payer, bob, 25, "Fil bleu × 10")
    assert (available(db, payer), available(db, bob)) == (euros(75), euros(25))
    line = messaging.inbox(db, bob.id)[0]
    assert (line.card.amount, line.card.sign, line.unread) == (euros(25), 1, 1)
    assert messaging.inbox(db, payer.id)[0].card.sign == -1
    mails = db.scalars(sa.select(OutboxMail.kind).where(OutboxMail.email == bob.email)).all()
    assert mails == ["wallet.received"]
    assert db.scalar(sa.select(Notice.kind).where(Notice.user_id == bob.id)) == "wallet.received"
    assert check(db) == []


def test_the_same_form_twice_is_the_same_transfer(db, payer, bob):
    first = start(payer, bob, 25, form_key="k" * 32)
    second = start(payer, bob, 25, form_key="k" * 32)
    assert first.public_id == second.public_id
    assert ask_approval(first) == ask_approval(second)
    flows.approve(payer=payer, approval_id=ask_approval(first), pin=PIN)
    assert start(payer, bob, 25, form_key="k" * 32).state is TransferState.COMPLETED
    assert available(db, bob) == euros(25)


def test_the_same_form_with_something_changed_voids_what_was_asked_before(db, payer, bob, charlie):
    first = start(payer, bob, 25, form_key="k" * 32)
    old = ask_approval(first)
    for changed in (start(payer, bob, 26, form_key="k" * 32), start(payer, charlie, 25, form_key="k" * 32)):
        assert changed.public_id != first.public_id
    assert state(db, first) is TransferState.CANCELLED
    with pytest.raises(ApprovalGoneError):
        flows.approve(payer=payer, approval_id=old, pin=PIN)
    assert available(db, payer) == euros(100)


def test_an_approval_used_again_shows_the_same_receipt_and_pays_nothing(db, payer, bob):
    transfer = start(payer, bob, 25)
    approval = ask_approval(transfer)
    places = {flows.approve(payer=payer, approval_id=approval, pin=PIN).endpoint for _ in range(3)}
    # Even a wrong PIN gets the receipt, and is not counted: nothing is left to approve.
    flows.approve(payer=payer, approval_id=approval, pin="000000")
    assert places == {"wallet.conversation"}
    assert available(db, payer) == euros(75)


def test_an_approval_lasts_five_minutes(db, payer, bob):
    with clock.at(clock.now()):
        approval = ask_approval(start(payer, bob, 25))
        moment = clock.now() + timedelta(minutes=5)
    with clock.at(moment), pytest.raises(ApprovalGoneError):
        flows.approve(payer=payer, approval_id=approval, pin=PIN)
    assert available(db, payer) == euros(100)


def test_nobody_else_can_use_an_approval(db, payer, bob, charlie):
    give_pin(charlie)
    approval = ask_approval(start(payer, bob, 25))
    for other in (bob, charlie):
        with pytest.raises(NotFoundError):
            flows.approve(payer=other, approval_id=approval, pin=PIN)


@pytest.mark.parametrize(
    "change", [{"amount_minor": 2600}, {"currency": "GBP"}, {"payee_id": "charlie"}], ids=lambda c: next(iter(c))
)
def test_an_approval_is_bound_to_amount_currency_and_payee(db, payer, bob, charlie, change):
    transfer = start(payer, bob, 25)
    approval = ask_approval(transfer)
    values = {name: charlie.id if value == "charlie" else value for name, value in change.items()}
    db.execute(sa.update(Transfer).where(Transfer.id == transfer.id).values(values))
    db.flush()
    with pytest.raises(ApprovalGoneError):
        flows.approve(payer=payer, approval_id=approval, pin=PIN)
    assert available(db, payer) == euros(100)
    assert db.scalar(sa.select(Approval.state).where(Approval.public_id == approval)) is ApprovalState.VOID


def test_the_binding_covers_the_source_too():
    payable = approvals.Payable(payer_id=1, payee="user:2", amount=euros(5))
    other = approvals.Payable(payer_id=1, payee="user:2", amount=euros(5), source="card:1")
    assert payable.binding("transfer", "x") != other.binding("transfer", "x")


def test_giving_up_cancels_and_the_approval_is_void(db, payer, bob):
    transfer = start(payer, bob, 25)
    approval = ask_approval(transfer)
    assert flows.give_up(payer=payer, approval_id=approval).values == {"handle": bob.handle}
    assert state(db, transfer) is TransferState.CANCELLED
    with pytest.raises(ApprovalGoneError):
        flows.approve(payer=payer, approval_id=approval, pin=PIN)


def test_giving_up_what_was_paid_changes_nothing(db, payer, bob):
    transfer = start(payer, bob, 25)
    approval = ask_approval(transfer)
    flows.approve(payer=payer, approval_id=approval, pin=PIN)
    flows.give_up(payer=payer, approval_id=approval)
    assert state(db, transfer) is TransferState.COMPLETED


def test_not_to_oneself(db, payer):
    with pytest.raises(SelfTransferError):
        start(payer, payer, 5)
    with pytest.raises(SelfTransferError):
        start(payer, payer.email.upper(), 5)


def test_not_nothing(db, payer, bob):
    with pytest.raises(AmountError):
        start(payer, bob, 0)


def test_not_to_someone_blocked_even_after_it_was_begun(db, payer, bob):
    approval = ask_approval(start(payer, bob, 5))
    block(db, blocker_id=bob.id, blocked_id=payer.id)
    with pytest.raises(BlockedPayeeError):
        start(payer, bob, 5)
    with pytest.raises(BlockedPayeeError):
        flows.approve(payer=payer, approval_id=approval, pin=PIN)
    assert available(db, payer) == euros(100)


def test_more_than_there_is_says_what_is_missing(db, payer, bob):
    with pytest.raises(NotEnoughError) as refused:
        start(payer, bob, "106.20")
    assert refused.value.missing == euros("6.20")


def test_money_spent_meanwhile_declines_without_blaming_the_pin(db, payer, bob, charlie):
    late = start(payer, bob, 80)
    approval = ask_approval(late)
    send(payer, charlie, 50)
    with pytest.raises(NotEnoughError):
        flows.approve(payer=payer, approval_id=approval, pin=PIN)
    assert state(db, late) is TransferState.DECLINED
    assert available(db, payer) == euros(50)
    assert messaging.conversation_of(db, payer.id, bob.id) is None
    # The PIN was right: five such refusals do not lock it.
    for _ in range(5):
        send(payer, charlie, 1)


def test_to_someone_not_yet_a_user_it_waits_and_arrives_when_they_join(db, payer):
    transfer = send(payer, NEWCOMER, 30, "Pour le marché")
    assert transfer.state is TransferState.WAITING
    assert (balance(db, payer.id).available, balance(db, payer.id).waiting) == (euros(70), euros(30))
    assert db.scalar(sa.select(OutboxMail.kind).where(OutboxMail.email == NEWCOMER)) == "wallet.invited"
    newcomer = create_user(db, email=NEWCOMER, display_name="New Comer")
    assert available(db, newcomer) == euros(30)
    assert balance(db, payer.id).waiting == euros(0)
    assert state(db, transfer) is TransferState.COMPLETED
    assert messaging.inbox(db, newcomer.id)[0].card.amount == euros(30)
    # Whatever runs again finds nothing left.
    assert transfers.claim_for(db, user_id=newcomer.id) == 0
    jobs.claim_transfers()
    assert available(db, newcomer) == euros(30)
    assert check(db) == []


def test_the_sweep_brings_in_what_signing_up_could_not(db, payer, bob):
    transfer = send(payer, NEWCOMER, 30)
    db.execute(sa.update(Transfer).where(Transfer.id == transfer.id).values(payee_email=bob.email))
    db.flush()
    jobs.claim_transfers()
    assert available(db, bob) == euros(30)


def test_it_returns_after_seven_days_and_not_before(db, payer):
    transfer = send(payer, NEWCOMER, 30)
    with clock.at(clock.now() + timedelta(days=6, hours=23)):
        jobs.return_transfers()
        assert state(db, transfer) is TransferState.WAITING
    with clock.at(clock.now() + timedelta(days=7, minutes=1)):
        jobs.return_transfers()
        jobs.return_transfers()
    assert state(db, transfer) is TransferState.RETURNED
    assert (available(db, payer), balance(db, payer.id).waiting) == (euros(100), euros(0))
    mails = db.scalars(sa.select(OutboxMail.kind).where(OutboxMail.email == payer.email)).all()
    assert mails.count("wallet.returned") == 1
    # Joining later brings nothing.
    late = create_user(db, email=NEWCOMER)
    assert available(db, late) == euros(0)
    assert check(db) == []


def test_what_waits_can_be_taken_back_once_by_its_sender_only(db, payer, bob):
    transfer = send(payer, NEWCOMER, 30)
    with pytest.raises(NotFoundError):
        transfers.take_back(db, sender=bob, public_id=transfer.public_id)
    transfers.take_back(db, sender=payer, public_id=transfer.public_id)
    assert available(db, payer) == euros(100)
    with pytest.raises(TransferClosedError):
        transfers.take_back(db, sender=payer, public_id=transfer.public_id)
    with pytest.raises(TransferClosedError):
        transfers.take_back(db, sender=payer, public_id=send(payer, bob, 1).public_id)


def test_what_nobody_approved_expires_after_an_hour(db, payer, bob):
    transfer = start(payer, bob, 25)
    jobs.expire_transfers()
    assert state(db, transfer) is TransferState.AWAITING_APPROVAL
    with clock.at(clock.now() + timedelta(hours=1, minutes=1)):
        jobs.expire_transfers()
    assert state(db, transfer) is TransferState.EXPIRED


def test_the_database_knows_what_a_transfer_is(db, payer, bob):
    transfer = start(payer, bob, 25)
    wrong = [
        {"amount_minor": 0},
        {"payee_id": None, "payee_email": None},
        {"payee_id": payer.id},
        {"state": TransferState.COMPLETED, "payee_id": None, "payee_email": NEWCOMER},
    ]
    for values in wrong:
        with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
            db.execute(sa.update(Transfer).where(Transfer.id == transfer.id).values(values))


def test_a_thing_is_approved_once_even_with_two_approvals(db, payer, bob):
    transfer = start(payer, bob, 25)
    ask_approval(transfer)
    row = db.scalars(sa.select(Approval)).one()
    copy = {c.name: getattr(row, c.name) for c in Approval.__table__.columns if c.name not in {"id", "public_id"}}
    used = {"state": ApprovalState.USED, "used_at": clock.now()}
    db.execute(sa.insert(Approval).values(copy | used | {"public_id": "A" * 26}))
    with pytest.raises(sa.exc.IntegrityError), db.begin_nested():
        db.execute(sa.insert(Approval).values(copy | used | {"public_id": "B" * 26}))


class TestLimits:
    """A usual user pays 1,000 at once, 2,000 a day, 5,000 a month; new users and new payees less."""

    @pytest.fixture(autouse=True)
    def _readable(self, app):
        with app.app_context():
            yield

    @pytest.fixture
    def regular(self, db):
        with clock.at(clock.now() - timedelta(days=60)):
            user = create_user(db, email="regular@example.org", display_name="Regular")
            known = create_user(db, email="known@example.org", display_name="Known")
            fund(user, 9000)
            give_pin(user)
        with clock.at(clock.now() - timedelta(days=40)):
            send(user, known, 5)
        return user, known

    def test_a_known_payee(self, regular):
        user, known = regular
        with pytest.raises(LimitError):
            start(user, known, "1000.01")
        send(user, known, 1000)
        send(user, known, 1000)
        with pytest.raises(LimitError, match=r"0,00"):
            start(user, known, 1)

    def test_a_month(self, regular):
        user, known = regular
        for days in (20, 15, 10, 5):
            with clock.at(clock.now() - timedelta(days=days)):
                send(user, known, 1000)
        send(user, known, 600)
        with pytest.raises(LimitError, match=r"400,00"):
            start(user, known, 401)
        send(user, known, 400)

    def test_a_new_payee(self, regular, bob, charlie):
        user, _known = regular
        with pytest.raises(LimitError):
            start(user, bob, "250.01")
        send(user, bob, 200)
        with pytest.raises(LimitError):
            start(user, bob, 51)
        send(user, charlie, 250)
        with clock.at(clock.now() + timedelta(hours=25)):
            send(user, bob, 1000)

    def test_a_new_user(self, bob, charlie, merchant):
        fund(bob, 2000)
        give_pin(bob)
        send(bob, charlie, 250)
        send(bob, merchant, 250)
        with pytest.raises(LimitError):
            start(bob, charlie, 1)

    def test_what_waits_counts(self, regular):
        user, known = regular
        send(user, NEWCOMER, 250)
        send(user, known, 1000)
        with pytest.raises(LimitError, match=r"750,00"):
            start(user, known, 751)

    def test_limits_are_counted_again_when_approved(self, db, regular):
        user, known = regular
        begun = [start(user, known, 900) for _ in range(3)]
        for transfer in begun[:2]:
            flows.approve(payer=user, approval_id=ask_approval(transfer), pin=PIN)
        with pytest.raises(LimitError):
            flows.approve(payer=user, approval_id=ask_approval(begun[2]), pin=PIN)
        assert state(db, begun[2]) is TransferState.DECLINED
