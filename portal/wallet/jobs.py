"""What the worker does for wallets: returns, expiries, and what waited for someone to join."""

from portal.kernel.db import reading, transaction
from portal.kernel.jobs import job
from portal.wallet.services import requests, transfers


@job("return_transfers", every_minutes=30)
def return_transfers() -> None:
    """Return transfers that have waited seven days for their payee to join, until none is left."""
    while True:
        with transaction() as db:
            if transfers.return_unclaimed(db) < transfers.IN_ONE_GO:
                return


@job("claim_transfers", every_minutes=10)
def claim_transfers() -> None:
    """Bring in what waits for addresses that are users' by now; one transaction for each user."""
    with reading() as db:
        users = transfers.waiting_for_users(db)
    for user_id in users:
        with transaction() as db:
            transfers.claim_for(db, user_id=user_id)


@job("expire_transfers", every_minutes=10)
def expire_transfers() -> None:
    """End transfers nobody approved, and money requests whose last day has passed."""
    with transaction() as db:
        transfers.expire_unapproved(db)
        requests.expire_old(db)
