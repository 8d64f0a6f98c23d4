"""Transfers through the ledger, as ratios to what the same database does without it.

On PostgreSQL the reference is pgbench's TPC-B on the same server, on SQLite a bare loop of the same statements. Both
databases are durable: a commit is on disk when it returns.
"""

import multiprocessing
import random
import re
import tempfile
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa

from portal.kernel import clock
from portal.kernel import db as kernel_db
from portal.kernel.money import Money
from portal.ledger import queries
from portal.ledger.services import Line, post
from portal.ledger.writers import CALL, Draft
from tests import postgres
from tests.databases import migrate

CLIENTS = 8
ACCOUNTS = 10_000
# pgbench's scale 10: one branch and ten tellers for each 100,000 accounts.
SCALE = 10
SECONDS = 4
RUNS = 5
FUNDS_MINOR = 1_000_000

_PEOPLE = """
INSERT INTO users (id, email, handle, display_name, language, time_zone, is_expert, is_organiser, is_demo, created_at)
VALUES (:id, :email, :handle, 'Bench', 'fr', 'Europe/Paris', :no, :no, :no, :now)
"""
_ACCOUNTS = "INSERT INTO accounts (id, kind, currency, owner_id, created_at) VALUES (:id, :kind, 'EUR', :owner, :now)"


def fill(url: str, accounts: int = ACCOUNTS) -> None:
    """Wallets 1 to `accounts`, each with money that came in through the provider's account, which is the last one."""
    migrate(url)
    database = kernel_db.configure(url)
    now = clock.now().isoformat()
    columns = {column["name"] for column in sa.inspect(database.engine).get_columns("users")}
    assert {"email", "handle", "display_name"} <= columns
    people = [
        {"id": at, "email": f"b{at}@example.org", "handle": f"b{at}", "no": False, "now": now}
        for at in range(1, accounts + 1)
    ]
    wallets = [{"id": at, "kind": "wallet_available", "owner": at, "now": now} for at in range(1, accounts + 1)]
    provider = {"id": accounts + 1, "kind": "provider_balance", "owner": None, "now": now}
    with kernel_db.transaction() as db:
        db.execute(sa.text(_PEOPLE), people)
        db.execute(sa.text(_ACCOUNTS), [*wallets, provider])
        for at in range(0, accounts, 1000):
            lines = [Line(accounts + 1, account, Money(FUNDS_MINOR, "EUR")) for account in range(at + 1, at + 1001)]
            post(db, key=f"fund-{at}", kind="top_up", lines=lines)
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))


def transfers(chooser: random.Random, until: float) -> int:
    """Transfers between wallets chosen at random, as the portal makes them, until a moment; returns how many."""
    made = 0
    while time.monotonic() < until:
        debit, credit = chooser.sample(range(1, ACCOUNTS + 1), 2)
        with kernel_db.transaction() as db:
            line = Line(debit, credit, Money(chooser.randint(1, 100), "EUR"))
            post(db, key=f"{chooser.getrandbits(96):x}", kind="transfer", lines=[line], reference="bench")
        made += 1
    return made


def client(url: str, seed: int, ready: Barrier, results: "multiprocessing.Queue[int]") -> None:
    """One of the clients, in a process of its own: a run begins whenever all of them are ready."""
    kernel_db.configure(url)
    chooser = random.Random(seed)
    transfers(chooser, time.monotonic() + 1)
    while True:
        ready.wait()
        results.put(transfers(chooser, time.monotonic() + SECONDS))


class Pgbench:
    """Drives the reference and our own statement alike: what is compared is the database's work, not the client's."""

    def __init__(self, server: postgres.Server, folder: Path) -> None:
        """Make the reference's tables, and write our script."""
        self.server = server
        self.options = ["-h", str(server.data), "-U", "postgres"]
        for name in ("bench", "ledger"):
            server.run("createdb", *self.options, name)
        server.run("pgbench", *self.options, "-i", "-q", "-s", str(SCALE), "bench")
        self.script = folder / "transfer.sql"
        self.script.write_text(_script(), encoding="utf-8")
        for path in (folder, self.script):
            path.chmod(0o755)

    def rate(self, *arguments: str) -> float:
        """Transactions per second of one run."""
        command = [
            "pgbench",
            *self.options,
            "-n",
            "-M",
            "prepared",
            "-c",
            str(CLIENTS),
            "-j",
            "2",
            "-T",
            str(SECONDS),
            *arguments,
        ]
        found = re.search(r"tps = ([0-9.]+)", self.server.run(*command).stdout)
        assert found is not None
        return float(found[1])

    def tpcb(self) -> float:
        """The reference."""
        return self.rate("bench")

    def transfer(self) -> float:
        """The statement that the portal sends for a transfer, between the same BEGIN and COMMIT."""
        return self.rate("-f", str(self.script), "ledger")


