"""Many people whose sessions all begin in ten minutes, in a database of their own that is dropped afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from bench import measure
from bench.scaling import build
from bench.scaling.shape import LIVE, Shape
from portal import config, create_app
from portal.kernel.db import database
from tests import postgres

_PEOPLE_EACH = 600
# Those that run now, put back to how they stood ten minutes before their start.
_NOT_YET = """
UPDATE sessions SET state = 'scheduled', started_at = NULL, soon_reminder_at = NULL WHERE state = 'live'
"""


def _drop(running: postgres.Server, name: str) -> None:
    with psycopg.connect(running.url().replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def due_reminders(running: postgres.Server, people: int) -> Iterator[datetime]:
    """The portal over such a database, and the moment at which each of so many people is to be reminded."""
    cohorts = people // _PEOPLE_EACH
    shape = Shape("scale_reminders", merchants=people, cohorts=cohorts, people=_PEOPLE_EACH, pattern=(LIVE,))
    _drop(running, shape.database)
    try:
        built = build.build(running, shape)
        with psycopg.connect(built.url.replace("+psycopg", "")) as connection:
            connection.execute(_NOT_YET)
            row = connection.execute("SELECT DISTINCT starts_at FROM sessions WHERE state = 'scheduled' ORDER BY 1")
            (first,) = row.fetchone() or (built.at,)
        with TemporaryDirectory() as folder:
            environment = {
                "COMPTOIR_DATABASE_URL": built.url,
                "COMPTOIR_INSTANCE": str(Path(folder)),
                "COMPTOIR_BASE_URL": f"http://{measure.HOST}",
            }
            create_app(config.load(environment))
            yield first - timedelta(minutes=10)
            database().dispose()
    finally:
        _drop(running, shape.database)
