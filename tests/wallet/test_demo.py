"""The demo wallets: made by the services, sound, and the same when built again."""

import sqlalchemy as sa

from portal.demo import people, wallet
from portal.identity.queries import user_by_email
from portal.ledger.queries import check
from portal.messaging.models import Message
from portal.messaging.queries import inbox
from portal.wallet.models import MoneyRequest, Transfer, TransferState
from portal.wallet.policies import is_common_pin
from portal.wallet.queries import balance
from portal.wallet.services import pins


def counts(db):
    return [db.scalar(sa.select(sa.func.count()).select_from(model)) for model in (Transfer, MoneyRequest, Message)]


def test_a_month_of_demo_wallets_built_twice_is_built_once(db):
    wallet.build()
    before = counts(db)
    claire = user_by_email(db, people.CLAIRE.email)
    held = balance(db, claire.id)
    wallet.build()
    assert counts(db) == before
    assert balance(db, claire.id) == held
    assert held.available.amount_minor > 0
    assert held.waiting.amount_minor > 0
    assert set(db.scalars(sa.select(Transfer.state))) == {TransferState.COMPLETED, TransferState.WAITING}
    assert len(inbox(db, claire.id)) == 3
    assert check(db) == []


def test_the_demo_pin_opens_every_demo_wallet(db):
    wallet.build()
    assert not is_common_pin(people.PIN)
    for person in (people.CLAIRE, people.KARIM, people.NADIA, people.TOM):
        user = user_by_email(db, person.email)
        tried = pins.count_try(db, user_id=user.id)
        assert pins.matches(tried.stored, user.id, people.PIN)
