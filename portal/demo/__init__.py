"""The programme, and the sandbox's demo data: made through the services, each part once.

The past is made by holding the clock, never by writing rows.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from portal import config
from portal.demo import certificates, forum, store, training, wallet
from portal.demo.people import EVERYBODY, demo_user
from portal.kernel import loads
from portal.kernel.db import reading, transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the data; what it makes stands on the parts before it."""

    name: str
    build: Callable[[], None]
    sandbox_only: bool = True


def _people() -> None:
    with transaction() as db:
        for person in EVERYBODY:
            demo_user(db, person)


PARTS = (
    Part("programme", training.build_programme, sandbox_only=False),
    Part("people", _people),
    Part("cohorts", training.build_cohorts),
    Part("questions", forum.build),
    Part("certificates", certificates.build),
    Part("shop", store.build),
    Part("wallets", wallet.build),
)


def load() -> list[str]:
    """Load what was not loaded yet, and see to it that a session is live; returns the names of what was loaded.

    A part is marked done after it was built; one that was interrupted is built again and must allow it.
    """
    sandbox = config.current().sandbox
    done = []
    for part in PARTS:
        if part.sandbox_only and not sandbox:
            continue
        with reading() as db:
            if loads.is_done(db, part.name):
                continue
        part.build()
        with transaction() as db:
            loads.mark_done(db, part.name)
        done.append(part.name)
        logger.info("loaded %s", part.name)
    if sandbox:
        training.ensure_live_session()
    return done
