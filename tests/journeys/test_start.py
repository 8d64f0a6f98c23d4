"""What `make run` promises: it starts, keeps every row, and Ctrl-C stops all three processes."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from portal.config import ROOT
from tests.journeys import server

# Some five seconds on an idle machine; the other half of the tests runs beside this one.
WARM_SECONDS = 40
STARTER = """
import pathlib, sys, time
from tests.journeys import server
started = server.start(pathlib.Path(sys.argv[1]))
print(started.url, started.payments_url, flush=True)
time.sleep(600)
"""


def rows(instance: Path) -> dict[str, int]:
    """How many rows each table has."""
    connection = sqlite3.connect(f"file:{instance / 'comptoir.sqlite3'}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'")
        names = [name for (name,) in tables]
        counting = {name: f'SELECT count(*) FROM "{name}"' for name in names}  # noqa: S608 (names it gave us)
        return {name: connection.execute(statement).fetchone()[0] for name, statement in counting.items()}
    finally:
        connection.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("start")


def test_it_starts_says_where_and_who_and_stops(folder):
    started = server.start(folder)
    said = started.output()
    assert f"Comptoir is at {started.url}" in said
    assert "@" in said.split("Sign in at")[1]
    assert server.answers(f"{started.url}/livez")
    assert server.answers(started.payments_url)
    assert started.stop() == 0
    assert not server.answers(f"{started.url}/livez")
    assert not server.answers(started.payments_url)


def test_a_second_start_is_quick_and_keeps_every_row(folder):
    before = rows(folder / "instance")
    assert before["users"] > 0
    began = time.monotonic()
    started = server.start(folder)
    took = time.monotonic() - began
    started.stop()
    after = rows(folder / "instance")
    assert {name: count for name, count in before.items() if after[name] < count} == {}
    assert after["users"] == before["users"]
    assert took < WARM_SECONDS


def test_nothing_stays_behind_when_the_starter_is_killed(folder):
    """`make` itself killed, a terminal torn away: no signal reaches the portal, and it stops all the same."""
    command = [sys.executable, "-c", STARTER, str(folder)]
    starter = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    url, payments_url = starter.stdout.readline().split()
    assert server.answers(f"{url}/livez")
    starter.kill()
    starter.wait()
    starter.stdout.close()
    deadline = time.monotonic() + server.STOP_SECONDS
    while server.answers(f"{url}/livez") or server.answers(payments_url):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_taken_port_is_one_clear_sentence(portal_server, folder):
    number = portal_server.url.rpartition(":")[2]
    with pytest.raises(RuntimeError) as said:
        server.start(folder, COMPTOIR_PORT=number)
    assert f"Port {number} is taken by another program" in str(said.value)
    assert "Traceback" not in str(said.value)
