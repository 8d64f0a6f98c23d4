"""The daily check."""

import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.identity.services import create_user
from portal.kernel import clock
from portal.kernel.db import Database, transaction
from portal.ledger import jobs
from tests.builders.ledger import euros, give
from tests.conftest import TODAY


def _damage() -> None:
    with transaction() as db:
        if db.connection().dialect.name == "sqlite":
            db.execute(sa.text("DROP TRIGGER balances_follow_postings"))
        else:
            db.execute(sa.text("DROP TRIGGER balances_kept ON balances"))
        db.execute(sa.text("UPDATE balances SET amount_minor = amount_minor + 1"))


def test_damage_is_told_once_a_day(fresh_database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with transaction() as db:
        owner = create_user(db, email="a@example.org", display_name="A")
        db.flush()
        give(db, owner.id, euros(5))
    caplog.set_level(logging.INFO)
    with clock.at(TODAY):
        jobs.check()
    assert "all balances are the sum" in caplog.text
    _damage()
    caplog.clear()
    with clock.at(TODAY + timedelta(hours=3)):
        jobs.check()
    assert caplog.text == ""
    with clock.at(TODAY + timedelta(days=1)):
        jobs.check()
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 3
    assert errors[0] == "ledger: all balances in EUR add up to 2, not 0"
