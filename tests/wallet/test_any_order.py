"""Sends, requests, refusals, joins and returns in any order: no money appears or is lost, every month adds up."""

import contextlib
from datetime import UTC, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.identity.queries import user_by_email
from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.kernel.errors import PortalError
from portal.ledger.queries import check
from portal.wallet import flows, jobs
from portal.wallet.models import RequestState
from portal.wallet.queries import balance
from portal.wallet.queries.statements import month_summary, next_month, statement
from portal.wallet.services import pins, requests, transfers
from tests.builders.wallet import ask_approval, euros, fund, start

NAMES = ("ann", "ben", "cat")
BEGIN = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
PIN = "739402"

people = st.sampled_from(NAMES)
amounts = st.sampled_from([1, 3, 5, 20, 40, 90])
# Hours until the next step: minutes, days, and over the change of a month.
waits = st.sampled_from([0.01, 1, 30, 24 * 8])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), people, people, amounts),
        st.tuples(st.just("send to new"), people, st.sampled_from(["x", "y"]), amounts),
        st.tuples(st.just("ask"), people, people, amounts),
        st.tuples(st.just("pay request"), people, st.integers(0, 5), st.just(0)),
        st.tuples(st.just("decline request"), people, st.integers(0, 5), st.just(0)),
        st.tuples(st.just("join"), st.sampled_from(["x", "y"]), st.just(""), st.just(0)),
        st.tuples(st.just("sweep"), st.just(""), st.just(""), st.just(0)),
    ),
    min_size=1,
    max_size=12,
)
histories = st.tuples(steps, st.lists(waits, min_size=12, max_size=12))


class Town:
    """Three people with 50 euros each, whoever joins later, and what they do."""

    def __init__(self, db, tag):
        self.db, self.tag, self.requests = db, tag, []
        with clock.at(BEGIN):
            self.users = {name: create_user(db, email=f"{name}{tag}@example.org") for name in NAMES}
            for user in self.users.values():
                fund(user, 50)
                with transaction() as other:
                    pins.choose(other, user=user, pin_hash=pins.hashed(user.id, PIN))

    def send(self, who, to, amount):
        transfer = start(self.users[who], to, amount)
        flows.approve(payer=self.users[who], approval_id=ask_approval(transfer), pin=PIN)

    def act(self, kind, who, other, amount):
        if kind == "send":
            self.send(who, self.users[other], amount)
        elif kind == "send to new":
            self.send(who, f"{other}{self.tag}@example.org", amount)
        elif kind == "ask":
            with transaction() as db:
                key = f"{len(self.requests)}-{self.tag}".ljust(32, "k")
                asked = requests.request_money(
                    db,
                    requester=self.users[who],
                    payer_id=self.users[other].id,
                    amount=euros(amount),
                    note="",
                    form_key=key,
                )
            self.requests.append(asked.public_id)
        elif kind in {"pay request", "decline request"}:
            self.answer(kind, who, other)
        elif kind == "join":
            email = f"{who}{self.tag}@example.org"
            if user_by_email(self.db, email) is None:
                self.users[who] = create_user(self.db, email=email)
        else:
            jobs.return_transfers()
            jobs.claim_transfers()
            jobs.expire_transfers()

    def answer(self, kind, who, number):
        if number >= len(self.requests):
            return
        with transaction() as db:
            if kind == "decline request":
                requests.decline(db, payer=self.users[who], public_id=self.requests[number])
                return
            transfer = requests.pay(db, payer=self.users[who], public_id=self.requests[number])
        flows.approve(payer=self.users[who], approval_id=ask_approval(transfer), pin=PIN)

    def total(self):
        held = [balance(self.db, user.id) for user in self.users.values()]
        return sum(b.available.amount_minor + b.waiting.amount_minor for b in held)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories)
def test_money_is_neither_made_nor_lost(db, history):
    done, hours = history
    with db.begin_nested() as savepoint:
        town = Town(db, "z")
        now = BEGIN
        for step, wait in zip(done, hours, strict=False):
            now += timedelta(hours=wait)
            with clock.at(now):
                # Refused: then nothing may have changed, which is what follows.
                with contextlib.suppress(PortalError):
                    town.act(*step)
                assert town.total() == 3 * 5000
        check_months(db, town, now)
        check_requests(db, town)
        assert check(db) == []
        savepoint.rollback()
    db.expire_all()


def check_months(db, town, now):
    """Opening + entries = closing, each closing the next opening, the last one what is available."""
    for user in town.users.values():
        month, closing = BEGIN.date().replace(day=1), euros(0)
        while month <= now.date():
            found = statement(db, user.id, month, "Europe/Paris")
            summary = month_summary(db, user.id, month, "Europe/Paris")
            assert found.opening == closing
            moved = sum(entry.amount.amount_minor for entry in found.entries)
            assert found.opening.amount_minor + moved == found.closing.amount_minor
            assert (summary.opening, summary.received, summary.sent, summary.closing) == (
                found.opening,
                found.received,
                found.sent,
                found.closing,
            )
            assert summary.opening + summary.received + summary.sent == summary.closing
            closing, month = found.closing, next_month(month)
        assert closing == balance(db, user.id).available


def check_requests(db, town):
    """A request is paid exactly when one transfer has paid it."""
    for public_id in town.requests:
        asked = db.query(requests.MoneyRequest).filter_by(public_id=public_id).one()
        paid = (
            db.query(transfers.Transfer)
            .filter_by(money_request_id=asked.id, state=transfers.TransferState.COMPLETED)
            .count()
        )
        assert paid == (1 if asked.state is RequestState.PAID else 0)


def test_the_sum_sees_a_euro_too_much(db):
    """What the histories are judged by fails when money appears."""
    town = Town(db, "s")
    before = town.total()
    fund(town.users["ann"], 1)
    assert town.total() == before + 100
