"""How alembic reaches the database: one connection, batch mode on SQLite, a lock timeout on PostgreSQL."""

import logging

import sqlalchemy as sa
from alembic import context

from portal import config as settings_module
from portal import models  # noqa: F401 (every table of the portal)
from portal.kernel.db import Base, make_engine

logging.getLogger("alembic").setLevel(logging.WARNING)

# A migration that cannot get its lock gives up rather than stop every visitor behind it.
LOCK_TIMEOUT = "10s"

# Full text: each engine has its own (PostgreSQL a generated column, SQLite an FTS5 table), so no model names it.
FULL_TEXT = ("question_search", "search_vector", "ix_questions_search_vector")


def _include_name(name: str | None, _kind: str, _parents: object) -> bool:
    return name is None or not name.startswith(FULL_TEXT)


def _configure(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_name=_include_name,
        transaction_per_migration=False,
    )


def run() -> None:
    """Migrate over the connection the caller gave, or a new one to the configured database."""
    given: sa.Connection | None = context.config.attributes.get("connection")
    if given is not None:
        _configure(given)
        with context.begin_transaction():
            context.run_migrations()
        return
    url = context.config.get_main_option("sqlalchemy.url") or settings_module.load().database_url
    engine = make_engine(url)
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
            connection.commit()
        _configure(connection)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
