"""Many at once, committing for real: money is never spent twice, a PIN is never tried more than five times."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.identity.models import User
from portal.identity.queries import user_by_email
from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.db import Database, reading, transaction
from portal.kernel.errors import PortalError
from portal.ledger.queries import check
from portal.wallet import flows
from portal.wallet.errors import ApprovalRefusedError, LimitError, PinLockedError
from portal.wallet.models import Pin, Transfer, TransferState
from portal.wallet.queries import balance
from portal.wallet.services import requests, transfers
from tests.builders.wallet import PIN, WRONG_PIN, ask_approval, euros, fund, give_pin, send, start


def all_at_once(jobs: list[Callable[[], object]]) -> list[object]:
    """Run each in a thread of its own, released together; what each returned or raised."""
    results: list[object] = [None] * len(jobs)
    barrier = threading.Barrier(len(jobs))

    def run(number, job):
        barrier.wait()
        try:
            results[number] = job()
        except Exception as error:  # noqa: BLE001 (looked at below, whatever it is)
            results[number] = error

    threads = [threading.Thread(target=run, args=(n, job)) for n, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    unexpected = [r for r in results if isinstance(r, Exception) and not isinstance(r, PortalError)]
    assert unexpected == []
    return results


def new_user(name: str, amount=0, *, pin: bool = True) -> User:
    with transaction() as db:
        user = create_user(db, email=f"{name}@example.org", display_name=name.title())
    if amount:
        fund(user, amount)
    if pin:
        give_pin(user)
    return user


def available(user: User):
    with reading() as db:
        return balance(db, user.id).available


def ledger_is_sound() -> bool:
    with reading() as db:
        return check(db) == []


def paying(user: User, approval: str, pin: str = PIN) -> Callable[[], object]:
    return lambda: flows.approve(payer=user, approval_id=approval, pin=pin)


def test_two_transfers_of_the_whole_balance_at_once(fresh_database: Database, full_counts):
    rounds = 20 if full_counts else 3
    for n in range(rounds):
        ann, ben, cat = (new_user(f"{name}{n}", 100 if name == "ann" else 0) for name in ("ann", "ben", "cat"))
        approvals = [ask_approval(start(ann, payee, 100)) for payee in (ben, cat)]
        results = all_at_once([paying(ann, approval) for approval in approvals])
        assert sorted(type(r).__name__ for r in results) == ["NotEnoughError", "Place"]
        assert available(ann) == euros(0)
        assert available(ben) + available(cat) == euros(100)
    assert ledger_is_sound()


def test_the_same_approval_many_times_at_once_pays_once(fresh_database: Database):
    ann, ben = new_user("ann", 100), new_user("ben")
    approval = ask_approval(start(ann, ben, 25))
    results = all_at_once([paying(ann, approval)] * 4)
    assert [type(r).__name__ for r in results] == ["Place"] * 4
    assert (available(ann), available(ben)) == (euros(75), euros(25))
    assert ledger_is_sound()


def test_the_same_form_many_times_at_once_begins_one_transfer(fresh_database: Database):
    ann, ben = new_user("ann", 100), new_user("ben")
    results = all_at_once([lambda: start(ann, ben, 25, form_key="k" * 32).public_id] * 6)
    assert len(set(results)) == 1


def test_fifty_tries_at_once_are_five(fresh_database: Database, full_counts):
    ann, ben = new_user("ann", 100), new_user("ben")
    approval = ask_approval(start(ann, ben, 25))
    tries = 50 if full_counts else 20
    results = all_at_once([paying(ann, approval, WRONG_PIN)] * tries)
    looked_at = [r for r in results if isinstance(r, ApprovalRefusedError)]
    locked = [r for r in results if isinstance(r, PinLockedError)]
    assert len(looked_at) + len(locked) == tries
    # Four were told how many are left; the fifth, and all that were never looked at, that it is locked.
    assert sorted(r.left for r in looked_at) == [1, 2, 3, 4]
    with reading() as db:
        pin = db.get(Pin, ann.id)
        assert (pin.tries, pin.locks) == (5, 1)
    assert isinstance(all_at_once([paying(ann, approval)])[0], PinLockedError)
    assert available(ann) == euros(100)


def test_a_limit_holds_when_payments_are_approved_at_once(fresh_database: Database):
    ann, ben = new_user("ann", 1000), new_user("ben")
    send(ann, ben, 200)
    # A new payee: 250 on the first day, of which 50 are left.
    approvals = [ask_approval(start(ann, ben, 40)) for _ in range(4)]
    results = all_at_once([paying(ann, approval) for approval in approvals])
    assert sum(isinstance(r, LimitError) for r in results) == 3
    assert available(ben) == euros(240)


def test_people_who_pay_each_other_at_once_do_not_deadlock(fresh_database: Database):
    people = [new_user(name, 100) for name in ("ann", "ben", "cat")]
    jobs = []
    for _ in range(2):
        jobs += [
            paying(sender, ask_approval(start(sender, payee, 10)))
            for sender in people
            for payee in people
            if sender is not payee
        ]
    results = all_at_once(jobs)
    assert {type(r).__name__ for r in results} == {"Place"}
    assert [available(person) for person in people] == [euros(100)] * 3
    assert ledger_is_sound()


def test_a_request_is_paid_once_or_declined_never_both(fresh_database: Database, full_counts):
    for n in range(10 if full_counts else 3):
        ann, ben = new_user(f"ann{n}", 100), new_user(f"ben{n}")
        with transaction() as db:
            asked = requests.request_money(
                db, requester=ben, payer_id=ann.id, amount=euros(30), note="", form_key=f"form-{n}" * 6
            )
            transfer = requests.pay(db, payer=ann, public_id=asked.public_id)
        approval = ask_approval(transfer)

        def decline(user=ann, public_id=asked.public_id):
            with transaction() as db:
                return requests.decline(db, payer=user, public_id=public_id)

        all_at_once([paying(ann, approval), paying(ann, approval), decline])
        with reading() as db:
            state = requests.asked_of(db, payer_id=ann.id, public_id=asked.public_id).state
        paid = available(ben) == euros(30)
        assert paid == (state.value == "paid")
        assert available(ann) + available(ben) == euros(100)


@pytest.mark.parametrize("other", ["take back", "return"])
def test_joining_and_taking_back_at_once_moves_the_money_one_way(fresh_database: Database, full_counts, other):
    for n in range(10 if full_counts else 3):
        ann = new_user(f"ann{n}", 100)
        email = f"new{n}@example.org"
        transfer = send(ann, email, 40)
        with transaction() as db:
            # As after a change of address: a user whom no sign-up event has told yet.
            ben = create_user(db, email=f"old{n}@example.org")
            db.execute(sa.update(User).where(User.id == ben.id).values(email=email))

        def claim(user_id=ben.id):
            with transaction() as db:
                return transfers.claim_for(db, user_id=user_id)

        def bring_back(user=ann, public_id=transfer.public_id):
            with clock.at(clock.now() + timedelta(days=8)), transaction() as db:
                if other == "take back":
                    return transfers.take_back(db, sender=user, public_id=public_id)
                return transfers.return_unclaimed(db)

        all_at_once([claim, bring_back, claim, bring_back])
        with reading() as db:
            assert user_by_email(db, email).id == ben.id
            state = db.scalar(sa.select(Transfer.state).where(Transfer.id == transfer.id))
        assert (available(ben) == euros(40)) == (state is TransferState.COMPLETED)
        assert available(ann) + available(ben) == euros(100)
    assert ledger_is_sound()
