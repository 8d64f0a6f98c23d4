from datetime import datetime

import pytest
import sqlalchemy as sa

from portal.kernel import clock
from portal.kernel.db import on_commit, reading, transaction
from portal.kernel.throttle import ThrottleCounter
from tests.conftest import TODAY


def _counter(key):
    return ThrottleCounter(key=key, window_start=TODAY, hits=1)


def test_returning_commits_and_raising_rolls_back(fresh_database):
    with transaction() as db:
        db.add(_counter("kept"))
    with pytest.raises(RuntimeError), transaction() as db:
        db.add(_counter("lost"))
        db.flush()
        raise RuntimeError
    with reading() as db:
        assert db.scalars(sa.select(ThrottleCounter.key)).all() == ["kept"]


def test_hooks_run_after_a_commit_only(fresh_database):
    ran = []
    with transaction() as db:
        on_commit(db, lambda: ran.append("yes"))
        assert ran == []
    with pytest.raises(RuntimeError), transaction() as db:
        on_commit(db, lambda: ran.append("no"))
        raise RuntimeError
    assert ran == ["yes"]


def test_a_reading_session_refuses_to_write(db):
    with reading() as session:
        session.add(_counter("sneaked"))
        with pytest.raises(RuntimeError, match="asked to write"):
            session.flush()
        session.expunge_all()
        with pytest.raises(RuntimeError, match="asked to write"):
            session.execute(sa.delete(ThrottleCounter))


def test_moments_come_back_aware_and_naive_ones_are_refused(db):
    db.add(_counter("aware"))
    db.flush()
    db.expire_all()
    assert db.scalars(sa.select(ThrottleCounter.window_start)).one() == TODAY
    db.add(ThrottleCounter(key="naive", window_start=datetime(2026, 1, 1), hits=1))  # noqa: DTZ001
    with pytest.raises(sa.exc.StatementError, match="without a zone"):
        db.flush()


def test_the_database_checks_too(db):
    db.add(ThrottleCounter(key="none", window_start=TODAY, hits=0))
    with pytest.raises(sa.exc.IntegrityError):
        db.flush()


def test_a_reader_does_not_block_a_writer(fresh_database):
    with reading() as reader:
        reader.execute(sa.select(ThrottleCounter)).all()
        with transaction() as db:
            db.add(_counter("written"))
        assert reader.scalars(sa.select(ThrottleCounter.key)).all() == ["written"]


def test_the_clock_is_held():
    with clock.at(TODAY):
        assert clock.now() == TODAY
    assert clock.now() != TODAY
    with pytest.raises(ValueError, match="aware"), clock.at(datetime(2026, 1, 1)):  # noqa: DTZ001
        pass
