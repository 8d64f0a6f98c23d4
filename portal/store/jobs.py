"""What the worker does for shops: refunds, reservations that ran out, baskets nobody came back to."""

import logging
from datetime import timedelta

from portal.kernel import clock
from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job
from portal.store import flows
from portal.store.services import baskets, followers, orders, refunds, stock

logger = logging.getLogger(__name__)

# By then no payment page of the order can still be open.
ABANDONED_AFTER = timedelta(hours=25)
BASKET_LASTS = timedelta(days=30)


@job(refunds.REFUND_JOB, every_minutes=5)
def ask_refunds() -> int:
    """Ask the provider for every queued refund; the same key each time, so that once is once."""
    with reading() as db:
        waiting = refunds.queued(db)
    for refund in waiting:
        flows.ask_refund(refund)
    return len(waiting)


@job("store_reservations", every_minutes=1)
def release_expired() -> int:
    """Put back on the shelf what was reserved for orders whose time to pay is over."""
    with reading() as db:
        order_ids = stock.expired(db, at=clock.now())
    for order_id in order_ids:
        with transaction() as db:
            if orders.hold(db, order_id):
                stock.release(db, order_id=order_id)
    return len(order_ids)


@job(followers.TELL_JOB, every_minutes=5)
def tell_followers() -> int:
    """Write the "open now" mails of shops that have just opened, some hundred in each transaction."""
    told = 0
    while True:
        with transaction() as db:
            some = followers.tell_some(db)
        told += some
        if not some:
            return told


@job("store_cleaning", every_minutes=60)
def clean_up() -> int:
    """Cancel orders that were never paid, and forget baskets that nobody came back to."""
    with reading() as db:
        tokens = orders.stale(db, before=clock.now() - ABANDONED_AFTER)
    for token in tokens:
        with transaction() as db:
            order = orders.lock_order(db, token)
            if order is not None:
                orders.cancel_unpaid(db, order)
    with transaction() as db:
        baskets.forget(db, before=clock.now() - BASKET_LASTS)
    return len(tokens)