def _script() -> str:
    """A transfer as pgbench sends it: `writers.CALL`, its one parameter filled in with random wallets and keys."""
    half = ACCOUNTS // 2
    line = "[['||:debit||','||:credit||',\"EUR\",'||:amount||']]"
    draft = [
        f'\'["\'||:one||\'-\'||:two||\'","{"0" * 64}","transfer","bench","posted",null,null,"',
        "2026-11-23T09:00:00+00:00",
        f"\",{line}]'",
    ]
    return "\n".join(
        [
            rf"\set low random(1, {half})",
            rf"\set high random({half + 1}, {ACCOUNTS})",
            r"\set turned random(0, 1)",
            r"\set debit case when :turned = 1 then :high else :low end",
            r"\set credit case when :turned = 1 then :low else :high end",
            r"\set amount random(1, 100)",
            rf"\set one random(1, {2**62})",
            rf"\set two random(1, {2**62})",
            "BEGIN;",
            CALL.replace("%s", f"({''.join(draft)})::jsonb") + ";",
            "COMMIT;",
            "",
        ]
    )


def postgresql() -> list[dict[str, Any]]:
    """Transfers between many wallets, `CLIENTS` at a time, against as many pgbench clients, run by run in turn."""
    server = postgres.start(postgres.DURABLE)
    processes: list[Any] = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            pgbench = Pgbench(server, Path(folder))
            url = server.url("ledger")
            fill(url)
            context = multiprocessing.get_context("spawn")
            ready, results = context.Barrier(CLIENTS + 1), context.Queue()
            processes = [context.Process(target=client, args=(url, at, ready, results)) for at in range(CLIENTS)]
            for process in processes:
                process.start()

            def service() -> float:
                ready.wait()
                return sum(results.get() for _ in processes) / SECONDS

            runs = [(pgbench.transfer(), service(), pgbench.tpcb()) for _ in range(RUNS)]
        with kernel_db.reading() as db:
            assert queries.check(db) == []
    finally:
        for process in processes:
            process.terminate()
            process.join()
        kernel_db.database().dispose()
        server.stop()
    return [
        _ratio(
            "ledger.spread",
            [(own, other) for own, _, other in runs],
            "the portal's statement over TPC-B, both by pgbench",
        ),
        _ratio("ledger.service", [(own, other) for _, own, other in runs], "transfers by Python processes over TPC-B"),
    ]


def _ratio(name: str, pairs: list[tuple[float, float]], unit: str) -> dict[str, Any]:
    """The median of ratios of runs that followed each other: what else the machine does slows both."""
    reference = round(median(other for _, other in pairs), 1)
    return {
        "name": name,
        "value": round(median(own / other for own, other in pairs), 3),
        "unit": unit,
        "reference": reference,
    }


class BareLoop:
    """The statements of a transfer on SQLite, by the driver alone, as little as they can cost."""

    def __init__(self, path: Path) -> None:
        """Open the file as the portal does."""
        module = kernel_db._sqlite_module()  # noqa: SLF001 (the same library, or nothing is compared)
        self.connection = module.connect(str(path), isolation_level=None)
        journal = "WAL" if module.sqlite_version_info >= kernel_db.WAL_IS_SAFE_FROM else "DELETE"
        for pragma in ("busy_timeout = 15000", "foreign_keys = ON", f"journal_mode = {journal}", "synchronous = FULL"):
            self.connection.execute(f"PRAGMA {pragma}")

    def transfer(self, chooser: random.Random) -> None:
        """One transfer between two wallets chosen at random."""
        debit, credit = chooser.sample(range(1, ACCOUNTS + 1), 2)
        now = clock.now()
        draft = Draft(f"{chooser.getrandbits(96):x}", "transfer", (Line(debit, credit, Money(5, "EUR")),), now)
        run, moment = self.connection.execute, now.isoformat(" ")
        run("BEGIN IMMEDIATE")
        run("SAVEPOINT ledger")
        (transaction_id,) = run(
            "INSERT INTO transactions (key, body_hash, kind, reference, state, line_count, occurred_at)"
            " VALUES (?, ?, 'transfer', 'bench', 'posted', 1, ?) ON CONFLICT DO NOTHING RETURNING id",
            (draft.key, draft.body_hash(), moment),
        ).fetchone()
        run(
            "INSERT INTO postings (transaction_id, position, debit_id, credit_id, currency, amount_minor, occurred_at)"
            " VALUES (?, 0, ?, ?, 'EUR', 5, ?)",
            (transaction_id, debit, credit, moment),
        )
        run("RELEASE ledger")
        run("COMMIT")

    def rate(self, chooser: random.Random) -> float:
        """Transfers per second."""
        made, until = 0, time.monotonic() + SECONDS
        while time.monotonic() < until:
            self.transfer(chooser)
            made += 1
        return made / SECONDS


def sqlite() -> dict[str, Any]:
    """Transfers one after the other on SQLite, against the bare loop on a file of its own, run by run in turn."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("bare", "portal"):
            fill(f"sqlite:///{folder}/{name}.sqlite3")
        bare, chooser = BareLoop(Path(folder) / "bare.sqlite3"), random.Random(1)
        pairs = [(transfers(chooser, time.monotonic() + SECONDS) / SECONDS, bare.rate(chooser)) for _ in range(RUNS)]
        bare.connection.close()
        with kernel_db.reading() as db:
            assert queries.check(db) == []
        kernel_db.database().dispose()
    return _ratio("ledger.sqlite", pairs, "transfers per second over a bare sqlite3 loop")


def run() -> list[dict[str, Any]]:
    """The figures of both engines."""
    return [*postgresql(), sqlite()]
