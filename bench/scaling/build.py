"""Builds a database of a given size: `python -m bench.scaling.build 1/100`.

Resumable: each piece (ten thousand users, or one cohort) is one transaction, and how far it has come stands in the
database itself. Rows go in by COPY, with the foreign keys' triggers off: what would hold them is checked at the end.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg import sql

from bench.scaling import rows
from bench.scaling.shape import Shape, parse_factor, shape_of
from portal.config import ROOT
from portal.kernel.db import Base, Database
from portal.training.models import Attendance, Cohort, Enrolment, PresencePing, Seat, Session
from portal.training.services import ensure_programme
from tests import postgres
from tests.databases import migrate

FOLDER = ROOT / ".cache" / "scale"
# Where the server's user may not enter the clone (a home folder): kept beside it, for the same command to find.
ELSEWHERE = Path("/var/tmp/comptoir-scale")  # noqa: S108 (made with mode 0700 by the server's user alone)
OPTIONS = (*postgres.DURABLE, "shared_buffers=512MB", "max_wal_size=8GB", "maintenance_work_mem=512MB")
_USERS_AT_ONCE = 10_000
_FILLED = (Cohort, Session, Enrolment, Seat, Attendance, PresencePing)
_BAR = 32


class Broken(Exception):  # noqa: N818 (it is the database that is)
    """The finished database does not hold what it should."""


@dataclass(frozen=True, slots=True)
class Built:
    """A finished database: where it is, how big, and the moment its sessions were dated from."""

    url: str
    shape: Shape
    at: datetime


def folder() -> Path:
    """Where the server's data is kept between runs."""
    user = postgres.server_user()
    inside = postgres.may_enter(ROOT, user)
    return FOLDER if inside else ELSEWHERE


@contextmanager
def server() -> Iterator[postgres.Server]:
    """The kept server of all the sizes, running."""
    with postgres.kept(folder(), OPTIONS) as running:
        yield running


def _progress(done: int, of: int, began: float, what: str) -> None:
    share = done / of
    filled = round(share * _BAR)
    left = (time.monotonic() - began) * (1 - share) / share if share else 0
    end = "\n" if done == of else ""
    line = f"\r{what:<10} [{'#' * filled}{'.' * (_BAR - filled)}] {share:4.0%}  {left:5.0f} s left "
    print(line, end=end, file=sys.stderr, flush=True)


def _create(running: postgres.Server, shape: Shape) -> str:
    """The database's address; made and migrated unless it is there."""
    url = running.url(shape.database)
    with psycopg.connect(running.url().replace("+psycopg", ""), autocommit=True) as admin:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [shape.database]).fetchone() is None:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(shape.database)))
    migrate(url)
    return url


def _prepare(database: Database) -> list[int]:
    """The programme, and the table that remembers how far it has come; returns the lessons' ids in order."""
    with database.session() as db:
        programme = ensure_programme(db)
        db.execute(sa.text("CREATE TABLE IF NOT EXISTS scale_progress (part text PRIMARY KEY, done bigint NOT NULL)"))
        db.execute(
            sa.text("INSERT INTO scale_progress VALUES ('at', :at) ON CONFLICT DO NOTHING"),
            {"at": int(datetime.now(UTC).timestamp()) // 60 * 60},
        )
        found = db.execute(
            sa.text("SELECT id FROM lessons WHERE programme_id = :id ORDER BY number"), {"id": programme.id}
        )
        lesson_ids = list(found.scalars())
        db.commit()
    return lesson_ids


def _done(connection: psycopg.Connection[Any], part: str) -> int:
    row = connection.execute("SELECT done FROM scale_progress WHERE part = %s", [part]).fetchone()
    return int(row[0]) if row else 0


def _copy(connection: psycopg.Connection[Any], table: rows.Table) -> None:
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.model.__tablename__), columns)
    with connection.cursor().copy(into) as copy:
        copy.write("".join(table.lines))


def _fill(
    connection: psycopg.Connection[Any], part: str, pieces: int, tables_of: Callable[[int], list[rows.Table]]
) -> None:
    """Piece after piece from where it was stopped, a transaction each."""
    began = time.monotonic()
    first = _done(connection, part)
    connection.commit()
    for piece in range(first, pieces):
        with connection.transaction():
            connection.execute("SET LOCAL session_replication_role = replica")
            for table in tables_of(piece):
                _copy(connection, table)
            connection.execute(
                "INSERT INTO scale_progress VALUES (%s, %s) ON CONFLICT (part) DO UPDATE SET done = excluded.done",
                [part, piece + 1],
            )
        _progress(piece + 1 - first, pieces - first, began, part)


def _finish(connection: psycopg.Connection[Any], models: tuple[type[Base], ...]) -> None:
    """Ids go on after the last one, the planner knows the tables, and every reference leads somewhere."""
    for model in models:
        name = sql.Identifier(model.__tablename__)
        last = sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), (SELECT coalesce(max(id), 1) FROM {}))")
        connection.execute(last.format(sql.Literal(model.__tablename__), name))
    for model in models:
        for key in model.__table__.foreign_keys:
            _check_reference(connection, key)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.execute("INSERT INTO scale_progress VALUES ('finished', 1) ON CONFLICT DO NOTHING")


def _check_reference(connection: psycopg.Connection[Any], key: sa.ForeignKey) -> None:
    child, parent = key.parent.table.name, key.column.table.name
    orphans = sql.SQL(
        "SELECT count(*) FROM {child} AS c WHERE c.{column} IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM {parent} AS p WHERE p.{target} = c.{column})"
    ).format(
        child=sql.Identifier(child),
        column=sql.Identifier(key.parent.name),
        parent=sql.Identifier(parent),
        target=sql.Identifier(key.column.name),
    )
    row = connection.execute(orphans).fetchone()
    if row is None or row[0]:
        msg = f"{child}.{key.parent.name} leads nowhere in {row} rows"
        raise Broken(msg)


def build(running: postgres.Server, shape: Shape) -> Built:
    """The database of this size on this server, made or finished when it is not there yet."""
    url = _create(running, shape)
    database = Database(url)
    lesson_ids = _prepare(database)
    database.dispose()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        at = datetime.fromtimestamp(_done(connection, "at"), UTC)
        if not _done(connection, "finished"):
            last = 1 + shape.experts + shape.merchants

            def people(piece: int) -> list[rows.Table]:
                first = piece * _USERS_AT_ONCE + 1
                return [rows.users(shape, first, min(first + _USERS_AT_ONCE - 1, last), at)]

            _fill(connection, "users", -(-last // _USERS_AT_ONCE), people)
            _fill(connection, "cohorts", shape.cohorts, lambda one: rows.cohort_tables(shape, one, lesson_ids, at))
            _finish(connection, _FILLED)
    return Built(url, shape, at)


def main(arguments: list[str]) -> int:
    """Build what is asked for, and say what it holds; returns the exit status."""
    try:
        shape = shape_of(parse_factor(arguments[0] if arguments else "1"))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    began = time.monotonic()
    with server() as running:
        build(running, shape)
    print(
        f"{shape.database}: {shape.merchants:,} merchants, {shape.cohorts:,} cohorts, {shape.sessions:,} sessions,"
        f" {shape.seats:,} seats, {shape.attendances:,} attendance rows; {time.monotonic() - began:.0f} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
