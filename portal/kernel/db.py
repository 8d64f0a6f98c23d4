"""The database: engine, sessions, and the only place that commits.

SQLite writers begin with BEGIN IMMEDIATE (deferred ones deadlock on the upgrade), and use WAL only where
the library is free of the WAL-reset corruption bug (3.51.3 or newer).
"""

import enum
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, cast

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, mapped_column
from sqlalchemy.types import TypeDecorator

WAL_IS_SAFE_FROM = (3, 51, 3)
_BUSY_MS = 15_000
_READING = "portal_reading"
# A page's statements take milliseconds: compiling one (JIT) or sharing it among processes costs more than it saves.
_SHORT_STATEMENTS = "-c jit=off -c max_parallel_workers_per_gather=0"
# Nor is a statement that pages repeat planned anew each time: planning takes longer than running it.
_REPEATED_STATEMENTS = f"{_SHORT_STATEMENTS} -c plan_cache_mode=force_generic_plan"


class UTCDateTime(TypeDecorator[datetime]):
    """An aware moment, stored in UTC; a naive one is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; SQLite keeps no zone, so it gets the naive UTC time."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment without a zone cannot be stored"
            raise ValueError(msg)
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Id = Annotated[int, mapped_column(BigId, primary_key=True)]


class Base(DeclarativeBase):
    """Base of every model: constraint names by one convention, moments always in UTC."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UTCDateTime}  # noqa: RUF012 (SQLAlchemy reads it so)


def str_enum(kind: type[enum.StrEnum], name: str) -> sa.Enum:
    """Column type of a StrEnum: its values as text, with a CHECK named after `name`."""
    return sa.Enum(
        kind,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class ReadSession(Session):
    """A session that only reads: each statement stands alone, and a write is a programmer's error."""

    def flush(self, objects: Any = None) -> None:
        """Nothing to write, ever."""
        if self.new or self.dirty or self.deleted:
            msg = "a reading session was asked to write; use transaction()"
            raise RuntimeError(msg)
        super().flush(objects)


@event.listens_for(ReadSession, "do_orm_execute")
def _refuse_writes(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        msg = "a reading session was asked to write; use transaction()"
        raise RuntimeError(msg)


def _sqlite_module() -> Any:
    """The newest SQLite at hand: the wheel's where there is one, else the interpreter's."""
    try:
        from pysqlite3 import dbapi2  # noqa: PLC0415 (not on every platform)
    except ImportError:
        return sqlite3
    return dbapi2


def _prepare_sqlite(engine: Engine, journal_mode: str) -> None:
    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA journal_mode = {journal_mode}")
        # FULL: NORMAL may lose the last commits at a power cut, and these rows are money.
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not connection.get_execution_options().get(_READING):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def make_engine(url: str, *, reading: bool = False) -> Engine:
    """An engine for a SQLite file or PostgreSQL (psycopg 3) address, with the settings the portal relies on.

    `reading`: on PostgreSQL its connections stay in autocommit, so that borrowing one and giving it back cost nothing.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        module = _sqlite_module()
        engine = sa.create_engine(parsed, module=module)
        safe = module.sqlite_version_info >= WAL_IS_SAFE_FROM
        _prepare_sqlite(engine, "WAL" if safe else "DELETE")
        return engine
    options: dict[str, Any] = {"pool_size": 5, "max_overflow": 15}
    if reading:
        options = {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None, "pool_size": 10, "max_overflow": 10}
    address = parsed.set(drivername="postgresql+psycopg")
    settings = _REPEATED_STATEMENTS if reading else _SHORT_STATEMENTS
    return sa.create_engine(address, connect_args={"options": settings}, **options)


class Database:
    """An engine and the two kinds of session on it: writing (one transaction) and reading."""

    def __init__(self, url: str) -> None:
        """Open nothing yet; connections are made on first use."""
        self.engine = make_engine(url)
        self._joined: Connection | None = None
        # SQLite reads on the same connections: one file has few of them, and its writers wait for each other anyway.
        apart = self.engine if self.engine.dialect.name == "sqlite" else make_engine(url, reading=True)
        self._reading_engine = apart.execution_options(**{_READING: True})

    def session(self) -> Session:
        """A writing session; `transaction()` is the way to have one that commits."""
        if self._joined is not None:
            return Session(self._joined, expire_on_commit=False, join_transaction_mode="create_savepoint")
        return Session(self.engine, expire_on_commit=False)

    def read_session(self) -> ReadSession:
        """A reading session: no transaction is held open between its statements."""
        if self._joined is not None:
            return ReadSession(self._joined, expire_on_commit=False, join_transaction_mode="rollback_only")
        return ReadSession(self._reading_engine, expire_on_commit=False)

    @contextmanager
    def joined(self, connection: Connection) -> Iterator[None]:
        """Let every session join `connection`'s transaction as a savepoint: one test, rolled back whole."""
        self._joined = connection
        try:
            yield
        finally:
            self._joined = None

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._reading_engine.dispose()
        self.engine.dispose()


_databases: dict[str, Database] = {}


def configure(url: str) -> Database:
    """Make the database at `url` the one that `transaction()` and `reading()` use in this process."""
    previous = _databases.pop("default", None)
    if previous is not None:
        previous.dispose()
    _databases["default"] = Database(url)
    return _databases["default"]


def database() -> Database:
    """The configured database; RuntimeError before `configure()`."""
    try:
        return _databases["default"]
    except KeyError:
        msg = "no database is configured: create the app first"
        raise RuntimeError(msg) from None


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction: returning commits, raising rolls back. Then what `on_commit` left runs."""
    session = database().session()
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()
    for callback in session.info.pop("on_commit", ()):
        callback()


@contextmanager
def reading() -> Iterator[ReadSession]:
    """A reading session outside a request; inside one, views use the request's own."""
    session = database().read_session()
    try:
        yield session
    finally:
        session.close()


def on_commit(db: Session, callback: Callable[[], None]) -> None:
    """Run `callback` once after this transaction has committed; never when it rolls back.

    Only for hints (waking the worker): what must happen is a row in the same transaction.
    """
    callbacks = db.info.setdefault("on_commit", [])
    if callback not in callbacks:
        callbacks.append(callback)


def conflict_insert(db: Session, model: type[Base]) -> postgresql.Insert:
    """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing`, on either engine."""
    if db.get_bind().dialect.name == "sqlite":
        return cast("postgresql.Insert", sqlite.insert(model))
    return postgresql.insert(model)


def rows_changed(db: Session, statement: sa.Update | sa.Delete) -> int:
    """Run a statement that changes rows and return how many: the heart of a conditional update."""
    return cast("sa.CursorResult[Any]", db.execute(statement)).rowcount
