"""What everybody in a room sees, sent to nchan in each language when it changes: `flask --app wsgi publish`.

One process of its own does this, next to web and worker. A row counted up in the transaction of the change says what
is to be sent; reading, sending and noting it are three steps, and the call stands between two transactions. Viewers who
get nothing, for whatever reason, poll the same fragment as everywhere else.
"""

import logging
import threading
import time
from dataclasses import dataclass, field

import sqlalchemy as sa
import urllib3
from flask import Flask

from portal import config
from portal.kernel.db import reading, transaction
from portal.pages.room import public_html, public_tag
from portal.training.queries import session_page
from portal.training.services import publications
from portal.training.services.publications import Change
from portal.web.languages import LANGUAGES

logger = logging.getLogger(__name__)

# How long a change may wait to be noticed, and how long a minute that passes (nobody did anything) may.
_EVERY_SECONDS = 0.2
_LOOK_SECONDS = 5.0
_AFTER_TROUBLE_SECONDS = 2.0
_TIMEOUT = urllib3.Timeout(connect=1, read=2)
_ACCEPTED = frozenset({200, 201, 202})


class NotPublishedError(Exception):
    """nchan did not take a room; it is tried again."""


@dataclass
class Publisher:
    """Sends rooms to nchan; remembers what it sent last, so that it sends only what differs."""

    app: Flask
    _sent: dict[tuple[int, str], str] = field(default_factory=dict)
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(timeout=_TIMEOUT, retries=False))

    def _fragment(self, session_id: int, code: str) -> tuple[str, str] | None:
        """(tag, the fragment with its tag in it) unless that was sent last; needs no visitor."""
        with self.app.test_request_context(f"/{code}/", base_url=config.current().base_url), reading() as db:
            page = session_page(db, session_id, None)
            if page is None:
                return None
            tag = public_tag(db, page, code)
            if self._sent.get((session_id, code)) == tag:
                return None
            return tag, f'<template data-tag="{tag}"></template>{public_html(db, page, code)}'

    def _send(self, session_id: int, code: str, html: str) -> None:
        address = f"{config.current().nchan_url}/rooms/{session_id}/{code}"
        headers = {"Content-Type": "text/html; charset=utf-8"}
        try:
            answer = self._pool.request("POST", address, body=html.encode(), headers=headers)
        except urllib3.exceptions.HTTPError as error:
            raise NotPublishedError(str(error)) from error
        if answer.status not in _ACCEPTED:
            msg = f"nchan answers {answer.status}"
            raise NotPublishedError(msg)

    def publish(self, session_id: int) -> int:
        """Send a room in each language in which it differs from what was sent; returns in how many it did."""
        sent = 0
        for code in LANGUAGES:
            found = self._fragment(session_id, code)
            if found is None:
                continue
            tag, html = found
            self._send(session_id, code, html)
            self._sent[session_id, code] = tag
            sent += 1
        return sent

    def _settle(self, change: Change) -> None:
        with transaction() as db:
            if not publications.claim(db, change):
                return
        published = False
        try:
            self.publish(change.session_id)
            published = True
        finally:
            with transaction() as db:
                publications.settle(db, change, published=published)

    def publish_changes(self) -> int:
        """Send every room that has changed; returns how many. NotPublishedError when nchan cannot be reached."""
        with reading() as db:
            changes = publications.waiting_changes(db)
        for change in changes:
            self._settle(change)
        return len(changes)

    def look(self) -> None:
        """Send the live rooms in which a minute has passed, and forget the others."""
        with reading() as db:
            live = publications.live_rooms(db)
        for session_id in live:
            self.publish(session_id)
        for key in [key for key in self._sent if key[0] not in live]:
            del self._sent[key]

    def run(self, stop: threading.Event) -> None:
        """Until told to stop: changes at once, time as it passes; trouble is logged and tried again."""
        looked = 0.0
        while not stop.is_set():
            pause = _EVERY_SECONDS
            try:
                self.publish_changes()
                if time.monotonic() - looked >= _LOOK_SECONDS:
                    self.look()
                    looked = time.monotonic()
            except (NotPublishedError, sa.exc.OperationalError) as error:
                logger.warning("rooms were not published: %s", error)
                pause = _AFTER_TROUBLE_SECONDS
            stop.wait(pause)
