"""Adding money by card: recorded first, paid at the provider, credited once when the payment has succeeded."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.identity.models import User
from portal.identity.queries import user_by_id
from portal.kernel import clock, ids
from portal.kernel.db import conflict_insert, rows_changed
from portal.kernel.errors import NotFoundError
from portal.kernel.money import Money
from portal.ledger.services import Line, post
from portal.notifications.services import notify
from portal.wallet.errors import AmountError
from portal.wallet.models import TopUp, TopUpState
from portal.wallet.policies import LEAST_TOP_UP, MOST_TOP_UP, major
from portal.wallet.services.accounts import WalletAccounts, provider_balance

PURPOSE = "top_up"


def start_top_up(db: Session, *, user: User, amount: Money, form_key: str) -> TopUp:
    """Record that a user wants to add money; the same form sent twice is one top-up.

    Raises AmountError for less than 5 or more than 500 major units.
    """
    least, most = major(LEAST_TOP_UP, amount.currency), major(MOST_TOP_UP, amount.currency)
    if amount < least or amount > most:
        raise AmountError
    db.execute(
        conflict_insert(db, TopUp)
        .values(
            public_id=ids.readable_code(),
            user_id=user.id,
            amount_minor=amount.amount_minor,
            currency=amount.currency,
            state=TopUpState.PENDING,
            form_key=form_key,
            created_at=clock.now(),
        )
        .on_conflict_do_nothing()
    )
    return db.scalars(sa.select(TopUp).where(TopUp.user_id == user.id, TopUp.form_key == form_key)).one()


def owned_by(db: Session, *, user_id: int, public_id: str) -> TopUp:
    """A user's own top-up; NotFoundError for another's and for none."""
    found = db.scalar(sa.select(TopUp).where(TopUp.public_id == public_id, TopUp.user_id == user_id))
    if found is None:
        raise NotFoundError
    return found


def _end(db: Session, top_up: TopUp, state: TopUpState) -> bool:
    ended = (
        sa.update(TopUp)
        .where(TopUp.id == top_up.id, TopUp.state != TopUpState.COMPLETED, TopUp.state != state)
        .values(state=state, ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return rows_changed(db, ended) == 1


def complete(db: Session, *, public_id: str, amount: Money, available: bool) -> None:
    """The card was charged `amount`: credit the wallet, once, with what was charged.

    Until the provider lets the money be used (`available`) it is incoming, and `settle` follows. NotFoundError for an
    unknown top-up: a payment nobody asked for is not credited to anybody.
    """
    top_up = db.scalar(sa.select(TopUp).where(TopUp.public_id == public_id))
    if top_up is None:
        raise NotFoundError
    if not _end(db, top_up, TopUpState.COMPLETED):
        return
    own = WalletAccounts(db, top_up.user_id, amount.currency)
    line = Line(provider_balance(db, amount.currency), own.available if available else own.incoming, amount)
    post(db, key=f"top-up:{public_id}", kind="top_up", lines=[line], reference=public_id)
    user = user_by_id(db, top_up.user_id)
    if user is None:
        raise NotFoundError
    params = {"amount_minor": amount.amount_minor, "currency": amount.currency}
    key = f"top-up:{public_id}"
    notify(db, user_id=user.id, kind="wallet.topped_up", params=params, path=f"/{user.language}/wallet", dedupe_key=key)


def settle(db: Session, *, public_id: str, amount: Money) -> None:
    """The provider lets the money be used: it goes from incoming to available, once."""
    top_up = db.scalar(sa.select(TopUp).where(TopUp.public_id == public_id))
    if top_up is None:
        raise NotFoundError
    own = WalletAccounts(db, top_up.user_id, amount.currency)
    line = Line(own.incoming, own.available, amount)
    post(db, key=f"top-up-released:{public_id}", kind="top_up", lines=[line], reference=public_id)


def fail(db: Session, *, public_id: str) -> None:
    """The card was not charged. A late success still credits it: money that came in is never kept from its owner."""
    top_up = db.scalar(sa.select(TopUp).where(TopUp.public_id == public_id))
    if top_up is not None:
        _end(db, top_up, TopUpState.FAILED)
