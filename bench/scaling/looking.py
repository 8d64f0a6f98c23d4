"""One portal over one database, in a process of its own, that times pages when it is told to."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from bench import measure
from bench.scaling import rows
from bench.scaling.build import Built
from bench.scaling.shape import LIVE, RUNNING, Shape
from portal import config, create_app
from portal.identity.models import User
from portal.identity.services import start_login_session
from portal.kernel import clock
from portal.kernel.db import transaction
from portal.training import content

# Different people look: what one of them asks for is not what the last one left in a cache.
LOOKERS = 20


@dataclass(frozen=True, slots=True)
class Looked:
    """Seconds of each request, and how many statements one of them took."""

    seconds: list[float]
    statements: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page with the people who look at it, each by the cookie of their browser."""

    path: str
    cookies: tuple[str, ...]


def _cookie(app: Flask, user_id: int) -> str:
    with transaction() as db:
        token = start_login_session(db, user=db.get_one(User, user_id), user_agent="bench")
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = token
        session["_fresh"] = True
        session["csrf_token"] = secrets.token_hex(20)
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    return f"{cookie.key}={cookie.value}"


def _first(shape: Shape, kind: str) -> int:
    """The last cohort of a kind: with many cohorts, one that was filled late."""
    return max(cohort for cohort in range(shape.cohorts) if shape.kind(cohort) == kind)


def pages(app: Flask, shape: Shape) -> dict[str, Page]:
    """What is looked at: the pages people open most, by whoever opens them."""
    live, running = _first(shape, LIVE), _first(shape, RUNNING)
    members = [_cookie(app, user_id) for user_id in islice(rows.member_ids(shape, running), LOOKERS)]
    in_room = [_cookie(app, user_id) for user_id in islice(rows.member_ids(shape, live), LOOKERS)]
    organiser = (_cookie(app, rows.ORGANISER_ID),)
    expert = (_cookie(app, 2 + shape.expert_of(running)[0]),)
    session_id = live * 25 + shape.ended(live) + 1
    return {
        "programme": Page("/fr/programme", tuple(members)),
        "cohort": Page(f"/fr/cohorts/{running + 1}", tuple(members)),
        "lesson": Page(f"/fr/programme/{content.lesson(4).address}", tuple(members)),
        "room": Page(f"/fr/sessions/{session_id}", tuple(in_room)),
        "me": Page("/fr/me", tuple(members)),
        "manage": Page("/fr/manage", organiser),
        "manage_cohort": Page(f"/fr/manage/cohorts/{running + 1}", organiser),
        "manage_people": Page(f"/fr/manage/cohorts/{running + 1}/people", organiser),
        "expert": Page("/fr/expert/availability", expert),
    }


class _Portal:
    """The portal in this process."""

    def __init__(self, built: Built, folder: Path) -> None:
        environment = {
            "COMPTOIR_DATABASE_URL": built.url,
            "COMPTOIR_INSTANCE": str(folder),
            "COMPTOIR_BASE_URL": f"http://{measure.HOST}",
        }
        self._app = create_app(config.load(environment))
        self._pages = pages(self._app, built.shape)
        self._statements = 0
        # On the class: reading sessions have an engine of their own.
        sa.event.listen(sa.Engine, "before_cursor_execute", self._count)

    def _count(self, *_execution: object) -> None:
        self._statements += 1

    def answer(self, name: str, times: int) -> Looked:
        page, seconds = self._pages[name], []
        for number in range(times):
            request = measure.environ(page.path, page.cookies[number % len(page.cookies)])
            self._statements = 0
            began = time.perf_counter()
            status, body = measure.get(self._app, request)
            seconds.append(time.perf_counter() - began)
            assert status.startswith("200"), f"{page.path} answers {status}"
            assert b"</html>" in body
        return Looked(seconds, self._statements)


def _serve(pipe: Connection, built: Built, folder: Path) -> None:
    with clock.at(built.at):
        portal = _Portal(built, folder)
        pipe.send("ready")
        while (asked := pipe.recv()) is not None:
            pipe.send(portal.answer(*asked))


Ask = Callable[[str, int], Looked]


@contextmanager
def looking(built: Built, folder: Path) -> Iterator[Ask]:
    """A function that looks at a page so many times, in that portal's process, at the moment it was built for."""
    context: Any = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, built, folder))
    process.start()
    theirs.close()

    def ask(name: str, times: int) -> Looked:
        ours.send((name, times))
        looked: Looked = ours.recv()
        return looked

    try:
        assert ours.recv() == "ready"
        yield ask
        ours.send(None)
        process.join(10)
    finally:
        process.terminate()
