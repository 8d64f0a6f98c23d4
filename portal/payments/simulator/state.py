"""What the simulator remembers: its own SQLite file, never the portal's database.

One writer at a time: a request, with all it changes, is one transaction.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from flask import current_app

from portal.kernel import clock

Object = dict[str, Any]

_TABLES = (
    (
        "CREATE TABLE IF NOT EXISTS objects (id TEXT PRIMARY KEY, kind TEXT NOT NULL, place INTEGER NOT NULL,"
        " body TEXT NOT NULL)"
    ),
    "CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (kind, place)",
    (
        "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, request TEXT NOT NULL, status INTEGER NOT NULL,"
        " body TEXT NOT NULL)"
    ),
    (
        "CREATE TABLE IF NOT EXISTS deliveries (id INTEGER PRIMARY KEY, event_id TEXT NOT NULL, body TEXT NOT NULL,"
        " first_due INTEGER NOT NULL, due INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
        " delivered INTEGER NOT NULL DEFAULT 0)"
    ),
    "CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due) WHERE delivered = 0",
    "CREATE TABLE IF NOT EXISTS switches (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

SWITCHES = {
    # Seconds until a payment's money is available; 0: at once.
    "funds_delay": "0",
    # normal; off: kept until switched on again; scrambled: twice, and later ones first.
    "events": "normal",
    # succeeded, pending or failed: how a new refund ends.
    "refunds": "succeeded",
    # normal; lost: done, but the answer never arrives; broken: not done, and the failure is remembered;
    # late: done, and answered after a minute.
    "answers": "normal",
}


def now() -> int:
    """Seconds since 1970, as the provider's API counts time."""
    return int(clock.now().timestamp())


def now_ms() -> int:
    """Milliseconds since 1970."""
    return int(clock.now().timestamp() * 1000)


class Ledger:
    """The objects of one open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Work inside the transaction of this connection."""
        self.connection = connection

    def add(self, kind: str, prefix: str, body: Object) -> Object:
        """Keep a new object under a new id."""
        whole = {"id": f"{prefix}_{secrets.token_hex(14)}", "object": kind, "created": now(), "livemode": False, **body}
        self.connection.execute(
            "INSERT INTO objects (id, kind, place, body) VALUES (?, ?, (SELECT count(*) FROM objects), ?)",
            (whole["id"], kind, json.dumps(whole)),
        )
        return whole

    def get(self, object_id: str, kind: str) -> Object | None:
        """An object of a kind; None when there is none."""
        row = self.connection.execute(
            "SELECT body FROM objects WHERE id = ? AND kind = ?", (object_id, kind)
        ).fetchone()
        return None if row is None else json.loads(row[0])

    def save(self, body: Object) -> None:
        """Keep a changed object."""
        self.connection.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), body["id"]))

    def every(self, kind: str, limit: int = 1000) -> list[Object]:
        """The objects of a kind, latest first."""
        rows = self.connection.execute(
            "SELECT body FROM objects WHERE kind = ? ORDER BY place DESC LIMIT ?", (kind, limit)
        )
        return [json.loads(row[0]) for row in rows]

    def switch(self, name: str) -> str:
        """How a switch stands."""
        row = self.connection.execute("SELECT value FROM switches WHERE name = ?", (name,)).fetchone()
        return SWITCHES[name] if row is None else str(row[0])

    def set_switch(self, name: str, value: str) -> None:
        """Turn a switch; KeyError for an unknown one."""
        if name not in SWITCHES:
            raise KeyError(name)
        self.connection.execute(
            "INSERT INTO switches (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )


class State:
    """The file, and the one way to work on it."""

    def __init__(self, path: Path) -> None:
        """Make the file when it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with self._connected() as connection:
            for statement in _TABLES:
                connection.execute(statement)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=15, isolation_level=None)) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Ledger]:
        """To look only."""
        with self._connected() as connection:
            yield Ledger(connection)

    @contextmanager
    def writing(self) -> Iterator[Ledger]:
        """One transaction: kept when the block returns, undone when it raises."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield Ledger(connection)


def current_state() -> State:
    """The state of the app that answers this request."""
    state: State = current_app.extensions["simulator_state"]
    return state
