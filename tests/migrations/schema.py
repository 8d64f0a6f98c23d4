"""What a database is made of, as text that can be compared, and ways to move it along the migrations."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from portal.config import ROOT
from portal.kernel.db import make_engine

# Everything alembic did not make itself: (kind, name, table or "", definition).
Part = tuple[str, str, str, str]

_SQLITE = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
_POSTGRESQL = """
SELECT 'trigger', tgname, tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'function', proname, '', pg_get_functiondef(p.oid) FROM pg_proc p
  WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL
SELECT 'constraint', conname, conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
  WHERE connamespace = 'public'::regnamespace AND contype <> 't'
UNION ALL
SELECT 'index', indexname, tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'column', column_name, table_name,
  concat_ws(' ', data_type, character_maximum_length, is_nullable, column_default)
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'type', typname, '', typtype::text FROM pg_type
  WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
UNION ALL
SELECT 'sequence', sequencename, '', data_type::text FROM pg_sequences WHERE schemaname = 'public'
UNION ALL
SELECT 'table', tablename, '', '' FROM pg_tables WHERE schemaname = 'public'
"""
_DROP_TRIGGER = re.compile(r"\bDROP\s+TRIGGER\s+(?:IF\s+EXISTS\s+)?\"?(\w+)", re.IGNORECASE)


@contextmanager
def _config(url: str) -> Iterator[tuple[Config, sa.Connection]]:
    config = Config(ROOT / "alembic.ini")
    with _connection(url) as connection:
        config.attributes["connection"] = connection
        yield config, connection


@contextmanager
def _connection(url: str) -> Iterator[sa.Connection]:
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def revisions() -> list[str]:
    """Every revision, the first one first."""
    scripts = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    return [script.revision for script in scripts.walk_revisions()][::-1]


def upgrade(url: str, revision: str = "head") -> None:
    """Up to a revision."""
    with _config(url) as (config, _):
        command.upgrade(config, revision)


def downgrade(url: str, revision: str = "base") -> None:
    """Down to a revision."""
    with _config(url) as (config, _):
        command.downgrade(config, revision)


def check(url: str) -> None:
    """`alembic check`: raises when the models and the database differ."""
    with _config(url) as (config, _):
        command.check(config)


def inventory(connection: sa.Connection) -> set[Part]:
    """Every part of the schema but alembic's own table."""
    query = _SQLITE if connection.dialect.name == "sqlite" else _POSTGRESQL
    rows = connection.execute(sa.text(query))
    return {tuple(row) for row in rows if not row[1].startswith("alembic_version") and row[2] != "alembic_version"}


def inventory_at(url: str) -> set[Part]:
    """The parts of the database at `url`."""
    with _connection(url) as connection:
        return inventory(connection)


def triggers(parts: set[Part]) -> set[tuple[str, str]]:
    """(name, table) of the triggers among the parts."""
    return {(name, table) for kind, name, table, _ in parts if kind == "trigger"}


def tables(parts: set[Part]) -> set[str]:
    """Names of the tables among the parts."""
    return {name for kind, name, _, _ in parts if kind == "table"}


@contextmanager
def watched(connection: sa.Connection) -> Iterator[list[tuple[str, str]]]:
    """Collect the triggers that vanish inside the block though nobody dropped them and their table is still there.

    Batch migrations on SQLite copy a table and drop the old one: its triggers go with it, without a word.
    """
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    sa.event.listen(connection, "before_cursor_execute", note)
    before = triggers(inventory(connection))
    lost: list[tuple[str, str]] = []
    yield lost
    after = inventory(connection)
    dropped = {found for statement in statements for found in _DROP_TRIGGER.findall(statement)}
    kept = tables(after)
    lost += sorted((name, table) for name, table in before - triggers(after) if name not in dropped and table in kept)
    sa.event.remove(connection, "before_cursor_execute", note)


def lost_triggers(url: str, revision: str) -> list[tuple[str, str]]:
    """Upgrade to `revision` and name the triggers that were lost on the way."""
    with _config(url) as (config, connection), watched(connection) as lost:
        command.upgrade(config, revision)
    return lost
