from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from portal.kernel import clock, throttle
from portal.kernel.db import transaction
from portal.kernel.errors import TooManyAttemptsError
from tests.conftest import TODAY

HOUR = timedelta(hours=1)


def test_the_limit_holds_and_the_window_passes(db):
    with clock.at(TODAY):
        for _ in range(3):
            throttle.hit(db, "key", limit=3, window=HOUR)
        with pytest.raises(TooManyAttemptsError):
            throttle.hit(db, "key", limit=3, window=HOUR)
        throttle.hit(db, "other", limit=3, window=HOUR)
    with clock.at(TODAY + HOUR):
        throttle.hit(db, "key", limit=3, window=HOUR)


def test_a_success_forgets(db):
    with clock.at(TODAY):
        throttle.hit(db, "key", limit=1, window=HOUR)
        throttle.forget(db, "key")
        throttle.hit(db, "key", limit=1, window=HOUR)


def test_old_counters_are_swept(db):
    with clock.at(TODAY):
        throttle.hit(db, "key", limit=1, window=HOUR)
    with clock.at(TODAY + 3 * HOUR):
        assert throttle.sweep(db, older_than=2 * HOUR) == 1


def test_simultaneous_attempts_are_all_counted(fresh_database, full_counts):
    tries = 200 if full_counts else 40

    def attempt(_):
        try:
            with clock.at(TODAY), transaction() as db:
                throttle.hit(db, "raced", limit=10, window=HOUR)
        except TooManyAttemptsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(attempt, range(tries)))
    assert sum(passed) == 10
    with transaction() as db:
        assert db.scalar(sa.select(throttle.ThrottleCounter.hits)) == 10
