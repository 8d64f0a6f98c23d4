"""The database of the size to hold: as big as it says, whole, and built on from where it was stopped."""

import os
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from bench import scale
from bench.scaling import build, rows
from bench.scaling.looking import looking
from bench.scaling.shape import LESSONS, SMALLEST, parse_factor, shape_of
from portal.kernel.db import Database
from portal.training.models import Attendance, Cohort, Enrolment, Seat, Session
from tests import postgres

_SERVER_URL = "COMPTOIR_TEST_POSTGRESQL"


def test_factor_one_is_what_the_portal_must_hold():
    shape = shape_of(Fraction(1))
    assert (shape.merchants, shape.cohorts, shape.sessions) == (200_000, 400, 10_000)
    assert abs(shape.attendances - 5_000_000) < 0.001 * 5_000_000


@pytest.mark.parametrize("text", ["0", "11", "1/1001", "much", "", "1/0"])
def test_a_factor_out_of_reach_is_refused(text):
    with pytest.raises(ValueError, match="FACTOR"):
        parse_factor(text)


@pytest.mark.parametrize("factor", [Fraction(1, 1000), Fraction(1, 20), Fraction(1), Fraction(10)])
def test_no_expert_leads_two_cohorts_at_one_hour(factor):
    shape = shape_of(factor)
    led = Counter(shape.expert_of(cohort) for cohort in range(shape.cohorts))
    assert set(led.values()) == {1}
    assert {expert for expert, _ in led} == set(range(shape.experts))


def test_nobody_is_twice_in_a_cohort():
    shape = shape_of(SMALLEST)
    for cohort in range(shape.cohorts):
        members = list(rows.member_ids(shape, cohort))
        assert len(set(members)) == len(members) == shape.people


@pytest.fixture
def shape(worker_id):
    """The smallest, in a database of this worker's own."""
    return replace(shape_of(SMALLEST), database=f"scale_{worker_id}")


@pytest.fixture
def server(engine_name, shape):
    """The tests' own PostgreSQL, as the builder sees a server; its database is dropped afterwards."""
    if engine_name == "sqlite":
        pytest.skip("what must be held is held on PostgreSQL")
    socket = sa.make_url(os.environ[_SERVER_URL]).query["host"]
    running = postgres.Server(bin=Path(), data=Path(str(socket)), user=None)
    yield running
    with psycopg.connect(running.url().replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {shape.database} WITH (FORCE)")


def _counts(url):
    database = Database(url)
    with database.read_session() as db:
        found = [
            db.scalar(sa.select(sa.func.count()).select_from(model))
            for model in (Cohort, Session, Enrolment, Seat, Attendance)
        ]
        taken = db.scalars(sa.select(Cohort.seats_taken)).all()
    database.dispose()
    return found, set(taken)


class _PulledOutError(Exception):
    pass


def test_it_goes_on_where_it_was_stopped_and_holds_what_it_says(server, shape, tmp_path):
    url = build._create(server, shape)
    database = Database(url)
    lesson_ids = build._prepare(database)
    database.dispose()

    def stopped(piece):
        if piece == 3:
            raise _PulledOutError
        return rows.cohort_tables(shape, piece, lesson_ids, build.datetime.now(build.UTC))

    with psycopg.connect(url.replace("+psycopg", "")) as connection, pytest.raises(_PulledOutError):
        build._fill(connection, "cohorts", shape.cohorts, stopped)
    assert _counts(url)[0][0] == 3
    built = build.build(server, shape)
    assert build.build(server, shape) == built
    found, taken = _counts(url)
    assert found == [
        shape.cohorts,
        shape.cohorts * LESSONS,
        shape.cohorts * shape.people,
        shape.seats,
        shape.attendances,
    ]
    assert taken == {shape.people}
    with looking(built, tmp_path) as ask:
        for name in scale.PAGES:
            looked = ask(name, 2)
            assert 0 < looked.statements < 30, name


def test_a_reference_that_leads_nowhere_is_found(server, shape):
    built = build.build(server, shape)
    with psycopg.connect(built.url.replace("+psycopg", "")) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE seats SET user_id = 999999 WHERE id = 1")
        with pytest.raises(build.Broken, match=r"seats\.user_id"):
            build._finish(connection, (Seat,))
