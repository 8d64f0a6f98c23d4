"""A portal with one live session and everybody in it, in production's processes, on ports of its own."""

import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from itsdangerous import URLSafeTimedSerializer

from bench import measure
from bench.scaling import build, rows
from bench.scaling.shape import LIVE, Shape
from bench.watching.processes import running, wait_until_it_answers
from portal import config, create_app
from portal.identity.models import User
from portal.identity.services import start_login_session
from portal.kernel.db import database, transaction
from portal.pages.room import public_key
from scripts import nginx
from tests import postgres

_ENDED = 12
SESSION_ID = _ENDED + 1


@dataclass(frozen=True, slots=True)
class Person:
    """What a viewer's browser sends along."""

    user_id: int
    cookie: str
    token: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything is: ports on 127.0.0.1, process ids by name, the people, the key of the room."""

    app: Flask
    portal_port: int
    nginx_port: int
    pids: dict[str, int]
    people: list[Person]
    key: str

    def path(self, what: str) -> str:
        """The room's address for polling (`now`) or for listening (`stream`)."""
        return f"/fr/sessions/{SESSION_ID}/{what}/{self.key}"


def _people(app: Flask, shape: Shape) -> list[Person]:
    """Everybody signed in, as their browsers would be."""
    tokens = URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token")
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    name, people = app.config["SESSION_COOKIE_NAME"], []
    with transaction() as db:
        for user_id in rows.member_ids(shape, 0):
            token = start_login_session(db, user=db.get_one(User, user_id), user_agent="bench")
            raw = secrets.token_hex(20)
            cookie = signer.dumps({"_user_id": token, "_fresh": True, "csrf_token": raw})
            people.append(Person(user_id, f"{name}={cookie}; language=fr", tokens.dumps(raw)))
    return people


def _environment(url: str, folder: Path, portal_port: int, publish_port: int) -> dict[str, str]:
    return {
        "COMPTOIR_DATABASE_URL": url,
        "COMPTOIR_INSTANCE": str(folder / "instance"),
        "COMPTOIR_BASE_URL": f"http://{measure.HOST}:{portal_port}",
        "COMPTOIR_NCHAN_URL": f"http://127.0.0.1:{publish_port}",
    }


@contextmanager
def stage(viewers: int, folder: Path, *, published: bool) -> Iterator[Stage]:
    """Everything started, for so many viewers; `published`: with nchan, otherwise they poll the portal itself."""
    shape = Shape("room", merchants=viewers, cohorts=1, people=viewers, pattern=(LIVE,))
    portal_port, nginx_port, publish_port = (measure.free_port() for _ in range(3))
    with ExitStack() as stack:
        server = postgres.start(postgres.DURABLE)
        stack.callback(server.stop)
        built = build.build(server, shape)
        environment = _environment(built.url, folder, portal_port, publish_port)
        if not published:
            del environment["COMPTOIR_NCHAN_URL"]
        app = create_app(config.load(environment))
        stack.callback(lambda: database().dispose())
        people = _people(app, shape)
        pids = {"postgresql": int((server.data / "postmaster.pid").read_text().split()[0])}
        pids["portal"] = stack.enter_context(_granian(environment, folder, portal_port))
        if published:
            pids["nginx"] = stack.enter_context(_nginx(folder, portal_port, nginx_port, publish_port))
            flask = [sys.executable, "-m", "flask", "--app", "wsgi", "publish"]
            pids["publisher"] = stack.enter_context(running(flask, environment, folder, "publisher"))
        yield Stage(app, portal_port, nginx_port, pids, people, public_key(SESSION_ID))


@contextmanager
def _granian(environment: dict[str, str], folder: Path, port: int) -> Iterator[int]:
    options = ["--interface", "wsgi", "--workers", "2", "--blocking-threads", "2", "--backlog", "4096", "--no-ws"]
    command = [sys.executable, "-m", "granian", *options, "--log-level", "warning", "--port", str(port), "wsgi:app"]
    with running(command, environment, folder, "portal") as pid:
        wait_until_it_answers(f"http://127.0.0.1:{port}/livez", folder / "portal.log")
        yield pid


@contextmanager
def _nginx(folder: Path, portal_port: int, port: int, publish_port: int) -> Iterator[int]:
    facts = nginx.Site(
        portal=f"127.0.0.1:{portal_port}",
        publish=f"127.0.0.1:{publish_port}",
        listen=f"127.0.0.1:{port}",
        cache=str(folder / "cache"),
    )
    file = folder / "nginx.conf"
    file.write_text(nginx.whole(facts, folder))
    with running(["nginx", "-c", str(file), "-p", str(folder)], {}, folder, "nginx") as pid:
        wait_until_it_answers(f"http://127.0.0.1:{publish_port}/status", folder / "nginx.log")
        yield pid
