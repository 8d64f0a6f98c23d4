"""Migrated databases for tests: made once for each worker, copied where a test commits for real."""

import itertools
import shutil
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from portal.config import ROOT
from portal.kernel.db import make_engine


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to a revision, as `make migrate` does."""
    config = Config(ROOT / "alembic.ini")
    engine = make_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


class SQLiteDatabases:
    """SQLite files copied from one migrated template."""

    def __init__(self, folder: Path) -> None:
        """Migrate the template once."""
        self._folder = folder
        self._names = itertools.count()
        self._template = folder / "template.sqlite3"
        migrate(f"sqlite:///{self._template}")

    def create(self) -> str:
        """The address of a new migrated database."""
        path = self._folder / f"{next(self._names)}.sqlite3"
        shutil.copy(self._template, path)
        return f"sqlite:///{path}"

    def create_empty(self) -> str:
        """The address of a new empty database."""
        return f"sqlite:///{self._folder / f'empty-{next(self._names)}.sqlite3'}"

    def drop(self, url: str) -> None:
        """Delete a database."""
        database = sa.make_url(url).database
        assert database is not None
        Path(database).unlink(missing_ok=True)


class PostgresDatabases:
    """PostgreSQL databases copied from one migrated template."""

    def __init__(self, server_url: str, worker: str) -> None:
        """Migrate the template once."""
        self._url = sa.make_url(server_url)
        self._worker = worker
        self._names = itertools.count()
        self._admin = sa.create_engine(self._url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._template = f"template_{worker}"
        self._execute(f"CREATE DATABASE {self._template}")
        migrate(self._address(self._template))

    def _address(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def _execute(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(sa.text(statement))

    def create(self) -> str:
        """The address of a new migrated database."""
        name = f"portal_{self._worker}_{next(self._names)}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return self._address(name)

    def create_empty(self) -> str:
        """The address of a new empty database."""
        name = f"empty_{self._worker}_{next(self._names)}"
        self._execute(f"CREATE DATABASE {name}")
        return self._address(name)

    def drop(self, url: str) -> None:
        """Delete a database, whoever is still connected."""
        self._execute(f"DROP DATABASE IF EXISTS {sa.make_url(url).database} WITH (FORCE)")
