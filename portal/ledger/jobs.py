"""Once a day the ledger is read from end to end, and whoever runs the portal is told when it is not sound."""

import logging
from datetime import timedelta

from portal.kernel import throttle
from portal.kernel.db import reading, transaction
from portal.kernel.errors import TooManyAttemptsError
from portal.kernel.jobs import job
from portal.ledger import queries

logger = logging.getLogger(__name__)

_DAY = timedelta(days=1)


@job("ledger.check", every_minutes=60)
def check() -> None:
    """Log an error for each thing that is wrong; looks every hour whether today's check was made."""
    try:
        with transaction() as db:
            throttle.hit(db, "ledger.check", limit=1, window=_DAY)
    except TooManyAttemptsError:
        return
    with reading() as db:
        problems = queries.check(db)
    for problem in problems:
        logger.error("ledger: %s", problem)
    if not problems:
        logger.info("ledger: all balances are the sum of their postings")
