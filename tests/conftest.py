"""What every test has at hand: real databases, an app, a browser-like client, and the six people."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from portal import create_app
from portal.config import Settings, load
from portal.identity.models import User
from portal.identity.services import create_user, start_login_session
from portal.kernel import db as kernel_db
from tests import get_writes, postgres
from tests.databases import PostgresDatabases, SQLiteDatabases

_SERVER_URL = "COMPTOIR_TEST_POSTGRESQL"
ENGINES = ("sqlite", "postgresql")
# A Monday in a winter without a change of clocks: what tests take for today.
TODAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

Databases = SQLiteDatabases | PostgresDatabases
SignIn = Callable[[FlaskClient, User], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--database`: one engine only, while working on something."""
    parser.addoption("--database", choices=[*ENGINES, "both"], default="both")
    parser.addoption("--full-counts", action="store_true", help="races, kills and replays at their stated counts")


def _engines(config: pytest.Config) -> tuple[str, ...]:
    chosen = config.getoption("--database")
    return ENGINES if chosen == "both" else (chosen,)


def pytest_configure(config: pytest.Config) -> None:
    """Watch what pages write. Start PostgreSQL once, in the controlling process; the workers are told where it is."""
    get_writes.watch()
    # A run that is ended (`timeout`, a CI job cancelled) tidies up like one interrupted: no server stays behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if hasattr(config, "workerinput") or "postgresql" not in _engines(config) or _SERVER_URL in os.environ:
        return
    server = postgres.start()
    os.environ[_SERVER_URL] = server.url()
    config.add_cleanup(server.stop)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several workers: the browser journeys on one of them."""
    from tests.scheduling import JourneysTogether

    return JourneysTogether(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run whatever touches the database on each engine."""
    if "engine_name" in metafunc.fixturenames:
        metafunc.parametrize("engine_name", _engines(metafunc.config), scope="session", indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What has a full count is `slow`: `make test-slow` runs those alone, at that count."""
    for item in items:
        if "full_counts" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def engine_name(request: pytest.FixtureRequest) -> str:
    """`sqlite` or `postgresql`."""
    return str(request.param)


@pytest.fixture
def full_counts(request: pytest.FixtureRequest) -> bool:
    """True in `make test-slow`: use the stated counts."""
    return bool(request.config.getoption("--full-counts"))


# Where files live in memory, if anywhere: thousands of commits that nobody needs after a power cut.
_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def databases(engine_name: str, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Databases]:
    """Where this worker's databases on this engine come from."""
    if engine_name != "sqlite":
        yield PostgresDatabases(os.environ[_SERVER_URL], worker_id)
    elif os.access(_MEMORY, os.W_OK):
        with tempfile.TemporaryDirectory(prefix="comptoir-", dir=_MEMORY) as folder:
            yield SQLiteDatabases(Path(folder))
    else:
        yield SQLiteDatabases(tmp_path_factory.mktemp("sqlite"))


def make_settings(instance: Path, database_url: str, **environment: str) -> Settings:
    """Settings of a sandbox in its own folder."""
    return load(
        {
            "COMPTOIR_INSTANCE": str(instance),
            "COMPTOIR_DATABASE_URL": database_url,
            "COMPTOIR_BASE_URL": "http://localhost",
            **environment,
        }
    )


@pytest.fixture(scope="session")
def app(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The portal on a migrated database of this engine; forms need no CSRF token here."""
    url = databases.create()
    flask_app = create_app(make_settings(tmp_path_factory.mktemp("instance"), url))
    flask_app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    yield flask_app
    kernel_db.database().dispose()
    databases.drop(url)


@pytest.fixture
def db(app: Flask) -> Iterator[Session]:  # it configures the database
    """A writing session; it and everything the portal does in this test is rolled back."""
    database = kernel_db.database()
    with database.engine.connect() as connection:
        outer = connection.begin()
        with database.joined(connection):
            session = database.session()
            yield session
            session.close()
        outer.rollback()


@pytest.fixture
def fresh_database(app: Flask, databases: Databases) -> Iterator[kernel_db.Database]:
    """A database of its own for this test, where transactions commit for real: races, kills, replays."""
    previous = kernel_db.database().engine.url.render_as_string(hide_password=False)
    url = databases.create()
    yield kernel_db.configure(url)
    kernel_db.configure(previous)
    databases.drop(url)


class PortalClient(FlaskClient):
    """A client that says where its forms come from, as a browser does."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Add the Origin header unless the test gives its own."""
        headers = dict(kwargs.pop("headers", None) or {})
        headers.setdefault("Origin", "http://localhost")
        return super().open(*args, headers=headers, **kwargs)


@pytest.fixture
def client(app: Flask, db: Session) -> FlaskClient:  # what it does is rolled back
    """A visitor's browser."""
    app.test_client_class = PortalClient
    return app.test_client()


@pytest.fixture
def new_client(app: Flask, db: Session) -> Callable[[], FlaskClient]:
    """Makes more browsers: the second person of a test."""
    app.test_client_class = PortalClient
    return app.test_client


@pytest.fixture
def sign_in() -> SignIn:
    """Signs a user in on a client."""

    def sign_in_as(client: FlaskClient, user: User) -> None:
        with kernel_db.transaction() as db:
            token = start_login_session(db, user=user, user_agent="test")
        with client.session_transaction() as session:
            session["_user_id"] = token
            session["_fresh"] = True

    return sign_in_as


def _person(db: Session, name: str, **roles: Any) -> User:
    user = create_user(db, email=f"{name.lower()}@example.org", display_name=name, **roles)
    db.flush()
    return user


@pytest.fixture
def alice(db: Session) -> User:
    """The owner of whatever the test is about."""
    return _person(db, "Alice")


@pytest.fixture
def bob(db: Session) -> User:
    """The other one."""
    return _person(db, "Bob")


@pytest.fixture
def charlie(db: Session) -> User:
    """A stranger to it all."""
    return _person(db, "Charlie")


@pytest.fixture
def merchant(db: Session) -> User:
    """A shop owner."""
    return _person(db, "Merchant")


@pytest.fixture
def expert(db: Session) -> User:
    """An expert."""
    return _person(db, "Expert", is_expert=True)


@pytest.fixture
def organiser(db: Session) -> User:
    """An organiser."""
    return _person(db, "Organiser", is_organiser=True)
