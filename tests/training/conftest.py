"""Rooms at a provider: a small server for the tests that need one."""

from dataclasses import replace

import pytest

from portal import config
from tests.training.bigbluebutton import SECRET, running


@pytest.fixture(scope="session")
def one_server():
    with running() as server:
        yield server


@pytest.fixture
def server(app, one_server):
    """The server, empty, and this installation's settings pointing at it."""
    one_server.__init__(one_server.url)  # as it was at first
    before = config.current()
    config.use(replace(before, bbb_url=one_server.url, bbb_secret=SECRET, jitsi_url="https://meet.test"))
    yield one_server
    config.use(before)
